"""Training of the perfusion network: seeded, interruptible, the same weights either way.

Everything random in a step comes from `(seed, step)`, and one thread computes, so that a seed gives one set of weights
on one machine. Processors and GPUs that round differently give others.
"""

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from stroke_ctp.common.random_streams import Purpose, torch_seed
from stroke_ctp.model.checkpoints import no_fit, read_checkpoint, write_checkpoint
from stroke_ctp.model.condensed_series import CondensedSeries
from stroke_ctp.model.feature_cache import encoding_precision
from stroke_ctp.model.perfusion_network import PerfusionNetwork
from stroke_ctp.pretraining.batches import Batch, Batches
from stroke_ctp.pretraining.loss import pretraining_loss
from stroke_ctp.pretraining.sample_store import SampleStore

LEARNING_RATE = 3e-3
"""Highest; a cosine from there to its fiftieth, after a linear rise."""
_WARM_UP = 100
_LAST_RATE = 0.02
_AVERAGED = 0.995
"""Decay of the running mean of the weights, which is what is kept (Izmailov et al. 2018)."""
_CHECKPOINT_S = 30.0
"""Time between checkpoints [s]."""


@dataclass(frozen=True)
class Training:
    """A training: its folder, and what determines the weights."""

    folder: Path
    """Holds samples and checkpoint."""
    seed: int
    patients: int
    """Number of simulated patients."""
    steps: int
    """Number of batches."""
    device: str
    """Where the network is trained: cpu or cuda."""

    @property
    def settings(self) -> dict[str, Any]:
        """What determines the weights."""
        return {key: value for key, value in asdict(self).items() if key != "folder"}

    def run(self, jobs: int) -> PerfusionNetwork:
        """Simulate what is missing, then train from the last checkpoint.

        Args:
            jobs: Processes that simulate, and then make batches while one trains.
        """
        samples = SampleStore(self.folder / "patients", self.seed)
        samples.complete(self.patients, jobs)
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        state = _State(self.seed, torch.device(self.device))
        first = state.load(self._checkpoint)
        saved, loss = time.monotonic(), math.nan
        batches = Batches(samples, self.patients).load(range(first, self.steps), jobs)
        with tqdm(total=self.steps, initial=first, desc="pretrain", unit="step", ncols=79) as progress:
            for step, batch in enumerate(batches, first):
                new = state.update(batch, self._learning_rate(step))
                loss = new if math.isnan(loss) else 0.99 * loss + 0.01 * new
                progress.update()
                progress.set_postfix(loss=f"{loss:.3f}", refresh=False)
                if time.monotonic() > saved + _CHECKPOINT_S or step + 1 == self.steps:
                    state.save(self._checkpoint, step + 1)
                    saved = time.monotonic()
        return state.averaged_network

    @property
    def _checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def _learning_rate(self, step: int) -> float:
        cosine = (1 + math.cos(math.pi * step / self.steps)) / 2
        return LEARNING_RATE * min(1.0, (step + 1) / _WARM_UP) * (_LAST_RATE + (1 - _LAST_RATE) * cosine)


class _State:
    """Network, running mean and optimizer."""

    def __init__(self, seed: int, device: torch.device) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(seed, Purpose.INITIAL_WEIGHTS))
            self.network = PerfusionNetwork().to(device).to(memory_format=torch.channels_last)  # a fifth faster
        self.averaged = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(_AVERAGED))
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), LEARNING_RATE, weight_decay=1e-3, betas=(0.9, 0.99)
        )
        self.device = device
        self.precision = encoding_precision(device, survives_bfloat16=True)

    @property
    def averaged_network(self) -> PerfusionNetwork:
        network = self.averaged.module
        assert isinstance(network, PerfusionNetwork)
        return network

    def update(self, batch: Batch, learning_rate: float) -> float:
        """One step; the loss before it."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        frames, inside, truth, tissue = (images.to(self.device) for images in batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            output = self.network(CondensedSeries(frames, inside))
        loss = pretraining_loss(output.float(), inside, truth, tissue)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.averaged.update_parameters(self.network)
        return float(loss.detach())

    def save(self, path: Path, step: int) -> None:
        parts = {name: getattr(self, name).state_dict() for name in ("network", "averaged", "optimizer")}
        write_checkpoint(path, {**parts, "step": step})

    def load(self, path: Path) -> int:
        """Continue from a checkpoint, if there is one; the next step."""
        if not path.exists():
            return 0
        content = read_checkpoint(path, "remove it and train again")
        try:
            for name in ("network", "averaged", "optimizer"):
                getattr(self, name).load_state_dict(content[name])
            return int(content["step"])
        except (KeyError, ValueError, RuntimeError, AttributeError, TypeError) as error:  # of another training
            raise no_fit(path, error, "remove it and train again") from None
