"""`python -m stroke_ctp.benchmarks.reliability_study`: whether flags tell which cores are wrong.

Scans of digital patients under ordinary and poor conditions are analysed, as a table in Markdown for
docs/perfusion-maps.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import joblib
import numpy as np
from threadpoolctl import threadpool_limits

from stroke_ctp.benchmarks.simulated_conditions import Condition, scan_of
from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.parallel import parallel_map
from stroke_ctp.hemodynamics.reliability import LEVELS, Level
from stroke_ctp.hemodynamics.scan_analysis import analyse_frames

_SCANS = 40
_SEED = 20
WRONG_ML = 20.0
"""A core with a larger error is wrong."""


@dataclass(frozen=True)
class Outcome:
    """What became of one scan."""

    ordinary: bool
    level: Level
    true_ml: float
    measured_ml: float | None
    """None where the scan was refused."""

    @property
    def error_ml(self) -> float:
        """Of the core [mL]; NaN where the scan was refused."""
        return np.nan if self.measured_ml is None else self.measured_ml - self.true_ml


def outcome(number: int) -> Outcome:
    """Simulate and analyse a scan.

    Args:
        number: Of the scan, which determines everything that is drawn.
    """
    random = np.random.default_rng([_SEED, number])
    condition = Condition.draw(random)
    scan, true_ml = scan_of(condition, random)
    try:
        with threadpool_limits(1):
            found = analyse_frames(scan)
    except Excluded:
        return Outcome(condition.ordinary, "unusable", true_ml, None)
    return Outcome(condition.ordinary, found.reliability.level, true_ml, found.readouts.core_cbv_ml)


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """Lines of Markdown: for ordinary and poor scans, how many have each level, and how wrong their cores are."""
    lines = [
        f"| scans | reliability | number | core wrong by > {WRONG_ML:g} mL | largest error [mL] |",
        "| --- | --- | --- | --- | --- |",
    ]
    for ordinary, name in ((True, "ordinary"), (False, "poor")):
        for level in LEVELS:
            of_level = [one for one in outcomes if (one.ordinary, one.level) == (ordinary, level)]
            errors = np.abs([one.error_ml for one in of_level if one.measured_ml is not None])
            refused = sum(one.measured_ml is None for one in of_level)
            number = f"{len(of_level)} ({refused} refused)" if refused else f"{len(of_level)}"
            largest = f"{errors.max():.0f}" if errors.size else ""
            lines.append(f"| {name} | {level} | {number} | {(errors > WRONG_ML).sum()} | {largest} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table(list(parallel_map(outcome, range(_SCANS), joblib.cpu_count())))))
