"""A number with its interval, or the reason why there is none."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True)
class Estimate:
    """What a sample says of a quantity.

    A quantity that the data do not define has neither value nor interval, and a reason; one whose interval alone
    is undefined has a value and a reason.
    """

    value: float | None = None
    low: float | None = None
    """Lower end of the 95 % confidence interval."""
    high: float | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None or self.low is None) and not self.reason:
            raise ValueError("a number or an interval that is missing needs a reason")

    def text(self, decimals: int = 2) -> str:
        """`0.72 (0.65 to 0.78)`, with the reason where something is undefined."""
        if self.value is None:
            return f"undefined: {self.reason}"
        value = number_text(self.value, decimals)
        if self.low is None or self.high is None:
            return f"{value} (no interval: {self.reason})"
        return f"{value} ({number_text(self.low, decimals)} to {number_text(self.high, decimals)})"


def number_text(value: float, decimals: int = 2) -> str:
    """With the sign that is as wide as a plus, and none where all digits are 0; halves go away from zero.

    Also those that a sum in binary has missed by its last digit: 0.155 is 0.16, however it was computed.
    """
    exact = Decimal(repr(round(value, 12))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{exact:z.{decimals}f}".replace("-", "−")


def p_text(p: float) -> str:
    """A p-value as journals print it: `0.034`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
