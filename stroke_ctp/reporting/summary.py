"""What was asked, of whom, and what came out, in a sentence each."""

from collections import Counter
from collections.abc import Iterator, Sequence

from stroke_ctp.reporting.article import endpoint_text, model_name
from stroke_ctp.reporting.calls import called, counted
from stroke_ctp.reporting.discrimination import POOLED, arrays, comparison_table
from stroke_ctp.reporting.publishing import Tile
from stroke_ctp.statistics.auc import fold_aucs, summarize
from stroke_ctp.statistics.calibration import brier, slope
from stroke_ctp.statistics.delong import auc_estimate
from stroke_ctp.statistics.estimate import Estimate, number_text, p_text
from stroke_ctp.statistics.operating import rates
from stroke_ctp.study.leakage import Finding
from stroke_ctp.study.predictions import Ablation, Study


def subtitle(study: Study) -> str:
    """Whose probabilities the report is about."""
    names = ", ".join(model_name(name) for name in study.ablations)
    return f"Large or small infarct core from raw CT perfusion. Models: {names}."


def summary(study: Study, findings: Sequence[Finding]) -> list[str]:
    """The main figures."""
    main = study.main
    sentences = [_question(main), patients_sentence(main), cross_validation_sentence(main), external_sentence(main)]
    sentences += [*_against(study), calls_sentence(main), _probabilities(main), _audit(findings)]
    return [sentence for sentence in sentences if sentence]


def threshold_origin(main: Ablation) -> str:
    """Where the class threshold comes from."""
    given = main.settings["endpoint"].get("rule") != "median"
    return "a given value" if given else "the median of the training cohort"


def tiles(main: Ablation) -> list[Tile]:
    """The numbers that a reader looks for first."""
    folds = summarize(fold_aucs(main.folds, "test", main.n_folds))
    mean = "undefined" if folds.mean is None else number_text(folds.mean)
    spread = "" if folds.sd is None else f"SD {number_text(folds.sd)} between folds"
    shown = [Tile("ROC-AUC, mean of test folds", mean, spread)]
    shown.append(_tile("ROC-AUC, test folds pooled", auc_estimate(*arrays(main.test))))
    if main.ensemble is not None:
        shown.append(_tile("ROC-AUC, external", auc_estimate(*arrays(main.ensemble))))
    found = rates(counted(called(main, None), "test"))
    return shown + [_tile(f"{name}, test folds", found[name]) for name in ("Sensitivity", "Specificity")]


def _tile(label: str, estimate: Estimate) -> Tile:
    value = "undefined" if estimate.value is None else number_text(estimate.value)
    if estimate.low is None or estimate.high is None:
        return Tile(label, value, estimate.reason)
    return Tile(label, value, f"95 % CI {number_text(estimate.low)} to {number_text(estimate.high)}")


def _question(main: Ablation) -> str:
    return (
        f"Asked: does a patient have a large core ({endpoint_text(main)}, {threshold_origin(main)}), "
        f"given the CT perfusion series alone? The main model is “{model_name(main.name)}”."
    )


def patients_sentence(main: Ablation) -> str:
    """How many, of which class, in how many folds."""
    labels = main.test["label"]
    text = f"{len(labels)} patients ({labels.sum()} large, {(1 - labels).sum()} small) in {main.n_folds} folds"
    if main.missing:
        text += f", of which folds {', '.join(map(str, main.missing))} are missing"
    if main.ensemble is None:
        return f"{text}; no external cohort was scored."
    external = main.ensemble["label"]
    return f"{text}; {len(external)} external patients ({external.sum()} large, {(1 - external).sum()} small)."


def cross_validation_sentence(main: Ablation) -> str:
    """AUC of the test folds, both ways."""
    folds = summarize(fold_aucs(main.folds, "test", main.n_folds))
    mean = "undefined" if folds.mean is None else number_text(folds.mean)
    spread = "" if folds.sd is None else f" ({number_text(folds.sd)})"
    pooled = auc_estimate(*arrays(main.test)).text()
    return f"Test folds: mean (SD) ROC-AUC {mean}{spread}; pooled over all patients (95 % CI): {pooled}."


def external_sentence(main: Ablation) -> str:
    """AUC of the ensemble; empty where it was not run."""
    if main.ensemble is None:
        return ""
    auc = auc_estimate(*arrays(main.ensemble)).text()
    return f"External cohort, mean of the {main.n_folds} models: ROC-AUC {auc}."


def _against(study: Study) -> Iterator[str]:
    table = comparison_table(study)
    for row in table.rows if table else ():
        p = row["p (DeLong, Holm)"].value
        if row["Patients"] == POOLED and p is not None:
            difference = row["Difference (DeLong)"].text()
            names = f"“{model_name(study.main.name)}” minus “{row['Against']}”"
            yield f"Pooled ROC-AUC, {names}: {difference}, p {_equals(p)} corrected after Holm."


def _equals(p: float) -> str:
    text = p_text(p)
    return text if text.startswith("<") else f"= {text}"


def calls_sentence(main: Ablation) -> str:
    """Sensitivity and specificity at Youden's point; empty where there is none."""
    calls = called(main, None)
    parts = []
    for split, name in (("test", "test folds"), ("external", "external cohort")):
        counts = counted(calls, split)
        if counts.n:
            found = rates(counts)
            texts = [f"{rate.lower()} {found[rate].text()}" for rate in ("Sensitivity", "Specificity")]
            parts.append(f"{' and '.join(texts)} in the {name}")
    return f"At Youden's point of the validation patients: {'; '.join(parts)}." if parts else ""


def _probabilities(main: Ablation) -> str:
    labels, scores = arrays(main.test)
    share = float(labels.mean())
    return (
        f"Brier score {number_text(brier(labels, scores).score)} (always predicting the share of large cores: "
        f"{number_text(share * (1 - share))}); calibration slope {slope(labels, scores).text()}."
    )


def _audit(findings: Sequence[Finding]) -> str:
    counts = Counter(str(finding.verdict) for finding in findings)
    return f"Leakage audit: {', '.join(f'{n} {verdict}' for verdict, n in counts.items())}; none failed."
