"""`python -m stroke_ctp.benchmarks.level_confidence`: how often proposed ASPECTS levels are right, by their confidence.

`docs/level-confidence.md` shows the tables.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stroke_ctp.benchmarks.markdown import row
from stroke_ctp.benchmarks.simulated_slabs import PLANE_MM, cut_slab, simulated_head
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.reporting.number_text import estimate_text, number_text
from stroke_ctp.scan.levels import DISTANCE_MM, choose_levels, tolerance_mm
from stroke_ctp.statistics.operating_points import proportion

N_HEADS = 600
"""One slab is cut from each."""
_PLANES_MM = np.arange(-110.0, 130.0, PLANE_MM)
_THICKNESSES_MM = (5.0, 10.0)
_SLICES = (2, 16)
_GROUPS = ((2, 3), (4, 6), (7, 10), (11, 16))
"""Numbers of slices that share a row."""
_OFF_CENTRE_MM = 25.0
"""A slab's middle lies at most this far from the middle between the levels: short slabs often miss a level."""
_CONFIDENCES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Proposal:
    """Levels proposed for one slab."""

    thickness_mm: float
    slices: int
    holds_both: bool
    """Whether the slab contains both levels."""
    confidence: float
    error_mm: float
    """How far the worse of both slices is from its level."""

    @property
    def right(self) -> bool:
        """Whether both slices are as near to their levels as the confidence claims."""
        return self.error_mm <= tolerance_mm(self.thickness_mm)

    @property
    def made(self) -> bool:
        """Whether `preprocess` would take it."""
        return self.confidence >= Rules().min_level_confidence


def proposal(number: int, seed: int = 0) -> Proposal:
    """Draw a head and a slab of it, and propose its levels."""
    random = np.random.default_rng([seed, number, 1])
    thickness, slices = float(random.choice(_THICKNESSES_MM)), int(random.integers(_SLICES[0], _SLICES[1] + 1))
    middle = DISTANCE_MM / 2 + random.uniform(-_OFF_CENTRE_MM, _OFF_CENTRE_MM)
    lowest = middle - (slices - 1) * thickness / 2
    simulated = cut_slab(simulated_head(number, _PLANES_MM, seed), _PLANES_MM, lowest, slices, thickness)
    choice = choose_levels([simulated.slab])
    return Proposal(thickness, slices, simulated.holds_both_levels, choice.confidence, simulated.error_mm(choice))


def table_of_confidences(proposals: Sequence[Proposal]) -> Iterator[str]:
    """Right proposals by their confidence, with Wilson's 95 % interval; all slabs."""
    yield row("confidence", "slabs", "mean confidence", "share that is right")
    yield row(*["---"] * 4)
    for low, high in pairwise(_CONFIDENCES):
        last = high == _CONFIDENCES[-1]
        those = [one for one in proposals if low <= one.confidence < high or (last and one.confidence == high)]
        if those:
            mean = float(np.mean([one.confidence for one in those]))
            right = proportion(sum(one.right for one in those), len(those), "no slab")
            yield row(f"{low:g} to {high:g}", str(len(those)), number_text(mean), estimate_text(right))


def table_of_slabs(proposals: Sequence[Proposal]) -> Iterator[str]:
    """What is proposed at the default confidence, by thickness and number of slices."""
    yield row("slices", *("hold both levels", "proposed", "right"), *("miss one", "proposed", "right"), "largest error")
    yield row(*["---"] * 8)
    for thickness in _THICKNESSES_MM:
        for fewest, most in _GROUPS:
            of_kind = [one for one in proposals if one.thickness_mm == thickness and fewest <= one.slices <= most]
            largest = max((one.error_mm for one in of_kind if one.made), default=None)
            yield row(
                f"{fewest}–{most} of {thickness:g} mm",
                *_counts([one for one in of_kind if one.holds_both]),
                *_counts([one for one in of_kind if not one.holds_both]),
                "–" if largest is None else f"{number_text(largest, 1)} mm",
            )


def _counts(slabs: Sequence[Proposal]) -> tuple[str, str, str]:
    """Slabs, those with a proposal, and those of them with a right one."""
    made = [one for one in slabs if one.made]
    return str(len(slabs)), str(len(made)), str(sum(one.right for one in made))


def main(n_heads: int = N_HEADS) -> None:
    """Propose levels for a slab of each head and print both tables."""
    proposals = [proposal(number) for number in range(n_heads)]
    print("\n".join([*table_of_confidences(proposals), "", *table_of_slabs(proposals)]))


if __name__ == "__main__":
    main()
