"""What the estimate refuses; how long anything takes is not tested."""

import pytest
from commands import run_module


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("n_train=0",), "n_train must be a whole number ≥ 1, got 0"),
        (("n_train=many",), "n_train must be a whole number ≥ 1, got 'many'"),
        (("n_external=-3",), "n_external must be a whole number ≥ 0, got -3"),
        (("draws=-1",), "draws must be a whole number ≥ 1, got -1"),
        (("ablations=0",), "ablations must be a whole number ≥ 1, got 0"),
        (("max_epochs=1.5",), "max_epochs must be a whole number ≥ 1, got 1.5"),
        (("folds=2",), "folds must be a whole number ≥ 3, got 2"),
        (("folds=10", "n_train=19"), "folds=10 needs n_train ≥ 20"),
    ],
)
def test_a_study_that_could_not_be_trained_is_refused_before_anything_is_tried(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        run_module("estimate", *arguments)
    assert str(end.value).startswith(f"estimate: {sentence}")
    assert not capsys.readouterr().out
