"""What an audit finds: one check, its outcome, and what was examined."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Outcome of a check."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKED = "not checked"
    BEYOND = "outside the audit"
    """Not examined in any study; the detail says why."""


@dataclass(frozen=True)
class Finding:
    """One check and its outcome."""

    check: str
    verdict: Verdict
    detail: str
    """What was examined, what is wrong, or why nothing could be examined."""


def judged(check: str, wrong: Sequence[str], examined: str, unchecked: Iterable[str] = ()) -> list[Finding]:
    """Findings of one check: what is wrong or else what was examined, and beside it what was not.

    Args:
        check: What is checked.
        wrong: A phrase for everything that is wrong.
        examined: What passed if nothing is wrong; empty if nothing was examined.
        unchecked: Phrases of what could not be examined, and why; repeated ones are counted.
    """
    reasons = list(unchecked)
    counts = {reason: reasons.count(reason) for reason in reasons}
    texts = [reason if n == 1 else f"{reason} ({n} runs)" for reason, n in counts.items()]
    left = [Finding(check, Verdict.UNCHECKED, "; ".join(texts))] if texts else []
    if wrong:
        return [*(Finding(check, Verdict.FAILED, text) for text in wrong), *left]
    return [*([Finding(check, Verdict.PASSED, examined)] if examined else []), *left]


@dataclass(frozen=True)
class Compared:
    """Numbers that were computed again, beside those that were recorded."""

    n: int = 0
    largest_difference: float = 0.0
    wrong: Sequence[str] = ()
    """Phrases of what differs."""
    unchecked: Sequence[str] = ()
    """Phrases of what could not be computed again, and why."""


def together(compared: Iterable[Compared]) -> Compared:
    """Several comparisons as one."""
    every = list(compared)
    return Compared(
        sum(one.n for one in every),
        max((one.largest_difference for one in every), default=0.0),
        [text for one in every for text in one.wrong],
        [text for one in every for text in one.unchecked],
    )
