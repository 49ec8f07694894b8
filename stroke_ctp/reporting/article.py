"""Tables 1 and 2 of the article beside the article's own values, and the AUC of every fold."""

from dataclasses import asdict, dataclass

import pandas as pd

from stroke_ctp.reporting.tables import Table
from stroke_ctp.statistics.auc import AUC, fold_aucs, roc_auc, summarize
from stroke_ctp.statistics.estimate import number_text
from stroke_ctp.study.predictions import ARTICLE_ABLATIONS, Ablation, Study

_ALWAYS = {
    "full": "Full",
    "global": "Global alone",
    "local": "Local alone",
    "cbv": "CBV core",
    "rcbf": "rCBF core",
}
"""Headings of Table 2 that are there even if not run."""
_MODELS = _ALWAYS | {
    "cbv_scan": "CBV core, whole scan",
    "rcbf_scan": "rCBF core, whole scan",
}
"""How models are called; others go by their own name."""

OURS, ARTICLE = "This study", "Article"

_VALIDATION, _TEST, _EXTERNAL = "Validation folds", "Test folds", "Independent test cohort"
_ARTICLE_TABLE_1 = {_VALIDATION: (0.75, 0.11), _TEST: (0.72, 0.10), _EXTERNAL: (0.61, None)}
_ARTICLE_TABLE_2 = {"full": (0.72, 0.10), "global": (0.63, 0.14), "local": (0.65, 0.13)}


def model_name(ablation: str) -> str:
    """What a reader calls an ablation."""
    return _MODELS.get(ablation, ablation)


@dataclass(frozen=True)
class Cell:
    """One value of Table 1 or 2, which is a row of its CSV; None where there is no number."""

    row: str
    column: str
    text: str
    """As printed: `0.72 (0.10)`, `undefined`, `not run`."""
    note: str = ""
    """Why a number is missing, or on how many folds it rests."""
    mean: float | None = None
    sd: float | None = None
    n_large: int | None = None
    n_small: int | None = None
    encoder: str = ""
    """Name and first digits of the hash of the encoder's weights."""


def table1(study: Study) -> list[Cell]:
    """AUC of the full model: validation folds, test folds, and the ensemble on the external cohort."""
    article = [_article_cell(column, *value) for column, value in _ARTICLE_TABLE_1.items()]
    full = study.ablations.get("full")
    if full is None:
        return [_not_run(column) for column in _ARTICLE_TABLE_1] + article
    external = _not_run(_EXTERNAL)
    if full.external is not None:
        auc = roc_auc(full.external[full.external["fold"] == "mean"])
        text = "undefined" if auc.value is None else number_text(auc.value)
        external = Cell(
            OURS, _EXTERNAL, text, auc.reason, auc.value, None, auc.n_large, auc.n_small, encoder_text(full)
        )
    ours = [_fold_cell(full, "validation", _VALIDATION), _fold_cell(full, "test", _TEST), external]
    return ours + article


def table2(study: Study) -> list[Cell]:
    """AUC of the test folds: the article's ablations, the CBV baseline, then other ablations."""
    names = list(dict.fromkeys([*_ALWAYS, *study.ablations]))
    ours = [
        _fold_cell(study.ablations[name], "test", model_name(name))
        if name in study.ablations
        else _not_run(model_name(name))
        for name in names
    ]
    published = [_article_cell(model_name(name), *_ARTICLE_TABLE_2[name]) for name in ARTICLE_ABLATIONS]
    unpublished = [Cell(ARTICLE, model_name(name), "–") for name in names if name not in ARTICLE_ABLATIONS]
    return ours + published + unpublished


def cells_frame(cells: list[Cell]) -> pd.DataFrame:
    """Cells as the rows of a CSV; counts stay integers where some are missing."""
    return pd.DataFrame(map(asdict, cells)).astype({"n_large": "Int64", "n_small": "Int64"})


def wide_table(name: str, caption: str, cells: list[Cell]) -> Table:
    """Cells as a table for readers: this study above the article.

    Notes on what is missing follow the caption, which begins with the table's number.
    """
    columns = [cell.column for cell in cells if cell.row == OURS]
    rows = [
        {"ROC-AUC": row, **{column: _find(cells, row, column).text for column in columns}} for row in (OURS, ARTICLE)
    ]
    notes = [f"{cell.column}: {cell.note}." for cell in cells if cell.note]
    title, _, rest = caption.partition(". ")
    return Table(name, title, " ".join([rest, *notes]), rows)


def fold_table(study: Study) -> Table:
    """AUC of every ablation, split and fold."""
    rows = [
        {
            "Model": model_name(ablation.name),
            "Split": split,
            "Fold": fold,
            "Large / small": f"{auc.n_large} / {auc.n_small}",
            "ROC-AUC": auc.value if auc.value is not None else _why_not(ablation, fold, auc),
        }
        for ablation in study.ablations.values()
        for split in ("validation", "test")
        for fold, auc in enumerate(fold_aucs(ablation.folds, split, ablation.n_folds))
    ]
    return Table("folds", "Every fold", "ROC-AUC within each validation and test fold.", rows)


def folds_frame(study: Study) -> pd.DataFrame:
    """AUC and patients per class of every ablation, split and fold; `note` says why one is undefined."""
    rows = []
    for ablation in study.ablations.values():
        for split in ("validation", "test"):
            for fold, auc in enumerate(fold_aucs(ablation.folds, split, ablation.n_folds)):
                rows.append(
                    {
                        "ablation": ablation.name,
                        "split": split,
                        "fold": fold,
                        "auc": auc.value,
                        "n_large": auc.n_large,
                        "n_small": auc.n_small,
                        "note": _why_not(ablation, fold, auc),
                        "encoder": encoder_text(ablation),
                    }
                )
    return pd.DataFrame(rows)


def encoder_text(ablation: Ablation) -> str:
    """Name and first digits of the hash of the encoder's weights: `oxford 804ca2835ecf`."""
    name, sha256 = ablation.encoder
    return f"{name} {sha256[:12]}".strip()


def endpoint_text(ablation: Ablation) -> str:
    """What makes a core large: `core volume > 32.4 mL`."""
    endpoint = ablation.settings["endpoint"]
    name, unit = ("core volume", " mL") if endpoint["column"] == "core_ml" else (endpoint["column"], "")
    return f"{name} > {endpoint['threshold']:.4g}{unit}"


def _find(cells: list[Cell], row: str, column: str) -> Cell:
    return next(cell for cell in cells if (cell.row, cell.column) == (row, column))


def _fold_cell(ablation: Ablation, split: str, column: str) -> Cell:
    aucs = fold_aucs(ablation.folds, split, ablation.n_folds)
    summary = summarize(aucs)
    text, note = "undefined", "no fold has both classes"
    if summary.mean is not None:
        text = number_text(summary.mean) + ("" if summary.sd is None else f" ({number_text(summary.sd)})")
        without = {fold: auc.reason for fold, auc in enumerate(aucs) if auc.reason and fold not in ablation.missing}
        bad = ", ".join(f"{fold} ({reason})" for fold, reason in without.items())
        lost = ", ".join(map(str, ablation.missing))
        gaps = [f"undefined on fold {bad}" if bad else "", f"fold {lost} not run" if lost else ""]
        of = f"{summary.n_defined} of {summary.n_folds} folds"
        note = "; ".join([of, *filter(None, gaps)]) if any(gaps) else ""
    n_large, n_small = sum(auc.n_large for auc in aucs), sum(auc.n_small for auc in aucs)
    return Cell(OURS, column, text, note, summary.mean, summary.sd, n_large, n_small, encoder_text(ablation))


def _article_cell(column: str, mean: float, sd: float | None) -> Cell:
    text = number_text(mean) if sd is None else f"{number_text(mean)} ({number_text(sd)})"
    return Cell(ARTICLE, column, text, mean=mean, sd=sd)


def _not_run(column: str) -> Cell:
    return Cell(OURS, column, "not run")


def _why_not(ablation: Ablation, fold: int, auc: AUC) -> str:
    if fold in ablation.missing:
        return "not run"
    return f"undefined: {auc.reason}" if auc.reason else ""
