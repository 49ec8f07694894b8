"""Training of the perfusion network: seeded, interruptible, the same weights either way.

Everything random in a step comes from `(seed, step)`, and one thread computes, so that a seed gives one set of weights
on one machine. Processors that round differently give others.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from stroke_ctp.common.files import atomic_write
from stroke_ctp.common.random_streams import Purpose, numpy_generator, torch_seed
from stroke_ctp.model.checkpoints import read_checkpoint
from stroke_ctp.model.condensed_series import CondensedSeries
from stroke_ctp.model.feature_cache import encoding_precision
from stroke_ctp.model.perfusion_network import PerfusionNetwork
from stroke_ctp.pretraining.degradation import Degradation
from stroke_ctp.pretraining.loss import pretraining_loss
from stroke_ctp.pretraining.sample_store import SampleStore

BATCH = 8
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

    def run(self, jobs: int) -> PerfusionNetwork:
        """Simulate what is missing, then train from the last checkpoint.

        Args:
            jobs: Processes that simulate.
        """
        samples = SampleStore(self.folder / "patients", self.seed)
        samples.complete(self.patients, jobs)
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        state = _State(self.seed)
        first = state.load(self._checkpoint)
        saved, loss = time.monotonic(), math.nan
        with tqdm(total=self.steps, initial=first, desc="pretrain", unit="step", ncols=79) as progress:
            for step in range(first, self.steps):
                new = state.update(*self._batch(samples, step), self._learning_rate(step))
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

    def _batch(self, samples: SampleStore, step: int) -> tuple[CondensedSeries, Tensor, Tensor]:
        """Degraded series of some patients, their true maps and share of tissue."""
        random = numpy_generator(self.seed, Purpose.PRETRAINING_STEP, step)
        batch = []
        for number in random.integers(0, self.patients, BATCH):
            sample, degradation = samples[int(number)], Degradation.draw(random)
            images = (degradation.frames(sample, random), sample.inside, sample.truth, sample.tissue)
            batch.append([np.flip(image, -1) if degradation.mirrored else image for image in images])
        frames, inside, truth, tissue = (
            torch.from_numpy(np.stack(images).astype(np.float32)) for images in zip(*batch, strict=True)
        )
        return CondensedSeries(frames, inside), truth, tissue


class _State:
    """Network, running mean and optimizer."""

    def __init__(self, seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(seed, Purpose.INITIAL_WEIGHTS))
            self.network = PerfusionNetwork().to(memory_format=torch.channels_last)  # a fifth faster
        self.averaged = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(_AVERAGED))
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), LEARNING_RATE, weight_decay=1e-3, betas=(0.9, 0.99)
        )
        self.precision = encoding_precision(torch.device("cpu"), survives_bfloat16=True)

    @property
    def averaged_network(self) -> PerfusionNetwork:
        network = self.averaged.module
        assert isinstance(network, PerfusionNetwork)
        return network

    def update(
        self,
        series: CondensedSeries,
        truth: Float[Tensor, "batch level 5 height width"],
        tissue: Float[Tensor, "batch level height width"],
        learning_rate: float,
    ) -> float:
        """One step; the loss before it."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == torch.bfloat16):
            output = self.network(series)
        loss = pretraining_loss(output.float(), series.inside, truth, tissue)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.averaged.update_parameters(self.network)
        return float(loss.detach())

    def save(self, path: Path, step: int) -> None:
        parts = {name: getattr(self, name).state_dict() for name in ("network", "averaged", "optimizer")}
        with atomic_write(path) as partial:
            torch.save({**parts, "step": step}, partial)

    def load(self, path: Path) -> int:
        """Continue from a checkpoint, if there is one; the next step."""
        if not path.exists():
            return 0
        content = read_checkpoint(path)
        for name in ("network", "averaged", "optimizer"):
            getattr(self, name).load_state_dict(content[name])
        return int(content["step"])
