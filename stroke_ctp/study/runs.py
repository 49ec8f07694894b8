"""How the folds were trained: epochs, losses, software and device."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stroke_ctp.common.files import read_json


@dataclass(frozen=True)
class Run:
    """One fold of one model."""

    ablation: str
    fold: int
    best_epoch: int | None
    """Epoch whose weights are used, counted from 0; None for a conventional baseline."""
    epochs: int | None
    curve: pd.DataFrame | None
    """Columns epoch, train_loss, val_loss; None if no CSV log was kept."""
    record: dict[str, Any]
    """Content of `run.json`: versions, revision, device, seconds; any of them may be missing."""
    not_measurable: int = 0
    """Number of patients whose conventional core could not be measured."""


def read_runs(study: Path, ablation: str) -> list[Run]:
    """The complete folds of a model, in ascending order."""
    folders = {int(path.name[5:]): path for path in (study / ablation).glob("fold-*") if path.name[5:].isdigit()}
    return [_read_run(ablation, fold, folders[fold]) for fold in sorted(folders) if _is_scored(folders[fold])]


def _is_scored(folder: Path) -> bool:
    return (folder / "metrics.json").exists()


def _read_run(ablation: str, fold: int, folder: Path) -> Run:
    metrics = read_json(folder / "metrics.json")
    training = metrics.get("training", {})
    record = folder / "run.json"
    return Run(
        ablation,
        fold,
        training.get("best_epoch"),
        training.get("epochs"),
        _curve(folder),
        read_json(record) if record.exists() else {},
        metrics.get("not_measurable", 0),
    )


def _curve(folder: Path) -> pd.DataFrame | None:
    """Losses per epoch; a training that was resumed has several logs, the latest of which counts."""
    logs = sorted(folder.glob("logs/version_*/metrics.csv"), key=lambda path: int(path.parent.name.split("_")[1]))
    tables = [pd.read_csv(log) for log in logs if log.stat().st_size]
    tables = [table for table in tables if {"epoch", "train_loss", "val_loss"} <= set(table)]
    if not tables:
        return None
    return pd.concat(tables).groupby("epoch")[["train_loss", "val_loss"]].last().reset_index()
