"""The perfusion network's maps as an explanation, on a head whose core is known."""

import numpy as np
import pytest
from perfused_head import CORE, CORE_MM, PIXEL_MM, head

from stroke_ctp.common.geometry import PIXEL_MM as STANDARD_MM
from stroke_ctp.model.explanation import Explanation
from stroke_ctp.model.perfusion_explanation import explained
from stroke_ctp.model.perfusion_weights import read_weights
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.standard_grid import StandardSlices

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def found() -> Explanation:
    hu, times = head()
    scan = CTPScan.simultaneous(hu.astype(np.float32), times, (10.0, *PIXEL_MM))
    explanation = explained(read_weights("shipped"), StandardSlices.of(scan).hu[:2])
    assert explanation is not None
    return explanation


def true_core() -> np.ndarray:
    rows, columns = (np.indices((128, 128)) - 63.5) * STANDARD_MM
    return np.hypot(rows - CORE[0], columns - CORE[1]) < CORE_MM - 4


def test_the_probability_of_core_lies_in_the_core(found: Explanation):
    first = found.overlays[0]
    assert first.name == "core"
    brain = np.isfinite(first.values)
    inside = np.stack([true_core()] * 2) & brain
    assert first.values[inside].mean() > 10 * np.nanmean(first.values[brain & ~inside])


def test_core_and_penumbra_do_not_overlap_and_follow_the_maps(found: Explanation):
    maps = {overlay.name: np.nan_to_num(overlay.values) for overlay in found.overlays}
    assert found.core is not None
    assert found.penumbra is not None
    assert not (found.core & found.penumbra).any()
    np.testing.assert_array_equal(found.core, maps["core"] > 0.5)
    np.testing.assert_array_equal(found.core | found.penumbra, maps["hypoperfused"] > 0.5)


def test_without_a_brain_there_is_no_explanation():
    assert explained(read_weights("shipped"), np.full((2, 32, 128, 128), -1000.0)) is None
