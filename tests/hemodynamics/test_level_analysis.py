"""The analysis of a standard series: of a short scan, whose last frame is held, as of what was acquired of it."""

import numpy as np
import pytest
from perfused_head import CORE, CORE_MM, disc, head

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.core_area import core_area
from stroke_ctp.hemodynamics.level_analysis import analyse_levels

OFFSET = (136 - 128) // 2
INSIDE = disc(CORE, CORE_MM - 6)[OFFSET:-OFFSET, OFFSET:-OFFSET]
"""The middle of the core, where smoothing does not reach."""


@pytest.fixture(scope="module")
def series():
    """Two slices of a head with a lesion, without noise."""
    hu, _ = head(noise=0.0)
    return hu[:, :2, OFFSET:-OFFSET, OFFSET:-OFFSET].swapaxes(0, 1)


def held(series, n_acquired, level=slice(None)):
    """The series of a scan that ended after so many frames."""
    short = series.copy()
    short[level, n_acquired:] = short[level, n_acquired - 1, None]
    return short


def frames_used(series):
    return len(analyse_levels(series).passage.rise)


def test_the_core_of_a_scan_that_ended_early_has_the_cbv_of_the_whole_scan(series):
    """Held frames that were taken for measured ones raised it from 0.54 to 0.83 mL/100 mL."""
    whole, short = (analyse_levels(one).maps for one in (series, held(series, 25)))
    assert np.median(short.cbv[:, INSIDE]) == pytest.approx(np.median(whole.cbv[:, INSIDE]), rel=0.05)
    assert short.truncation.unseen_share > whole.truncation.unseen_share


def test_a_series_of_a_whole_scan_is_used_whole_even_if_frames_within_it_repeat_each_other(series):
    repeated = series.copy()
    repeated[:, 20] = repeated[:, 19]
    assert frames_used(series) == frames_used(repeated) == 32


def test_a_series_ends_where_the_first_of_its_levels_does(series):
    assert frames_used(held(held(series, 29, level=0), 25, level=1)) == 25


def test_a_level_that_never_changes_ends_nothing(series):
    empty = series.copy()
    empty[1] = -1000
    assert frames_used(held(empty, 29, level=0)) == 29


def test_a_scan_with_too_few_frames_is_not_measured_however_long_its_last_one_is_held(series):
    with pytest.raises(Excluded, match="perfusion needs ≥ 10 frames, got 9"):
        analyse_levels(held(series, 9))
    assert np.isnan(core_area(held(series, 9), "cbv"))
