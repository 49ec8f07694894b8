"""Tables of what the probabilities are worth: Brier score, calibration, reliability."""

from dataclasses import asdict

from stroke_ctp.reporting.article import model_name
from stroke_ctp.reporting.discrimination import arrays, scored
from stroke_ctp.reporting.tables import Row, Table
from stroke_ctp.statistics.calibration import brier, intercept, reliability_curve, slope
from stroke_ctp.statistics.decision import net_benefit
from stroke_ctp.statistics.estimate import Estimate
from stroke_ctp.study.predictions import Study

_CAPTION = """Brier score (0 is best) = reliability − resolution + uncertainty + within, after Murphy, over groups of
patients with similar probabilities, each standing for its mean; "within" is what the grouping leaves out. Slope
(ideal 1; below 1 probabilities are too extreme) and intercept (calibration in the large, ideal 0) of the logistic
recalibration, with 95 % confidence intervals. Nothing is recalibrated in this report."""
_RELIABILITY_CAPTION = """Groups of patients with similar probabilities: mean probability, and the share of large
cores with Wilson's 95 % confidence interval."""
_DECISION_CAPTION = """Net benefit per patient at every threshold probability, of the main model and of treating
all."""


def calibration_table(study: Study) -> Table:
    """Every model's calibration."""
    rows: list[Row] = []
    for ablation in study.ablations.values():
        for cohort, predictions in scored(ablation):
            labels, scores = arrays(predictions)
            parts = {name.capitalize(): round(value, 6) for name, value in asdict(brier(labels, scores)).items()}
            start = {"Model": model_name(ablation.name), "Patients": cohort, "Brier": parts.pop("Score")}
            rows.append({**start, **parts, "Slope": slope(labels, scores), "Intercept": intercept(labels, scores)})
    return Table("calibration", "Calibration", _CAPTION, rows)


def reliability_table(study: Study) -> Table:
    """Points of the main model's reliability curves."""
    rows: list[Row] = []
    for cohort, predictions in scored(study.main):
        for n, predicted, *observed in reliability_curve(*arrays(predictions)).itertuples(index=False, name=None):
            cells = {"n": n, "Mean probability": predicted, "Share of large cores": Estimate(*observed)}
            rows.append({"Patients": cohort, **cells})
    return Table("reliability", "Reliability curve", _RELIABILITY_CAPTION, rows)


def decision_table(study: Study) -> Table:
    """Points of the main model's decision curves."""
    rows: list[Row] = []
    for cohort, predictions in scored(study.main):
        curve = net_benefit(*arrays(predictions))
        headings = [column.replace("_", " ").capitalize() for column in map(str, curve)]
        rows += [
            {"Patients": cohort, **dict(zip(headings, row, strict=True))}
            for row in curve.itertuples(index=False, name=None)
        ]
    return Table("decision_curve", "Decision curve", _DECISION_CAPTION, rows)
