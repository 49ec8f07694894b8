from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import file_digest, write_json
from stroke_ctp.common.schemas import plain
from stroke_ctp.model.feature_standardization import FeatureStandardization
from stroke_ctp.model.settings import TrainSettings, write_settings
from stroke_ctp.reporting.background import CohortFacts
from stroke_ctp.study.fitted_statistics import feature_statistics
from stroke_ctp.study.prediction_tables import COLUMNS

N = 10
PATIENTS = CohortFacts("", patients=pd.DataFrame({"patient": [f"p{n}" for n in range(N)]}))
ENCODER = {"weights": "oxford", "sha256": "0"}
TEST, VALIDATION = (0, 1), (2, 3)


@pytest.fixture
def features() -> np.ndarray:
    random = np.random.default_rng(0)
    return (random.normal(size=(N, 1, 1, 512)) + random.normal(size=(N, 2, 32, 512))).astype(np.float32)


@pytest.fixture
def study(tmp_path: Path, features: np.ndarray) -> Path:
    """One fold that tests two patients and validates two, beside the bank of its features."""
    run = tmp_path / "outputs" / "mine" / "full" / "fold-0"
    run.mkdir(parents=True)
    rows = [(f"p{n}", 0, "test", 0, 1.0, 0.5) for n in TEST]
    rows += [(f"p{n}", 0, "validation", 0, 1.0, 0.5) for n in VALIDATION]
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(run / "predictions.csv", index=False)
    seal = file_digest(run / "predictions.csv")
    write_json(run / "metrics.json", {"cohort": {"hash": "c"}, "encoder": ENCODER, "predictions": seal})
    settings = TrainSettings(fold=0)
    write_settings(run, settings)
    bank = tmp_path / "outputs" / "bank" / "x"
    key = {name: plain(settings)[name] for name in ("input", "standardization", "augmentation")}
    write_json(bank / "key.json", key | {"seed": settings.bank.seed, "encoder": ENCODER, "cohort": "c"})
    np.save(bank / "draw-000.npy", features)
    return run.parents[1]


def _fit(study: Path, features: np.ndarray, left_out: tuple[int, ...]) -> None:
    """A checkpoint whose statistics are of everybody but some."""
    fitted = FeatureStandardization()
    fitted.fit([torch.from_numpy(np.delete(features, left_out, axis=0))])
    state = {f"feature_standardization.{name}": value for name, value in fitted.state_dict().items()}
    torch.save({"state_dict": state}, study / "full" / "fold-0" / "best.ckpt")


def test_statistics_of_the_training_patients_are_recognized(study: Path, features: np.ndarray):
    _fit(study, features, TEST + VALIDATION)
    found = feature_statistics(study, PATIENTS)
    assert (found.unknown, found.n_folds, found.wrong) == ("", 1, [])
    assert found.largest_difference < 1e-6


@pytest.mark.parametrize(
    ("left_out", "whose"),
    [(TEST, "training and validation patients"), (VALIDATION, "training and test patients"), ((), "whole cohort")],
)
def test_statistics_that_saw_other_patients_are_named(
    study: Path, features: np.ndarray, left_out: tuple[int, ...], whose: str
):
    _fit(study, features, left_out)
    assert feature_statistics(study, PATIENTS).wrong == [f"the feature statistics of full, fold-0 are of the {whose}"]


def test_predictions_that_are_no_table_any_more_are_refused_as_changed(study: Path, features: np.ndarray):
    _fit(study, features, TEST + VALIDATION)
    (study / "full" / "fold-0" / "predictions.csv").write_text("abc\n")
    with pytest.raises(UserError, match=r"full/fold-0/predictions\.csv was changed after it was made"):
        feature_statistics(study, PATIENTS)


def test_features_of_another_precision_accuse_nobody(study: Path, features: np.ndarray):
    _fit(study, torch.from_numpy(features).bfloat16().float().numpy(), TEST + VALIDATION)
    assert feature_statistics(study, PATIENTS).wrong == []


def test_what_is_missing_is_the_reason_why_nothing_was_computed(study: Path, features: np.ndarray):
    assert feature_statistics(study, PATIENTS).unknown == "no checkpoint lies beside the predictions"
    _fit(study, features, TEST)
    assert feature_statistics(study, CohortFacts("it is gone")).unknown == "training cohort: it is gone"
    (study.parent / "bank" / "x" / "draw-000.npy").unlink()
    assert feature_statistics(study, PATIENTS).unknown == "the features that were trained on lie in no bank"
    torch.save({"state_dict": {}}, study / "full" / "fold-0" / "best.ckpt")
    assert "as they come: nothing was fitted" in feature_statistics(study, PATIENTS).unknown
