"""The summary of a study: question, patients, and main results, in a sentence each.

Functions that end in `_phrase` return a sentence without its full stop, for the summary and for checklists.
"""

from collections import Counter
from collections.abc import Sequence

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.model_text import endpoint_text, threshold_origin
from stroke_ctp.reporting.number_text import estimate_text, fold_summary_text, number_text, p_relation
from stroke_ctp.reporting.page import Tile
from stroke_ctp.reporting.results.comparisons import Comparison
from stroke_ctp.reporting.results.model_aucs import ModelAucs
from stroke_ctp.reporting.results.operating_points import OperatingPoint
from stroke_ctp.reporting.results.study_results import CohortResults, StudyResults
from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.study.findings import Finding
from stroke_ctp.study.predictions import ModelPredictions, Study


def subtitle(study: Study) -> str:
    """Task and models of the report."""
    names = ", ".join(display_name(name) for name in study.models)
    return f"Large or small infarct core from raw CT perfusion. Models: {names}."


def summary(results: StudyResults, findings: Sequence[Finding]) -> list[str]:
    """The main results."""
    main = results.main
    phrases = [
        _question_phrase(main.predictions),
        patients_phrase(main.aucs),
        cross_validation_phrase(main.aucs),
        external_phrase(main.aucs),
        *(
            _comparison_phrase(one)
            for one in results.comparisons
            if one.split == "test" and one.delong_holm.value is not None
        ),
        operating_point_phrase(main.youden),
        _probabilities_phrase(main.cohorts[0]),
        _audit_phrase(findings),
    ]
    return [f"{phrase}." for phrase in phrases if phrase]


def tiles(results: StudyResults) -> list[Tile]:
    """The numbers that a reader looks for first."""
    aucs, folds = results.main.aucs, results.main.aucs.test_folds.summary
    mean = "undefined" if folds.mean is None else number_text(folds.mean)
    spread = "" if folds.sd is None else f"SD {number_text(folds.sd)} between folds"
    rates = results.main.youden.classes[0].rates
    shown = [Tile("ROC-AUC, mean of test folds", mean, spread), _tile("ROC-AUC, test folds pooled", aucs.test.delong)]
    if aucs.external is not None:
        shown.append(_tile("ROC-AUC, external", aucs.external.delong))
    shown.append(_tile("Sensitivity, test folds", rates.sensitivity))
    return [*shown, _tile("Specificity, test folds", rates.specificity)]


def patients_phrase(main: ModelAucs) -> str:
    """Number of patients by class, and number of folds."""
    test, predictions = main.test.patients, main.predictions
    text = f"{len(test)} patients ({test.n_large} large, {test.n_small} small) in {predictions.n_folds} folds"
    if predictions.missing:
        text += f", of which folds {', '.join(map(str, predictions.missing))} are missing"
    if main.external is None:
        return f"{text}; no external cohort was scored"
    external = main.external.patients
    return f"{text}; {len(external)} external patients ({external.n_large} large, {external.n_small} small)"


def cross_validation_phrase(main: ModelAucs) -> str:
    """AUC of the test folds: mean over folds, and pooled."""
    mean, pooled = fold_summary_text(main.test_folds.summary), estimate_text(main.test.delong)
    return f"Test folds: mean (SD) ROC-AUC {mean}; pooled over all patients (95 % CI): {pooled}"


def external_phrase(main: ModelAucs) -> str:
    """AUC of the ensemble; empty if it was not run."""
    if main.external is None:
        return ""
    auc = estimate_text(main.external.delong)
    return f"External cohort, mean of the {main.predictions.n_folds} models: ROC-AUC {auc}"


def operating_point_phrase(youden: OperatingPoint) -> str:
    """Sensitivity and specificity at Youden's point; empty if no patient is classified."""
    cohorts = {"test": "test folds", "external": "external cohort"}
    parts = [
        f"sensitivity {estimate_text(classes.rates.sensitivity)} and specificity "
        f"{estimate_text(classes.rates.specificity)} in the {cohorts[classes.patients.split]}"
        for classes in youden.classes
        if classes.counts.n
    ]
    return f"At Youden's point of the validation patients: {'; '.join(parts)}" if parts else ""


def _tile(label: str, estimate: Estimate) -> Tile:
    value = "undefined" if estimate.value is None else number_text(estimate.value)
    if estimate.low is None or estimate.high is None:
        return Tile(label, value, estimate.reason)
    return Tile(label, value, f"95 % CI {number_text(estimate.low)} to {number_text(estimate.high)}")


def _question_phrase(main: ModelPredictions) -> str:
    return (
        f"Question: does a patient have a large core ({endpoint_text(main)}, {threshold_origin(main)}), "
        f"judged from the CT perfusion series alone? The main model is “{display_name(main.name)}”"
    )


def _comparison_phrase(one: Comparison) -> str:
    names = f"“{display_name(one.model)}” minus “{display_name(one.against)}”"
    difference = estimate_text(one.delong.difference)
    return f"Pooled ROC-AUC, {names}: {difference}, {p_relation(one.delong_holm)} (Holm's correction)"


def _probabilities_phrase(test: CohortResults) -> str:
    return (
        f"Brier score {number_text(test.brier.score)} (always predicting the share of large cores: "
        f"{number_text(test.brier.uncertainty)}); calibration slope {estimate_text(test.slope)}"
    )


def _audit_phrase(findings: Sequence[Finding]) -> str:
    counts = Counter(str(finding.verdict) for finding in findings)
    return f"Leakage audit: {', '.join(f'{n} {verdict}' for verdict, n in counts.items())}; none failed"
