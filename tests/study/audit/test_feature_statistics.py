"""Features must be standardized on a fold's training patients: any other patient in the statistics is caught."""

from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from studies import ENDPOINT, OXFORD, PROVENANCE
from torch import Tensor

from stroke_ctp.model.feature_cache import FeatureCache
from stroke_ctp.model.feature_standardization import FeatureStandardization
from stroke_ctp.model.settings import CacheSettings, TrainSettings
from stroke_ctp.study.audit.feature_statistics import FeatureStatistics, compare_statistics
from stroke_ctp.study.run_folder import CohortReference, Elsewhere, RunFolder, RunPatients
from stroke_ctp.study.study_folder import StudyFolder

N = 10
PATIENTS = [f"p{number}" for number in range(N)]
TEST, VALIDATION, TRAIN = range(2), range(2, 4), range(4, N)
KEY = {"cohort": "c", "encoder": asdict(OXFORD)}

Fit = Callable[[Collection[int]], None]


@pytest.fixture
def features() -> np.ndarray:
    """Features of patients who differ from each other."""
    random = np.random.default_rng(0)
    return (random.normal(size=(N, 1, 1, 512)) + random.normal(size=(N, 2, 32, 512))).astype(np.float32)


@pytest.fixture
def cache(tmp_path: Path, features: np.ndarray) -> FeatureCache:
    """The features in the folder of a study's feature cache."""

    def frames(rows: slice) -> Tensor:
        return torch.arange(N)[rows].reshape(-1, 1, 1, 1, 1).float()

    def encode(numbers: Tensor) -> Tensor:
        return torch.from_numpy(features[numbers.flatten().int()])

    made = FeatureCache(tmp_path / "outputs" / "bank", KEY, N)
    made.features([frames], lambda: encode, torch.float32, torch.device("cpu"))
    return made


@pytest.fixture
def run(tmp_path: Path, cache: FeatureCache) -> RunFolder:
    """One fold that tests two patients, validates two and trains on six, without a checkpoint."""
    folder = StudyFolder(tmp_path / "outputs", "mine").run("full", 3)
    _write(folder, {"feature_cache": cache.name, "features": cache.sha256(0), "feature_statistics": "of nobody yet"})
    return folder


def _write(run: RunFolder, fitted: dict[str, Any], settings: TrainSettings | None = None) -> None:
    names = np.array(PATIENTS)
    record: dict[str, Any] = {
        "model": "full",
        "seed": 0,
        "fold": 3,
        "n_folds": 5,
        "endpoint": ENDPOINT,
        "encoder": OXFORD,
        "cohort": CohortReference("c", N, 0, {"": N}),
        "settings": "0123",
        "patients": RunPatients(*(names[list(rows)].tolist() for rows in (TRAIN, VALIDATION, TEST))),
        "fitted": {"epochs": 9, "best_epoch": 4, "feature_cache": None, "features": None} | fitted,
    }
    rows = {"patient": names[:4], "fold": 3, "split": ["test"] * 2 + ["validation"] * 2, "label": [0, 1] * 2}
    run.write(record, pd.DataFrame({**rows, "core_ml": 1.0, "probability": 0.5}), PROVENANCE)
    run.write_settings(settings or TrainSettings(fold=3))


@pytest.fixture
def fit(run: RunFolder, features: np.ndarray) -> Fit:
    """Write a checkpoint with the statistics of some patients, and record them."""

    def write(patients: Collection[int]) -> None:
        statistics = FeatureStandardization()
        statistics.fit([torch.from_numpy(features[list(patients)])])
        state = {f"feature_standardization.{name}": value for name, value in statistics.state_dict().items()}
        torch.save({"state_dict": state, "epoch": 4}, run.training.best)
        _write(run, run.record().fitted | {"feature_statistics": statistics.digest()})

    return write


def test_statistics_of_the_training_patients_are_recognized(run: RunFolder, fit: Fit):
    fit(TRAIN)
    found = compare_statistics([run], PATIENTS)
    assert (found.unknown, found.n_folds, found.wrong) == ("", 1, [])
    assert 0 < found.largest_difference < 1e-6


@pytest.mark.parametrize(
    "fitted_on",
    [[*TRAIN, *VALIDATION], [*TRAIN, *TEST], range(N), [*TRAIN, TEST[0]], [*TRAIN, VALIDATION[1]], TRAIN[1:], TEST],
    ids=["and validation", "and test", "everybody", "and one test patient", "and one validation patient",
         "without one", "test instead"],
)  # fmt: skip
def test_statistics_of_other_patients_are_caught(run: RunFolder, fit: Fit, fitted_on: Collection[int]):
    fit(fitted_on)
    found = compare_statistics([run], PATIENTS)
    (sentence,) = found.wrong
    assert sentence.startswith("the feature statistics of full, fold 3 are not those of its training patients (diff")
    assert found.largest_difference > 0.01


def test_a_fold_with_wrong_statistics_is_found_among_others(tmp_path: Path, run: RunFolder, fit: Fit):
    fit(TRAIN)
    other = StudyFolder(tmp_path / "outputs", "mine").run("local", 3)
    _write(other, run.record().fitted)
    other.training.best.write_bytes(run.training.best.read_bytes())
    assert compare_statistics([run, other], PATIENTS).wrong == []
    fit([*TRAIN, TEST[1]])
    found = compare_statistics([run, other], PATIENTS)
    assert (found.n_folds, len(found.wrong)) == (2, 1)


def test_the_cache_of_a_study_that_was_moved_is_found(tmp_path: Path, fit: Fit):
    fit(TRAIN)
    (tmp_path / "outputs").rename(tmp_path / "elsewhere")
    moved = StudyFolder(tmp_path / "elsewhere", "mine").run("full", 3)
    assert compare_statistics([moved], PATIENTS).n_folds == 1


def test_the_cache_is_found_in_the_folder_that_the_user_names_and_not_in_one_that_only_the_run_names(
    tmp_path: Path, run: RunFolder, fit: Fit
):
    fit(TRAIN)
    (tmp_path / "outputs" / "bank").rename(tmp_path / "features")
    settings = TrainSettings(fold=3, bank=CacheSettings(folder=tmp_path / "features"))
    _write(run, run.record().fitted, settings)
    assert compare_statistics([run], PATIENTS).n_folds == 0
    named = RunFolder(run.path, Elsewhere(bank=tmp_path / "features"))
    assert compare_statistics([named], PATIENTS).n_folds == 1


def test_without_a_checkpoint_nothing_is_compared(run: RunFolder):
    assert compare_statistics([run], PATIENTS) == FeatureStatistics("1 of 1 checkpoints are missing")


def test_a_removed_checkpoint_does_not_pass(tmp_path: Path, run: RunFolder, fit: Fit):
    fit(TRAIN)
    other = StudyFolder(tmp_path / "outputs", "mine").run("local", 3)
    _write(other, run.record().fitted)
    assert compare_statistics([run, other], PATIENTS) == FeatureStatistics("1 of 2 checkpoints are missing")


def test_statistics_that_were_changed_after_the_training_are_caught(run: RunFolder, fit: Fit):
    fit(TRAIN)
    recorded = run.record().fitted
    fit(TRAIN[:-1])
    _write(run, recorded)
    assert compare_statistics([run], PATIENTS).wrong[0] == (
        "the feature statistics of full, fold 3 changed after the training"
    )


def test_features_that_were_encoded_again_are_not_compared(run: RunFolder, cache: FeatureCache, fit: Fit):
    fit(TRAIN)
    path = cache.folder / "draw-000.npy"
    np.save(path, np.load(path) * np.float32(1.01))
    unknown = "the features that the networks were trained on are not cached"
    assert compare_statistics([run], PATIENTS) == FeatureStatistics(unknown)


@pytest.mark.parametrize("lost", ["key.json", "draw-000.npy"])
def test_without_the_feature_cache_nothing_is_compared(run: RunFolder, cache: FeatureCache, fit: Fit, lost: str):
    fit(TEST)
    (cache.folder / lost).unlink()
    unknown = "the features that the networks were trained on are not cached"
    assert compare_statistics([run], PATIENTS) == FeatureStatistics(unknown)


def test_a_network_that_was_trained_without_a_cache_is_not_compared(run: RunFolder, fit: Fit):
    fit(TRAIN)
    _write(run, run.record().fitted | {"feature_cache": None, "features": None})
    unknown = "the features that the networks were trained on are not cached"
    assert compare_statistics([run], PATIENTS) == FeatureStatistics(unknown)


def test_without_standardization_nothing_is_compared(run: RunFolder):
    torch.save({"state_dict": {}, "epoch": 4}, run.training.best)
    _write(run, run.record().fitted | {"feature_statistics": None})
    unknown = "features are not standardized, so nothing was fitted"
    assert compare_statistics([run], PATIENTS) == FeatureStatistics(unknown)


@pytest.mark.parametrize(
    ("changed", "unknown"),
    [
        ({"feature_statistics": None}, "features are not standardized, so nothing was fitted"),
        ({"feature_cache": None, "features": None}, "the features that the networks were trained on are not cached"),
    ],
)
def test_wrong_statistics_are_reported_beside_folds_that_cannot_be_compared(
    tmp_path: Path, run: RunFolder, fit: Fit, changed: dict[str, None], unknown: str
):
    fit([*TRAIN, TEST[1]])
    other = StudyFolder(tmp_path / "outputs", "mine").run("local", 3)
    _write(other, run.record().fitted | changed)
    torch.save({"state_dict": {}, "epoch": 4}, other.training.best)
    found = compare_statistics([run, other], PATIENTS)
    assert found.unknown == unknown
    (sentence,) = found.wrong
    assert sentence.startswith("the feature statistics of full, fold 3 are not those of its training patients (diff")
    other.training.best.unlink()
    found = compare_statistics([run, other], PATIENTS)
    assert (found.unknown, found.wrong) == ("1 of 2 checkpoints are missing", [sentence])


def test_statistics_in_a_checkpoint_whose_record_denies_them_are_caught(run: RunFolder, fit: Fit):
    fit([*TRAIN, TEST[1]])
    _write(run, run.record().fitted | {"feature_statistics": None})
    (sentence,) = compare_statistics([run], PATIENTS).wrong
    assert sentence == "the feature statistics of full, fold 3 are in its checkpoint, but not in its record"
