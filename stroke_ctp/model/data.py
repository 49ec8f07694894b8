"""Batches of a cohort for one fold."""

from collections.abc import Iterator
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
from stroke_ctp.model.cached_features import BankedFeatures, Draws


class Batch(NamedTuple):
    """Some patients, as the network sees them."""

    row: Int[Tensor, " batch"]
    """In the cohort's table."""
    label: Float[Tensor, " batch"]
    """1 for a large core, 0 for a small one."""
    frames: Float[Tensor, "batch level time height width"] | None
    """On the direct route: HU when loaded, standardized and augmented on the device."""
    features: Float[Tensor, "batch level time feature"] | None
    """From the bank, on its route."""


class CTPDataModule(L.LightningDataModule):
    """Training, validation and test batches of one fold.

    With a bank, a batch is one gather from its features, each patient of a training batch in an augmentation draw of
    its own. Without, series are read from disk and augmented on the device after the batch has been transferred.
    """

    def __init__(
        self,
        cohort: Cohort | None,
        labels: Int[np.ndarray, " patient"],
        split: Split,
        pipeline: FramePipeline,
        augmentation: Augmentation | None,
        bank: Draws | None = None,
        batch_size: int = 12,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        """Take a cohort, the class of each of its patients, and one fold of them.

        Args:
            cohort: All patients; a bank makes it unnecessary.
            labels: Their classes.
            split: Rows of the fold's three parts.
            pipeline: From HU to frames; used without a bank.
            augmentation: For training without a bank; None for none.
            bank: Features of every patient in every draw.
            batch_size: Patients to a batch.
            num_workers: Processes that read series; a bank needs none.
            seed: Of the order of patients and of the draws, together with the epoch.
        """
        super().__init__()
        self.cohort, self.split, self.pipeline = cohort, split, pipeline
        self.augmentation, self.batch_size, self.seed = augmentation, batch_size, seed
        self.labels = torch.from_numpy(labels).float()
        self.bank = None if bank is None else BankedFeatures(bank)
        self.num_workers = 0 if bank is not None else num_workers

    def train_dataloader(self) -> DataLoader:
        """The training folds, shuffled anew in every epoch."""
        return self._loader(self.split.train, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """The validation fold, in the cohort's order."""
        return self._loader(self.split.validation)

    def test_dataloader(self) -> DataLoader:
        """The test fold, in the cohort's order."""
        return self._loader(self.split.test)

    def predict_dataloader(self) -> DataLoader:
        """The validation fold, then the test fold."""
        return self._loader(np.concatenate([self.split.validation, self.split.test]))

    def _loader(self, rows: Int[np.ndarray, " row"], shuffle: bool = False) -> DataLoader:
        return DataLoader(
            _Patients(None if self.bank is not None else self.cohort, self.labels),
            sampler=EpochBatches(rows, self.batch_size, self.seed if shuffle else None),
            batch_size=None,  # the sampler yields whole batches
            num_workers=self.num_workers,
            pin_memory=self.bank is None and torch.cuda.is_available(),
        )

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch, and at the first one the bank."""
        if self.bank is not None:
            self.bank.to(device)
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Gather features from the bank, or make frames of the raw series, augmented in training."""
        assert self.trainer is not None
        if not self.trainer.training:
            return self._completed(batch, None)
        # Seeded by the step, so that a resumed run draws what an uninterrupted one would have drawn.
        return self._completed(batch, torch.Generator().manual_seed(self.seed * 1_000_003 + self.trainer.global_step))

    def unaugmented_training(self, device: torch.device) -> Iterator[Batch]:
        """The training folds without augmentation, in the cohort's order, on a device."""
        for batch in self._loader(self.split.train):
            yield self._completed(self.transfer_batch_to_device(batch, device, 0), None)

    def _completed(self, batch: Batch, generator: torch.Generator | None) -> Batch:
        """The batch with features, or with frames; augmented by draws from the generator, if there is one."""
        if self.bank is not None:
            draw = torch.zeros(batch.row.shape, dtype=torch.long)
            if generator is not None:
                draw = torch.randint(len(self.bank), batch.row.shape, generator=generator)
            return batch._replace(features=self.bank.gather(draw, batch.row))
        assert batch.frames is not None
        augmented = None
        if generator is not None and self.augmentation is not None:
            augmented = self.augmentation.draw(len(batch.row), generator).to(batch.row.device)
        return batch._replace(frames=self.pipeline(batch.frames, augmented))


class EpochBatches(Sampler[list[int]]):
    """Whole batches of rows; shuffled by seed and epoch alone, so that a resumed run repeats the order."""

    def __init__(self, rows: Int[np.ndarray, " row"], batch_size: int, seed: int | None) -> None:
        """Take rows and, to shuffle them, a seed."""
        self.rows, self.batch_size, self.seed, self.epoch = rows, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning says which epoch begins."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        rows = torch.from_numpy(self.rows)
        if self.seed is not None:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            rows = rows[torch.randperm(len(rows), generator=generator)]
        yield from (chunk.tolist() for chunk in rows.split(self.batch_size))


class _Patients(Dataset[Batch]):
    """A batch by its rows: raw series from a cohort, or nothing but the rows where features are banked."""

    def __init__(self, cohort: Cohort | None, labels: Float[Tensor, " patient"]) -> None:
        self.cohort, self.labels = cohort, labels

    def __getitem__(self, rows: list[int]) -> Batch:
        hu = None if self.cohort is None else load_series(self.cohort, rows)
        row = torch.tensor(rows)
        return Batch(row, self.labels[row], hu, None)
