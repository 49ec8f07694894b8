"""Volumes, ratios and eligibility against voxels counted by hand."""

import numpy as np
import pytest

from stroke_ctp.hemodynamics.core_and_penumbra import VESSEL_CBV, segment_lesion
from stroke_ctp.hemodynamics.maps import Maps
from stroke_ctp.hemodynamics.readouts import clinical_readouts, is_target_mismatch
from stroke_ctp.hemodynamics.truncation import Truncation

PIXEL_MM = (10.0, 10.0)
SPACING = (5.0, *PIXEL_MM)
VOXEL_ML = 0.5


def made(tmax, cbv=2.0, cbf=30.0):
    """Maps of 10 × 20 voxels whose right half is affected, from values of its rows; the other half is normal."""
    shape = (1, 10, 20)
    affected = np.zeros(shape, bool)
    affected[..., :10] = True
    volumes = {}
    for name, rows, normal in (("tmax", tmax, 1.0), ("cbv", cbv, 2.0), ("cbf", cbf, 30.0)):
        volumes[name] = np.full(shape, normal, np.float32)
        volumes[name][0, :, :10] = np.broadcast_to(np.asarray(rows, np.float32), 10)[:, None]
    mtt = 60 * volumes["cbv"] / volumes["cbf"]
    return Maps(
        **volumes,
        mtt=mtt,
        ttp=volumes["tmax"],
        affected=affected,
        healthy=~affected,
        seen=np.ones(shape, np.float32),
        partial_volume=1.0,
        grey_share=0.5,
        truncation=Truncation(0.0, None, 0.0, None, 0.0),
    )


def read(**rows):
    maps = made(**rows)
    return clinical_readouts(segment_lesion(maps, PIXEL_MM), maps, SPACING)


LATE = [11, 11, 9, 9, 9, 7, 5, 5, 5, 1]
"""Tmax of ten rows of ten voxels [s]: 2, 5, 6 and 9 rows are above 10, 8, 6 and 4 s."""


def test_volumes_are_counted_voxels():
    found = read(tmax=LATE, cbv=[1, 1, 2, 2, 2, 2, 2, 2, 2, 2], cbf=[8, 8, 8, 30, 30, 30, 30, 30, 30, 30])
    row = 10 * VOXEL_ML
    assert (found.tmax4_ml, found.hypoperfused_ml, found.tmax8_ml, found.tmax10_ml) == (
        9 * row, 6 * row, 5 * row, 2 * row,
    )  # fmt: skip
    assert (found.core_cbv_ml, found.core_rcbf_ml, found.penumbra_ml) == (2 * row, 3 * row, 3 * row)
    assert (found.mismatch_cbv_ml, found.mismatch_rcbf_ml) == (4 * row, 3 * row)
    assert (found.mismatch_cbv, found.mismatch_rcbf) == (3.0, 2.0)
    assert found.core_ml == {"cbv": 2 * row, "rcbf": 3 * row}


def test_the_hypoperfusion_intensity_ratio_is_tmax_10_over_tmax_6():
    assert read(tmax=LATE).hypoperfusion_intensity_ratio == pytest.approx(2 / 6, abs=1e-3)


def test_the_cbv_index_compares_hypoperfused_with_normal_tissue():
    cbv = [1.0] * 6 + [7.0] * 3 + [2.0]  # tissue between 4 and 6 s belongs to neither
    assert read(tmax=LATE, cbv=cbv).cbv_index == pytest.approx(1.0 / 2.0)


def test_without_hypoperfusion_what_is_not_defined_stands_empty():
    found = read(tmax=1)
    assert (found.hypoperfused_ml, found.penumbra_ml, found.core_cbv_ml) == (0, 0, 0)
    undefined = (
        found.hypoperfusion_intensity_ratio,
        found.cbv_index,
        found.mismatch_cbv,
        found.mismatch_rcbf,
    )
    assert undefined == (None,) * 4
    assert found.defuse3_eligible is False


def test_large_vessels_are_in_no_volume():
    cbv = np.full(10, 2.0)
    cbv[:2] = VESSEL_CBV + 0.1
    found = read(tmax=LATE, cbv=cbv, cbf=[1, 1, 30, 30, 30, 30, 30, 30, 30, 30])
    assert found.tmax10_ml == found.core_rcbf_ml == 0
    assert found.hypoperfused_ml == 4 * 10 * VOXEL_ML
    assert found.cbv_index == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("core", "hypoperfused", "eligible"),
    [
        (69.9, 200.0, True),
        (70.0, 200.0, False),  # core < 70 mL
        (50.0, 90.0, True),
        (50.0, 89.9, False),  # ratio ≥ 1.8
        (10.0, 25.0, True),
        (10.0, 24.9, False),  # mismatch ≥ 15 mL
        (0.0, 15.0, True),  # without a core there is no ratio to fall short of
        (0.0, 14.9, False),
    ],
)
def test_target_mismatch_is_that_of_defuse_3(core, hypoperfused, eligible):
    assert is_target_mismatch(core, hypoperfused) is eligible
