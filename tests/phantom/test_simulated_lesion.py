"""Core and penumbra: volumes, side, and that the scanned lesion is the measured one."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from stroke_ctp.phantom.digital_patient import BRAIN_GRID, DigitalPatient
from stroke_ctp.phantom.smooth_field import Grid
from stroke_ctp.phantom.tissue import Compartment

VOXEL_ML = 2.5**3 / 1000
CORE = (Compartment.GREY_CORE, Compartment.WHITE_CORE)
PENUMBRA = (Compartment.GREY_PENUMBRA, Compartment.WHITE_PENUMBRA)
HEALTHY = (Compartment.GREY, Compartment.WHITE)
AIMS = (0.5, 3.0, 16.5, 32.4, 63.6, 120.0, 32.4, 32.4)


@pytest.fixture(scope="module")
def patients():
    """Patients with their aims, compartments and cores on the grid of the whole brain."""
    drawn = []
    for seed, aim in enumerate(AIMS):
        patient = DigitalPatient.draw(aim, np.random.default_rng([7, seed]))
        drawn.append((aim, patient, patient.painted(BRAIN_GRID).label, patient.core()))
    return drawn


def from_midline(anatomy, grid):
    """Distance of every point to the left of the head's midline [mm]."""
    _, y, x = np.meshgrid(grid.z, grid.y, grid.x, indexing="ij")
    return np.cos(anatomy.yaw) * (x - anatomy.shift[0]) + np.sin(anatomy.yaw) * (y - anatomy.shift[1])


def test_core_volume_is_the_aim_to_one_voxel(patients):
    for aim, patient, _, core in patients:
        assert core.sum() * VOXEL_ML == pytest.approx(aim, abs=VOXEL_ML)
        assert patient.core_ml() == pytest.approx(core.sum() * VOXEL_ML)


def test_core_is_what_is_painted_as_such_in_the_territory(patients):
    for _, patient, label, core in patients:
        np.testing.assert_array_equal(core, np.isin(label, CORE))
        np.testing.assert_array_equal(core, patient.painted(BRAIN_GRID).core)
        assert patient.lesion.territory(patient.anatomy, BRAIN_GRID)[core].all()


def test_severity_is_1_at_the_cores_edge_and_0_at_the_penumbras_rim(patients):
    for _, patient, label, _ in patients:
        severity = patient.lesion.severity(patient.anatomy, BRAIN_GRID)
        assert severity[np.isin(label, CORE)].min() >= 1 - 1e-4
        assert 0 <= severity[np.isin(label, PENUMBRA)].min() < 0.1
        assert severity[np.isin(label, PENUMBRA)].max() <= 1 + 1e-4
        assert (severity[np.isin(label, HEALTHY)] < 1e-4).all()


def test_the_border_of_a_territory_is_lost_last(patients):
    """Collaterals of the brain's surface feed it from there."""
    for aim, patient, label, _ in patients:
        inner = patient.lesion._share_of_radius(patient.anatomy, BRAIN_GRID) < 0.85
        if aim > 60:
            lost = np.isin(label, CORE)
            tissue = np.isin(label, HEALTHY + CORE + PENUMBRA) & patient.lesion.territory(patient.anatomy, BRAIN_GRID)
            assert lost[tissue & inner].mean() > 5 * lost[tissue & ~inner].mean()


def test_core_and_penumbra_lie_in_one_hemisphere(patients):
    for _, patient, label, core in patients:
        side = from_midline(patient.anatomy, BRAIN_GRID) * patient.lesion.side
        assert side[core].min() > 0
        assert side[np.isin(label, PENUMBRA)].min() > 0


def test_core_grows_around_the_lesions_centre(patients):
    for aim, patient, _, core in patients:
        lateral, _, _ = patient.lesion.centre
        found = np.mean(from_midline(patient.anatomy, BRAIN_GRID)[core]) * patient.lesion.side
        assert found == pytest.approx(lateral, abs=8 + 2 * aim ** (1 / 3))  # ragged, and cut at the territory


def test_either_hemisphere_can_be_affected(patients):
    assert {patient.lesion.side for _, patient, _, _ in patients} == {-1, 1}


def test_penumbra_lies_between_core_and_healthy_tissue(patients):
    for _, patient, label, core in patients:
        shell = binary_dilation(core) & patient.lesion.territory(patient.anatomy, BRAIN_GRID)
        n_penumbra, n_healthy = (np.isin(label[shell], kind).sum() for kind in (PENUMBRA, HEALTHY))
        assert n_penumbra > 20 * n_healthy


def test_penumbra_volumes_are_log_normal_around_70_ml(patients):
    volumes = [np.isin(label, PENUMBRA).sum() * VOXEL_ML for _, _, label, _ in patients]
    assert 40 < np.median(volumes) < 110  # 70 mL, three standard errors of 8 draws
    assert np.ptp(np.log(volumes)) > 0.3


def test_lesion_leaves_fluid_vessels_and_bone_as_they_are(patients):
    for _, patient, label, _ in patients:
        healthy, _ = patient.anatomy.compartments(BRAIN_GRID, patient.lesion.side)
        patient.old.paint(patient.anatomy, BRAIN_GRID, healthy)
        changed = label != healthy
        assert changed.any()
        assert np.isin(healthy[changed], HEALTHY).all()
        white = np.isin(label[changed], (Compartment.WHITE_CORE, Compartment.WHITE_PENUMBRA))
        np.testing.assert_array_equal(white, healthy[changed] == Compartment.WHITE)


def test_core_is_as_large_on_the_scanners_finer_grid(patients):
    aim, patient, _, core = patients[4]
    occupied = np.argwhere(core)
    (z0, y0, x0), (z1, y1, x1) = occupied.min(axis=0) - 2, occupied.max(axis=0) + 2
    fine = Grid(
        np.arange(BRAIN_GRID.z[z0], BRAIN_GRID.z[min(z1, BRAIN_GRID.z.size - 1)], 1.7),
        np.arange(BRAIN_GRID.y[y0], BRAIN_GRID.y[y1], 1.5),
        np.arange(BRAIN_GRID.x[max(x0, 0)], BRAIN_GRID.x[min(x1, BRAIN_GRID.x.size - 1)], 1.5),
    )
    label = patient.painted(fine).label
    assert np.isin(label, CORE).sum() * 1.7 * 1.5**2 / 1000 == pytest.approx(aim, rel=0.03)


def test_an_aim_beyond_the_territory_fills_it_and_leaves_some_penumbra():
    patient = DigitalPatient.draw(900.0, np.random.default_rng(8))
    label = patient.painted(BRAIN_GRID).label
    territory = patient.lesion.territory(patient.anatomy, BRAIN_GRID)
    tissue = np.isin(label, HEALTHY + CORE + PENUMBRA) & territory
    assert np.isin(label[tissue], CORE).mean() == pytest.approx(11 / 12, abs=0.01)
    assert np.isin(label, PENUMBRA).sum() > 0
    assert 150 < patient.core_ml() < 300


def test_no_core_can_be_aimed_at():
    assert DigitalPatient.draw(0.0, np.random.default_rng(9)).core_ml() == 0


@pytest.mark.parametrize("volume_ml", [2.0, 32.4, 100.0])
def test_segmentation_has_the_stated_volume_and_resembles_the_core(volume_ml):
    patient = DigitalPatient.draw(volume_ml, np.random.default_rng(10))
    segmented, core = patient.segmented(volume_ml, np.random.default_rng(11)), patient.core()
    assert segmented.sum() * VOXEL_ML == pytest.approx(volume_ml, abs=VOXEL_ML)
    dice = 2 * (segmented & core).sum() / (segmented.sum() + core.sum())
    assert 0.5 < dice < 0.99  # another observer's opinion, of the same lesion
    assert (from_midline(patient.anatomy, BRAIN_GRID)[segmented] * patient.lesion.side > 0).all()


def test_one_seed_gives_one_patient_and_another_seed_another(patients):
    again = DigitalPatient.draw(AIMS[3], np.random.default_rng([7, 3]))
    np.testing.assert_array_equal(again.core(), patients[3][3])
    assert again.bolus == patients[3][1].bolus
    assert (patients[3][3] != patients[6][3]).any()
    assert patients[3][1].bolus != patients[6][1].bolus
