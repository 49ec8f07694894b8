"""The vein carries the artery's bolus: curves in closed form, heads that moved, and scans without any."""

import numpy as np
import pytest
from boluses import gamma_variate
from perfused_head import PIXEL_MM, SINUS, disc, head

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage
from stroke_ctp.hemodynamics.maps import Analysis, perfusion_maps
from stroke_ctp.hemodynamics.vein_selection import likeness

TIMES = np.arange(32) * 1.5
ARTERY = gamma_variate(TIMES, 8.0)


@pytest.mark.parametrize("lag", [2.0, 6.0, 9.0])
def test_a_later_broader_bolus_is_like_the_artery_and_a_step_is_not(lag):
    broader = gamma_variate(TIMES, 8.0 + lag, beta=2.5, peak=150.0)
    noisy = broader + 5 * np.random.default_rng(0).standard_normal(len(TIMES))
    steps = np.array([np.where(TIMES - lag - late > 8.0, 150.0, 0.0) for late in (2.0, 6.0, 12.0)])
    assert likeness(noisy[None], ARTERY, 1.5)[0] > 0.97
    assert (likeness(steps, ARTERY, 1.5) < 0.93).all()


@pytest.mark.parametrize("frame", [12, 15, 18])
@pytest.mark.parametrize("rows", [-2, -1])
def test_bone_that_moves_into_the_sinuses_region_is_no_vein(frame, rows):
    """The head nods by one or two pixels and stays there, uncorrected: the rim of the skull was chosen."""
    hu, times = head(noise=1.5)
    hu[frame:] = np.roll(hu[frame:], rows, axis=2)
    passage = find_bolus_passage(hu, times, PIXEL_MM)
    if passage.vein is not None:
        _, row, column = passage.vein.voxels.T
        assert disc(SINUS, 6.0)[row, column].all()
        assert passage.vein.curve[-1] < passage.vein.curve.max() / 4


def test_a_vein_is_asked_for_only_where_it_is_used():
    hu, times = head()
    sinus = disc(SINUS, 8.0)
    hu[:, :, sinus] = hu[:1, :, sinus]
    passage = find_bolus_passage(hu, times, PIXEL_MM)
    assert passage.vein is None
    assert perfusion_maps(passage, PIXEL_MM, Analysis("reference")).cbv.any()
    with pytest.raises(Excluded, match=r"calibration=venous needs one; use analysis.calibration=reference"):
        perfusion_maps(passage, PIXEL_MM, Analysis("venous"))
