"""A cohort of noise, and a bank for it, for tests of what happens around a training."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from stroke_ctp.common.files import write_json
from stroke_ctp.config import command_line as cli
from stroke_ctp.model import training as networks
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.train import train

NOISE = ("folds.n=3", "bank.draws=1", "encoder.weights=none")
"""Settings of every training on it."""


def write_noise_cohort(folder: Path) -> None:
    """Twelve patients."""
    (folder / "series").mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(12):
        np.save(folder / "series" / f"{number:05d}.npy", random.normal(30, 3, (2, 32, 128, 128)).astype(np.float16))
    table = pd.DataFrame(
        {
            "patient": [f"P{n}" for n in range(12)],
            "series": [f"{n:05d}.npy" for n in range(12)],
            "core_ml": np.arange(12.0),
            "mrs": ["1"] * 11 + ["unknown"],
            "scan_cbv_ml": np.arange(12.0) ** 2,
        }
    )
    table.to_csv(folder / "cohort.csv", index=False)
    write_json(folder / "cohort.json", {"hash": "0" * 64})


def train_quickly(*arguments: object) -> None:
    """Train in this process, with features of what takes no time where the bank has none: later trainings find them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "Encoder", _Means)
        patch.setattr(sys, "argv", ["train", *NOISE, *map(str, arguments)])
        cli.run(train, TrainSettings, "train", sweeps=True)


class _Means(Encoder):
    """A frame's features are the means of its parts."""

    def __init__(self, weights: str = "none", trainable_blocks: int = 0) -> None:
        nn.Module.__init__(self)
        self.trunk = nn.Identity()

    def forward(
        self, frames: Float[Tensor, "batch level time height width"]
    ) -> Float[Tensor, "batch level time feature"]:
        parts = F.adaptive_avg_pool2d(frames.float().flatten(0, 1), (16, 32))
        return parts.flatten(-2).unflatten(0, frames.shape[:2])
