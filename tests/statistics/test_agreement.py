from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f as fisher
from scipy.stats import ttest_1samp
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from stroke_ctp.statistics.agreement import differences, icc_agreement

# Shrout and Fleiss, Psychol. Bull. 1979, Table 2: four judges rate six targets.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_the_coefficient_and_its_interval_are_those_of_the_published_example():
    found = icc_agreement(JUDGES)
    assert found.value == pytest.approx(0.29, abs=0.005)
    assert (found.low, found.high) == (pytest.approx(0.019, abs=0.001), pytest.approx(0.761, abs=0.001))


def _interval_of_1979(ratings: np.ndarray) -> tuple[float, float, float]:
    """ICC(2,1) and its interval by Shrout and Fleiss's own formulas, from the mean squares of statsmodels."""
    n, k = ratings.shape
    rows = [{"target": i, "judge": j, "rating": ratings[i, j]} for i in range(n) for j in range(k)]
    bms, jms, ems = anova_lm(ols("rating ~ C(target) + C(judge)", pd.DataFrame(rows)).fit())["mean_sq"]
    icc = (bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n)
    ratio, rest = k * icc * jms / ems, n * (1 + (k - 1) * icc) - k * icc
    v = (k - 1) * (n - 1) * (ratio + rest) ** 2 / ((n - 1) * ratio**2 + rest**2)
    below, above, others = fisher.isf(0.025, n - 1, v), fisher.isf(0.025, v, n - 1), k * jms + (k * n - k - n) * ems
    low = n * (bms - below * ems) / (below * others + n * bms)
    return icc, low, n * (above * bms - ems) / (others + n * above * bms)


@pytest.mark.parametrize(("n", "k"), [(3, 2), (5, 3), (23, 2), (12, 4)])
def test_coefficient_and_interval_are_those_of_shrout_and_fleiss(n: int, k: int):
    generator = np.random.default_rng(n)
    for shift in (0.0, 1.0, 5.0):
        ratings = generator.normal(0, 2, (n, 1)) + generator.normal(0, shift, (1, k)) + generator.normal(size=(n, k))
        found = icc_agreement(ratings)
        assert (found.value, found.low, found.high) == pytest.approx(_interval_of_1979(ratings))


def test_a_constant_error_lowers_agreement_although_correlation_is_perfect():
    true = np.linspace(0, 100, 20)
    exact, shifted = (icc_agreement(np.stack([true, true + error], axis=1)).value for error in (0.0, 30.0))
    assert exact == pytest.approx(1)
    assert shifted is not None
    assert shifted < 0.75


def test_bias_and_limits_of_normal_errors_are_their_mean_and_196_standard_deviations():
    generator = np.random.default_rng(0)
    true = generator.uniform(0, 100, 4000)
    found = differences(true + generator.normal(-3, 5, 4000), true)
    assert found.bias.value == pytest.approx(-3, abs=0.25)
    assert (found.low, found.high) == (pytest.approx(-12.8, abs=0.4), pytest.approx(6.8, abs=0.4))


def test_the_interval_of_the_bias_holds_the_truth_in_95_percent_of_samples():
    generator = np.random.default_rng(1)
    found = [differences(generator.normal(2, 7, 12), np.zeros(12)).bias for _ in range(600)]
    covered = [one.low <= 2 <= one.high for one in found if one.low is not None and one.high is not None]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


def test_too_few_patients_are_the_reason_of_an_undefined_estimate():
    assert differences(np.ones(2), np.ones(2)).bias.reason == "2 patients"
    assert icc_agreement(np.ones((2, 2))).reason == "2 patients"
    assert differences(np.ones(1), np.ones(1)).bias.reason == "1 patient"
    assert icc_agreement(np.ones((3, 2))).reason == "all measurements are equal"


def test_bias_interval_and_limits_of_three_patients_are_scipys_and_the_standard_librarys():
    measured, true = np.array([3.0, 8.0, 4.0]), np.array([1.0, 2.0, 5.0])
    error = (measured - true).tolist()
    found, expected = differences(measured, true), ttest_1samp(error, 0).confidence_interval()
    assert (found.bias.low, found.bias.high) == pytest.approx((expected.low, expected.high))
    assert (found.low, found.high) == pytest.approx([mean(error) + sign * 1.96 * stdev(error) for sign in (-1, 1)])


def test_perfect_agreement_of_three_patients_has_an_interval_without_width():
    found = icc_agreement(np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]]))
    assert (found.value, found.low, found.high) == (1, 1, 1)
