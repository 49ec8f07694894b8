"""A statistic with its confidence interval, or the reason why it has none."""

from dataclasses import dataclass


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
class AucDifference:
    """AUC of one model minus AUC of another on the same patients."""

    difference: Estimate
    p: PValue
    """Two-sided."""
