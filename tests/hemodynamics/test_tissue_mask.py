"""Tissue against the heads that it was cut from: dark tissue and infarcts stay, fluid, vessels and bone do not."""

from dataclasses import replace

import numpy as np
import pytest
from perfused_head import ARTERIES, COLUMNS, CORE, CORE_MM, PIXEL_MM, ROWS, disc, head

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage
from stroke_ctp.hemodynamics.core_and_penumbra import segment_lesion
from stroke_ctp.hemodynamics.maps import perfusion_maps
from stroke_ctp.phantom.digital_patient import DigitalPatient
from stroke_ctp.phantom.scanner import SCANNER_PIXEL_MM, Protocol, rendering_grid
from stroke_ctp.phantom.tissue import Compartment

INNER = np.hypot(ROWS / 82, COLUMNS / 68) < 0.9
VENTRICLES = (np.abs(COLUMNS) < 5) & (np.abs(ROWS) < 17)
TRUE_PIXELS = 3 * int(disc(CORE, CORE_MM).sum())
GREY = (Compartment.GREY, Compartment.GREY_PENUMBRA, Compartment.GREY_CORE)
WHITE = (Compartment.WHITE, Compartment.WHITE_PENUMBRA, Compartment.WHITE_CORE)


def passage_of(**settings):
    return find_bolus_passage(*head(**settings), PIXEL_MM)


@pytest.mark.parametrize(("tissue_hu", "darker"), [(32, 0), (22, 0), (20, 0), (29, 8), (24, 6)])
@pytest.mark.parametrize("noise", [2.0, 6.0])
def test_tissue_of_any_attenuation_is_kept_with_its_infarct_and_ventricles_are_left_out(tissue_hu, darker, noise):
    passage = passage_of(tissue_hu=tissue_hu, core_darker_hu=darker, noise=noise)
    assert passage.tissue[:, disc(CORE, CORE_MM)].mean() > 0.97
    arteries = np.logical_or.reduce([disc(place, 6.0) for place in ARTERIES])
    assert passage.tissue[:, INNER & (np.abs(COLUMNS) > 12) & ~arteries].mean() > 0.97
    assert passage.tissue[:, VENTRICLES].mean() < 0.02


def test_the_core_is_as_large_in_dark_tissue_as_in_bright_tissue():
    """White matter of 23, 22, 21 and 20 HU left 55, 22, 3 and 1 of 54 mL of core, hypodensity of 8 HU 9.5 of 36 mL."""
    pixels = []
    for tissue_hu, darker in ((32, 0), (20, 0), (29, 8)):
        passage = passage_of(tissue_hu=tissue_hu, core_darker_hu=darker, noise=2.0)
        pixels.append(int(segment_lesion(perfusion_maps(passage, PIXEL_MM), PIXEL_MM).core["cbv"].sum()))
    assert pixels[0] > 0.8 * TRUE_PIXELS
    np.testing.assert_allclose(pixels[1:], pixels[0], rtol=0.05)


def test_large_vessels_are_no_tissue():
    passage = passage_of(noise=1.0)
    for place in ARTERIES:
        assert not passage.tissue[:, disc(place, 2.0)].any()


def test_the_shares_are_those_of_the_masks_and_the_side_without_tissue_is_told():
    passage = passage_of()
    assert passage.tissue_share == passage.tissue.sum() / passage.brain.sum()
    assert 0.85 < passage.tissue_share < 0.97
    assert abs(passage.tissue_asymmetry) < 0.02
    fluid = head(tissue_hu=33.0, core_darker_hu=25.0)  # an old infarct on the right
    assert find_bolus_passage(*fluid, PIXEL_MM).tissue_asymmetry > 0.05


def test_a_head_of_fluid_is_refused():
    hu, times = head(noise=1.0)
    radius = np.hypot(ROWS / 82, COLUMNS / 68)
    hu[:, :, (radius > 0.55) & (radius < 0.99)] = 10
    with pytest.raises(Excluded, match=r"must fill ≥ 40% of the inside of the skull, .*got \d\d%"):
        find_bolus_passage(hu, times, PIXEL_MM)


@pytest.fixture(scope="module", params=[10.0, 5.0], ids=["10 mm", "5 mm"])
def patient(request):
    """A digital patient without head motion, a protocol, and where half of a voxel or more is tissue."""
    digital = DigitalPatient.draw(60.0, np.random.default_rng([8, 0]))
    protocol = Protocol((5.0, 5.0 + request.param), request.param, 32, 1.5, noise=0.0)
    grid = rendering_grid(protocol)
    label = digital.painted(grid).label
    tissue = np.isin(label, GREY + WHITE)
    planes = [np.abs(grid.z - z) < request.param / 2 for z in protocol.slices]
    return digital, protocol, np.stack([tissue[inside].mean(axis=0) > 0.5 for inside in planes])


@pytest.mark.parametrize(("white", "darker", "noise"), [(20, 0.0, 6.0), (28, 8.0, 3.0)])
def test_the_tissue_of_digital_patients_is_found(patient, monkeypatch, white, darker, noise):
    digital, protocol, truth = patient
    monkeypatch.setattr("stroke_ctp.phantom.digital_patient.draw_motion", lambda *_: None)
    baseline = digital.baseline.copy()
    baseline[list(GREY)], baseline[list(WHITE)] = white + 6, white
    recolored, noisy = replace(digital, baseline=baseline, hypodensity=darker), replace(protocol, noise=noise)
    hu = recolored.scan(noisy, np.random.default_rng(1)).astype(np.float32)
    passage = find_bolus_passage(hu, protocol.times, (SCANNER_PIXEL_MM, SCANNER_PIXEL_MM))
    dice = 2 * (passage.tissue & truth).sum() / (passage.tissue.sum() + truth.sum())
    assert dice > 0.9  # fissures and old infarcts are as small as voxels
