"""Axes of stress: one condition changes, and wrong levels are refused."""

from dataclasses import asdict

import pytest

from stroke_ctp.common.errors import UserError
from stroke_ctp.robustness.axes import ALL, AXES, REFERENCE, chosen_axes


@pytest.mark.parametrize("axis", AXES.values(), ids=list(AXES))
def test_a_level_changes_one_condition_and_the_reference_none(axis):
    assert axis.reference in axis.levels
    assert list(axis.levels) == sorted(axis.levels)
    assert axis.trained[0] <= axis.reference <= axis.trained[1]
    for level in axis.levels:
        assert axis.possible[0] <= level <= axis.possible[1]
        changed = {key for key, value in asdict(axis.condition(level)).items() if value != getattr(REFERENCE, key)}
        assert changed == (set() if level == axis.reference else {axis.name})


def test_own_levels_are_joined_by_the_reference():
    (noise,) = chosen_axes(("noise",), (8.0, 4.0))
    assert noise.levels == (3.0, 4.0, 8.0)
    assert [axis.name for axis in chosen_axes(())] == list(AXES)
    assert chosen_axes(("label", "prevalence")) == ()


@pytest.mark.parametrize(
    ("names", "levels", "sentence"),
    [
        (("noize",), (), "axes must be some of noise, motion, .*, got noize; did you mean noise"),
        (("dose", "dose"), (), "axes must name each axis once"),
        (("noise",), (-1.0,), "levels of noise must be from 0 to 50 HU, got -1; choose levels in that range"),
        (("noise", "dose"), (1.0,), "levels are those of one axis"),
        (("label",), (1.0,), "levels are those of one axis"),
        ((), (1.0,), "levels are those of one axis"),
    ],
)
def test_wrong_axes_are_refused_in_one_sentence(names, levels, sentence):
    with pytest.raises(UserError, match=sentence):
        chosen_axes(names, levels)
    assert len(set(ALL)) == len(ALL)
