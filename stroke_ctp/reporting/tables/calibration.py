"""Tables of calibration and net benefit: Brier score, slope and intercept, reliability curve, decision curve."""

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.model_text import COHORT_NAMES
from stroke_ctp.reporting.results.study_results import ModelResults, StudyResults
from stroke_ctp.reporting.tables.table import Table

_CAPTION = """Brier score (0 is best) = reliability − resolution + uncertainty + within, after Murphy, over groups of
patients with similar probabilities, each represented by its mean; "within" is the remainder that grouping leaves.
Scaled: share by which the score is better than that of always predicting the share of large cores. ICI: mean distance
between the probability and the smooth observed share (ideal 0), undefined where patients or different probabilities are
too few to smooth. Slope (ideal 1; below 1 probabilities are too extreme) and intercept (calibration in the large,
ideal 0) of the logistic recalibration, with 95 % confidence intervals, which take the trained models as given. The
probabilities are those of the models, not recalibrated."""
_RELIABILITY_CAPTION = """Groups of patients with similar probabilities: mean probability, and the share of large
cores with Wilson's 95 % confidence interval."""
_DECISION_CAPTION = """Net benefit per patient at every threshold probability, of calling large by the main model and
of calling all large."""

_UNDEFINED = "undefined"


def calibration_table(results: StudyResults) -> Table:
    """Calibration of every model."""
    rows = [
        {
            "Model": display_name(name),
            "Patients": COHORT_NAMES[cohort.patients.split],
            "Brier": round(cohort.brier.score, 6),
            "Scaled": _UNDEFINED if cohort.brier.scaled is None else round(cohort.brier.scaled, 6),
            "Reliability": round(cohort.brier.reliability, 6),
            "Resolution": round(cohort.brier.resolution, 6),
            "Uncertainty": round(cohort.brier.uncertainty, 6),
            "Within": round(cohort.brier.within, 6),
            "ICI": _UNDEFINED if cohort.ici is None else round(cohort.ici, 6),
            "Slope": cohort.slope,
            "Intercept": cohort.intercept,
        }
        for name, model in results.models.items()
        for cohort in model.cohorts
    ]
    return Table("calibration", "Calibration", _CAPTION, rows)


def reliability_table(main: ModelResults) -> Table:
    """Points of the main model's reliability curves."""
    rows = [
        {
            "Patients": COHORT_NAMES[cohort.patients.split],
            "n": group.n,
            "Mean probability": group.predicted,
            "Share of large cores": group.observed,
        }
        for cohort in main.cohorts
        for group in cohort.reliability
    ]
    return Table("reliability", "Reliability curve", _RELIABILITY_CAPTION, rows)


def decision_table(main: ModelResults) -> Table:
    """Points of the main model's decision curves."""
    rows = [
        {
            "Patients": COHORT_NAMES[cohort.patients.split],
            "Threshold": float(threshold),
            "Model": float(model),
            "Call all large": float(call_all),
            "Call none large": float(call_none),
        }
        for cohort in main.cohorts
        for threshold, model, call_all, call_none in zip(
            cohort.decision.threshold,
            cohort.decision.model,
            cohort.decision.call_all,
            cohort.decision.call_none,
            strict=True,
        )
    ]
    return Table("decision_curve", "Decision curve", _DECISION_CAPTION, rows)
