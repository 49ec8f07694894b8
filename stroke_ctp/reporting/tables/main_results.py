"""Tables 1 and 2 beside the article's own values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import pandas as pd

from stroke_ctp.model.registry import IN_TABLE_2, display_name
from stroke_ctp.reporting import published_results
from stroke_ctp.reporting.model_text import encoder_text
from stroke_ctp.reporting.number_text import mean_sd_parts, number_text
from stroke_ctp.reporting.results.model_aucs import FoldAucs, ModelAucs
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.study.predictions import ModelPredictions

OURS, ARTICLE = "This study", "Article"
NOT_COMPARABLE = "The article: other patients with other labels, not comparable with this study."
INTERVAL = "  95 % CI"


class Caption(NamedTuple):
    """Number of a table, and what it shows."""

    title: str
    text: str


CAPTION_1 = Caption(
    "Table 1",
    "Mean (SD) ROC-AUC of the full model over validation folds and test folds, and ROC-AUC of the "
    "ensemble mean on the independent test cohort. 95 % CI: of the mean over test folds, by the corrected resampled t "
    "interval; of the ensemble, by DeLong.",
)
CAPTION_2 = Caption(
    "Table 2",
    "Mean (SD) ROC-AUC over the test folds: full model, reduced models, conventional core. 95 % CI: of the mean, by "
    "the corrected resampled t interval.",
)
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
    low: float | None = None
    """Lower end of the 95 % confidence interval; None if the value has none."""
    high: float | None = None
    n_large: int | None = None
    n_small: int | None = None
    encoder: str = ""
    """Name and first digits of the hash of the encoder's weights."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Mean and standard deviation as shown."""
        return (self.missing,) if self.mean is None else mean_sd_parts(self.mean, self.sd)

    @property
    def interval(self) -> tuple[str, ...]:
        """Both ends of the 95 % confidence interval as shown: `0.65`, `to 0.79`."""
        if self.low is None or self.high is None:
            return ("–",)
        return number_text(self.low), f"to {number_text(self.high)}"

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
        auc, interval = full.external.auc, full.external.delong
        numbers = (auc.value, None, interval.low, interval.high, auc.n_large, auc.n_small)
        external = Cell(OURS, _EXTERNAL, "undefined", auc.reason, *numbers, encoder_text(full.predictions))
    ours = [
        replace(_fold_cell(full.predictions, full.validation_folds, _VALIDATION), low=None, high=None),
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
    rows: list[Row] = [
        {"ROC-AUC": name, **texts}
        for name, texts in (
            (OURS, {cell.column: cell.parts for cell in cells if cell.row == OURS}),
            (INTERVAL, {cell.column: cell.interval for cell in cells if cell.row == OURS}),
            (f"{ARTICLE}, other patients", {cell.column: cell.parts for cell in cells if cell.row == ARTICLE}),
        )
    ]
    notes = [f"{cell.column}: {cell.note}." for cell in cells if cell.note]
    return Table(name, caption.title, " ".join([caption.text, *notes, NOT_COMPARABLE]), rows, apart=1)


def _fold_cell(predictions: ModelPredictions, folds: FoldAucs, column: str) -> Cell:
    aucs, summary, missing = folds.aucs, folds.summary, predictions.empty_folds
    note = "no fold has both classes"
    if summary.mean is not None:
        seeds = [] if len(folds.by_seed) == 1 else [f"mean of {len(folds.by_seed)} seeds in every fold"]
        bad = [f"{fold} ({auc.reason})" for fold, auc in enumerate(aucs) if auc.reason and fold not in missing]
        gaps = [f"undefined on fold {', '.join(bad)}"] if bad else []
        gaps += [f"fold {', '.join(map(str, missing))} not run"] if missing else []
        note = "; ".join([*seeds, *([f"{summary.n_defined} of {summary.n_folds} folds", *gaps] if gaps else [])])
    counts = sum(auc.n_large for auc in aucs), sum(auc.n_small for auc in aucs)
    numbers = (summary.mean, summary.sd, folds.interval.low, folds.interval.high)
    return Cell(OURS, column, "undefined", note, *numbers, *counts, encoder_text(predictions))


def _article_cell(column: str, mean: float, sd: float | None) -> Cell:
    return Cell(ARTICLE, column, mean=mean, sd=sd)


def _not_run(column: str) -> Cell:
    return Cell(OURS, column, "not run")
