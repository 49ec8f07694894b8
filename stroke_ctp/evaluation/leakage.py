"""The leakage audit: nobody on two sides, no series under two names, nothing fitted on data it may not see."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from stroke_ctp.errors import UserError
from stroke_ctp.evaluation.background import Background
from stroke_ctp.evaluation.predictions import Ablation, Study
from stroke_ctp.evaluation.tables import Table

_CAPTION = """A check that fails stops the report. "By construction": not visible in the results, but in the software,
whose tests hold it."""


class Verdict(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKED = "not checked"
    BY_CONSTRUCTION = "by construction"


@dataclass(frozen=True)
class Finding:
    """One check."""

    check: str
    verdict: Verdict
    detail: str
    """What was looked at, what is wrong, or why it could not be looked at."""


def audit(study: Study, background: Background) -> list[Finding]:
    """All checks.

    Raises:
        UserError: One or more have failed.
    """
    findings = [
        *_within(study),
        *_between(study),
        _across_cohorts(study.main),
        _series(background),
        *_fitted(study.main),
    ]
    failed = [finding for finding in findings if finding.verdict is Verdict.FAILED]
    if failed:
        raise UserError(
            f"leakage in {study.name}: {'; '.join(finding.detail for finding in failed)}; no report is made of it"
        )
    return findings


def audit_table(findings: list[Finding]) -> Table:
    """The checks as a table."""
    rows = [{"Check": f.check, "Verdict": str(f.verdict), "Detail": f.detail} for f in findings]
    return Table("leakage_audit", "Leakage audit", _CAPTION, rows)


def _within(study: Study) -> Iterator[Finding]:
    """Test and validation patients of a fold, and every patient's class."""
    main = study.main
    for one in study.ablations.values():
        both = one.test.merge(one.validation, on=["patient", "fold"])["patient"].tolist()
        if both:
            detail = f"{one.name}: {_some(both)} both validated and tested in one fold"
            yield Finding("Test patients did not choose the epoch", Verdict.FAILED, detail)
    detail = f"{len(main.test)} patients tested, {len(main.validation)} validated; nobody twice or both in one fold"
    yield Finding("Every patient is on one side of every fold", Verdict.PASSED, detail)


def _between(study: Study) -> Iterator[Finding]:
    """Models that are compared have to have had the same folds and classes; classes follow from the endpoint."""
    check, main = "All models share folds and classes", study.main
    for one in study.ablations.values():
        both = main.folds.merge(one.folds, on=["patient", "split"], suffixes=("", "_other"))
        differ = (both["fold"] != both["fold_other"]) | (both["label"] != both["label_other"])
        if differ.any():
            patients = sorted(set(both.loc[differ, "patient"]))
            yield Finding(
                check, Verdict.FAILED, f"{one.name} and {main.name} differ in fold or class of {_some(patients)}"
            )
    yield Finding(check, Verdict.PASSED, f"{len(study.ablations)} models, patient by patient")
    yield _classes(main)


def _classes(main: Ablation) -> Finding:
    check, endpoint = "Classes follow from the class threshold", main.settings["endpoint"]
    rows = pd.concat([main.test, main.ensemble] if main.ensemble is not None else [main.test])
    if endpoint["column"] != "core_ml" or rows["core_ml"].isna().any():
        return Finding(check, Verdict.UNCHECKED, f"the predictions do not hold {endpoint['column']}")
    wrong = rows.loc[(rows["core_ml"] > endpoint["threshold"]) != (rows["label"] == 1), "patient"].tolist()
    if wrong:
        return Finding(check, Verdict.FAILED, f"the class of {_some(wrong)} does not follow from the core volume")
    return Finding(
        check,
        Verdict.PASSED,
        f"{endpoint['threshold']:.4g} mL: the endpoint's definition, {_rule(endpoint)}; not a fitted quantity",
    )


def _rule(endpoint: Mapping[str, object]) -> str:
    return "median of the whole training cohort, as in the article" if endpoint.get("rule") == "median" else "given"


def _across_cohorts(main: Ablation) -> Finding:
    check = "No patient is in both cohorts"
    if main.ensemble is None:
        return Finding(check, Verdict.UNCHECKED, "no external cohort was scored")
    both = sorted(set(main.folds["patient"]) & set(main.ensemble["patient"]))
    if both:
        detail = f"{_some(both)} in training and external cohort (other people need other names in the manifest)"
        return Finding(check, Verdict.FAILED, detail)
    return Finding(
        check, Verdict.PASSED, f"{len(set(main.folds['patient']))} and {len(main.ensemble)} names, none in common"
    )


def _series(background: Background) -> Finding:
    check = "No series stands under two names"
    cohorts = {"training": background.training, "external": background.external}
    seen: dict[str, str] = {}
    for facts in cohorts.values():
        for patient, sha in facts.series.items():
            if sha in seen:
                return Finding(check, Verdict.FAILED, f"patients {seen[sha]} and {patient} have the same series")
            seen[sha] = patient
    unknown = [f"{name} cohort: {facts.unknown}" for name, facts in cohorts.items() if facts.unknown]
    if not seen or unknown:
        return Finding(check, Verdict.UNCHECKED, f"{len(seen)} series differ; {'; '.join(unknown)}")
    return Finding(check, Verdict.PASSED, f"SHA-256 of {len(seen)} series of both cohorts")


def _fitted(main: Ablation) -> Iterator[Finding]:
    """What was fitted, and to whom."""
    if main.encoder[0]:
        detail = "fitted to the unaugmented training patients of each fold, kept in its checkpoint"
        yield Finding("Feature statistics come from training patients", Verdict.BY_CONSTRUCTION, detail)
    detail = "of each test fold from its own validation patients, of the ensemble from all validation predictions"
    yield Finding("Operating points come from validation patients", Verdict.BY_CONSTRUCTION, detail)
    detail = "no probability in this report is recalibrated"
    yield Finding("Calibration is assessed, never fitted", Verdict.BY_CONSTRUCTION, detail)
    check = "Predictions are as the models made them"
    if main.sealed:
        yield Finding(check, Verdict.PASSED, "every predictions.csv has the digest recorded when it was made")
    else:
        yield Finding(check, Verdict.UNCHECKED, "trained before digests were recorded")


def _some(patients: list[str]) -> str:
    more = len(patients) - 3
    return f"patient {', '.join(patients[:3])}" + (f" and {more} more" if more > 0 else "")
