"""How well the models tell the classes apart: pooled AUCs with intervals, paired comparisons, tests against chance."""

from collections.abc import Iterator

import pandas as pd
from statsmodels.stats.multitest import multipletests

from stroke_ctp.reporting.article import model_name
from stroke_ctp.reporting.tables import P, Row, Table
from stroke_ctp.statistics.delong import Comparison, Labels, Scores, auc_estimate, compare, one_class
from stroke_ctp.statistics.estimate import Estimate
from stroke_ctp.statistics.resampling import (
    N_BOOTSTRAP,
    N_PERMUTATIONS,
    bootstrap_auc,
    bootstrap_difference,
    permutation_p,
)
from stroke_ctp.study.predictions import Ablation, Study

POOLED, EXTERNAL = "Test folds, pooled", "External, ensemble"

_AUC_CAPTION = f"""Area under one ROC curve of all patients of a cohort, with 95 % confidence intervals: DeLong's on
the logit scale, and percentiles of {N_BOOTSTRAP} bootstrap samples of patients drawn within the classes. Intervals are
about other patients for the same trained models, not about training anew. "Pooled" ranks the out-of-fold predictions of
all models together, each patient predicted by the one model that has not seen the patient: the models' probabilities
are taken to share a scale, so that it can be lower than the mean over folds, which ranks within folds. The p-value is
of the AUC against chance (of the mean over folds, in test folds), one-sided, by {N_PERMUTATIONS} permutations of the
classes, within folds."""
_COMPARISON_CAPTION = f"""Difference of the AUCs of two models on the same patients: DeLong's paired test, and
percentiles of {N_BOOTSTRAP} bootstrap samples of patients; p-values are two-sided, and corrected after Holm for all
comparisons of this table."""
_HOLM = {"p (DeLong)": "p (DeLong, Holm)", "p (bootstrap)": "p (bootstrap, Holm)"}
"""Headings of p-values, and of the same corrected."""


def auc_table(study: Study) -> Table:
    """AUC of every model on the pooled test folds and, by its ensemble, on the external cohort."""
    rows: list[Row] = []
    for ablation in study.ablations.values():
        for cohort, predictions in scored(ablation):
            labels, scores = arrays(predictions)
            rows.append(
                {
                    "Model": model_name(ablation.name),
                    "Patients": cohort,
                    "Large / small": f"{labels.sum()} / {(1 - labels).sum()}",
                    "AUC (DeLong)": auc_estimate(labels, scores),
                    "AUC (bootstrap)": bootstrap_auc(labels, scores),
                    "p against chance": _against_chance(predictions),
                }
            )
    return Table("auc", "ROC-AUC with intervals", _AUC_CAPTION, rows)


def comparison_table(study: Study) -> Table | None:
    """The main model against each other one; None if there is no other."""
    main, *others = study.ablations.values()
    rows = [
        {"Against": model_name(other.name), "Patients": cohort, **difference(predictions, dict(scored(other))[cohort])}
        for other in others
        for cohort, predictions in scored(main)
        if cohort in dict(scored(other))
    ]
    if not rows:
        return None
    title = f"{model_name(main.name)} model against the others"
    return Table("comparisons", title, _COMPARISON_CAPTION, with_holm(rows))


def with_holm(rows: list[dict[str, object]]) -> list[Row]:
    """Rows with both methods' p-values corrected over all rows (S. Holm, Scand. J. Stat. 1979, 6, 65).

    Those of either method are a family of their own: they are two answers to the same questions.
    """
    families = {heading: _corrected([row[heading] for row in rows]) for heading in _HOLM}
    corrected: list[Row] = []
    for number, row in enumerate(rows):
        cells: dict[str, object] = {}
        for heading, cell in row.items():
            cells[heading] = cell
            if heading in _HOLM:
                cells[_HOLM[heading]] = families[heading][number]
        corrected.append(cells)
    return corrected


def _corrected(family: list[object]) -> list[object]:
    """Undefined p-values stay what they are and do not count."""
    defined = [p.value for p in family if isinstance(p, P) and p.value is not None]
    corrected = iter(multipletests(defined, method="holm")[1] if defined else [])
    return [P(float(next(corrected))) if isinstance(p, P) and p.value is not None else p for p in family]


def scored(ablation: Ablation) -> Iterator[tuple[str, pd.DataFrame]]:
    """Predictions that a model is judged by, with the name of the patients they are of."""
    yield POOLED, ablation.test
    if ablation.ensemble is not None:
        yield EXTERNAL, ablation.ensemble


def arrays(predictions: pd.DataFrame) -> tuple[Labels, Scores]:
    """Classes and probabilities."""
    return predictions["label"].to_numpy(int), predictions["probability"].to_numpy(float)


def difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> dict[str, object]:
    """AUC of one model less another's by both paired methods; a reason where they have not the same patients."""
    paired = ours.merge(theirs, on=["patient", "label"], suffixes=("", "_other"), validate="one_to_one")
    labels, scores = arrays(paired)
    others = paired["probability_other"].to_numpy(float)
    delong, (bootstrap, p) = compare(labels, scores, others), bootstrap_difference(labels, scores, others)
    if not len(paired) == len(ours) == len(theirs):
        unpaired = Estimate(reason="not the same patients or classes")
        delong, bootstrap, p = Comparison(unpaired, None), unpaired, None
    return {
        "n": len(paired),
        "Difference (DeLong)": delong.difference,
        "p (DeLong)": P(delong.p, delong.difference.reason),
        "Difference (bootstrap)": bootstrap,
        "p (bootstrap)": P(p, bootstrap.reason),
    }


def _against_chance(predictions: pd.DataFrame) -> P:
    p = permutation_p([arrays(fold) for _, fold in predictions.groupby("fold")])
    reason = one_class(predictions["label"].to_numpy(int)) or "no fold has both classes"
    return P(p, "" if p is not None else reason)
