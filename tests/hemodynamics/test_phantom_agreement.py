"""Digital patients at 2.5 HU: the core that is measured against the one that is there."""

import numpy as np
import pytest

from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage
from stroke_ctp.hemodynamics.core_and_penumbra import CORE_CBV, segment_lesion
from stroke_ctp.hemodynamics.maps import Analysis, perfusion_maps
from stroke_ctp.phantom.digital_patient import DigitalPatient
from stroke_ctp.phantom.scanner import SCANNER_PIXEL_MM, Protocol, acquire, rendering_grid
from stroke_ctp.phantom.simulated_lesion import cbv_map
from stroke_ctp.phantom.tissue import ENHANCING, Compartment, enhancement_curves

PROTOCOL = Protocol((0.0, 10.0, 20.0), 10.0, 32, 1.5, noise=2.5)
PLANES_ML = SCANNER_PIXEL_MM**2 * 10 / 1000
VOLUMES = (5.0, 20.0, 60.0, 150.0)


@pytest.fixture(scope="module")
def patients():
    """Of each patient the volume in view [mL], that measured [mL], and how much of the artery's voxels is artery."""
    found = []
    for number, core_ml in enumerate(VOLUMES):
        random = np.random.default_rng([7, number])
        digital = DigitalPatient.draw(core_ml, random)
        grid = rendering_grid(PROTOCOL)
        label, variation = digital.painted(grid)
        curves = enhancement_curves(digital.bolus, digital.perfusion)
        tissue = (label >= Compartment.GREY) & (label <= Compartment.WHITE_CORE)
        amount = np.where(tissue, variation, 1).astype(np.float32)
        amounts = np.stack([amount * (label == compartment) for compartment in ENHANCING])
        hu = acquire(digital.baseline[label].astype(np.float32), amounts, curves, PROTOCOL, None, random)
        pixel_mm = (SCANNER_PIXEL_MM, SCANNER_PIXEL_MM)
        passage = find_bolus_passage(hu, PROTOCOL.times, pixel_mm)
        lesion = segment_lesion(perfusion_maps(passage, pixel_mm, Analysis()), pixel_mm)
        low = (cbv_map(label, variation, digital.perfusion) < CORE_CBV) & digital.lesion.territory(
            digital.anatomy, grid
        )
        planes = [np.abs(grid.z - z) < 5 for z in PROTOCOL.slices]
        artery = np.isin(label, (Compartment.ARTERY, Compartment.COLLATERAL_ARTERY))
        share = np.stack([artery[inside].mean(axis=0) for inside in planes])
        truth = sum(float(low[inside].mean(axis=0).sum()) for inside in planes) * PLANES_ML
        measured = float(lesion.core["cbv"].sum()) * PLANES_ML
        found.append((truth, measured, share[tuple(passage.artery.voxels.T)]))
    return found


def test_the_measured_core_agrees_with_the_true_one_icc_above_0_8(patients):
    volumes = np.array([patient[:2] for patient in patients])
    n, k = volumes.shape
    mean = volumes.mean()
    between = k * ((volumes.mean(axis=1) - mean) ** 2).sum() / (n - 1)
    raters = n * ((volumes.mean(axis=0) - mean) ** 2).sum() / (k - 1)
    rest = ((volumes - mean) ** 2).sum() - (n - 1) * between - (k - 1) * raters
    error = rest / ((n - 1) * (k - 1))
    # Two-way, absolute agreement, single measurement: ICC(A,1) of McGraw and Wong 1996
    icc = (between - error) / (between + (k - 1) * error + k * (raters - error) / n)
    assert icc > 0.8


def test_the_artery_is_found_in_an_artery(patients):
    assert np.mean([(share > 0).all() for _, _, share in patients]) >= 0.95
