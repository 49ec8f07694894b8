from itertools import combinations, product

import numpy as np
import pytest
import torch

from stroke_ctp.common.random_streams import Purpose, numpy_generator, seed_sequence, torch_generator, torch_seed

STREAMS = [(0, Purpose.SHUFFLING, 3), (0, Purpose.DROPOUT, 3), (0, Purpose.SHUFFLING, 4), (1, Purpose.SHUFFLING, 3)]
"""Each differs from the first in one argument."""


def _numbers(stream: tuple[int, Purpose, int]) -> tuple[list[float], list[float]]:
    theirs = numpy_generator(*stream).random(50)
    return theirs.tolist(), torch.rand(50, generator=torch_generator(*stream)).tolist()


def test_streams_of_another_seed_purpose_or_index_share_no_number():
    for one, other in combinations(map(_numbers, STREAMS), 2):
        for first, second in zip(one, other, strict=True):
            assert not set(first) & set(second)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_same_arguments_give_the_same_stream_whatever_was_drawn_before(stream: tuple[int, Purpose, int]):
    first = _numbers(stream)
    np.random.random(3)
    torch.rand(3)
    assert _numbers(stream) == first


def test_a_stream_is_numpys_with_purpose_and_index_as_its_spawn_key():
    for seed, purpose, index in product((0, 7, 2**40), Purpose, (0, 1, 10**9)):
        expected = np.random.SeedSequence(seed, spawn_key=(purpose.value, index))
        np.testing.assert_array_equal(seed_sequence(seed, purpose, index).generate_state(8), expected.generate_state(8))
        assert torch_seed(seed, purpose, index) == int(expected.generate_state(1, np.uint64)[0])
        assert numpy_generator(seed, purpose, index).random() == np.random.default_rng(expected).random()


def test_a_purpose_is_the_child_that_numpy_spawns_under_its_number():
    children = np.random.SeedSequence(5).spawn(max(Purpose) + 1)
    for purpose in Purpose:
        grandchildren = children[purpose].spawn(3)
        assert torch_seed(5, purpose) == int(children[purpose].generate_state(1, np.uint64)[0])
        for index, expected in enumerate(grandchildren):
            assert torch_seed(5, purpose, index) == int(expected.generate_state(1, np.uint64)[0])


def test_no_two_streams_of_a_grid_have_the_same_seed():
    grid = list(product(range(20), Purpose, range(200)))
    assert len({torch_seed(*stream) for stream in grid}) == len(grid)
    # Arithmetic on seeds, by which step 1_000_003 of seed 0 is step 0 of seed 1, would fail here.
    assert torch_seed(0, Purpose.DROPOUT, 1_000_003) != torch_seed(1, Purpose.DROPOUT, 0)


def test_an_index_more_is_another_stream_than_none_or_zero():
    assert len({torch_seed(0, Purpose.BOOTSTRAP, *index) for index in ((), (0,), (0, 0), (1,))}) == 4


def test_purposes_have_numbers_of_their_own_that_are_part_of_the_results():
    assert {purpose.name: purpose.value for purpose in Purpose} == {
        "INITIAL_WEIGHTS": 1,
        "SHUFFLING": 2,
        "CACHED_DRAWS": 3,
        "AUGMENTATION": 4,
        "CACHED_AUGMENTATION": 5,
        "DROPOUT": 6,
        "BOOTSTRAP": 7,
        "PERMUTATION": 8,
        "SUBSET": 9,
        "PERMUTED_TRAINING": 10,
        "PRETRAINING_PATIENT": 21,
        "PRETRAINING_STEP": 22,
        "STRESS_PATIENT": 41,
    }


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="non-negative"):
        seed_sequence(-1, Purpose.SHUFFLING)
