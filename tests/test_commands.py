"""Bad input to the commands: one sentence that names the item and the way out, and nothing half-written."""

import sys
from pathlib import Path

import numpy as np
import pytest
from commands import refused, run_module
from noise import write_noise_cohort

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.study.predictions_file import predictions_table


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Twelve patients whose series are noise."""
    folder = tmp_path / "cohort"
    write_noise_cohort(folder)
    return folder


TRAIN = ("fold=0", "folds.n=3", "encoder.weights=none", "trainer.max_epochs=1")


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (["cohort=nowhere"], ["nowhere", "preprocess"]),
        (["fold=3"], ["fold", "0 to 2", "3"]),
        (["fold=-1"], ["fold", "-1"]),
        (["folds.n=2"], ["folds.n", "≥ 3"]),
        (["folds.n=10"], ["folds.n=10", "6"]),
        (["fold=2..0"], ["fold=2..0", "fold=0..2"]),
        (["ablation=lokal"], ["ablation", "lokal", "full", "global", "did you mean local?"]),
        (["ablation=full,lokal"], ["ablation", "lokal", "did you mean local?"]),
        (["trainer.max_epoch=3"], ["trainer.max_epoch", "did you mean trainer.max_epochs?", "--help"]),
        (["learning_rate"], ["learning_rate"]),
        (["endpoint.column=nihss"], ["nihss", "core_ml"]),
        (["endpoint.column=mrs"], ["P11", "mrs"]),
        (["endpoint.threshold=mean"], ["endpoint.threshold", "mean"]),
        (["endpoint.threshold=99"], ["endpoint.threshold=99", "0 to 11"]),
        (["route=banc"], ["route", "banc"]),
        (["standardization=batch"], ["standardization=batch", "route=direct"]),
        (["encoder.trainable_blocks=2"], ["trainable_blocks=2", "route=direct"]),
        (["encoder.weights=vgg.pth"], ["vgg.pth", "oxford", "imagenet", "none"]),
        (["bank.draws=0"], ["bank.draws", "0"]),
        (["learning_rate=fast"], ["learning_rate", "fast"]),
        (["learning_rate=0"], ["learning_rate", "> 0"]),
        (["weight_decay=-1"], ["weight_decay", "≥ 0"]),
        (["augmentation.max_shift=-1.0"], ["augmentation.max_shift", "≥ 0"]),
        (["input.reference=0.0"], ["input.reference", "> 0", "0.0"]),
        (["standardize_features=maybe"], ["standardize_features", "maybe"]),
        (["trainer.accelerator=warp"], ["warp"]),
        (["name=a/b"], ["name", "a/b"]),
        (["model=rcbf_scan"], ["rcbf_scan", "scan_rcbf_ml", "volumes=true"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_training_setting_is_named_and_nothing_is_written(
    cohort: Path, tmp_path: Path, overrides: list[str], names: list[str]
) -> None:
    outputs = tmp_path / "outputs"
    given = {argument.split("=")[0]: argument for argument in [f"cohort={cohort}", *TRAIN, *overrides]}
    sentence = refused("train", *given.values(), f"outputs={outputs}", f"hydra.sweep.dir={tmp_path}/sweep")
    for name in names:
        assert name in sentence
    assert not outputs.exists()


def test_missing_argument_is_named() -> None:
    assert "fold is required: add fold=…" in refused("train")
    assert "out is required" in refused("simulate")
    assert "external is required" in refused("ensemble", "name=x")


def test_damaged_series_is_named(cohort: Path, tmp_path: Path) -> None:
    (cohort / "series" / "00003.npy").write_bytes(b"not an array")
    sentence = refused("train", f"cohort={cohort}", *TRAIN, f"outputs={tmp_path}/outputs", "model=cbv")
    assert "00003.npy" in sentence
    assert not list(tmp_path.glob("outputs/**/predictions.csv"))


def test_ensemble_names_the_missing_folds_and_how_to_train_them(cohort: Path, tmp_path: Path) -> None:
    sentence = refused("ensemble", "name=x", f"external={cohort}", f"outputs={tmp_path}")
    assert "nothing was trained in" in sentence
    assert f"run `python -m stroke_ctp.train cohort=DIR outputs={tmp_path} name=x fold=0..9`" in sentence
    sentence = refused("ensemble", "name=x", "models=full", f"external={cohort}", f"outputs={tmp_path}")
    assert "no fold of" in sentence
    assert "name=x ablation=full fold=0..9`" in sentence
    sentence = refused("ensemble", "name=x", "models=ful", f"external={cohort}", f"outputs={tmp_path}")
    assert sentence == f"ensemble: {tmp_path}/x has no model ful; did you mean full?"
    run_module("train", f"cohort={cohort}", *TRAIN, "fold=0,2", "model=cbv_scan", "name=x", f"outputs={tmp_path}")
    sentence = refused("ensemble", "name=x", f"external={cohort}", f"outputs={tmp_path}", "models=cbv_scan")
    assert "missing 1" in sentence
    assert "model=cbv_scan fold=1 folds.n=3`" in sentence


def test_the_training_cohort_is_no_external_cohort(cohort: Path, tmp_path: Path) -> None:
    run_module("train", f"cohort={cohort}", *TRAIN, "fold=0..2", "model=cbv_scan", "name=x", f"outputs={tmp_path}")
    sentence = refused("ensemble", "name=x", f"external={cohort}", f"outputs={tmp_path}")
    assert sentence == f"ensemble: external={cohort} is the cohort that x was trained on; give another"
    assert not (tmp_path / "x/cbv_scan/ensemble").exists()


def test_name_in_use_with_other_settings_is_refused_naming_the_keys(cohort: Path, tmp_path: Path) -> None:
    run_module("train", f"cohort={cohort}", *TRAIN, "model=cbv_scan", "name=x", f"outputs={tmp_path}")
    before = {path: path.read_bytes() for path in (tmp_path / "x").rglob("*") if path.is_file()}
    sentence = refused(
        "train",
        f"cohort={cohort}",
        *TRAIN,
        "model=cbv_scan",
        "name=x",
        f"outputs={tmp_path}",
        "batch_size=5",
        "patience=3",
    )
    for part in ("batch_size (12 there, 5 here)", "patience (200 there, 3 here)", "name=NAME"):
        assert part in sentence
    assert {path: path.read_bytes() for path in (tmp_path / "x").rglob("*") if path.is_file()} == before


def test_a_fold_that_lost_a_file_is_repeated(cohort: Path, tmp_path: Path) -> None:
    line = ("train", f"cohort={cohort}", *TRAIN, "model=cbv_scan", "name=x", f"outputs={tmp_path}")
    run_module(*line)
    predictions = tmp_path / "x/cbv_scan/fold-0/predictions.csv"
    before = predictions.read_bytes()
    predictions.unlink()
    run_module(*line)
    assert predictions.read_bytes() == before


def test_probabilities_that_are_no_numbers_are_refused(cohort: Path) -> None:
    rows = np.arange(2)
    with pytest.raises(UserError, match=r"fold 4: the training diverged; .* lower learning_rate"):
        predictions_table(Cohort(cohort), np.arange(12) % 2, rows, np.array([0.5, np.nan]), "test", 4)


def test_a_command_that_a_test_runs_leaves_no_compiled_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    refused("report")
    assert not list(tmp_path.rglob("report.cpython-*[0-9].pyc"))
