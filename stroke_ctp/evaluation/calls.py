"""Patients called large or small, at thresholds from validation predictions alone that are then frozen.

A test fold is called at the threshold of its own validation fold, by the same model: no patient has a say in the
threshold that calls the patient. The ensemble is called at the threshold of all validation predictions together.
"""

from dataclasses import asdict

import numpy as np
import pandas as pd

from stroke_ctp.evaluation.article import model_name
from stroke_ctp.evaluation.discrimination import EXTERNAL, POOLED, arrays
from stroke_ctp.evaluation.operating import Threshold, confusion, rates, sensitive_threshold, youden_threshold
from stroke_ctp.evaluation.predictions import Ablation, Study
from stroke_ctp.evaluation.tables import Row, Table

YOUDEN = "Youden"

_CAPTION = """Every core above the threshold is called large. Thresholds come from validation predictions alone and
are frozen: that of a test fold from its own validation fold (thresholds of the folds in the table below), that of the
ensemble from the validation predictions of all folds. Brackets: Wilson's 95 % confidence intervals; that of F1 by way
of the proportion that it is a function of."""
_THRESHOLDS_CAPTION = """Thresholds as probabilities. Folds: chosen on the fold's validation patients; ensemble: on
those of all folds."""


def called(ablation: Ablation, sensitivity: float | None) -> pd.DataFrame:
    """Test and external rows with `threshold` and `large`, the call; without rows that no threshold applies to.

    Args:
        ablation: Whose predictions.
        sensitivity: That the threshold has on the validation patients; None for Youden's.
    """
    parts = []
    for fold, test in ablation.test.groupby("fold"):
        parts.append((test, _threshold(ablation.validation[ablation.validation["fold"] == fold], sensitivity)))
    if ablation.ensemble is not None:
        parts.append((ablation.ensemble, _threshold(ablation.validation, sensitivity)))
    frames = [rows.assign(threshold=found.value) for rows, found in parts if found.value is not None]
    if not frames:
        return ablation.test.iloc[:0].assign(threshold=np.nan, large=False)
    table = pd.concat(frames, ignore_index=True)
    return table.assign(large=table["probability"] > table["threshold"])


def operating_table(study: Study, sensitivity: float) -> Table:
    """What every model's calls are worth at both operating points."""
    rows: list[Row] = []
    for ablation in study.ablations.values():
        for point, given in _points(sensitivity):
            table = called(ablation, given)
            cohorts = [(POOLED, ablation.test)]
            cohorts += [(EXTERNAL, ablation.ensemble)] if ablation.ensemble is not None else []
            for cohort, everyone in cohorts:
                part = table[table["split"] == everyone["split"].iloc[0]]
                counts = confusion(part["label"].to_numpy(int), part["large"].to_numpy(bool))
                start = {"Model": model_name(ablation.name), "Point": point, "Patients": cohort}
                counted = {"n": len(part), **_headings(asdict(counts))}
                rows.append({**start, **counted, **rates(counts)})
    return Table("operating_points", "Operating points", _CAPTION, rows)


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
    return [(YOUDEN, None), (f"Sensitivity {sensitivity:.2f}", sensitivity)]


def _headings(counts: dict[str, int]) -> dict[str, int]:
    short = {"true_positive": "TP", "false_positive": "FP", "true_negative": "TN", "false_negative": "FN"}
    return {short[key]: n for key, n in counts.items()}
