"""Leakage audit: disjoint patients, distinct series, and nothing fitted on data that it must not see.

A check passes or fails on what was computed from the study's files. What could not be computed is "not checked", with
the reason; what no audit here examines is listed as such.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.text import some
from stroke_ctp.study.audit.evidence import AuditEvidence
from stroke_ctp.study.audit.feature_statistics import FeatureStatistics
from stroke_ctp.study.audit.findings import Finding, Verdict, judged
from stroke_ctp.study.audit.near_duplicates import THRESHOLD, near_duplicates
from stroke_ctp.study.predictions import ModelPredictions, Study
from stroke_ctp.study.run_folder import RunFolder
from stroke_ctp.study.training_summary import TrainingSummary

_BEYOND = {
    "No person was scanned twice under two names": "two scans of one person share no noise",
    "No copy of a scan was moved by more than a pixel, cut to other slices or turned": "only its noise is compared",
    "The cached features are those of the series": "encoding all frames again takes minutes to hours",
    "Every epoch used the training patients alone": "the first epoch is repeated, not the later ones",
    "Trainings on permuted classes were not chosen": "they leave nothing but their AUCs",
    "Settings were not chosen by their test results": "no file shows what else was tried",
    "The labels are right": "they come from the manifest, and cohort.csv is taken as it is",
}
"""What is not examined in any study, and why."""
_SHOWN = 10
"""Failures that the message lists: one mistake can fail in every fold of every model."""


def audit(study: Study, trainings: Sequence[TrainingSummary], evidence: AuditEvidence) -> list[Finding]:
    """Carry out all checks of a study.

    Args:
        study: Predictions of all models.
        trainings: How the runs of all models were fitted.
        evidence: Cohorts and feature statistics.

    Raises:
        UserError: At least one check failed; the message lists what is wrong.
    """
    findings = [
        *_within_folds(study),
        *_between_models(study),
        _across_cohorts(study),
        *_series(evidence),
        *_statistics(study, evidence.statistics),
        *_epochs(trainings),
        *_ensembles(study),
        *evidence.examined,
        _digests(),
        *(Finding(check, Verdict.BEYOND, why) for check, why in _BEYOND.items()),
    ]
    failed = [finding.detail for finding in findings if finding.verdict is Verdict.FAILED]
    if failed:
        more = f"; and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
        raise UserError(f"leakage in {study.name}: {'; '.join(failed[:_SHOWN])}{more}; no report was written")
    return findings


def _within_folds(study: Study) -> Iterator[Finding]:
    """The recorded training, validation and test patients of a fold are disjoint, and are those of the predictions."""
    check, main = "Every patient is on one side of every fold", study.main
    for one in study.models.values():
        for run in one.runs.values():
            yield from _fold_findings(check, one, run)
    tested, validated = (rows["patient"].nunique() for rows in (main.test, main.validation))
    detail = (
        f"{tested} patients tested, {validated} validated, none twice with one seed and none in two roles in one fold; "
        "trained, validated and tested as each run recorded: weights, epoch and operating point of a test fold come "
        "from other patients"
    )
    yield Finding(check, Verdict.PASSED, detail)


def _fold_findings(check: str, model: ModelPredictions, run: RunFolder) -> Iterator[Finding]:
    """What is wrong with the patients of one fold."""
    where, recorded, rows = f"{model.name}, fold {run.member}", run.record().patients, model.rows_of(run)
    predicted = {split: set(rows.loc[rows["split"] == split, "patient"]) for split in ("validation", "test")}
    roles = {"trained": set(recorded.train), "validated": predicted["validation"], "tested": predicted["test"]}
    for (one, ones), (other, others) in combinations(roles.items(), 2):
        if ones & others:
            detail = f"{where}: patient {some(sorted(ones & others), 3)} both {one} and {other} in one fold"
            yield Finding(check, Verdict.FAILED, detail)
    differ = (predicted["validation"] ^ set(recorded.validation)) | (predicted["test"] ^ set(recorded.test))
    if differ:
        detail = f"{where}: patient {some(sorted(differ), 3)} predicted in another role than the run recorded"
        yield Finding(check, Verdict.FAILED, detail)


def _between_models(study: Study) -> Iterator[Finding]:
    """All models have the same folds and classes; classes follow from the endpoint."""
    check, main = "All models share folds and classes", study.main
    columns = ["patient", "split", "fold", "label"]
    for one in study.models.values():
        ours, theirs = (model.folds[columns].drop_duplicates() for model in (main, one))  # seeds repeat them
        both = ours.merge(theirs, on=["patient", "split"], suffixes=("", "_other"))
        differ = (both["fold"] != both["fold_other"]) | (both["label"] != both["label_other"])
        if differ.any():
            patients = sorted(set(both.loc[differ, "patient"]))
            yield Finding(
                check,
                Verdict.FAILED,
                f"{one.name} and {main.name} differ in fold or class of patient {some(patients, 3)}",
            )
    yield Finding(check, Verdict.PASSED, f"{len(study.models)} models, patient by patient")
    yield _classes(main)


def _classes(main: ModelPredictions) -> Finding:
    check, endpoint = "Classes follow from the class threshold", main.record.endpoint
    rows = pd.concat([main.test, main.ensemble] if main.ensemble is not None else [main.test])
    if endpoint.column != "core_ml" or rows["core_ml"].isna().any():
        return Finding(check, Verdict.UNCHECKED, f"the predictions do not hold {endpoint.column}")
    wrong = rows.loc[(rows["core_ml"] > endpoint.threshold) != (rows["label"] == 1), "patient"].tolist()
    if wrong:
        return Finding(
            check, Verdict.FAILED, f"the class of patient {some(wrong, 3)} does not follow from the core volume"
        )
    median = float(main.test.drop_duplicates("patient")["core_ml"].median())
    if endpoint.rule == "median" and not main.missing and not np.isclose(median, endpoint.threshold):
        detail = f"the threshold of {endpoint.threshold:g} mL is not the training cohort's median, {median:g} mL"
        return Finding(check, Verdict.FAILED, detail)
    return Finding(
        check,
        Verdict.PASSED,
        f"{endpoint.threshold:.4g} mL: the endpoint's definition, {_rule(endpoint)}; not a fitted quantity",
    )


def _rule(endpoint: Endpoint) -> str:
    return "median of the whole training cohort, as in the article" if endpoint.rule == "median" else "given"


def _across_cohorts(study: Study) -> Finding:
    """All models were scored on the same external cohort: `read_study` requires it."""
    check = "No patient is in both cohorts"
    external = next((one.ensemble for one in study.models.values() if one.ensemble is not None), None)
    if external is None:
        return Finding(check, Verdict.UNCHECKED, "no external cohort was scored")
    training = set(study.main.folds["patient"])
    both = sorted(training & set(external["patient"]))
    if both:
        detail = f"patient {some(both, 3)} in training and external cohort (different people need different names)"
        return Finding(check, Verdict.FAILED, detail)
    return Finding(check, Verdict.PASSED, f"{len(training)} and {len(external)} names, none in common")


def _series(evidence: AuditEvidence) -> Iterator[Finding]:
    """No series is another one, nor a copy with other noise added."""
    cohorts = {"training cohort": evidence.training, "external cohort": evidence.external}
    unknown = [f"{name}: {cohort.unknown}" for name, cohort in cohorts.items() if cohort.unknown]
    series = {(name, patient): sha for name, one in cohorts.items() for patient, sha in one.series.items()}
    first: dict[str, str] = {}
    same = [
        f"patients {first[sha]} and {patient} have the same series"
        for (_, patient), sha in series.items()
        if first.setdefault(sha, patient) != patient
    ]
    yield from judged("No series appears under two names", same, f"SHA-256 of {len(series)} series", unknown)
    if same:
        return
    noise = {f"{patient} ({name})": one for name, cohort in cohorts.items() for patient, one in cohort.noise.items()}
    known = {patient: pattern for patient, pattern in noise.items() if pattern is not None}
    pairs, largest = near_duplicates(known)
    copies = [f"{one} and {other} share the noise of one scan (correlation {value:.2f})" for one, other, value in pairs]
    examined = f"noise of {len(known)} series; largest correlation {largest:.2f}, of copies above {THRESHOLD}"
    flat = [f"{len(noise) - len(known)} series without noise"] if len(known) < len(noise) else []
    yield from judged("No series is a copy of another", copies, examined if known else "", [*unknown, *flat])


def _statistics(study: Study, found: FeatureStatistics) -> Iterator[Finding]:
    """The standardization of a network's features is fitted on the fold's training patients."""
    check = "Feature standardization is fitted on training patients"
    if not any(one.record.encoder for one in study.models.values()):
        return
    detail = (
        f"recomputed for {found.n_folds} folds: the checkpoints hold the statistics of the training patients alone "
        f"(largest difference {found.largest_difference:.0e} standard deviations)"
    )
    yield from judged(check, found.wrong, "" if found.unknown else detail, [found.unknown] if found.unknown else [])


def _epochs(trainings: Sequence[TrainingSummary]) -> Iterator[Finding]:
    """A network uses the weights of the epoch with the lowest validation loss."""
    check = "Epochs were chosen on validation patients"
    trained = [run for run in trainings if run.best_epoch is not None]
    logged = [(run, run.losses.set_index("epoch")["val_loss"]) for run in trained if run.losses is not None]
    wrong = [run for run, loss in logged if not loss.get(run.best_epoch, np.inf) <= loss.min()]
    if wrong:
        texts = [f"epoch {run.best_epoch} of {run.model}, fold {run.member}" for run in wrong]
        yield Finding(check, Verdict.FAILED, f"{', '.join(texts)} does not have the lowest validation loss")
    elif len(logged) < len(trained):
        yield Finding(check, Verdict.UNCHECKED, f"{len(trained) - len(logged)} of {len(trained)} folds have no log")
    elif trained:
        yield Finding(check, Verdict.PASSED, f"lowest logged validation loss in all {len(trained)} folds")


def _ensembles(study: Study) -> Iterator[Finding]:
    """An ensemble is the plain mean: weights or a calibration would have been fitted on some patients."""
    check, names = "Ensembles are the plain mean of their members", []
    for one in study.models.values():
        if one.external is None:
            continue
        wide = one.external.pivot(index="patient", columns="fold", values="probability")
        if not np.allclose(wide["mean"], wide.drop(columns="mean").mean(axis=1), atol=1e-9):
            yield Finding(check, Verdict.FAILED, f"the ensemble of {one.name} is not the mean of its members")
        names.append(one.name)
    if names:
        yield Finding(check, Verdict.PASSED, f"{', '.join(names)}: recomputed; no probability is recalibrated")


def _digests() -> Finding:
    """Reading a study refuses a table whose digest is another one."""
    detail = "every predictions.csv has the digest recorded when it was written; who rewrites it can rewrite that too"
    return Finding("Predictions are unchanged since they were written", Verdict.PASSED, detail)
