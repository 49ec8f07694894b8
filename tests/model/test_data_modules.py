from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader

from stroke_ctp.cohort import store
from stroke_ctp.cohort.augmentation import Augmentation
from stroke_ctp.cohort.folds import Split
from stroke_ctp.cohort.frames import FramePipeline, augmentation_draw, frame_source, load_series
from stroke_ctp.cohort.inputs import Attenuation
from stroke_ctp.cohort.standardization import FixedStandardization
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.model.cached_features import CachedFeatures
from stroke_ctp.model.data_modules import Batch, CachedFeatureData, EpochBatches, FoldDataModule, FrameData

CPU = torch.device("cpu")
PIPELINE = FramePipeline(Attenuation(), FixedStandardization(-500.0, 500.0))
N = 40
LABELS = (np.arange(N) % 2).astype(np.int64)
PARTS = Split(np.arange(0, 30), np.arange(30, 35), np.arange(35, 40))


@pytest.fixture
def cohort(write_cohort, monkeypatch: pytest.MonkeyPatch) -> Cohort:
    """Forty patients of small frames, each a spot at a place of its own."""
    monkeypatch.setattr(store, "SERIES_SHAPE", (2, 3, 24, 24))
    generator = np.random.default_rng(0)
    names = [f"s{row}.npy" for row in range(N)]
    series = {name: generator.normal(-300, 200, (2, 3, 24, 24)).astype(np.float32) for name in names}
    return Cohort(write_cohort({"series": names, "core_ml": np.arange(N)}, series))


def _draws(n: int = 3) -> list[np.ndarray]:
    """Every feature says of which draw and patient it is."""
    code = 1000 * np.arange(n)[:, None] + np.arange(N)[None]
    return list(np.broadcast_to(code[:, :, None, None, None], (n, N, 2, 3, 4)).astype(np.float32))


def _cached(n_draws: int = 3, training: bool = False, **options: Any) -> CachedFeatureData:
    return _in_trainer(CachedFeatureData(_draws(n_draws), LABELS, PARTS, **options), training)


def _frames(cohort: Cohort, training: bool = False, **options: Any) -> FrameData:
    return _in_trainer(FrameData(cohort, LABELS, PARTS, PIPELINE, Augmentation(), **options), training)


def _in_trainer(data: Any, training: bool) -> Any:
    data.trainer = SimpleNamespace(training=training, global_step=0)
    return data


def _made(data: FoldDataModule, loader: DataLoader) -> list[Batch]:
    batches = [data.transfer_batch_to_device(batch, CPU, 0) for batch in loader]
    return [data.on_after_batch_transfer(batch, 0) for batch in batches]


def _rows(batches: list[Batch]) -> list[int]:
    return torch.cat([batch.row for batch in batches]).tolist()


class _Allocated(TorchDispatchMode):
    """Counts the bytes of all memory that tensors of a device were given."""

    def __init__(self) -> None:
        super().__init__()
        self.storages: dict[int, torch.UntypedStorage] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, list | tuple) else [made]:
            if isinstance(tensor, Tensor) and tensor.device.type == "meta":
                storage = tensor.untyped_storage()
                self.storages[storage._cdata] = storage
        return made


def test_cached_features_take_their_own_size_on_a_device_and_no_more_on_the_way():
    cached = CachedFeatures(_draws())
    with _Allocated() as allocated:
        cached.to(torch.device("meta"))
    assert cached.resident is not None
    assert cached.resident.shape == (3, N, 2, 3, 4)
    assert sum(storage.nbytes() for storage in allocated.storages.values()) == cached.resident.nbytes


def test_features_of_eight_thousand_patients_stay_on_disk_and_their_batches_alone_take_memory(tmp_path):
    shape = (8000, 2, 32, 512)
    written = np.lib.format.open_memmap(tmp_path / "draw.npy", "w+", np.float32, shape)  # a gigabyte of zeros
    written[7000] = 7
    written.flush()
    mapped = np.load(tmp_path / "draw.npy", mmap_mode="c")
    cached = CachedFeatures([mapped])
    cached.to(torch.device("cpu"))
    assert cached.draws[0].data_ptr() == mapped.ctypes.data
    batch = cached.gather(torch.zeros(12, dtype=torch.long), torch.arange(6989, 7001))
    assert batch.untyped_storage().nbytes() == 12 * 2 * 32 * 512 * 4
    assert batch[-1].unique().tolist() == [7]
    assert not batch[:-1].any()


def test_batches_hold_twelve_patients_and_the_last_one_the_rest():
    assert [len(batch.row) for batch in _cached().train_dataloader()] == [12, 12, 6]
    assert len(_cached().train_dataloader()) == 3


def test_every_loader_gives_its_part_of_the_fold(cohort: Cohort):
    for data in (_cached(), _frames(cohort)):
        assert sorted(_rows(list(data.train_dataloader()))) == PARTS.train.tolist()
        assert _rows(list(data.val_dataloader())) == PARTS.validation.tolist()


def test_labels_are_those_of_the_rows(cohort: Cohort):
    for batch in [*_cached().train_dataloader(), *_frames(cohort).train_dataloader()]:
        assert torch.equal(batch.label, (batch.row % 2).float())


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone():
    def order(seed: int | None, epoch: int) -> list[int]:
        batches = EpochBatches(np.arange(10, 40), 12, seed)
        batches.set_epoch(epoch)
        return [row for batch in batches for row in batch]

    torch.manual_seed(1)
    first = order(0, 5)
    torch.manual_seed(2)
    assert order(0, 5) == first
    assert sorted(first) == list(range(10, 40))
    assert order(0, 6) != first
    assert order(1, 5) != first
    assert order(None, 5) == list(range(10, 40))


class _Recorder(L.LightningModule):
    """Notes which rows and features it is trained and validated on."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[int, list[int]] = {}
        self.validated: list[float] = []
        self.draws: list[int] = []
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.seen.setdefault(self.current_epoch, []).extend(batch.row.tolist())
        self.draws += (batch.input[:, 0, 0, 0] // 1000).int().tolist()
        return self.weight * 1.0

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.validated += (batch.input[:, 0, 0, 0] - batch.row).tolist()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def test_the_trainer_shuffles_every_epoch_draws_in_training_and_validates_on_draw_zero(tmp_path):
    recorder, data = _Recorder(), _cached(seed=7)
    trainer = L.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(recorder, data)
    for epoch in range(3):
        expected = EpochBatches(PARTS.train, 12, 7)
        expected.set_epoch(epoch)
        assert recorder.seen[epoch] == [row for batch in expected for row in batch]
    assert set(recorder.draws) == {0, 1, 2}
    assert set(recorder.validated) == {0.0}


def test_a_batch_of_cached_features_holds_those_of_its_rows():
    data = _cached()
    for batch in _made(data, data.val_dataloader()):
        assert torch.equal(batch.input, batch.row.float()[:, None, None, None].expand(-1, 2, 3, 4))
    data = _cached(training=True)
    for batch in _made(data, data.train_dataloader()):
        assert torch.equal(batch.input[:, 0, 0, 0] % 1000, batch.row.float())


def test_the_draws_of_a_training_batch_depend_on_seed_and_step_alone():
    def draws(seed: int, step: int) -> list[float]:
        data = _cached(training=True, seed=seed)
        data.trainer.global_step = step
        batch = Batch(torch.arange(12), torch.zeros(12), torch.empty(12, 0, 0))
        return (data.on_after_batch_transfer(batch, 0).input[:, 0, 0, 0] // 1000).tolist()

    torch.manual_seed(1)
    first = draws(0, 4)
    torch.manual_seed(2)
    assert draws(0, 4) == first
    assert draws(0, 5) != first
    assert draws(1, 4) != first


def test_a_single_draw_is_used_in_training_as_it_is():
    data = _cached(1, training=True)
    for batch in _made(data, data.train_dataloader()):
        assert torch.equal(batch.input[:, 0, 0, 0], batch.row.float())


def test_statistics_are_taken_of_the_training_fold_without_augmentation_in_the_cohorts_order(cohort: Cohort):
    batches = list(_cached(training=True).unaugmented_training(CPU))
    assert _rows(batches) == PARTS.train.tolist()
    assert torch.cat([batch.input for batch in batches]).max() < 1000
    batches = list(_frames(cohort, training=True).unaugmented_training(CPU))
    assert _rows(batches) == PARTS.train.tolist()
    frames = torch.cat([batch.input for batch in batches])
    torch.testing.assert_close(frames, (load_series(cohort, PARTS.train.tolist()) + 500) / 500)


def test_validation_on_frames_sees_the_standardized_series(cohort: Cohort):
    data = _frames(cohort)
    (batch,) = _made(data, data.val_dataloader())
    torch.testing.assert_close(batch.input, (load_series(cohort, PARTS.validation.tolist()) + 500) / 500)


def test_training_on_frames_is_augmented_differently_in_every_step_and_repeatably(cohort: Cohort):
    data = _frames(cohort, training=True)
    raw = Batch(torch.arange(3), torch.zeros(3), load_series(cohort, [0, 1, 2]))

    def frames(step: int) -> Tensor:
        data.trainer.global_step = step
        return data.on_after_batch_transfer(raw, 0).input

    assert torch.equal(frames(1), frames(1))
    assert not torch.allclose(frames(1), frames(2))
    assert not torch.allclose(frames(1), (raw.input + 500) / 500)


def test_worker_processes_read_the_same_batches(cohort: Cohort):
    expected = list(_frames(cohort, seed=3).train_dataloader())
    for one, other in zip(expected, _frames(cohort, seed=3, num_workers=2).train_dataloader(), strict=True):
        assert torch.equal(one.row, other.row)
        assert torch.equal(one.input, other.input)


def test_what_augmentation_uncovers_is_standardized_air():
    hu = torch.full((1, 2, 3, 24, 24), 40.0)
    draw = Augmentation(max_angle=0.0, flip_probability=0.0).draw(1, torch.Generator().manual_seed(3))
    frames = PIPELINE(hu, draw)
    assert float(frames.min()) == pytest.approx(-1.0, abs=1e-5)
    assert float(frames.max()) == pytest.approx(1.08, abs=1e-4)


def test_draw_zero_of_a_cohort_is_not_augmented_and_later_ones_do_not_depend_on_the_chunks(cohort: Cohort):
    plain = frame_source(cohort, PIPELINE, Augmentation(), 0, 0, CPU)
    torch.testing.assert_close(plain(slice(2, 4)), (load_series(cohort, [2, 3]) + 500) / 500)
    drawn = frame_source(cohort, PIPELINE, Augmentation(), 0, 2, CPU)
    whole = drawn(slice(0, 6))
    torch.testing.assert_close(torch.cat([drawn(slice(0, 4)), drawn(slice(4, 6))]), whole)
    draw = augmentation_draw(Augmentation(), N, 0, 2)
    torch.testing.assert_close(PIPELINE(load_series(cohort, [5]), draw[slice(5, 6)]), whole[5:6])
    assert not torch.equal(draw.angle, augmentation_draw(Augmentation(), N, 0, 1).angle)
    assert not torch.equal(draw.angle, augmentation_draw(Augmentation(), N, 1, 2).angle)


def test_series_are_copied_so_that_nothing_writes_to_the_cohort(cohort: Cohort):
    before = (cohort.folder / "series" / "s0.npy").read_bytes()
    load_series(cohort, [0]).zero_()
    assert (cohort.folder / "series" / "s0.npy").read_bytes() == before


def test_features_that_are_resident_on_a_device_are_gathered_as_those_on_disk_are():
    cached = CachedFeatures(_draws())
    draw, row = torch.tensor([2, 0, 2]), torch.tensor([1, 1, 4])
    mapped = cached.gather(draw, row)
    cached.resident = torch.stack(cached.draws)  # as `to` makes it on a GPU
    assert torch.equal(cached.gather(draw, row), mapped)
