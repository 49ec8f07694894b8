import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from perfused_head import CORE_MM, PENUMBRA_MM, head
from scipy.ndimage import zoom
from trainings import InMemory

from stroke_ctp.cohort.folds import Split
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.model import perfusion_measurements
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.condensed_series import condense
from stroke_ctp.model.perfusion_heads import MEASUREMENTS
from stroke_ctp.model.perfusion_measurements import measurements
from stroke_ctp.model.perfusion_model import FittedPerfusion, PerfusionModel
from stroke_ctp.model.perfusion_network import PerfusionNetwork
from stroke_ctp.model.perfusion_weights import read_weights, write_weights
from stroke_ctp.model.predicted_maps import PredictedMaps, brain_of, condensed_maps
from stroke_ctp.model.protocol import Fold, Model, PredictsVolume

PINNED = {"core": 21.82, "hypoperfused": 47.69, "low_cbv": 21.83, "late": 38.48}
"""Areas on the fixed series [cm²]; other weights need others."""


def _series(**changes: object) -> np.ndarray:
    """A standard series of a head whose curves and lesion are known; it is not made by the phantom."""
    frames, _ = head(**changes)
    return zoom(frames[:, :2].swapaxes(0, 1), (1, 1, 128 / 136, 128 / 136), order=1, grid_mode=True, mode="nearest")


def _maps(series: np.ndarray) -> PredictedMaps:
    brain = torch.from_numpy(brain_of(series))[None]
    return condensed_maps(read_weights("shipped").network, condense(torch.from_numpy(series)[None], brain))


@pytest.mark.parametrize("noise", [2.5, 6.0])
def test_the_shipped_network_finds_core_and_penumbra_of_a_head_that_it_was_not_trained_on(noise: float):
    maps = _maps(_series(noise=noise))
    core, low = (float(maps.area_cm2(share)) for share in (maps.core, maps.hypoperfused))
    true_core, true_low = (2 * np.pi * (radius / 10) ** 2 for radius in (CORE_MM, PENUMBRA_MM))
    assert core == pytest.approx(true_core, rel=0.25)
    assert low == pytest.approx(true_low, rel=0.25)
    middle = (maps.hypoperfused > 0.5) & (maps.core < 0.5)
    assert float(maps.delay[middle].median()) == pytest.approx(5.0, abs=2.0)
    assert float(maps.cbv[maps.core > 0.9].median()) == pytest.approx(0.5 * 1.04, abs=0.4)


def test_the_shipped_network_finds_hardly_any_core_where_there_is_none():
    maps = _maps(_series(occluded=False))
    assert float(maps.area_cm2(maps.core)) < 2


def test_the_shipped_networks_results_on_a_fixed_series_do_not_change():
    areas = measurements(read_weights("shipped"), InMemory(_series()[None]))
    assert dict(zip(MEASUREMENTS, areas[0].round(2), strict=True)) == pytest.approx(PINNED, rel=0.02)


@pytest.fixture
def weights(tmp_path: Path) -> str:
    """Random weights, which depend on the series all the same."""
    torch.manual_seed(0)
    write_weights(tmp_path / "random.safetensors", PerfusionNetwork(), {})
    return str(tmp_path / "random.safetensors")


@pytest.fixture
def fold(write_cohort: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Fold:
    """Nine patients, one of whom, in the test fold, has no brain."""
    monkeypatch.setattr(perfusion_measurements, "_measured", {})
    usual = _series(noise=0.0)
    strengths = [1.0, 0.6, 1.4, 0.8, 1.2, 0.7, 1.1, None, 0.9]
    rise = usual - usual[:, :1]
    series = {
        f"{row}.npy": np.full(SERIES_SHAPE, -1000.0) if strength is None else usual[:, :1] + strength * rise
        for row, strength in enumerate(strengths)
    }
    columns = {"series": list(series), "core_ml": [12.0, 40, 5, 33, 60, 21, 8, 50, 70]}
    labels = np.array([0, 1, 0, 0, 1, 0, 1, 1, 1])
    parts = Split(np.arange(6), np.array([6]), np.array([7, 8]))
    return Fold(Cohort(write_cohort(columns, series)), labels, parts, 0, 3)


def test_the_heads_see_the_training_patients_alone(fold: Fold, weights: str, tmp_path: Path):
    model = PerfusionModel(weights)
    assert isinstance(model, Model)
    fitted = model.fit(fold, TrainingFiles(tmp_path / "run"))
    assert isinstance(fitted, PredictsVolume)
    others = np.array([1, 0, 1])
    changed = Fold(fold.cohort, np.concatenate([fold.labels[:6], others]), fold.split, 0, 3)
    assert model.fit(changed, TrainingFiles(tmp_path / "run")).heads == fitted.heads
    assert not (tmp_path / "run").exists()


def test_a_patient_without_a_brain_is_counted_and_scored(fold: Fold, weights: str, tmp_path: Path):
    fitted = PerfusionModel(weights).fit(fold, TrainingFiles(tmp_path))
    assert fitted.record()["not_measurable"] == 1
    everybody = fitted.score(fold.cohort)
    assert np.isfinite(everybody).all()
    np.testing.assert_array_equal(fitted.score(fold.cohort, np.array([8, 3])), everybody[[8, 3]])
    volumes = fitted.volumes(PerfusionModel(weights).evidence(fold.cohort), np.array([7, 8]))
    assert volumes is not None
    assert volumes.shape == (2, 3)


def test_a_model_that_is_loaded_with_its_record_scores_as_the_one_that_was_fitted(
    fold: Fold, weights: str, tmp_path: Path
):
    model = PerfusionModel(weights)
    fitted = model.fit(fold, TrainingFiles(tmp_path))
    record = json.loads(json.dumps(fitted.record()))
    loaded = model.load(TrainingFiles(tmp_path), record)
    assert isinstance(loaded, FittedPerfusion)
    assert loaded.record() == record
    np.testing.assert_array_equal(loaded.score_evidence(model.evidence(fold.cohort)), fitted.score(fold.cohort))
    with pytest.raises(UserError, match=r"was fitted with weights .*, but model.weights=shipped are now 4576ad"):
        PerfusionModel().load(TrainingFiles(tmp_path), record)


def test_a_patient_in_memory_gets_the_probability_of_the_same_patient_in_a_cohort(
    fold: Fold, weights: str, tmp_path: Path
):
    fitted = PerfusionModel(weights).fit(fold, TrainingFiles(tmp_path))
    patient = InMemory(np.array(fold.cohort.series(2))[None])
    assert fitted.score(patient) == pytest.approx(fitted.score(fold.cohort)[[2]])


def test_a_cohort_without_core_volumes_is_fitted_without_them(fold: Fold, weights: str, tmp_path: Path):
    del fold.cohort.table["core_ml"]
    fitted = PerfusionModel(weights).fit(fold, TrainingFiles(tmp_path))
    assert fitted.volumes(PerfusionModel(weights).evidence(fold.cohort)) is None
