"""AUC of every fold, and of every member of the ensemble on external patients."""

from collections.abc import Mapping

import pandas as pd

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.model_text import encoder_text
from stroke_ctp.reporting.results.model_aucs import ModelAucs
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.statistics.auc import AUC
from stroke_ctp.study.predictions import ModelPredictions

_MEMBERS_CAPTION = """ROC-AUC of every member of the ensembles on the external patients, with DeLong's 95 % confidence
interval. The ensemble is the mean of the members' probabilities. A member is called after its fold and, other than 0,
its seed."""


def fold_table(models: Mapping[str, ModelAucs]) -> Table:
    """AUC of every model, split and fold."""
    rows = [
        {
            "Model": display_name(predictions.name),
            "Split": split,
            "Seed": seed,
            "Fold": fold,
            "Large / small": f"{auc.n_large} / {auc.n_small}",
            "ROC-AUC": auc.value if auc.value is not None else _why_not(predictions, seed, fold, auc),
        }
        for predictions, split, seed, fold, auc in _every_fold(models)
    ]
    return Table("folds", "Every fold", "ROC-AUC within each validation and test fold.", rows)


def folds_frame(models: Mapping[str, ModelAucs]) -> pd.DataFrame:
    """The CSV of every fold; `note` says why an AUC is undefined."""
    return pd.DataFrame(
        {
            "model": predictions.name,
            "split": split,
            "seed": seed,
            "fold": fold,
            "auc": auc.value,
            "n_large": auc.n_large,
            "n_small": auc.n_small,
            "note": _why_not(predictions, seed, fold, auc),
            "encoder": encoder_text(predictions),
        }
        for predictions, split, seed, fold, auc in _every_fold(models)
    )


def member_table(models: Mapping[str, ModelAucs]) -> Table | None:
    """AUC of the ensembles' members on the external patients; None if no ensemble was run."""
    rows: list[Row] = [
        {"Model": display_name(name), "Member": member, "ROC-AUC": auc}
        for name, model in models.items()
        for member, auc in model.members
    ]
    return Table("members", "Members of the ensembles", _MEMBERS_CAPTION, rows) if rows else None


def _every_fold(models: Mapping[str, ModelAucs]) -> list[tuple[ModelPredictions, str, int, int, AUC]]:
    return [
        (model.predictions, split, seed, fold, auc)
        for model in models.values()
        for split, folds in (("validation", model.validation_folds), ("test", model.test_folds))
        for seed, aucs in folds.by_seed.items()
        for fold, auc in enumerate(aucs)
    ]


def _why_not(predictions: ModelPredictions, seed: int, fold: int, auc: AUC) -> str:
    if fold in predictions.missing.get(seed, ()):
        return "not run"
    return f"undefined: {auc.reason}" if auc.reason else ""
