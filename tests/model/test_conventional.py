import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from trainings import InMemory

from stroke_ctp.cohort.folds import Split
from stroke_ctp.cohort.store import SERIES_SHAPE, Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.model import conventional
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.conventional import ConventionalModel, core_values
from stroke_ctp.model.conventional_scale import Scale
from stroke_ctp.model.protocol import Fold


def _values(sign: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    values = generator.uniform(0, 40, 200)
    return values, (sign * (values - 20 + generator.normal(0, 8, 200)) > 0).astype(np.int64)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_scale_is_oriented_so_that_a_high_probability_is_a_large_core(sign: float):
    values, labels = _values(sign)
    scale = Scale.fit(values, labels)
    assert np.sign(scale.slope) == sign
    probability = scale.probability(values)
    assert probability[labels == 1].mean() > 0.7 > 0.3 > probability[labels == 0].mean()
    assert -scale.intercept / scale.slope == pytest.approx(20, abs=2)


def test_the_probability_is_that_of_logistic_regression_without_a_penalty():
    values, labels = _values()
    theirs = LogisticRegression(C=1e12).fit(values[:, None], labels)
    other = np.linspace(-10, 60, 50)
    expected = theirs.predict_proba(other[:, None])[:, 1]
    np.testing.assert_allclose(Scale.fit(values, labels).probability(other), expected, atol=1e-4)


def test_the_scale_is_that_of_the_highest_likelihood():
    values, labels = _values()
    scale = Scale.fit(values, labels)

    def likelihood(slope: float, intercept: float) -> float:
        probability = Scale(slope, intercept, missing=0.0).probability(values)
        return float(np.log(np.where(labels == 1, probability, 1 - probability)).sum())

    best = likelihood(scale.slope, scale.intercept)
    for slope, intercept in ((1.02, 1), (0.98, 1), (1, 1.02), (1, 0.98)):
        assert likelihood(slope * scale.slope, intercept * scale.intercept) < best


def test_classes_that_do_not_overlap_give_probabilities_all_the_same():
    values = np.arange(20.0)
    probability = Scale.fit(values, (values > 9).astype(np.int64)).probability(values)
    assert np.isfinite(probability).all()
    assert (probability[:10] < 0.5).all()
    assert (probability[10:] > 0.5).all()


def test_a_patient_who_cannot_be_measured_is_scored_as_the_median_of_the_training_folds():
    values, labels = _values()
    scale = Scale.fit(values, labels)
    missing = scale.probability(np.array([np.nan]))
    assert missing == pytest.approx(scale.probability(np.array([np.median(values)])))
    values[::7] = np.nan
    assert np.isfinite(Scale.fit(values, labels).probability(values)).all()


def test_training_folds_of_which_nobody_can_be_measured_are_refused():
    with pytest.raises(UserError, match="no patient of the training folds could be measured"):
        Scale.fit(np.full(6, np.nan), np.arange(6) % 2)


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Definitions by which cores are measured; an area is the mean of the series, NaN if that is negative."""
    calls = []

    def mean(series: np.ndarray, definition: str) -> float:
        calls.append(definition)
        return float(series.mean()) if series.min() >= 0 else float("nan")

    monkeypatch.setattr(conventional, "core_area", mean)
    monkeypatch.setattr(conventional, "parallel_map", lambda function, items, _: map(function, items))
    monkeypatch.setattr(conventional, "_measured", {})
    return calls


@pytest.fixture
def cohort(write_cohort: Callable[..., Path]) -> Cohort:
    series = {f"{name}.npy": np.full(SERIES_SHAPE, value) for name, value in (("a", 3.0), ("b", 5.0))}
    columns = {"patient": ["q", "p"], "series": ["b.npy", "a.npy"], "scan_cbv_ml": ["7.5", ""]}
    return Cohort(write_cohort(columns, series))


def test_areas_are_computed_once_for_every_patient_in_the_cohorts_order(cohort: Cohort, measured: list[str]):
    assert core_values("cbv", cohort).tolist() == [5.0, 3.0]
    assert core_values("cbv", Cohort(cohort.folder)).tolist() == [5.0, 3.0]
    assert measured == ["cbv", "cbv"]


def test_volumes_of_whole_scans_are_a_column_of_the_cohort_in_which_an_empty_cell_is_not_a_number(cohort: Cohort):
    np.testing.assert_array_equal(core_values("cbv_scan", cohort), [7.5, np.nan])


def test_a_cohort_without_that_column_is_refused_with_the_command_that_adds_it(cohort: Cohort):
    with pytest.raises(UserError, match=r"rcbf_scan needs the column scan_rcbf_ml.*preprocess … volumes=true"):
        core_values("rcbf_scan", cohort)


@pytest.fixture
def fold(write_cohort: Callable[..., Path]) -> Fold:
    """Nine patients, two of whom cannot be measured: one in the training fold, one in the test fold."""
    area = np.array([1.0, 2.0, 3.0, -1.0, 5.0, 6.0, 7.0, -1.0, 9.0])
    series = {f"{row}.npy": np.full(SERIES_SHAPE, value) for row, value in enumerate(area)}
    columns = {"series": list(series), "scan_rcbf_ml": [2 * value if value > 0 else None for value in area]}
    labels = np.array([0, 1, 0, 0, 1, 0, 1, 1, 1])
    parts = Split(np.arange(6), np.array([6]), np.array([7, 8]))
    return Fold(Cohort(write_cohort(columns, series)), labels, parts, 0, 3)


@pytest.mark.parametrize(("name", "factor"), [("cbv", 1.0), ("rcbf", 1.0), ("rcbf_scan", 2.0)])
def test_the_scale_is_fitted_on_the_training_patients_alone(fold: Fold, name: str, factor: float, tmp_path: Path):
    fitted = ConventionalModel(name).fit(fold, TrainingFiles(tmp_path / "run"))
    train = fold.split.train
    expected = Scale.fit(factor * np.array([1.0, 2.0, 3.0, np.nan, 5.0, 6.0]), fold.labels[train])
    measured = dict(zip(fold.cohort.patients, (factor * np.arange(1.0, 10)).tolist(), strict=True))
    assert fitted.record() == {
        "scale": asdict(expected),
        "not_measurable": 2,
        "values": measured | {"p3": None, "p7": None},
    }
    everybody = fitted.score(fold.cohort)
    values = factor * np.array([1.0, 2.0, 3.0, np.nan, 5.0, 6.0, 7.0, np.nan, 9.0])
    np.testing.assert_array_equal(everybody, expected.probability(values))
    np.testing.assert_array_equal(fitted.score(fold.cohort, np.array([8, 3])), everybody[[8, 3]])
    assert not (tmp_path / "run").exists()


def test_a_model_that_is_loaded_with_its_record_scores_as_the_one_that_was_fitted(fold: Fold, tmp_path: Path):
    fitted = ConventionalModel("cbv").fit(fold, TrainingFiles(tmp_path))
    record = json.loads(json.dumps(fitted.record()))
    loaded = ConventionalModel("cbv").load(TrainingFiles(tmp_path), record)
    assert loaded.record() == record
    np.testing.assert_array_equal(loaded.score(fold.cohort), fitted.score(fold.cohort))


def test_a_patient_in_memory_gets_the_probability_of_the_same_patient_in_a_cohort(
    fold: Fold, tmp_path: Path, measured: list[str]
):
    fitted = ConventionalModel("cbv").fit(fold, TrainingFiles(tmp_path))
    expected = fitted.score(fold.cohort)
    for row in range(len(fold.cohort)):
        patient = InMemory(np.array(fold.cohort.series(row))[None])
        assert fitted.score(patient).tolist() == [expected[row]]
    assert len(measured) == 2 * len(fold.cohort)  # one patient is not taken for another


def test_a_patient_in_memory_without_a_measured_scan_is_refused(fold: Fold, tmp_path: Path):
    fitted = ConventionalModel("rcbf_scan").fit(fold, TrainingFiles(tmp_path))
    with pytest.raises(UserError, match=r"rcbf_scan needs the column scan_rcbf_ml"):
        fitted.score(InMemory(np.zeros((1, *SERIES_SHAPE))))


def test_the_measurements_of_the_cohort_are_known_and_do_not_travel(fold: Fold, tmp_path: Path):
    fitted = ConventionalModel("cbv").fit(fold, TrainingFiles(tmp_path))
    known = fitted.known_evidence(fold.cohort)
    np.testing.assert_array_equal(known, [1, 2, 3, np.nan, 5, 6, 7, np.nan, 9])
    np.testing.assert_array_equal(fitted.score_evidence(known), fitted.score(fold.cohort))
    travels = ConventionalModel("cbv").restore(fitted.anonymous_record(), fitted.fitted_weights())
    assert (travels.values, travels.scale) == ({}, fitted.scale)
