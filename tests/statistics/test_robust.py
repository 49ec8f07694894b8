"""The robust standard deviation against SciPy."""

import numpy as np
import pytest
from scipy.stats import median_abs_deviation

from stroke_ctp.statistics.robust import robust_sd


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (501,), (3, 40, 40)])
def test_it_is_that_of_scipy_bit_for_bit(dtype: type, shape: tuple[int, ...]):
    values = np.random.default_rng(0).normal(30, 5, shape).astype(dtype)
    assert robust_sd(values) == median_abs_deviation(values, axis=None, scale="normal")


@pytest.mark.filterwarnings("error")
def test_without_values_there_is_none():
    assert np.isnan(robust_sd(np.empty((4, 0))))


def test_values_that_do_not_belong_hardly_change_it():
    values = np.random.default_rng(0).normal(0, 3, 1000)
    values[:50] = 1e6
    assert robust_sd(values) == pytest.approx(3, rel=0.15)
