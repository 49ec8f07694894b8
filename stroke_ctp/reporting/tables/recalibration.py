"""Tables of the recalibration, and of the share of wrong answers by how many patients are declined."""

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.model_text import COHORT_NAMES
from stroke_ctp.reporting.results.recalibration import CalibrationMeasures
from stroke_ctp.reporting.results.study_results import ModelResults, StudyResults
from stroke_ctp.reporting.tables.table import Row, Table

_CAPTION = """Calibration before and after Platt's recalibration of the probability's logit. The recalibration of a test
fold is fitted on the test folds of the others; that of external patients on all test folds, and applied to every member
before their mean is taken. `predict` uses the latter. Slope (ideal 1), intercept (ideal 0), ICI (ideal 0) and Brier
score as in the table above, which shows the probabilities as they are."""
_COVERAGE_CAPTION = """Share of wrong classes among the patients who are answered, if those whose calibrated probability
is nearest to 1/2 are declined; a class is wrong if the calibrated probability lies on the wrong side of 1/2. With
Wilson's 95 % confidence intervals. Area: mean over all coverages; without any use of declining it is the share at a
coverage of 1."""


def recalibration_table(results: StudyResults) -> Table | None:
    """Calibration of every model before and after; None if no model could be recalibrated."""
    rows = [
        {
            "Model": display_name(name),
            "Patients": COHORT_NAMES[cohort.patients.split],
            **_cells("before", cohort.before),
            **_cells("after", cohort.after),
        }
        for name, model in results.models.items()
        for cohort in model.recalibrated
    ]
    return Table("recalibration", "Recalibration", _CAPTION, rows) if rows else None


def coverage_table(main: ModelResults) -> Table | None:
    """Risk and coverage of the main model; None if it could not be recalibrated."""
    rows: list[Row] = [
        {
            "Patients": COHORT_NAMES[cohort.patients.split],
            "Coverage": point.coverage,
            "n": point.n,
            "Wrong": point.wrong,
            "Area": round(cohort.area, 6),
        }
        for cohort in main.recalibrated
        for point in cohort.coverage
    ]
    return Table("risk_coverage", "Risk and coverage", _COVERAGE_CAPTION, rows) if rows else None


def _cells(when: str, measures: CalibrationMeasures) -> Row:
    return {
        f"Slope {when}": measures.slope,
        f"Intercept {when}": measures.intercept,
        f"ICI {when}": "undefined" if measures.ici is None else round(measures.ici, 6),
        f"Brier {when}": round(measures.brier, 6),
    }
