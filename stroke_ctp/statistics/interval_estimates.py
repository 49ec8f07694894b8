"""A statistic with its confidence interval, or the reason why it has none."""

from dataclasses import dataclass
from math import inf
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % confidence interval.

    If the data do not define the value, it is None and `reason` says why. If they define the value but not the
    interval, only the interval is None and `reason` says why.

    Raises:
        ValueError: The value or the interval is missing without a reason.

    >>> Estimate(0.72, 0.65, 0.78).value
    0.72
    """

    value: float | None = None
    low: float | None = None
    """Lower end of the 95 % confidence interval."""
    high: float | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None or self.low is None) and not self.reason:
            raise ValueError("an estimate without value or interval needs a reason")


@dataclass(frozen=True)
class PValue:
    """A p-value, or the reason why there is none."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class TEstimate:
    """A value whose error, in units of its standard error, follows Student's t distribution.

    >>> TEstimate(0.1, 0.05, df=9).p().value < 0.1
    True
    """

    value: float | None
    standard_error: float | None = None
    """None if it is unknown; `reason` then says why."""
    df: float | int = inf
    """Degrees of freedom; infinite for the normal distribution."""
    reason: str = ""

    def interval(self, level: float = 0.95, within: tuple[float, float] = (-1.0, 1.0)) -> Estimate:
        """The value with its confidence interval.

        Args:
            level: Of confidence.
            within: The values that are possible, to which the interval is cut.
        """
        if self.value is None or self.standard_error is None:
            return Estimate(self.value, reason=self.reason)
        half = float(_student().isf((1 - level) / 2, self.df)) * self.standard_error
        return Estimate(self.value, max(within[0], self.value - half), min(within[1], self.value + half))

    def p(self, expected: float = 0.0) -> PValue:
        """Two-sided p-value of the hypothesis that the true value is `expected`."""
        above = self.p_above(expected).value
        return PValue(None, self.reason) if above is None else PValue(2 * min(above, 1 - above))

    def p_above(self, expected: float) -> PValue:
        """One-sided p-value of the hypothesis that the true value is `expected` or lower."""
        if self.value is None or self.standard_error is None:
            return PValue(None, self.reason)
        return PValue(float(_student().sf((self.value - expected) / self.standard_error, self.df)))

    def detectable(self, power: float = 0.8, alpha: float = 0.05) -> float | None:
        """The smallest true difference that a two-sided test finds with this power; None without a standard error.

        A difference is found if it exceeds `alpha`'s quantile, and does so with the power if it lies another quantile
        above (J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988, section 2.4).
        """
        if self.standard_error is None:
            return None
        return float(_student().isf(alpha / 2, self.df) + _student().ppf(power, self.df)) * self.standard_error


@dataclass(frozen=True)
class AucDifference:
    """AUC of one model minus AUC of another on the same patients."""

    difference: Estimate
    p: PValue
    """Two-sided."""


def _student() -> Any:
    """Student's distribution."""
    from scipy.stats import t  # slow to load, and predictions do not need it

    return t
