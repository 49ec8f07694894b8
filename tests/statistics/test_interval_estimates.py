"""Estimates, their intervals and p-values, against SciPy's distributions."""

import pytest
from scipy.stats import norm, t

from stroke_ctp.statistics.interval_estimates import Estimate, TEstimate


@pytest.mark.parametrize("given", [{}, {"value": 0.7}, {"low": 0.6, "high": 0.8}])
def test_what_is_missing_needs_a_reason(given: dict):
    with pytest.raises(ValueError, match="needs a reason"):
        Estimate(**given)
    assert Estimate(**given, reason="none").reason == "none"


def test_a_complete_estimate_needs_no_reason():
    assert Estimate(0.7, 0.6, 0.8).reason == ""


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_an_interval_has_students_quantiles_of_the_level(level: float):
    found = TEstimate(0.1, 0.05, df=9).interval(level)
    assert (found.low, found.high) == pytest.approx(t.interval(level, 9, loc=0.1, scale=0.05))


def test_an_interval_ends_where_values_end():
    differences = TEstimate(0.0, 10.0).interval()
    assert (differences.low, differences.high) == (-1, 1)
    aucs = TEstimate(0.5, 10.0).interval(within=(0.0, 1.0))
    assert (aucs.low, aucs.high) == (0, 1)


def test_without_degrees_of_freedom_the_distribution_is_normal():
    assert TEstimate(0.3, 0.1).p(0.2).value == pytest.approx(2 * norm.sf(1))
    assert TEstimate(0.1, 0.1).p(0.2).value == pytest.approx(2 * norm.sf(1))


def test_the_detectable_difference_is_the_sum_of_two_quantiles_and_undefined_without_an_error():
    assert TEstimate(0.3, 0.1).detectable(power=0.9, alpha=0.1) == pytest.approx(0.1 * (norm.isf(0.05) + norm.isf(0.1)))
    assert TEstimate(0.3, reason="a single fold").detectable() is None


@pytest.mark.parametrize("missing", [TEstimate(None, reason="none"), TEstimate(0.3, reason="none")])
def test_a_value_without_an_error_has_neither_interval_nor_p(missing: TEstimate):
    assert missing.interval() == Estimate(missing.value, reason="none")
    assert missing.p().value is missing.p_above(0.0).value is None
    assert missing.p().reason == missing.p_above(0.0).reason == "none"
