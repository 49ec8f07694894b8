"""Tables of discrimination: pooled AUCs with intervals, and paired comparisons of models."""

from collections.abc import Sequence

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.model_text import COHORT_NAMES
from stroke_ctp.reporting.results.comparisons import Comparison
from stroke_ctp.reporting.results.study_results import StudyResults
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.statistics.resampling import N_BOOTSTRAP, N_PERMUTATIONS

_AUC_CAPTION = f"""AUC of one ROC curve of all patients of a cohort, with 95 % confidence intervals: DeLong's on the
logit scale, and percentiles of {N_BOOTSTRAP} bootstrap samples of patients drawn within the classes. The intervals
cover the choice of patients, not a repeated training of the models. "Pooled" ranks the out-of-fold predictions of all
folds together; each patient is predicted by the one model that was not trained or validated on the patient. Pooling
assumes that the models' probabilities share a scale, so the pooled AUC can be lower than the mean over folds, which
ranks within folds. The p-value tests the AUC (in test folds: the mean over folds) against chance, one-sided, by
{N_PERMUTATIONS} permutations of the classes within folds."""
_COMPARISON_CAPTION = f"""Difference of the AUCs of two models on the same patients: DeLong's paired test, and
percentiles of {N_BOOTSTRAP} bootstrap samples of patients. The p-values are two-sided; "Holm": corrected for all
comparisons of this table."""


def auc_table(results: StudyResults) -> Table:
    """AUC of every model on the pooled test folds and, by its ensemble, on the external cohort."""
    rows = [
        {
            "Model": display_name(name),
            "Patients": COHORT_NAMES[cohort.patients.split],
            "Large / small": f"{cohort.patients.n_large} / {cohort.patients.n_small}",
            "AUC (DeLong)": cohort.auc.delong,
            "AUC (bootstrap)": cohort.bootstrap,
            "p against chance": cohort.against_chance,
        }
        for name, model in results.models.items()
        for cohort in model.cohorts
    ]
    return Table("auc", "ROC-AUC with intervals", _AUC_CAPTION, rows)


def comparison_table(comparisons: Sequence[Comparison]) -> Table | None:
    """The main model against each other one; None if there is no other."""
    if not comparisons:
        return None
    rows = [{"Against": display_name(one.against), **comparison_cells(one)} for one in comparisons]
    title = f"{display_name(comparisons[0].model)} model against the others"
    return Table("comparisons", title, _COMPARISON_CAPTION, rows)


def comparison_cells(one: Comparison) -> Row:
    """Patients, differences and p-values of a comparison."""
    return {
        "Patients": COHORT_NAMES[one.split],
        "n": one.n,
        "Difference (DeLong)": one.delong.difference,
        "p (DeLong)": one.delong.p,
        "p (DeLong, Holm)": one.delong_holm,
        "Difference (bootstrap)": one.bootstrap.difference,
        "p (bootstrap)": one.bootstrap.p,
        "p (bootstrap, Holm)": one.bootstrap_holm,
    }
