"""Training and validation batches of one fold: from cached features, or from frames that are encoded in training."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import lightning as L
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from stroke_ctp.cohort.augmentation import Augmentation
from stroke_ctp.cohort.folds import Split
from stroke_ctp.cohort.frames import FramePipeline, load_series
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.random_streams import Purpose, torch_generator
from stroke_ctp.model.cached_features import CachedFeatures
from stroke_ctp.model.feature_cache import Draws
from stroke_ctp.model.settings import TrainSettings


class Batch(NamedTuple):
    """Some patients of a cohort."""

    row: Int[Tensor, " batch"]
    """Rows of the cohort's table."""
    label: Float[Tensor, " batch"]
    """1 for a large core, 0 for a small one."""
    input: Float[Tensor, "batch level time *shape"]
    """What the classifier's encoder takes: features from the cache, or frames (height, width)."""


Load = Callable[[list[int]], Float[Tensor, "batch level time height width"]]
"""Reads the series of some rows [HU]."""


class FoldDataModule(L.LightningDataModule):
    """Batches of one fold. Subclasses say what a batch holds."""

    def __init__(
        self,
        labels: Int[np.ndarray, " patient"],
        split: Split,
        batch_size: int,
        seed: int,
        load: Load | None = None,
        num_workers: int = 0,
    ) -> None:
        """Take the classes of all patients of a cohort, and one fold of them.

        Args:
            labels: Class of each patient.
            split: Rows of the fold's three parts.
            batch_size: Patients per batch.
            seed: Of the patients' order and of augmentation.
            load: Reads a batch from disk, by its rows; None for nothing to read.
            num_workers: Processes that read.
        """
        super().__init__()
        self.labels = torch.from_numpy(labels).float()
        self.split, self.batch_size, self.seed = split, batch_size, seed
        self.dataset, self.num_workers = _Patients(self.labels, load), num_workers
        self.pin_memory = load is not None and torch.cuda.is_available()

    @abstractmethod
    def inputs(self, row: Int[Tensor, " batch"], loaded: Tensor, step: int | None) -> Tensor:
        """The classifier's input of a batch, on its device; augmented for a training step, not for `None`."""

    def train_dataloader(self) -> DataLoader:
        """The training folds, in a new order in every epoch."""
        return self._loader(self.split.train, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """The validation fold, in the cohort's order."""
        return self._loader(self.split.validation)

    def _loader(self, rows: Int[np.ndarray, " row"], shuffle: bool = False) -> DataLoader:
        return DataLoader(
            self.dataset,
            sampler=EpochBatches(rows, self.batch_size, self.seed if shuffle else None),
            batch_size=None,  # the sampler yields whole batches
            num_workers=self.num_workers,
            pin_memory=self.pin_memory,
        )

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Complete a batch on its device, augmented in training."""
        assert self.trainer is not None
        # The step is the index of the random stream, so that a resumed run draws what an uninterrupted one draws.
        step = self.trainer.global_step if self.trainer.training else None
        return batch._replace(input=self.inputs(batch.row, batch.input, step))

    def unaugmented_training(self, device: torch.device) -> Iterator[Batch]:
        """The training folds without augmentation, in the cohort's order, on a device."""
        for loaded in self._loader(self.split.train):
            batch = self.transfer_batch_to_device(loaded, device, 0)
            yield batch._replace(input=self.inputs(batch.row, batch.input, None))


class CachedFeatureData(FoldDataModule):
    """Batches of cached features; in training, each patient's come from a random draw."""

    def __init__(
        self,
        features: Draws,
        labels: Int[np.ndarray, " patient"],
        split: Split,
        batch_size: int = TrainSettings.batch_size,
        seed: int = 0,
    ) -> None:
        """Take the features of every patient in every draw; other arguments as of `FoldDataModule`."""
        super().__init__(labels, split, batch_size, seed)
        self.features = CachedFeatures(features)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch, and before the first one all features."""
        self.features.to(device)
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def inputs(self, row: Int[Tensor, " batch"], loaded: Tensor, step: int | None) -> Tensor:
        """Features of a batch; without a training step, of the draw that is not augmented."""
        draw = torch.zeros(row.shape, dtype=torch.long)
        if step is not None:
            generator = torch_generator(self.seed, Purpose.CACHED_DRAWS, step)
            draw = torch.randint(len(self.features), row.shape, generator=generator)
        return self.features.gather(draw, row)


class FrameData(FoldDataModule):
    """Batches of standardized frames, augmented on the device after the transfer, again in every training step."""

    def __init__(
        self,
        cohort: Cohort,
        labels: Int[np.ndarray, " patient"],
        split: Split,
        pipeline: FramePipeline,
        augmentation: Augmentation,
        batch_size: int = TrainSettings.batch_size,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        """Take what makes frames; other arguments as of `FoldDataModule`.

        Args:
            cohort: All patients.
            labels: Their classes.
            split: Rows of the fold's three parts.
            pipeline: From HU to frames.
            augmentation: For training.
            batch_size: Patients per batch.
            num_workers: Processes that read series.
            seed: Of the patients' order and of augmentation.
        """
        super().__init__(labels, split, batch_size, seed, partial(load_series, cohort), num_workers)
        self.pipeline, self.augmentation = pipeline, augmentation

    def inputs(self, row: Int[Tensor, " batch"], loaded: Tensor, step: int | None) -> Tensor:
        """Standardized frames of a batch."""
        if step is None:
            return self.pipeline(loaded)
        generator = torch_generator(self.seed, Purpose.AUGMENTATION, step)
        return self.pipeline(loaded, self.augmentation.draw(len(row), generator).to(loaded.device))


class EpochBatches(Sampler[list[int]]):
    """Whole batches of rows; their order depends on seed and epoch alone, so that a resumed run repeats it."""

    def __init__(self, rows: Int[np.ndarray, " row"], batch_size: int, seed: int | None) -> None:
        """Take rows and, to shuffle them, a seed."""
        self.rows, self.batch_size, self.seed, self.epoch = rows, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        rows = torch.from_numpy(self.rows)
        if self.seed is not None:
            generator = torch_generator(self.seed, Purpose.SHUFFLING, self.epoch)
            rows = rows[torch.randperm(len(rows), generator=generator)]
        yield from (chunk.tolist() for chunk in rows.split(self.batch_size))


class _Patients(Dataset[Batch]):
    """A batch by its rows."""

    def __init__(self, labels: Float[Tensor, " patient"], load: Load | None) -> None:
        self.labels, self.load = labels, load

    def __getitem__(self, rows: list[int]) -> Batch:
        row = torch.tensor(rows)
        return Batch(row, self.labels[row], torch.empty(len(rows), 0, 0) if self.load is None else self.load(rows))
