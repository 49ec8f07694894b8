import numpy as np
import pytest

from stroke_ctp.phantom.digital_patient import DigitalPatient
from stroke_ctp.phantom.recruitment import training_cohort
from stroke_ctp.phantom.scanner import SCANNER_PIXEL_MM, Protocol
from stroke_ctp.scan.levels import BaselineSlab, choose_levels

HEADS = [recruit for recruit in training_cohort(12, 0) if recruit.fault is None]
SPACING = (SCANNER_PIXEL_MM, SCANNER_PIXEL_MM)


def slab_of(recruit, slices, thickness) -> BaselineSlab:
    protocol = Protocol(slices, thickness, 3, 1.5, recruit.slabs[0].protocol.noise)
    digital = DigitalPatient.draw(recruit.core_ml, np.random.default_rng(recruit.seed))
    hu = digital.scan(protocol, np.random.default_rng(recruit.seed))
    return BaselineSlab(hu.mean(axis=0), SPACING, np.array(slices) - slices[0] + 137.0)


@pytest.fixture(scope="module")
def proposals():
    """Of 12 heads in slabs of the embedded cohort: slices proposed, and the true ones."""
    rows = []
    for recruit in HEADS:
        (slab,) = recruit.slabs
        choice = choose_levels([slab_of(recruit, slab.protocol.slices, slab.protocol.thickness)])
        found = [choice.slices[level][1] for level in ("basal_ganglia", "supraganglionic")]
        rows.append((*found, *slab.level_slices))
    return np.array(rows)


def test_levels_are_found_within_one_slice_on_the_embedded_cohort(proposals):
    error = np.abs(proposals[:, :2] - proposals[:, 2:])
    assert np.mean(error <= 1) >= 0.95
    # a guess of the middle slices would be within one slice as well, but seldom right
    assert np.mean(error == 0) > 0.7


def test_levels_are_found_within_one_slice_of_5_mm_in_a_slab_of_75_mm():
    errors = []
    for recruit in HEADS[:6]:
        offset = np.random.default_rng(recruit.seed).uniform(-2.5, 2.5)
        slices = tuple(float(offset + z) for z in range(-25, 55, 5))
        choice = choose_levels([slab_of(recruit, slices, 5.0)])
        for (_, found), true_mm in zip(choice.slices.values(), (0.0, 20.0), strict=True):
            errors.append(abs(found - int(np.argmin(np.abs(np.array(slices) - true_mm)))))
    assert np.mean(np.array(errors) <= 1) >= 0.95


def blank(n_slices: int, spacing_mm: float, first_mm: float = 0.0) -> BaselineSlab:
    """Slices without anatomy."""
    positions = first_mm + spacing_mm * np.arange(n_slices)
    return BaselineSlab(np.full((n_slices, 32, 32), 30.0), (6.0, 6.0), positions)


def test_without_ventricles_one_slab_gives_the_pair_nearest_to_20_mm_apart_in_its_middle():
    choice = choose_levels([blank(9, 5.0)])
    assert choice.rule == "20 mm apart"
    assert list(choice.slices.values()) == [(0, 2), (0, 6)]
    assert choice.confidence < 0.5


def test_two_slices_are_a_pair_however_far_apart():
    assert list(choose_levels([blank(2, 5.0)]).slices.values()) == [(0, 0), (0, 1)]


def test_without_ventricles_two_slabs_give_their_middle_slices_the_lower_one_first():
    choice = choose_levels([blank(5, 5.0, first_mm=40.0), blank(3, 5.0)])
    assert choice.rule == "middle slices"
    assert list(choice.slices.values()) == [(1, 1), (0, 2)]


def test_one_slice_is_not_enough():
    assert choose_levels([blank(1, 5.0)]) is None


@pytest.mark.parametrize(
    ("slabs", "given", "both"),
    [
        ([(6, 0.0)], {"basal_ganglia": (0, 1)}, [(0, 1), (0, 5)]),
        ([(6, 0.0)], {"basal_ganglia": (0, 4)}, [(0, 4), (0, 5)]),
        ([(6, 0.0)], {"supraganglionic": (0, 1)}, [(0, 0), (0, 1)]),
        ([(12, 0.0)], {"supraganglionic": (0, 11)}, [(0, 7), (0, 11)]),
        ([(2, 0.0)], {"basal_ganglia": (0, 1)}, [(0, 1), (0, 0)]),  # upside down, but there is no other
        ([(3, 0.0), (5, 40.0)], {"basal_ganglia": (0, 1)}, [(0, 1), (1, 2)]),
        ([(3, 0.0), (5, 40.0)], {"basal_ganglia": (1, 0)}, [(1, 0), (1, 2)]),
        ([(3, 0.0), (5, 40.0)], {"supraganglionic": (0, 2)}, [(0, 1), (0, 2)]),
    ],
)
def test_a_level_that_is_given_stays_and_the_other_goes_with_it(slabs, given, both):
    choice = choose_levels([blank(n, 5.0, first_mm) for n, first_mm in slabs], given)
    assert list(choice.slices.values()) == both


def test_the_ventricles_find_the_level_that_is_not_given():
    (slab,) = HEADS[0].slabs
    whole = slab_of(HEADS[0], slab.protocol.slices, slab.protocol.thickness)
    low, high = slab.level_slices
    found = choose_levels([whole], {"basal_ganglia": (0, low)})
    assert found.slices == {"basal_ganglia": (0, low), "supraganglionic": (0, high)}
    assert found.rule == "ventricles"
