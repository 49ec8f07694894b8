"""Settings: what is no number, out of range or no choice is refused by name."""

from collections.abc import Sequence
from math import inf, isfinite, nan

from joblib import cpu_count

from stroke_ctp.common.errors import UserError


def require_real(
    name: str, value: object, least: float | int = -inf, above: float | int = -inf, most: float | int = inf
) -> float:
    """The value of a setting, as a float.

    Args:
        name: As a user writes it.
        value: What the user wrote.
        least: Smallest value allowed.
        above: What the value must exceed.
        most: Largest value allowed.

    Raises:
        UserError: It is no finite number (true and false are none), or out of range.
    """
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else nan
    if not (isfinite(number) and least <= number <= most and number > above):
        limits = ((above, ">"), (least, "≥"), (most, "≤"))
        rule = " and ".join(f"{sign} {limit:g}" for limit, sign in limits if isfinite(limit))
        raise UserError(f"{name} must be a number {rule}, got {value!r}".replace(" ,", ","))
    return float(number)


def require_whole(name: str, value: object, least: int) -> int:
    """The value of a setting that counts something.

    Raises:
        UserError: It is no whole number, or less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{name} must be a whole number ≥ {least}, got {value!r}")
    return value


def require_one_of(name: str, value: object, choices: Sequence[str]) -> None:
    """Hold a setting to its choices.

    Raises:
        UserError: It is none of them.
    """
    if value not in choices:
        raise UserError(f"{name} must be {' or '.join(choices)}, got {value!r}")


def require_jobs(value: object) -> int:
    """How many processes a setting `jobs` asks for: -1 is one per core.

    Raises:
        UserError: It is neither that nor a whole number of at least 1.
    """
    if value == -1:
        return int(cpu_count())
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"jobs must be a number of processes ≥ 1, or -1 for one per core, got {value!r}")
    return value
