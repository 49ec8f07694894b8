"""Random streams by purpose: one seed gives independent streams for independent uses.

Arithmetic on seeds makes streams collide: `seed * 1_000_003 + n` gives shuffling and dropout the same numbers at the
same step. A `numpy.random.SeedSequence` with purpose and index in its spawn key does not.

Example:
    >>> from stroke_ctp.common.random_streams import Purpose, torch_generator
    >>> import torch
    >>> first = torch.rand(2, generator=torch_generator(0, Purpose.SHUFFLING, 3))
    >>> again = torch.rand(2, generator=torch_generator(0, Purpose.SHUFFLING, 3))
    >>> other = torch.rand(2, generator=torch_generator(0, Purpose.DROPOUT, 3))
    >>> bool((first == again).all()), bool((first == other).any())
    (True, False)
"""

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


class Purpose(IntEnum):
    """What a stream is for. Numbers are part of the results: add new ones, never change or reuse them."""

    INITIAL_WEIGHTS = 1
    """Index: fold."""
    SHUFFLING = 2
    """Order of the training patients. Index: epoch."""
    CACHED_DRAWS = 3
    """Which cached augmentation draw each patient of a batch is taken from. Index: training step."""
    AUGMENTATION = 4
    """Augmentation of a batch of frames. Index: training step."""
    CACHED_AUGMENTATION = 5
    """Augmentation of a whole cohort before it is encoded. Index: draw."""
    DROPOUT = 6
    """Index: training step."""
    BOOTSTRAP = 7
    PERMUTATION = 8
    SUBSET = 9
    """Which training patients of a fold a learning curve leaves out. Index: fold."""
    PERMUTED_TRAINING = 10
    """Order of a cohort's classes in a training on permuted classes. Index: number of the permutation."""
    PRETRAINING_PATIENT = 21
    """A simulated patient that the perfusion network is trained on. Index: number."""
    PRETRAINING_STEP = 22
    """Patients of a batch and how they are degraded. Index: training step."""
    STRESS_PATIENT = 41
    """A simulated patient on whom trained models are tried. Index: number."""


def seed_sequence(seed: int, purpose: Purpose, *index: int) -> np.random.SeedSequence:
    """The seed of one stream.

    Args:
        seed: As given by the user, ≥ 0.
        purpose: Use of the stream.
        index: Fold, epoch, step or draw, as `purpose` documents.
    """
    return np.random.SeedSequence(seed, spawn_key=(int(purpose), *index))


def torch_seed(seed: int, purpose: Purpose, *index: int) -> int:
    """A 64-bit seed for PyTorch's generators; arguments as of `seed_sequence`."""
    return int(seed_sequence(seed, purpose, *index).generate_state(1, np.uint64)[0])


def torch_generator(seed: int, purpose: Purpose, *index: int) -> "torch.Generator":
    """A generator on the CPU; arguments as of `seed_sequence`."""
    import torch

    return torch.Generator().manual_seed(torch_seed(seed, purpose, *index))


def numpy_generator(seed: int, purpose: Purpose, *index: int) -> np.random.Generator:
    """A NumPy generator; arguments as of `seed_sequence`."""
    return np.random.default_rng(seed_sequence(seed, purpose, *index))
