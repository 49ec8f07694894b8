from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from stroke_ctp.common.geometry import N_FRAMES, STANDARD_TIMES
from stroke_ctp.hemodynamics.kinetics import tissue_curve
from stroke_ctp.phantom.contrast_curves import STEP, arterial_curve
from stroke_ctp.phantom.smooth_field import Grid
from stroke_ctp.phantom.tissue import Compartment
from stroke_ctp.pretraining import lesions
from stroke_ctp.pretraining.acquisition import Acquisition, draw_times, to_standard_times
from stroke_ctp.pretraining.degradation import Degradation
from stroke_ctp.pretraining.findings import Shape
from stroke_ctp.pretraining.lesions import draw_focus
from stroke_ctp.pretraining.rendering import RenderedSeries, TrainingSample, _enhancement, draw_sample
from stroke_ctp.pretraining.training_patient import TissueMap, TrainingPatient

UNCHANGED = Degradation(noise=0.0, correlation=0.8, dose=1.0, offset=0.0, last=N_FRAMES - 1, mirrored=False)


@pytest.fixture(scope="module")
def patient() -> TrainingPatient:
    return TrainingPatient.draw(np.random.default_rng(4))


@pytest.fixture(scope="module")
def sample() -> TrainingSample:
    """A patient with a core."""
    samples = (draw_sample(np.random.default_rng(seed)) for seed in range(4, 20))
    return next(one for one in samples if one.truth[:, 1].sum() > 50)


def test_a_patient_is_a_function_of_its_seed(sample: TrainingSample):
    again = draw_sample(np.random.default_rng(3))
    np.testing.assert_array_equal(draw_sample(np.random.default_rng(3)).frames, again.frames)
    assert not np.array_equal(sample.frames[:, 0], again.frames[:, 0])


def test_true_maps_are_shares_and_quantities_of_tissue(sample: TrainingSample):
    low, core, cbv, cbf, delay = sample.truth.swapaxes(0, 1)
    assert (core <= low).all()
    assert (low <= sample.tissue + 1e-6).all()
    whole_core, healthy = core == 1, (low == 0) & (sample.tissue == 1)
    assert cbv[whole_core].max() < 1.2 < np.median(cbv[healthy])
    assert np.median(cbf[whole_core]) < 0.3 * np.median(cbf[healthy])
    assert np.median(delay[whole_core]) > np.median(delay[healthy]) + 3


@pytest.mark.parametrize(("cbv", "mtt", "delay"), [(3.3, 3.7, 0.5), (1.9, 13.0, 8.0), (0.5, 9.0, 11.0)])
def test_tissue_enhances_as_indicator_dilution_says(patient: TrainingPatient, cbv: float, mtt: float, delay: float):
    acquisition = replace(Acquisition.draw(np.random.default_rng(0)), times=STANDARD_TIMES, n_planes=1)
    points = np.ones((1, 128, 128))
    tissue = points.astype(bool)
    label = np.full(points.shape, Compartment.GREY)
    held = TissueMap(points, cbv * points, mtt * points, delay * points, tissue, ~tissue, ~tissue, label)
    found = _enhancement(patient, acquisition, held)[:, 0, 0]
    exact = tissue_curve(arterial_curve(patient.bolus), STEP, 60 * cbv / mtt, mtt, delay)
    expected = exact[np.round(STANDARD_TIMES / STEP).astype(int)]
    np.testing.assert_allclose(found, expected, atol=0.03 * expected.max())


def test_a_lesion_has_the_volumes_that_were_drawn(patient: TrainingPatient):
    axis = np.arange(-88.0, 89, 4)
    grid = Grid(z=np.arange(-60.0, 61, 4), y=axis, x=axis)
    inside = patient.anatomy.depth(grid) > 4
    volumes = []
    for seed in range(40):
        core, low = draw_focus("mca", patient.anatomy, np.random.default_rng(seed)).shares(patient.anatomy, grid)
        assert (core <= low).all()
        volumes.append(((core * inside).sum() * grid.voxel_ml, (low * inside).sum() * grid.voxel_ml))
    core_ml, low_ml = np.array(volumes).T
    assert 0.05 < (core_ml == 0).mean() < 0.3
    assert 12 < np.median(core_ml[core_ml > 0]) < 50
    assert np.median(low_ml - core_ml) == pytest.approx(65, rel=0.4)


def test_frames_cover_the_standard_times_at_05_to_32_s():
    drawn = [draw_times(np.random.default_rng(seed)) for seed in range(200)]
    gaps = np.concatenate([np.diff(times) for times in drawn])
    assert all(times[0] == 0 for times in drawn)
    assert gaps.min() > 0
    assert gaps.min() < 0.5
    assert gaps.max() == pytest.approx(3.2)
    last = np.array([times[-1] for times in drawn])
    assert (last >= STANDARD_TIMES[-1]).mean() > 0.9
    assert last.min() > 35


def test_interpolation_in_time_keeps_straight_lines():
    times = np.array([0.0, 2.0, 3.0, 6.0, 30.0, 47.0])
    np.testing.assert_allclose(to_standard_times(times) @ (3 * times + 1), 3 * STANDARD_TIMES + 1, rtol=1e-5)


def test_noise_is_that_of_standard_pixels_averaged_in_pairs(sample: TrainingSample):
    generator = np.random.default_rng(0)
    standard = gaussian_filter(generator.standard_normal((300, 128, 128)), (0, 0.7, 0.7), truncate=6)
    paired = (4 * standard / standard.std()).reshape(300, 64, 2, 64, 2).mean(axis=(2, 4))
    degradation = replace(UNCHANGED, noise=4.0, correlation=0.7)
    still = replace(sample, frames=np.zeros_like(sample.frames), times=STANDARD_TIMES)
    noise = degradation.frames(still, generator)
    assert noise.std() == pytest.approx(paired.std(), rel=0.04)
    found, expected = (np.corrcoef(x[..., 1:].ravel(), x[..., :-1].ravel())[0, 1] for x in (noise, paired))
    assert found == pytest.approx(expected, abs=0.03)
    assert np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1] == pytest.approx(0, abs=0.01)


def test_noise_of_a_series_becomes_that_of_its_condensed_frames(sample: TrainingSample):
    degradation = replace(UNCHANGED, noise=4.0, correlation=0.7)
    blank = np.zeros((2, N_FRAMES, 128, 128))
    everywhere, truth = np.ones((2, 128, 128), bool), sample.truth
    still = RenderedSeries(blank, everywhere, truth, sample.tissue, STANDARD_TIMES)
    series = degradation.series(still, np.random.default_rng(1))
    assert series.std() == pytest.approx(4.0, rel=0.01)
    neighbours = np.corrcoef(series[..., 1:].ravel(), series[..., :-1].ravel())[0, 1]
    assert neighbours == pytest.approx(np.exp(-1 / (4 * 0.7**2)), abs=0.02)
    condensed = replace(still, frames=series).condensed().frames
    trained = degradation.frames(still.condensed(), np.random.default_rng(2))
    assert condensed.std() == pytest.approx(trained.std(), rel=0.03)


def test_dose_scales_enhancement_alone_and_a_short_scan_holds_its_last_frame(sample: TrainingSample):
    generator = np.random.default_rng(0)
    usual = UNCHANGED.frames(sample, generator)
    np.testing.assert_allclose(usual, sample.frames, atol=1e-4)
    half = replace(UNCHANGED, dose=0.5).frames(sample, generator)
    np.testing.assert_allclose(half - half[:, :1], 0.5 * (usual - usual[:, :1]), atol=1e-3)
    short = replace(UNCHANGED, last=20, noise=3.0).frames(sample, generator)
    assert (short[:, 21:] == short[:, 20:21]).all()
    assert not (short[:, 20] == short[:, 19]).all()


def test_degradations_span_the_protocols_of_the_documentation():
    drawn = [Degradation.draw(np.random.default_rng(seed)) for seed in range(2000)]
    noise, dose, last = (np.array([getattr(one, name) for one in drawn]) for name in ("noise", "dose", "last"))
    assert (noise.min() < 1.2, noise.max() > 9.8, noise.max() <= 10) == (True, True, True)
    assert (dose.min() < 0.3, dose.min() >= 0.25) == (True, True)
    assert last.min() == 16
    assert (last < N_FRAMES - 1).mean() == pytest.approx(0.45, abs=0.04)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_craniectomy_leaves_skin_in_place_of_bone_on_its_side_alone(patient: TrainingPatient, side: float):
    axis = np.arange(-88.0, 89, 4)
    grid = Grid(z=np.arange(-8.0, 9, 8), y=axis, x=axis)
    label, depth = patient.anatomy.compartments(grid, 1)
    x = np.broadcast_to(patient.anatomy.head_axes(grid)[2], label.shape)
    opened = label.copy()
    Shape(wide_side=1.0, ventricle=0.0, sulci=np.inf, open_side=side).apply(opened, depth, patient.anatomy, grid)
    changed = opened != label
    assert (label[changed] == Compartment.SKULL).all()
    assert (opened[changed] == Compartment.SCALP).all()
    assert 0.1 < changed.sum() / (label == Compartment.SKULL).sum() < 0.5
    assert (side * x[changed] > 0).all()


def test_a_lesion_at_a_place_outside_the_brain_has_no_volume(patient: TrainingPatient, monkeypatch: pytest.MonkeyPatch):
    far = replace(
        draw_focus("mca", patient.anatomy, np.random.default_rng(0)), territory=((400.0, 0.0, 0.0), (9.0, 9.0, 9.0))
    )
    monkeypatch.setattr(lesions, "_placed", lambda *_: far)
    focus = draw_focus("any", patient.anatomy, np.random.default_rng(0))
    assert (focus.core_level, focus.penumbra_level) == (far.core_level, far.penumbra_level)
