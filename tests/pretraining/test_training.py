from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import run_module

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import file_digest
from stroke_ctp.model.checkpoints import write_checkpoint
from stroke_ctp.model.perfusion_network import UNITS
from stroke_ctp.model.perfusion_weights import read_weights
from stroke_ctp.pretraining import batches, training
from stroke_ctp.pretraining.batches import Batch, Batches
from stroke_ctp.pretraining.loss import pretraining_loss
from stroke_ctp.pretraining.sample_store import SampleStore
from stroke_ctp.pretraining.training import Training

TINY = ("seed=5", "patients=2", "steps=4", "jobs=1", "accelerator=cpu")


@pytest.fixture(scope="module", autouse=True)
def small_batches() -> Iterator[None]:
    """Batches of two patients, and no long rise of the learning rate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "BATCH", 2)
        patch.setattr(training, "_WARM_UP", 5)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an uninterrupted training of four steps."""
    out = tmp_path_factory.mktemp("pretrain") / "whole.safetensors"
    run_module("pretrain", f"out={out}", *TINY)
    return out


def test_a_training_that_was_interrupted_continues_to_the_same_weights(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "parts.safetensors"
    made = Batches.__getitem__

    def interrupted(self: Batches, step: int) -> Batch:
        if step == 2:
            raise KeyboardInterrupt
        return made(self, step)

    monkeypatch.setattr(training, "_CHECKPOINT_S", -1.0)
    with monkeypatch.context() as patch:
        patch.setattr(Batches, "__getitem__", interrupted)
        with pytest.raises(SystemExit):
            run_module("pretrain", f"out={out}", *TINY)
    assert not out.exists()
    run_module("pretrain", f"out={out}", *TINY)
    assert file_digest(out) == file_digest(trained)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_finished_training_is_not_repeated_and_other_settings_are_refused(
    trained: Path, capsys: pytest.CaptureFixture[str]
):
    before = file_digest(trained)
    run_module("pretrain", f"out={trained}", *TINY)
    assert f"pretrain: {trained} is complete" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"was trained with other settings: steps \(4 there, 6 here\)"):
        run_module("pretrain", f"out={trained}", *TINY[:2], "steps=6")
    assert file_digest(trained) == before
    assert dict(read_weights(str(trained)).pretraining) == {
        "seed": 5,
        "patients": 2,
        "steps": 4,
        "device": "cpu",
    }


def test_processes_beside_the_training_make_the_same_batches(trained: Path, tmp_path: Path):
    out = tmp_path / "two.safetensors"
    run_module("pretrain", f"out={out}", *TINY, "jobs=2")
    assert file_digest(out) == file_digest(trained)


def test_a_damaged_sample_is_simulated_again(tmp_path: Path):
    samples, path = SampleStore(tmp_path, 5), tmp_path / "000000.npz"
    samples.write(0)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    for content in (bytes(damaged), whole[:100], b""):
        path.write_bytes(content)
        assert samples[0].frames.dtype == np.float16
        assert path.read_bytes() == whole


@pytest.mark.gpu
def test_a_gpu_learns_as_a_processor_does(tmp_path: Path):
    samples = SampleStore(tmp_path, 5)
    samples.complete(2, jobs=1)
    batch, losses = Batches(samples, 2)[0], {}
    for device in ("cpu", "cuda"):
        state = training._State(5, torch.device(device))
        losses[device] = [state.update(batch, 1e-3) for _ in range(5)]
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=0.03)


@pytest.mark.parametrize("seed", [0, 1])
def test_seeds_of_the_evaluated_cohorts_are_refused(seed: int, tmp_path: Path):
    with pytest.raises(SystemExit, match=f"seed must be a whole number ≥ 2 .0 and 1 are the seeds.*, got {seed}"):
        run_module("pretrain", f"out={tmp_path / 'w.safetensors'}", f"seed={seed}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("lost", ["optimizer", "step"])
def test_a_checkpoint_of_another_training_is_named_with_the_way_out(tmp_path: Path, lost: str):
    state = training._State(5, torch.device("cpu"))
    parts = {name: getattr(state, name).state_dict() for name in ("network", "averaged", "optimizer")} | {"step": 3}
    del parts[lost]
    write_checkpoint(tmp_path / "last.ckpt", parts)
    with pytest.raises(UserError, match=r"last\.ckpt .*; remove it and train again"):
        state.load(tmp_path / "last.ckpt")


def test_a_folder_is_no_file_for_weights(tmp_path: Path):
    with pytest.raises(SystemExit, match="out must be a file, got the folder"):
        run_module("pretrain", f"out={tmp_path}")


def test_the_network_learns_the_maps_of_a_few_patients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    losses = []
    update = training._State.update

    def recorded(self: training._State, *batch: object) -> float:
        losses.append(update(self, *batch))
        return losses[-1]

    monkeypatch.setattr(training._State, "update", recorded)
    Training(tmp_path, seed=5, patients=2, steps=40, device="cpu").run(jobs=1)
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_the_loss_is_lowest_for_the_truth():
    generator = torch.Generator().manual_seed(0)
    inside = torch.ones(1, 2, 8, 8)
    core = (torch.rand(1, 2, 8, 8, generator=generator) > 0.7).float()
    quantities = torch.rand(1, 2, 3, 8, 8, generator=generator) + 0.5
    truth = torch.cat([torch.ones(1, 2, 1, 8, 8), core[:, :, None], quantities], dim=2)
    units = torch.tensor(UNITS)[:, None, None]
    inverse = (quantities / units).expm1().log()
    right = torch.cat([torch.full((1, 2, 1, 8, 8), 20.0), 40 * core[:, :, None] - 20, inverse], dim=2)
    least = pretraining_loss(right, inside, truth, inside).item()
    assert least < 1e-3
    for channel in range(5):
        wrong = right.clone()
        wrong[:, :, channel] = -wrong[:, :, channel] if channel < 2 else wrong[:, :, channel] + 1
        assert pretraining_loss(wrong, inside, truth, inside).item() > least + 0.003
