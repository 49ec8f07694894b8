"""Proposals of levels against heads whose levels are at 0 and 20 mm, and what is no proposal."""

import numpy as np
import pytest

from stroke_ctp.benchmarks.simulated_slabs import PLANE_MM, SimulatedSlab, cut_slab, simulated_head
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.levels import BaselineSlab, choose_levels

PLANES = np.arange(-30.0, 76.0, PLANE_MM)
ASKED = Rules().min_level_confidence


@pytest.fixture(scope="module")
def heads():
    return [simulated_head(number, PLANES) for number in range(12)]


def error_mm(simulated: SimulatedSlab) -> float | None:
    """How far the worse of both proposals is from its level; None if the slab is refused."""
    try:
        return simulated.error_mm(choose_levels([simulated.slab], min_confidence=ASKED))
    except Excluded:
        return None


@pytest.mark.parametrize(("n_slices", "thickness"), [(5, 10.0), (8, 10.0), (14, 5.0)])
def test_in_slabs_that_hold_both_levels_most_are_proposed_and_none_is_far_off(heads, n_slices, thickness):
    """Eight slices of 10 mm were 22 mm off in two of twelve heads."""
    errors = [
        error_mm(cut_slab(head, PLANES, -10.0 - 5 * (k % 3), n_slices, thickness)) for k, head in enumerate(heads)
    ]
    proposed = [error for error in errors if error is not None]
    assert len(proposed) >= len(heads) / 2  # narrow ventricles are seen too little
    assert max(proposed) <= 10.0
    assert np.median(proposed) <= thickness / 2


@pytest.mark.parametrize("first_mm", [-25.0, 30.0])
def test_slabs_that_miss_a_level_are_refused(heads, first_mm):
    """They reach from −25 to 5 mm and from 30 to 60 mm; proposals were 26 mm off."""
    errors = [error_mm(cut_slab(head, PLANES, first_mm, 4, 10.0 if first_mm < 0 else 5.0)) for head in heads]
    assert errors == [None] * len(heads)


def test_confidence_is_no_higher_than_the_share_of_right_proposals(heads):
    """Right is within 7.5 mm, or a neighbouring slice where slices lie further apart."""
    random, sure, right = np.random.default_rng(5), [], []
    for head in heads:
        for _ in range(12):
            thickness, n_slices = float(random.choice([5.0, 10.0])), int(random.integers(2, 9))
            if n_slices * thickness > 80:
                continue
            lowest = random.uniform(-25, 55 - n_slices * thickness)
            simulated = cut_slab(head, PLANES, lowest, n_slices, thickness)
            choice = choose_levels([simulated.slab])
            sure.append(choice.confidence)
            right.append(simulated.error_mm(choice) <= max(7.5, thickness))
    confident = np.array(sure) >= ASKED
    assert confident.sum() > 25
    assert np.array(right)[confident].mean() >= np.array(sure)[confident].mean() - 0.03
    assert np.array(right)[~confident].mean() < 0.6


def blank(n_slices: int, spacing_mm: float, first_mm: float = 0.0) -> BaselineSlab:
    """Slices without anatomy."""
    positions = first_mm + spacing_mm * np.arange(n_slices)
    return BaselineSlab(np.full((n_slices, 32, 32), 30.0), (6.0, 6.0), positions)


@pytest.mark.parametrize("slabs", [[blank(9, 5.0)], [blank(2, 5.0)], [blank(5, 5.0, 40.0), blank(3, 5.0)]])
def test_slabs_without_ventricles_are_refused_with_the_way_out(slabs):
    with pytest.raises(Excluded, match=r"confidence of ≥ 80%, got \d+%: .* give basal_ganglia and supraganglionic in"):
        choose_levels(slabs, min_confidence=ASKED)
    assert choose_levels(slabs).confidence < ASKED


def test_one_slice_is_not_enough():
    with pytest.raises(Excluded, match="two levels need two slices"):
        choose_levels([blank(1, 5.0)])


@pytest.mark.parametrize(
    ("slabs", "given", "both"),
    [
        ([(6, 0.0)], {"basal_ganglia": (0, 1)}, [(0, 1), (0, 5)]),
        ([(12, 0.0)], {"supraganglionic": (0, 11)}, [(0, 7), (0, 11)]),
        ([(3, 0.0), (5, 20.0)], {"basal_ganglia": (0, 1)}, [(0, 1), (1, 1)]),
    ],
)
def test_a_level_that_is_given_stays_and_the_other_lies_20_mm_from_it(slabs, given, both):
    choice = choose_levels([blank(n, 5.0, first_mm) for n, first_mm in slabs], given, ASKED)
    assert list(choice.slices.values()) == both
    assert choice.rule == "the given level"


def test_a_level_20_mm_from_the_given_one_that_lies_outside_the_slab_is_refused():
    with pytest.raises(Excluded, match="may not reach them"):
        choose_levels([blank(6, 5.0)], {"basal_ganglia": (0, 4)}, ASKED)
    with pytest.raises(Excluded, match="supraganglionic must lie above basal_ganglia"):
        choose_levels([blank(6, 5.0)], {"basal_ganglia": (0, 5)}, ASKED)


def test_the_ventricles_find_the_level_that_is_not_given(heads):
    simulated = cut_slab(heads[1], PLANES, -12.5, 5, 10.0)
    low = int(np.argmin(np.abs(simulated.heights)))
    found = choose_levels([simulated.slab], {"basal_ganglia": (0, low)}, ASKED)
    assert found.slices["basal_ganglia"] == (0, low)
    assert abs(simulated.heights[found.slices["supraganglionic"][1]] - 20) <= 5
