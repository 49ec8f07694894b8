"""Batches of degraded training patients, made by processes beside the one that trains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from stroke_ctp.common.random_streams import Purpose, numpy_generator
from stroke_ctp.pretraining.degradation import Degradation
from stroke_ctp.pretraining.sample_store import SampleStore

BATCH = 8
"""Patients of a step."""

Batch = tuple[
    Float[Tensor, "batch level time height width"],
    Float[Tensor, "batch level height width"],
    Float[Tensor, "batch level 5 height width"],
    Float[Tensor, "batch level height width"],
]
"""Degraded frames [HU], share of brain, true maps, and share of tissue; the fields of a `TrainingSample`."""


@dataclass(frozen=True)
class Batches(Dataset[Batch]):
    """The batch of each step: a function of the seed and the step alone."""

    samples: SampleStore
    patients: int
    """Number of samples to draw from."""

    def __getitem__(self, step: int) -> Batch:
        random = numpy_generator(self.samples.seed, Purpose.PRETRAINING_STEP, step)
        batch = []
        for number in random.integers(0, self.patients, BATCH):
            sample, degradation = self.samples[int(number)], Degradation.draw(random)
            images = (degradation.frames(sample, random), sample.inside, sample.truth, sample.tissue)
            batch.append([np.flip(image, -1) if degradation.mirrored else image for image in images])
        frames, inside, truth, tissue = (
            torch.from_numpy(np.stack(images).astype(np.float32)) for images in zip(*batch, strict=True)
        )
        return frames, inside, truth, tissue

    def load(self, steps: Sequence[int], jobs: int) -> DataLoader[Batch]:
        """Batches of some steps in their order.

        Args:
            steps: Numbers of the steps.
            jobs: Processes, of which one trains; the others make batches. With one, it does both.
        """
        return DataLoader(
            self,
            batch_size=None,
            sampler=steps,
            collate_fn=tuple,
            num_workers=jobs - 1,
            worker_init_fn=_compute_on_one_core,
        )


def _compute_on_one_core(_: int) -> None:
    threadpool_limits(1)
