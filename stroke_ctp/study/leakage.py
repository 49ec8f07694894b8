"""The leakage audit: nobody on two sides, no series under two names, nothing fitted on data it may not see."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from stroke_ctp.common.errors import UserError
from stroke_ctp.reporting.background import Background, FeatureStatistics
from stroke_ctp.reporting.tables import Table
from stroke_ctp.study.predictions import Ablation, Study
from stroke_ctp.study.runs import Run

_CAPTION = """What passed was computed from the files of this study, and what fails stops the report. "By
construction": cannot be seen in the files; the software does it so, and its tests hold it to that."""


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


def audit(study: Study, runs: Sequence[Run], background: Background) -> list[Finding]:
    """All checks.

    Args:
        study: Predictions of all models.
        runs: How all models were trained.
        background: Cohorts and feature statistics.

    Raises:
        UserError: One or more have failed.
    """
    findings = [
        *_within(study),
        *_between(study),
        _across_cohorts(study.main),
        _series(background),
        *_statistics(study, background.statistics),
        *_epochs(runs),
        *_members(study),
        *_scales(study),
        _seals(study.main),
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
    check, main = "Every patient is on one side of every fold", study.main
    for one in study.ablations.values():
        both = one.test.merge(one.validation, on=["patient", "fold"])["patient"].tolist()
        if both:
            detail = f"{one.name}: {_some(both)} both validated and tested in one fold"
            yield Finding(check, Verdict.FAILED, detail)
    detail = (
        f"{len(main.test)} patients tested, {len(main.validation)} validated, nobody twice or both in one fold: "
        "weights, epoch and operating point of a test fold are other patients'"
    )
    yield Finding(check, Verdict.PASSED, detail)


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
    median = float(main.test["core_ml"].median())
    if endpoint.get("rule") == "median" and not main.missing and not np.isclose(median, endpoint["threshold"]):
        detail = f"the threshold of {endpoint['threshold']:g} mL is not the training cohort's median, {median:g} mL"
        return Finding(check, Verdict.FAILED, detail)
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


def _statistics(study: Study, found: FeatureStatistics) -> Iterator[Finding]:
    """Of the networks' features, by whom they are standardized."""
    check = "Feature statistics come from training patients"
    if not any(one.encoder[0] for one in study.ablations.values()):
        return
    if found.wrong:
        yield Finding(check, Verdict.FAILED, "; ".join(found.wrong))
    elif found.unknown:
        yield Finding(check, Verdict.UNCHECKED, found.unknown)
    else:
        detail = (
            f"computed anew for {found.n_folds} folds: those in the checkpoints are of the training patients and "
            f"nobody else (largest difference {found.largest_difference:.0e} standard deviations)"
        )
        yield Finding(check, Verdict.PASSED, detail)


def _epochs(runs: Sequence[Run]) -> Iterator[Finding]:
    """Of the networks: the epoch taken is the one that the validation patients chose."""
    check = "Epochs were chosen by validation patients"
    trained = [run for run in runs if run.best_epoch is not None]
    logged = [(run, run.curve.set_index("epoch")["val_loss"]) for run in trained if run.curve is not None]
    wrong = [run for run, loss in logged if not loss.get(run.best_epoch, np.inf) <= loss.min()]
    if wrong:
        texts = [f"epoch {run.best_epoch} of {run.ablation}, fold {run.fold}" for run in wrong]
        yield Finding(check, Verdict.FAILED, f"{', '.join(texts)} has not the lowest validation loss")
    elif len(logged) < len(trained):
        yield Finding(check, Verdict.UNCHECKED, f"{len(trained) - len(logged)} of {len(trained)} folds kept no log")
    elif trained:
        yield Finding(check, Verdict.PASSED, f"lowest validation loss of the log in all {len(trained)} folds")


def _members(study: Study) -> Iterator[Finding]:
    """An ensemble that weighed its members, or was calibrated, would have been fitted to somebody."""
    check, names = "Ensembles are the plain mean of their members", []
    for one in study.ablations.values():
        if one.external is None:
            continue
        wide = one.external.pivot(index="patient", columns="fold", values="probability")
        if not np.allclose(wide["mean"], wide.drop(columns="mean").mean(axis=1), atol=1e-9):
            yield Finding(check, Verdict.FAILED, f"the mean of {one.name} is not that of its members")
        names.append(one.name)
    if names:
        yield Finding(check, Verdict.PASSED, f"{', '.join(names)}: computed anew; no probability is recalibrated")


def _scales(study: Study) -> Iterator[Finding]:
    """Of conventional cores, which become probabilities by a regression on training patients."""
    names = [one.name for one in study.ablations.values() if not one.encoder[0]]
    if names:
        detail = (
            f"{', '.join(names)}: one regression per fold, recorded in metrics.json; ranks in a fold are without it"
        )
        yield Finding("Scales of conventional cores come from training patients", Verdict.BY_CONSTRUCTION, detail)


def _seals(main: Ablation) -> Finding:
    check = "Predictions are as the models made them"
    if main.sealed:
        return Finding(check, Verdict.PASSED, "every predictions.csv has the digest recorded when it was made")
    return Finding(check, Verdict.UNCHECKED, "trained before digests were recorded")


def _some(patients: list[str]) -> str:
    more = len(patients) - 3
    return f"patient {', '.join(patients[:3])}" + (f" and {more} more" if more > 0 else "")
