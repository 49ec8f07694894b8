"""Tables of proposed levels: what is counted where, and proposals of heads whose levels are known."""

from pathlib import Path

import numpy as np
import pytest

from stroke_ctp.benchmarks.level_confidence import (
    Proposal,
    main,
    proposal,
    table_of_confidences,
    table_of_slabs,
)
from stroke_ctp.benchmarks.simulated_slabs import SimulatedSlab
from stroke_ctp.scan.levels import BaselineSlab, LevelChoice

PROPOSALS = [
    Proposal(5.0, 12, True, 0.95, 2.5),
    Proposal(5.0, 12, True, 1.0, 8.0),  # beyond 7.5 mm
    Proposal(10.0, 12, True, 0.85, 8.0),  # the neighbouring slice
    Proposal(10.0, 3, False, 0.8, 20.0),
    Proposal(10.0, 3, True, 0.1, 30.0),
]


def cells(table):
    return {line.split(" | ")[0].removeprefix("| "): line.removesuffix(" |").split(" | ")[1:] for line in table}


def test_proposals_are_counted_by_confidence_with_the_share_that_is_right():
    counted = cells(table_of_confidences(PROPOSALS))
    assert counted["0.9 to 1"] == ["2", "0.98", "0.50 (0.09 to 0.91)"]  # Wilson's interval of 1 of 2
    assert counted["0.8 to 0.9"][0] == "2"
    assert counted["0 to 0.2"][0] == "1"
    assert "0.2 to 0.4" not in counted


def test_proposals_are_counted_by_slab_and_only_confident_ones_are_made():
    counted = cells(table_of_slabs(PROPOSALS))
    assert counted["11–16 of 5 mm"] == ["2", "2", "1", "0", "0", "0", "8.0 mm"]
    assert counted["2–3 of 10 mm"] == ["1", "0", "0", "1", "1", "0", "20.0 mm"]
    assert counted["4–6 of 5 mm"] == ["0"] * 6 + ["–"]


def test_a_slab_holds_a_level_if_a_slice_contains_it_and_the_worse_slice_is_the_error():
    heights = np.array([-3.0, 7.0, 17.0])
    slab = SimulatedSlab(BaselineSlab(np.zeros((3, 4, 4)), (3.0, 3.0), heights), heights)
    assert slab.holds_both_levels
    assert not SimulatedSlab(slab.slab, heights + 9).holds_both_levels
    choice = LevelChoice({"basal_ganglia": (0, 0), "supraganglionic": (0, 1)}, "ventricles", 1.0)
    assert slab.error_mm(choice) == pytest.approx(13)


def test_confident_proposals_of_simulated_heads_are_right():
    made = [one for one in map(proposal, range(30)) if one.made]
    assert len(made) >= 10
    assert all(one.right for one in made)


def test_the_program_of_the_page_prints_its_rows(capsys):
    main(2)
    first = [line.split(" | ")[0] for line in capsys.readouterr().out.splitlines() if line]
    page = (Path(__file__).parents[1] / "docs/level-confidence.md").read_text().splitlines()
    assert [name for name in (line.split(" | ")[0] for line in page) if name in first] == first
    assert len(first) == 3 + 2 + 8  # both heads have one confidence
