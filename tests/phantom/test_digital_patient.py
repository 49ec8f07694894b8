"""Whole scans of one digital patient: the images carry the perfusion that the label is measured on."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.ndimage import binary_erosion, gaussian_filter1d

from stroke_ctp.phantom import digital_patient as module
from stroke_ctp.phantom.contrast_curves import STEP, arterial_curve
from stroke_ctp.phantom.digital_patient import BRAIN_GRID, DigitalPatient
from stroke_ctp.phantom.scanner import SCANNER_PIXEL_MM, Protocol, rendering_grid
from stroke_ctp.phantom.smooth_field import Grid
from stroke_ctp.phantom.tissue import Compartment
from stroke_ctp.scan.standard_grid import downsample_frames, to_standard_grid

RHO, K_H = 1.04, 0.73
TISSUES = ("GREY", "WHITE", "GREY_PENUMBRA", "WHITE_PENUMBRA", "GREY_CORE", "WHITE_CORE")
LEVELS = (0.0, 20.0)


@pytest.fixture(scope="module")
def digital():
    """A patient of whose bolus nothing recirculates, so that the areas under curves are finite."""
    drawn = DigitalPatient.draw(80.0, np.random.default_rng(12))
    return replace(drawn, bolus=replace(drawn.bolus, onset=12.0, alpha=5.3, beta=2.1, peak=300.0, tail=0.0))


@pytest.fixture
def still(monkeypatch):
    monkeypatch.setattr(module, "draw_motion", lambda *_: None)


def point_spread(image):
    """What the scanner's blur of half a pixel makes of slices."""
    return gaussian_filter1d(gaussian_filter1d(image.astype(float), 0.5, axis=1), 0.5, axis=2)


@pytest.mark.usefixtures("still")
def test_area_under_the_enhancement_maps_the_cbv_of_every_tissue(digital):
    protocol = Protocol(LEVELS, thickness=2.5, n_frames=115, interval=1.0, noise=0.0)
    frames = digital.scan(protocol, np.random.default_rng(0))
    area = trapezoid(frames - frames[:1], dx=1.0, axis=0)
    measured = 100 * K_H * area / (trapezoid(arterial_curve(digital.bolus)) * STEP)  # [mL/100 mL]

    grid = rendering_grid(protocol)
    head = digital.painted(Grid(np.array(LEVELS), grid.y, grid.x))
    truth = point_spread(head.perfusion.cbv)
    for name in TISSUES:
        inside = binary_erosion(head.label == Compartment[name], np.ones((1, 3, 3)), iterations=2)
        assert inside.sum() >= 5, name
        np.testing.assert_allclose(measured[inside], truth[inside], rtol=0.03, err_msg=name)


@pytest.mark.usefixtures("still")
def test_core_is_seen_on_the_affected_side_of_the_image(digital):
    protocol = Protocol(LEVELS, thickness=10.0, n_frames=60, interval=1.0, noise=0.0)
    frames = digital.scan(protocol, np.random.default_rng(0))
    blood = (frames - frames[:1]).mean(axis=0)
    tissue = (frames[0] > 20) & (frames[0] < 45)
    columns = np.nonzero(tissue & (blood < 0.4 * np.median(blood[tissue])))[2]
    x = (columns - 79.5) * SCANNER_PIXEL_MM  # from the patient's right to left
    assert np.mean(np.sign(x) == digital.lesion.side) > 0.8
    assert len(columns) > 300


@pytest.mark.usefixtures("still")
def test_before_the_bolus_a_still_patients_frames_are_alike(digital):
    protocol = Protocol(LEVELS, thickness=10.0, n_frames=12, interval=1.0, noise=0.0)
    frames = digital.scan(protocol, np.random.default_rng(0))
    for frame in frames[1:7]:  # first passes begin 4 s before they reach a tenth of their peak
        np.testing.assert_array_equal(frame, frames[0])


@pytest.mark.usefixtures("still")
def test_before_the_bolus_a_still_patients_frames_differ_by_noise_only(digital):
    protocol = Protocol(LEVELS, thickness=10.0, n_frames=6, interval=1.0, noise=3.0)
    noisy = digital.scan(protocol, np.random.default_rng(0))
    clean = digital.scan(replace(protocol, noise=0.0), np.random.default_rng(0))
    noise = noisy - clean
    differences = noisy[1:] - noisy[:-1]
    assert differences.std() == pytest.approx(np.sqrt(2) * noise.std(), rel=0.01)
    bone, brain = clean[0] > 600, np.abs(clean[0] - 32) < 12
    assert noise[:, bone].std() == pytest.approx(noise[:, brain].std(), rel=0.05)  # no edge of bone shines through
    assert abs(differences[:, bone].mean()) < 0.2


@pytest.mark.usefixtures("still")
def test_noise_in_the_standard_series_is_the_protocols(digital):
    protocol = Protocol(LEVELS, thickness=10.0, n_frames=5, interval=1.0, noise=4.0)
    random = np.random.default_rng(1)
    scan = downsample_frames(digital.scan(protocol, random), (20.0, SCANNER_PIXEL_MM, SCANNER_PIXEL_MM))
    for frames, motion in zip(*to_standard_grid(scan, [0, 1]), strict=True):
        assert not motion.reach_mm.any()
        brain = (np.abs(frames.mean(axis=0) - 32) < 10) & (np.hypot(*(np.indices((128, 128)) - 63.5)) < 40)
        assert brain.sum() > 1500
        # The sample SD over five frames, pooled over the brain.
        measured = np.sqrt(frames[:, brain].var(axis=0, ddof=1).mean())
        assert measured == pytest.approx(4.0, rel=0.05)


def test_a_moving_patients_frames_depart_from_the_first_ever_more(digital, monkeypatch):
    motion = np.linspace(0, 1, 5)[:, None] * np.array([1.0, 0, 3.0, 0, 1.0, 1.0])
    monkeypatch.setattr(module, "draw_motion", lambda *_: motion)
    protocol = Protocol(LEVELS, thickness=10.0, n_frames=5, interval=1.0, noise=0.0)
    frames = digital.scan(protocol, np.random.default_rng(0))
    departure = np.abs(frames - frames[:1]).mean(axis=(1, 2, 3))
    assert (np.diff(departure) > 0).all()


@pytest.mark.usefixtures("still")
def test_attenuation_without_contrast_is_that_of_the_tissues(digital):
    protocol = Protocol(LEVELS, thickness=2.5, n_frames=2, interval=1.0, noise=0.0)
    first = digital.scan(protocol, np.random.default_rng(0))[0]
    grid = rendering_grid(protocol)
    head = digital.painted(Grid(np.array(LEVELS), grid.y, grid.x))
    seen = point_spread(head.baseline)
    for name in ("AIR", "WHITE", "WHITE_CORE"):
        inside = binary_erosion(head.label == Compartment[name], np.ones((1, 3, 3)), iterations=2)
        np.testing.assert_allclose(first[inside], seen[inside], atol=0.05)


@pytest.mark.usefixtures("still")
def test_one_seed_gives_one_scan_and_another_seed_another(digital):
    protocol = Protocol((0.0, 5.0), thickness=5.0, n_frames=2, interval=1.0, noise=3.0)
    first = digital.scan(protocol, np.random.default_rng(3))
    np.testing.assert_array_equal(digital.scan(protocol, np.random.default_rng(3)), first)
    assert (digital.scan(protocol, np.random.default_rng(4)) != first).mean() > 0.9


def test_a_cores_attenuation_falls_by_its_hypodensity_towards_its_middle(digital):
    """Early ischemia: 1.8 HU for 1 % of water (Dzialowski et al., 2004)."""
    dense, dark = (replace(digital, hypodensity=hu).painted(BRAIN_GRID) for hu in (0.0, 8.0))
    darker = dense.baseline - dark.baseline
    assert not darker[~dense.core].any()
    assert darker[dense.core].max() == pytest.approx(8.0, abs=1e-4)
    severity = digital.lesion.severity(digital.anatomy, BRAIN_GRID)
    np.testing.assert_allclose(darker[dense.core], 8 * np.clip(severity[dense.core] - 1, 0, 1), atol=1e-4)


def test_hypodensity_runs_from_none_to_8_hu_over_patients():
    drawn = [DigitalPatient.draw(20.0, np.random.default_rng([9, k])).hypodensity for k in range(20)]
    assert 0 <= min(drawn) < 1.5
    assert 6.5 < max(drawn) <= 8


def test_patients_of_one_random_stream_differ_in_core_and_collaterals_alone():
    """Each part of a patient has its own stream: what one part draws leaves the others as they are."""
    small, large = (DigitalPatient.draw(ml, np.random.default_rng(5)) for ml in (10.0, 90.0))
    assert small.bolus == large.bolus
    np.testing.assert_array_equal(small.baseline, large.baseline)
    assert small.hypodensity == large.hypodensity
    assert small.perfusion[Compartment.WHITE] == large.perfusion[Compartment.WHITE]
    assert small.course.collaterals > large.course.collaterals
