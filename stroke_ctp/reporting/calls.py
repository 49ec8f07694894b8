"""Patients called large or small, at thresholds from validation predictions alone that are then frozen.

A test fold is called at the threshold of its own validation fold, by the same model: no patient has a say in the
threshold that calls the patient. The ensemble is called at the threshold of all validation predictions together.
"""

from dataclasses import asdict

import numpy as np
import pandas as pd

from stroke_ctp.reporting.article import model_name
from stroke_ctp.reporting.discrimination import arrays, scored
from stroke_ctp.reporting.tables import Row, Table
from stroke_ctp.statistics.operating import (
    Confusion,
    Threshold,
    confusion,
    rates,
    sensitive_threshold,
    youden_threshold,
)
from stroke_ctp.study.predictions import Ablation, Study

YOUDEN = "Youden"

_CAPTION = """Every core above the threshold is called large. Thresholds come from validation predictions alone and
are frozen: that of a test fold from its own validation fold (thresholds of the folds in the table below), that of the
ensemble from the validation predictions of all folds. Brackets: Wilson's 95 % confidence intervals; that of F1 by way
of the proportion that it is a function of."""
_THRESHOLDS_CAPTION = """Thresholds as probabilities. Folds: chosen on the fold's validation patients; ensemble: on
those of all folds."""


def called(ablation: Ablation, sensitivity: float | None) -> pd.DataFrame:
    """Test and external rows with `threshold` and `large`, the call; both missing where there is no threshold.

    Args:
        ablation: Whose predictions.
        sensitivity: That the threshold has on the validation patients; None for Youden's.
    """
    parts = []
    for fold, test in ablation.test.groupby("fold"):
        parts.append((test, _threshold(ablation.validation[ablation.validation["fold"] == fold], sensitivity)))
    if ablation.ensemble is not None:
        parts.append((ablation.ensemble, _threshold(ablation.validation, sensitivity)))
    frames = [rows.assign(threshold=np.nan if found.value is None else found.value) for rows, found in parts]
    table = pd.concat(frames, ignore_index=True)
    large = (table["probability"] > table["threshold"]).astype("boolean")
    return table.assign(large=large.mask(table["threshold"].isna()))


def counted(calls: pd.DataFrame, split: str) -> Confusion:
    """Patients of a split who are called, by class and call."""
    part = calls[(calls["split"] == split) & calls["large"].notna()]
    return confusion(part["label"].to_numpy(int), part["large"].to_numpy(bool))


def uncalled(calls: pd.DataFrame) -> str:
    """Who is not called, and why, as a sentence that follows others; empty if everybody is."""
    rows = calls[calls["large"].isna()]
    if rows.empty:
        return ""
    folds = ", ".join(map(str, rows["fold"].unique()))
    return f" Not called, as the validation patients are of one class: {len(rows)} patients (fold {folds})."


def operating_table(study: Study, sensitivity: float) -> Table:
    """What every model's calls are worth at both operating points."""
    rows: list[Row] = []
    for ablation in study.ablations.values():
        for point, given in _points(sensitivity):
            table = called(ablation, given)
            for cohort, everyone in scored(ablation):
                counts = counted(table, everyone["split"].iloc[0])
                start = {"Model": model_name(ablation.name), "Point": point, "Patients": cohort}
                rows.append({**start, "n": counts.n, **_headings(asdict(counts)), **rates(counts)})
    return Table("operating_points", "Operating points", _CAPTION + uncalled(called(study.main, None)), rows)


def threshold_table(study: Study, sensitivity: float) -> Table:
    """The thresholds themselves, fold by fold, for the main model."""
    main = study.main
    rows: list[Row] = []
    for fold in [*range(main.n_folds), None]:
        validation = main.validation if fold is None else main.validation[main.validation["fold"] == fold]
        row: dict[str, object] = {
            "Fold": "ensemble" if fold is None else str(fold),
            "Validation patients": len(validation),
        }
        for point, given in _points(sensitivity):
            found = _threshold(validation, given)
            row[point] = found.value if found.value is not None else f"undefined: {found.reason}"
        rows.append(row)
    title = f"Thresholds of the {model_name(main.name)} model"
    return Table("thresholds", title, _THRESHOLDS_CAPTION, rows)


def _threshold(validation: pd.DataFrame, sensitivity: float | None) -> Threshold:
    labels, scores = arrays(validation)
    return youden_threshold(labels, scores) if sensitivity is None else sensitive_threshold(labels, scores, sensitivity)


def _points(sensitivity: float) -> list[tuple[str, float | None]]:
    return [(YOUDEN, None), (f"Sensitivity ≥ {sensitivity:g}", sensitivity)]


def _headings(counts: dict[str, int]) -> dict[str, int]:
    short = {"true_positive": "TP", "false_positive": "FP", "true_negative": "TN", "false_negative": "FN"}
    return {short[key]: n for key, n in counts.items()}
