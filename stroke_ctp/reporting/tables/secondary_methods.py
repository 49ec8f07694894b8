"""AUCs and comparisons by other methods than the primary ones, with what each of them takes as given."""

from collections.abc import Sequence

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.model_text import COHORT_NAMES
from stroke_ctp.reporting.results.comparisons import Comparison
from stroke_ctp.reporting.results.scored_patients import Split
from stroke_ctp.reporting.results.study_results import StudyResults
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.statistics.resampling import N_BOOTSTRAP, N_PERMUTATIONS

_AUC_CAPTION = f"""AUC of one ROC curve of all patients of a cohort, by other methods. "Pooled" ranks the predictions
of all folds together (after several seeds, their means), though they come from different models whose probabilities
need not share a scale: it can be lower than the mean over folds. DeLong: 95 % interval on the logit scale. Bootstrap:
percentiles of {N_BOOTSTRAP} samples of patients, drawn within the classes. Permutation: {N_PERMUTATIONS} permutations
of the classes within folds, two-sided. All of them take the trained models as given. On pooled folds, whose models
were trained on one another's test patients, their intervals are therefore too narrow and their tests reject too often
(documentation, page Inference)."""
_COMPARISON_CAPTION = f"""Differences of the AUCs by other methods: DeLong's paired test as published, and percentiles
of {N_BOOTSTRAP} bootstrap samples. p-values are two-sided; neither they nor the intervals are corrected for the number
of comparisons."""
_PERMUTATIONS_CAPTION = """Trainings on permuted classes: the classes are exchanged between all patients, and folds,
training, choice of the epoch and test are repeated (`python -m stroke_ctp.permute`). ROC-AUC: mean over the test folds
with the true classes, of the first seed. Permuted: mean over the permutations, and the range of 95 % of them. p: share
of the permutations, the true classes counted as one, whose mean is at least as far from 0.5. Unlike the other tests of
this page it takes nothing as given, neither models nor folds, and needs no distribution."""
_GIVEN: dict[Split, str] = {
    "test": "the trained models, as if others' test patients had not trained them",
    "external": "the trained models",
}
"""What secondary methods condition on."""


def secondary_auc_table(results: StudyResults) -> Table:
    """AUC of every model on the pooled test folds and the external cohort, by every other method."""
    rows = [
        {
            "Model": display_name(name),
            "Patients": COHORT_NAMES[cohort.patients.split],
            "AUC (DeLong)": cohort.auc.delong,
            "AUC (bootstrap)": cohort.bootstrap,
            "p (permutation)": cohort.against_chance,
            "Given": _GIVEN[cohort.patients.split],
        }
        for name, model in results.models.items()
        for cohort in model.cohorts
    ]
    return Table("auc_secondary", "ROC-AUC by other methods", _AUC_CAPTION, rows)


def permutation_table(results: StudyResults) -> Table | None:
    """Models that were trained again on permuted classes; None if there are none."""
    rows: list[Row] = [
        {
            "Model": display_name(name),
            "Permutations": found.n,
            "ROC-AUC": found.observed,
            "Permuted, mean": found.mean,
            "Permuted, 2.5 %": found.low,
            "Permuted, 97.5 %": found.high,
            "p": found.p,
        }
        for name, model in results.models.items()
        if (found := model.permutations) is not None
    ]
    return Table("permutations", "Trained on permuted classes", _PERMUTATIONS_CAPTION, rows) if rows else None


def secondary_comparison_table(comparisons: Sequence[Comparison]) -> Table | None:
    """The main model against each other one, by every other method; None if there is no other."""
    rows: list[Row] = [
        {
            "Against": display_name(one.against),
            "Patients": COHORT_NAMES[one.split],
            "Difference (DeLong)": one.delong.difference,
            "p (DeLong)": one.delong.p,
            "Difference (bootstrap)": one.bootstrap.difference,
            "p (bootstrap)": one.bootstrap.p,
            "Given": _GIVEN[one.split],
        }
        for one in comparisons
    ]
    return Table("comparisons_secondary", "Comparisons by other methods", _COMPARISON_CAPTION, rows) if rows else None
