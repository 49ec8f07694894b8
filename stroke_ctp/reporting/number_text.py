"""Numbers as text, for readers."""

from decimal import ROUND_HALF_UP, Decimal

from stroke_ctp.statistics.interval_estimates import Estimate, PValue

_LEAST_P = 0.001
"""Smaller p-values are shown as below this."""


def number_text(value: float, decimals: int = 2) -> str:
    """A rounded number; halves are rounded away from zero, and a number that rounds to 0 has no sign.

    Rounding ignores errors of binary arithmetic in the last digits: 0.155 becomes 0.16, however it was computed.
    The minus sign is the typographic one, which is as wide as a plus.

    >>> number_text(-0.155)
    '−0.16'
    """
    exact = Decimal(repr(round(value, 12))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{exact:z.{decimals}f}".replace("-", "−")


def p_text(p: PValue) -> str:
    """A p-value as journals print it: `0.034`, `< 0.001`; or the reason why there is none."""
    if p.value is None:
        return f"undefined: {p.reason}"
    return f"< {_LEAST_P}" if p.value < _LEAST_P else f"{p.value:.3f}"


def p_relation(p: PValue) -> str:
    """A p-value with its symbol: `p = 0.034`, `p < 0.001`; or the reason why there is none."""
    return f"p = {p_text(p)}" if p.value is not None and p.value >= _LEAST_P else f"p {p_text(p)}"


def estimate_parts(estimate: Estimate) -> tuple[str, ...]:
    """An estimate as a number and its interval, `0.72` and `(0.65 to 0.78)`; as one text if a part is undefined."""
    if estimate.value is None:
        return (f"undefined: {estimate.reason}",)
    value = number_text(estimate.value)
    if estimate.low is None or estimate.high is None:
        return (f"{value} (no interval: {estimate.reason})",)
    return value, f"({number_text(estimate.low)} to {number_text(estimate.high)})"


def estimate_text(estimate: Estimate) -> str:
    """An estimate as text: `0.72 (0.65 to 0.78)`."""
    return " ".join(estimate_parts(estimate))


def mean_sd_parts(mean: float | None, sd: float | None, decimals: int = 2) -> tuple[str, ...]:
    """Mean and standard deviation, `0.72` and `(0.10)`; the mean alone if the standard deviation is undefined."""
    if mean is None:
        return ("undefined",)
    return (
        (number_text(mean, decimals),)
        if sd is None
        else (number_text(mean, decimals), f"({number_text(sd, decimals)})")
    )
