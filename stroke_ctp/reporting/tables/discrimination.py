"""Tables of discrimination: AUCs with their primary intervals, and paired comparisons of models."""

from collections.abc import Sequence

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.model_text import PRIMARY_NAMES
from stroke_ctp.reporting.number_text import number_text
from stroke_ctp.reporting.results.comparisons import Comparison
from stroke_ctp.reporting.results.scored_patients import ScoredPatients
from stroke_ctp.reporting.results.study_results import ModelResults, StudyResults
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.statistics.interval_estimates import Estimate, PValue

_AUC_CAPTION = """ROC-AUC with 95 % confidence interval. Test folds: mean over folds (after several seeds, of the mean
over seeds in every fold), with the corrected resampled t interval of Nadeau and Bengio, which allows for the training
patients that folds share. External patients: ensemble
mean, with DeLong's interval on the logit scale, for these trained models. Where an AUC is 1 the bound is conservative
(Clopper and Pearson, pairs that share no patient). The p-value tests against chance, two-sided: by the same t
distribution in test folds, by permutation of the classes on external patients. These methods were chosen by simulation;
others are in the appendix."""
_COMPARISON_CAPTION = """Difference of the AUCs of two models on the same patients. Test folds: mean of the differences
within folds, by the corrected resampled t test of Nadeau and Bengio; external patients: DeLong's test with Student's
t distribution. The first interval is for one comparison alone, as p; Holm's p and the simultaneous intervals
(Bonferroni's) are corrected for all comparisons of this table. The conclusion follows from these: a
difference with p (Holm) below 0.05; else equivalent, if the simultaneous interval excludes differences beyond {margin};
not inferior or not superior, if it excludes them on one side; else undecided, which is no evidence of equality.
Holm's test may find a difference where the simultaneous interval still contains 0."""
_DETECTABLE_CAPTION = """What this sample can show: the smallest true difference of the AUC that a two-sided test of
all comparisons together (Bonferroni's level) finds with a power of 80 %, given the standard errors of this study, and
about how many patients would be needed to find a difference of {margin}. A difference that was not found may be
smaller than that, and may exist. Where the detectable difference is 1 or more, no difference can be shown."""


def auc_table(results: StudyResults) -> Table:
    """Primary AUC of every model: mean over test folds and, by its ensemble, on the external cohort."""
    rows = [row for name, model in results.models.items() for row in _auc_rows(display_name(name), model)]
    return Table("auc", "ROC-AUC with intervals", _AUC_CAPTION, rows)


def comparison_table(comparisons: Sequence[Comparison], margin: float) -> Table | None:
    """The paired comparisons of a study; None if there are none."""
    if not comparisons:
        return None
    rows = [{**_names(one), **comparison_cells(one)} for one in comparisons]
    return Table("comparisons", "Paired comparisons of models", comparison_caption(margin), rows)


def comparison_caption(margin: float) -> str:
    """How comparisons are made."""
    return _COMPARISON_CAPTION.format(margin=number_text(margin))


def comparison_cells(one: Comparison) -> Row:
    """Patients, difference, p-values and conclusion of a comparison."""
    return {
        "Patients": PRIMARY_NAMES[one.split],
        "n": one.n,
        "Difference": one.primary.difference,
        "p": one.primary.p,
        "p (Holm)": one.holm,
        "Simultaneous interval": one.simultaneous,
        "Conclusion": str(one.conclusion),
    }


def detectable_table(comparisons: Sequence[Comparison], margin: float) -> Table | None:
    """The smallest differences that the study can show; None if there is no comparison with an error."""
    rows: list[Row] = [
        {
            **_names(one),
            "Patients": PRIMARY_NAMES[one.split],
            "n": one.n,
            "Detectable difference": one.detectable,
            f"Patients needed for {number_text(margin)}": round(one.n * (one.detectable / margin) ** 2),
        }
        for one in comparisons
        if one.detectable is not None
    ]
    caption = _DETECTABLE_CAPTION.format(margin=number_text(margin))
    return Table("detectable", "What the sample can show", caption, rows) if rows else None


def _names(one: Comparison) -> Row:
    return {"Model": display_name(one.model), "Against": display_name(one.against)}


def _auc_rows(name: str, model: ModelResults) -> list[Row]:
    folds, external = model.aucs.test_folds, model.aucs.external
    rows = [_auc_row(name, model.cohorts[0].patients, folds.interval, folds.mean.p(0.5))]
    if external is not None:
        cohort = model.cohorts[1]
        rows.append(_auc_row(name, cohort.patients, external.delong, cohort.against_chance))
    return rows


def _auc_row(name: str, patients: ScoredPatients, auc: Estimate, p: PValue) -> Row:
    return {
        "Model": name,
        "Patients": PRIMARY_NAMES[patients.split],
        "Large / small": f"{patients.n_large} / {patients.n_small}",
        "ROC-AUC": auc,
        "p against chance": p,
    }
