"""From a standard series to the frames of the network: input, standardization, augmentation."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stroke_ctp.cohort.augment import Draw, augment
from stroke_ctp.cohort.augmentation import Augmentation
from stroke_ctp.cohort.inputs import Input
from stroke_ctp.cohort.patients import Patients
from stroke_ctp.common.random_streams import Purpose, torch_generator


@dataclass(frozen=True)
class FramePipeline:
    """The steps from HU to standardized frames, in the article's order: standardize, then augment."""

    input: Input
    standardization: nn.Module
    """Returns the mean and scale [HU] for given frames."""

    def __call__(
        self, hu: Float[Tensor, "batch level time height width"], draw: Draw | None = None
    ) -> Float[Tensor, "batch level time height width"]:
        """Frames of some patients, on the device of `hu`; not augmented without a draw."""
        frames = self.input(hu)
        mean, scale = self.standardization(frames)
        frames = (frames - mean) / scale
        if draw is None:
            return frames
        return augment(frames, draw, (self.input.background - mean) / scale)


def load_series(patients: Patients, rows: list[int]) -> Float[Tensor, "batch level time height width"]:
    """Series of some patients [HU], copied into memory."""
    return torch.stack([torch.from_numpy(patients.series(row).astype("float32")) for row in rows])


def augmentation_draw(augmentation: Augmentation, n_patients: int, seed: int, number: int) -> Draw:
    """Augmentation of each patient of a cohort in one numbered draw, the same on all machines."""
    generator = torch_generator(seed, Purpose.CACHED_AUGMENTATION, number)
    return augmentation.draw(n_patients, generator)


def frame_source(
    patients: Patients,
    pipeline: FramePipeline,
    augmentation: Augmentation,
    seed: int,
    number: int,
    device: torch.device,
) -> Callable[[slice], Float[Tensor, "batch level time height width"]]:
    """A function from rows of the cohort to their frames in one numbered draw; draw 0 is not augmented."""
    draw = augmentation_draw(augmentation, len(patients), seed, number) if number > 0 else None

    def frames(rows: slice) -> Float[Tensor, "batch level time height width"]:
        hu = load_series(patients, list(range(len(patients)))[rows]).to(device)
        return pipeline(hu, None if draw is None else draw[rows].to(device))

    return frames
