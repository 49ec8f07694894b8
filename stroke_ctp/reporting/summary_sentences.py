"""The summary of a study: question, patients, and main results, in a sentence each.

Functions that end in `_phrase` return a sentence without its full stop, for the summary and for checklists.
"""

from collections import Counter
from collections.abc import Sequence

from stroke_ctp.common.text import counted, listed
from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.model_text import endpoint_text, threshold_origin
from stroke_ctp.reporting.number_text import estimate_text, number_text, p_relation
from stroke_ctp.reporting.page import Tile
from stroke_ctp.reporting.results.comparisons import Comparison, Conclusion
from stroke_ctp.reporting.results.model_aucs import FoldAucs, ModelAucs
from stroke_ctp.reporting.results.operating_points import OperatingPoint
from stroke_ctp.reporting.results.permutations import Permutations
from stroke_ctp.reporting.results.scored_patients import Split
from stroke_ctp.reporting.results.study_results import CohortResults, StudyResults
from stroke_ctp.reporting.tables.seeds import seeds_phrase
from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.study.audit.findings import Finding
from stroke_ctp.study.predictions import ModelPredictions, Study

_WHERE: dict[Split, str] = {"test": "test folds", "external": "external cohort"}


def subtitle(study: Study) -> str:
    """Task and models of the report."""
    names = ", ".join(display_name(name) for name in study.models)
    full = " Full is the article's network with both pathways." if "full" in study.models else ""
    return f"Large or small infarct core from raw CT perfusion. Models: {names}.{full}"


def lead(results: StudyResults) -> str:
    """The main result in words: what the AUC means, how sure it is, and what the sample could show."""
    main, folds = results.main, results.main.aucs.test_folds
    auc = folds.interval
    if auc.value is None or auc.low is None or auc.high is None:
        return f"The “{display_name(main.predictions.name)}” model has no ROC-AUC with an interval: {auc.reason}."
    share, low, high = (f"{100 * value:.0f}" for value in (auc.value, auc.low, auc.high))
    verdict = "better than chance" if auc.low > 0.5 else "not shown to be better than chance"
    main_sentence = (
        f"Of a patient with a large core and one with a small core, the “{display_name(main.predictions.name)}” model "
        f"gives the large core the higher probability in {share} % of pairs (95 % CI {low} to {high} %, mean of "
        f"{counted(folds.summary.n_defined, 'test fold')}{_of_seeds(folds)}): {verdict}."
    )
    return " ".join([main_sentence, *_conclusion_sentences(results), *_detectable_sentence(results)])


def summary(results: StudyResults, findings: Sequence[Finding]) -> list[str]:
    """The main results."""
    main = results.main
    phrases = [
        _question_phrase(main.predictions),
        patients_phrase(main.aucs),
        cross_validation_phrase(main.aucs),
        seeds_phrase(main.aucs),
        permutations_phrase(main.permutations),
        external_phrase(main.aucs),
        *(_comparison_phrase(one) for one in results.comparisons if one.primary.p.value is not None),
        operating_point_phrase(main.youden),
        _probabilities_phrase(main.cohorts[0]),
        _audit_phrase(findings),
    ]
    return [f"{phrase}." for phrase in phrases if phrase]


def tiles(results: StudyResults) -> list[Tile]:
    """The numbers that a reader looks for first."""
    aucs, folds = results.main.aucs, results.main.aucs.test_folds
    rates = results.main.youden.classes[0].rates
    shown = [_tile("ROC-AUC, mean of test folds", folds.interval)]
    if aucs.external is not None:
        shown.append(_tile("ROC-AUC, external", aucs.external.delong))
    shown.append(_tile("Sensitivity, test folds", rates.sensitivity))
    return [*shown, _tile("Specificity, test folds", rates.specificity)]


def patients_phrase(main: ModelAucs) -> str:
    """Number of patients by class, and number of folds."""
    test, predictions = main.test.patients, main.predictions
    text = (
        f"{counted(len(test), 'patient')} ({test.n_large} large, {test.n_small} small) in {predictions.n_folds} folds"
    )
    if predictions.empty_folds:
        text += f", of which folds {', '.join(map(str, predictions.empty_folds))} are missing"
    if main.external is None:
        return f"{text}; no external cohort was scored"
    external = main.external.patients
    return f"{text}; {counted(len(external), 'external patient')} ({external.n_large} large, {external.n_small} small)"


def cross_validation_phrase(main: ModelAucs) -> str:
    """AUC of the test folds: mean over folds with its interval, and SD between folds."""
    folds = main.test_folds
    spread = "" if folds.summary.sd is None else f"; SD between folds {number_text(folds.summary.sd)}"
    over = "Test folds" if len(folds.by_seed) == 1 else f"Test folds, mean of {len(folds.by_seed)} seeds in each"
    return f"{over}: mean ROC-AUC (95 % CI, corrected resampled t) {estimate_text(folds.interval)}{spread}"


def external_phrase(main: ModelAucs) -> str:
    """AUC of the ensemble; empty if it was not run."""
    if main.external is None:
        return ""
    auc = estimate_text(main.external.delong)
    return f"External cohort, mean of the {members_phrase(main.predictions)}: ROC-AUC (95 % CI, DeLong) {auc}"


def permutations_phrase(found: Permutations | None) -> str:
    """Test against chance by training on permuted classes; empty if there was none."""
    if found is None:
        return ""
    return (
        f"Trained again on permuted classes, {counted(found.n, 'time')}: mean ROC-AUC {number_text(found.mean)}, "
        f"95 % of them {number_text(found.low)} to {number_text(found.high)}, with the true classes "
        f"{number_text(found.observed)}; {p_relation(found.p)} against chance"
    )


def members_phrase(main: ModelPredictions) -> str:
    """How many models an ensemble has."""
    seeds = f" ({len(main.seeds)} seeds × {main.n_folds} folds)" if len(main.seeds) > 1 else ""
    return f"{counted(len(main.runs), 'model')}{seeds}"


def operating_point_phrase(youden: OperatingPoint) -> str:
    """Sensitivity and specificity at Youden's point; empty if no patient is classified."""
    parts = [
        f"sensitivity {estimate_text(classes.rates.sensitivity)} and specificity "
        f"{estimate_text(classes.rates.specificity)} in the {_WHERE[classes.patients.split]}"
        for classes in youden.classes
        if classes.counts.n
    ]
    return f"At Youden's point of the validation patients: {'; '.join(parts)}" if parts else ""


def _of_seeds(folds: FoldAucs) -> str:
    return f" and {len(folds.by_seed)} seeds" if len(folds.by_seed) > 1 else ""


def _tile(label: str, estimate: Estimate) -> Tile:
    value = "undefined" if estimate.value is None else number_text(estimate.value)
    if estimate.low is None or estimate.high is None:
        return Tile(label, value, estimate.reason)
    return Tile(label, value, f"95 % CI {number_text(estimate.low)} to {number_text(estimate.high)}")


def _question_phrase(main: ModelPredictions) -> str:
    large = endpoint_text(main.record.endpoint)
    return (
        f"Question: does a patient have a large core ({large}, {threshold_origin(main)}), "
        f"judged from the CT perfusion series alone? The main model is “{display_name(main.name)}”"
    )


def _comparison_phrase(one: Comparison) -> str:
    names = f"“{display_name(one.model)}” minus “{display_name(one.against)}”"
    return (
        f"ROC-AUC, {_WHERE[one.split]}, {names}: {estimate_text(one.simultaneous)} (simultaneous 95 % CI), "
        f"{p_relation(one.holm)} after Holm's correction; conclusion: {one.conclusion}"
    )


def _conclusion_sentences(results: StudyResults) -> list[str]:
    """What the comparisons on the test folds conclude, a sentence for each model and conclusion."""
    concluded: dict[Conclusion, list[str]] = {}
    for one in results.comparisons:
        if one.split == "test":
            concluded.setdefault(one.conclusion, []).append(f"“{display_name(one.against)}”")
    return [
        f"Compared with {listed(names)} on the test folds: {_conclusion_text(conclusion, results.margin)}."
        for conclusion, names in concluded.items()
    ]


def _conclusion_text(conclusion: Conclusion, margin: float) -> str:
    """A conclusion with what it depends on."""
    if conclusion is Conclusion.UNDECIDED:
        return f"{conclusion} (no evidence of equality)"
    if conclusion in (Conclusion.NOT_INFERIOR, Conclusion.NOT_SUPERIOR):
        return f"{conclusion} (margin {number_text(margin)})"
    return str(conclusion).replace("within the margin", f"within the margin of {number_text(margin)}")


def _detectable_sentence(results: StudyResults) -> list[str]:
    """The smallest differences that the test folds can show of the main model; none if it is not compared."""
    main = results.main
    found = [
        (one.detectable, display_name(one.against))
        for one in results.comparisons
        if one.split == "test" and one.detectable is not None
    ]
    auc = main.aucs.test_folds.interval.value
    sizes = [f"{number_text(size)} against “{name}”{_beyond(size, auc)}" for size, name in sorted(found) if size < 1]
    hidden = [f"“{name}”" for size, name in sorted(found) if size >= 1]  # no two AUCs differ by more
    sentences = []
    if sizes:
        sentences.append(
            "With a power of 80 % this sample can show differences of the AUC of at least "
            f"{', '.join(sizes)}; smaller ones may exist."
        )
    if hidden:
        sentences.append(f"This sample is too small to show any difference from {listed(hidden)}.")
    return sentences


def _beyond(size: float, auc: float | None) -> str:
    """A remark if no better model than one of this AUC could be shown, as no AUC exceeds 1."""
    beyond = auc is not None and size > 1 - auc
    return " (larger than 1 − AUC: only a worse model could be shown)" if beyond else ""


def _probabilities_phrase(test: CohortResults) -> str:
    return (
        f"Brier score {number_text(test.brier.score)} (always predicting the share of large cores: "
        f"{number_text(test.brier.uncertainty)}); calibration slope {estimate_text(test.slope)}"
    )


def _audit_phrase(findings: Sequence[Finding]) -> str:
    counts = Counter(str(finding.verdict) for finding in findings)
    return f"Leakage audit: {', '.join(f'{n} {verdict}' for verdict, n in counts.items())}; none failed"
