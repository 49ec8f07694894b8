"""Tables 1 and 2 beside the article's own values, and the AUC of every fold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import pandas as pd

from stroke_ctp.model.registry import IN_TABLE_2, display_name
from stroke_ctp.reporting import published_results
from stroke_ctp.reporting.model_text import encoder_text
from stroke_ctp.reporting.number_text import mean_sd_parts
from stroke_ctp.reporting.results.model_aucs import FoldAucs, ModelAucs
from stroke_ctp.reporting.tables.table import Table
from stroke_ctp.statistics.auc import AUC
from stroke_ctp.study.predictions import ModelPredictions

OURS, ARTICLE = "This study", "Article"
NOT_COMPARABLE = "The article: other patients with other labels, not comparable with this study."


class Caption(NamedTuple):
    """Number of a table, and what it shows."""

    title: str
    text: str


CAPTION_1 = Caption(
    "Table 1",
    "Mean (SD) ROC-AUC of the full model over validation folds and test folds, and ROC-AUC of the "
    "ensemble mean on the independent test cohort.",
)
CAPTION_2 = Caption("Table 2", "Mean (SD) ROC-AUC over the test folds: full model, reduced models, conventional core.")
_FULL = "full"
"""The model of Table 1."""
_VALIDATION, _TEST, _EXTERNAL = "Validation folds", "Test folds", "Independent test cohort"

Models = Mapping[str, ModelAucs]
"""AUCs of a study's models, by name."""


@dataclass(frozen=True)
class Cell:
    """One value of Table 1 or 2, which is one row of the table's CSV; None for numbers that do not exist."""

    row: str
    column: str
    missing: str = ""
    """Text if there is no AUC: `undefined`, `not run`."""
    note: str = ""
    """Why a number is missing, or from which folds it is computed."""
    mean: float | None = None
    sd: float | None = None
    n_large: int | None = None
    n_small: int | None = None
    encoder: str = ""
    """Name and first digits of the hash of the encoder's weights."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Mean and standard deviation as shown."""
        return (self.missing,) if self.mean is None else mean_sd_parts(self.mean, self.sd)

    @property
    def text(self) -> str:
        """As printed: `0.72 (0.10)`, `undefined`, `not run`."""
        return " ".join(self.parts)


def table1(models: Models) -> list[Cell]:
    """AUC of the full model: validation folds, test folds, and the ensemble on the external cohort."""
    article = [
        _article_cell(_VALIDATION, *published_results.VALIDATION_FOLDS),
        _article_cell(_TEST, *published_results.TEST_FOLDS[_FULL]),
        _article_cell(_EXTERNAL, *published_results.EXTERNAL_COHORT),
    ]
    full = models.get(_FULL)
    if full is None:
        return [_not_run(cell.column) for cell in article] + article
    external = _not_run(_EXTERNAL)
    if full.external is not None:
        auc = full.external.auc
        numbers = (auc.value, None, auc.n_large, auc.n_small)
        external = Cell(OURS, _EXTERNAL, "undefined", auc.reason, *numbers, encoder_text(full.predictions))
    ours = [
        _fold_cell(full.predictions, full.validation_folds, _VALIDATION),
        _fold_cell(full.predictions, full.test_folds, _TEST),
        external,
    ]
    return ours + article


def table2(models: Models) -> list[Cell]:
    """AUC of the test folds: the article's models, the conventional baselines, then other models."""
    names = list(dict.fromkeys([*IN_TABLE_2, *models]))
    ours = [
        _fold_cell(models[name].predictions, models[name].test_folds, display_name(name))
        if name in models
        else _not_run(display_name(name))
        for name in names
    ]
    published = published_results.TEST_FOLDS
    article = [_article_cell(display_name(name), *values) for name, values in published.items()]
    unpublished = [Cell(ARTICLE, display_name(name), "–") for name in names if name not in published]
    return ours + article + unpublished


def cells_frame(cells: Sequence[Cell]) -> pd.DataFrame:
    """The CSV of Table 1 or 2: one row per cell; counts stay integers if some are missing."""
    frame = pd.DataFrame(map(asdict, cells)).rename(columns={"missing": "text"})
    frame["text"] = [cell.text for cell in cells]
    return frame.astype({"n_large": "Int64", "n_small": "Int64"})


def wide_table(name: str, caption: Caption, cells: Sequence[Cell]) -> Table:
    """Cells as a table for readers: this study above the article.

    Args:
        name: Name of the table's file.
        caption: Notes on missing values follow its text.
        cells: Of both rows.
    """
    columns = [cell.column for cell in cells if cell.row == OURS]
    parts = {(cell.row, cell.column): cell.parts for cell in cells}
    names = {OURS: OURS, ARTICLE: f"{ARTICLE}, other patients"}
    rows = [{"ROC-AUC": names[row], **{column: parts[row, column] for column in columns}} for row in (OURS, ARTICLE)]
    notes = [f"{cell.column}: {cell.note}." for cell in cells if cell.note]
    return Table(name, caption.title, " ".join([caption.text, *notes, NOT_COMPARABLE]), rows, apart=1)


def fold_table(models: Models) -> Table:
    """AUC of every model, split and fold."""
    rows = [
        {
            "Model": display_name(predictions.name),
            "Split": split,
            "Fold": fold,
            "Large / small": f"{auc.n_large} / {auc.n_small}",
            "ROC-AUC": auc.value if auc.value is not None else _why_not(predictions, fold, auc),
        }
        for predictions, split, fold, auc in _every_fold(models)
    ]
    return Table("folds", "Every fold", "ROC-AUC within each validation and test fold.", rows)


def folds_frame(models: Models) -> pd.DataFrame:
    """The CSV of every fold; `note` says why an AUC is undefined."""
    return pd.DataFrame(
        {
            "model": predictions.name,
            "split": split,
            "fold": fold,
            "auc": auc.value,
            "n_large": auc.n_large,
            "n_small": auc.n_small,
            "note": _why_not(predictions, fold, auc),
            "encoder": encoder_text(predictions),
        }
        for predictions, split, fold, auc in _every_fold(models)
    )


def _every_fold(models: Models) -> list[tuple[ModelPredictions, str, int, AUC]]:
    return [
        (model.predictions, split, fold, auc)
        for model in models.values()
        for split, folds in (("validation", model.validation_folds), ("test", model.test_folds))
        for fold, auc in enumerate(folds.aucs)
    ]


def _fold_cell(predictions: ModelPredictions, folds: FoldAucs, column: str) -> Cell:
    aucs, summary, missing = folds.aucs, folds.summary, predictions.missing
    note = "no fold has both classes"
    if summary.mean is not None:
        bad = [f"{fold} ({auc.reason})" for fold, auc in enumerate(aucs) if auc.reason and fold not in missing]
        gaps = [f"undefined on fold {', '.join(bad)}"] if bad else []
        gaps += [f"fold {', '.join(map(str, missing))} not run"] if missing else []
        note = "; ".join([f"{summary.n_defined} of {summary.n_folds} folds", *gaps]) if gaps else ""
    counts = sum(auc.n_large for auc in aucs), sum(auc.n_small for auc in aucs)
    return Cell(OURS, column, "undefined", note, summary.mean, summary.sd, *counts, encoder_text(predictions))


def _article_cell(column: str, mean: float, sd: float | None) -> Cell:
    return Cell(ARTICLE, column, mean=mean, sd=sd)


def _not_run(column: str) -> Cell:
    return Cell(OURS, column, "not run")


def _why_not(predictions: ModelPredictions, fold: int, auc: AUC) -> str:
    if fold in predictions.missing:
        return "not run"
    return f"undefined: {auc.reason}" if auc.reason else ""
