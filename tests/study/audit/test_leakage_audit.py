"""The leakage audit: a clean study passes, and every kind of leakage stops the report."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from studies import OXFORD, PROVENANCE, write_model, write_run, write_study

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.errors import UserError
from stroke_ctp.study.audit.evidence import AuditEvidence, CohortEvidence, FeatureStatistics
from stroke_ctp.study.audit.findings import Verdict
from stroke_ctp.study.audit.leakage_audit import audit
from stroke_ctp.study.predictions import ModelPredictions, Study, read_study
from stroke_ctp.study.run_folder import RunPatients
from stroke_ctp.study.study_folder import StudyFolder
from stroke_ctp.study.training_summary import TrainingSummary


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return read_study(write_study(tmp_path_factory.mktemp("outputs")))


def _changed(study: Study, name: str, change: Callable[[ModelPredictions], ModelPredictions]) -> Study:
    return Study(study.name, {**study.models, name: change(study.models[name])})


def _cohort(**series: str) -> CohortEvidence:
    return CohortEvidence("", series=series)


def test_a_clean_study_passes_and_says_what_could_not_be_checked(study: Study):
    verdicts = {finding.check: finding.verdict for finding in audit(study, (), AuditEvidence())}
    assert verdicts["No series appears under two names"] is Verdict.UNCHECKED
    assert verdicts["No patient is in both cohorts"] is Verdict.PASSED
    assert verdicts["Predictions are unchanged since they were written"] is Verdict.PASSED
    assert verdicts["Feature standardization is fitted on training patients"] is Verdict.UNCHECKED
    assert verdicts["Ensembles are the plain mean of their members"] is Verdict.PASSED
    assert Verdict.FAILED not in verdicts.values()


def test_series_that_all_differ_pass(study: Study):
    found = audit(study, (), AuditEvidence(training=_cohort(p0="a", p1="b"), external=_cohort(e0="c")))
    verdicts = {finding.check: finding.verdict for finding in found}
    assert verdicts["No series appears under two names"] is Verdict.PASSED


@pytest.mark.parametrize(
    ("training", "external"), [({"p0": "a", "p1": "a"}, {"e0": "b"}), ({"p0": "b", "p1": "a"}, {"e0": "a"})]
)
def test_one_series_under_two_names_stops_the_report(study: Study, training: dict[str, str], external: dict[str, str]):
    with pytest.raises(UserError, match=r"leakage in demo: patients p\d and .\d have the same series; no report"):
        audit(study, (), AuditEvidence(training=_cohort(**training), external=_cohort(**external)))


def test_a_patient_in_both_cohorts_stops_the_report(study: Study):
    def rename(one: ModelPredictions) -> ModelPredictions:
        assert one.external is not None
        return replace(one, external=one.external.assign(patient=one.external["patient"].str[1:]))

    with pytest.raises(UserError, match=r"patient p\d+, p\d+, p\d+ and 9 more in training and external cohort"):
        audit(_changed(study, "full", rename), (), AuditEvidence())


def test_a_patient_who_is_tested_by_the_model_that_validated_on_the_patient_stops_the_report(study: Study):
    def shift(one: ModelPredictions) -> ModelPredictions:
        moved = one.folds["fold"].where(one.folds["split"] == "test", (one.folds["fold"] + 1) % one.n_folds)
        return replace(one, folds=one.folds.assign(fold=moved))

    with pytest.raises(UserError, match=r"full, fold 0: patient p.* both validated and tested in one fold"):
        audit(_changed(study, "full", shift), (), AuditEvidence())


def test_a_class_that_does_not_follow_from_the_core_volume_stops_the_report(study: Study):
    def relabel(one: ModelPredictions) -> ModelPredictions:
        return replace(one, folds=one.folds.assign(label=one.folds["label"].where(one.folds["patient"] != "p3", 1)))

    with pytest.raises(UserError, match="the class of patient p3 does not follow from the core volume"):
        audit(Study(study.name, {"full": relabel(study.main)}), (), AuditEvidence())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda used: replace(used, train=[*used.train, used.test[0]]),
            "full, fold 0: patient p0 both trained and tested in one fold",
        ),
        (
            lambda used: replace(used, train=[*used.train, *used.validation]),
            "full, fold 0: patient p1, p11, p16 and 9 more both trained and validated in one fold",
        ),
        (
            lambda used: replace(used, validation=used.test, test=used.validation),
            "full, fold 0: patient p0, p1, p10 and 21 more predicted in another role than the run recorded",
        ),
        (
            lambda used: replace(used, test=used.test[1:]),
            "full, fold 0: patient p0 predicted in another role than the run recorded",
        ),
        (
            lambda used: replace(used, validation=[*used.validation, used.train[0]]),
            "full, fold 0: patient p2 predicted in another role than the run recorded",
        ),
    ],
    ids=["test in training", "validation in training", "roles exchanged", "tested unrecorded", "never validated"],
)
def test_patients_in_another_role_than_recorded_stop_the_report(
    tmp_path: Path, change: Callable[[RunPatients], RunPatients], sentence: str
):
    folder = StudyFolder(tmp_path, "demo")
    write_model(folder, "full", 0, OXFORD)
    audit(read_study(folder), (), AuditEvidence())
    run = folder.run("full", 0)
    write_run(folder, "full", 0, run.predictions(), OXFORD, patients=change(run.record().patients))
    with pytest.raises(UserError, match=f"leakage in demo: {sentence}; no report was written"):
        audit(read_study(folder), (), AuditEvidence())


def test_models_with_other_folds_stop_the_report(study: Study):
    swapped = {"p0": "p1", "p1": "p0"}
    local = study.models["local"]
    other = replace(local, folds=local.folds.assign(patient=local.folds["patient"].replace(swapped)))
    with pytest.raises(UserError, match="local and full differ in fold or class of patient p0, p1"):
        audit(Study("demo", {"full": study.main, "local": other}), (), AuditEvidence())


def test_another_endpoint_than_core_volume_leaves_the_classes_unchecked(study: Study):
    record = replace(study.main.record, endpoint=Endpoint("mrs", 2.0, 2.0))
    found = audit(Study("demo", {"full": replace(study.main, record=record)}), (), AuditEvidence())
    detail = next(finding for finding in found if finding.check == "Classes follow from the class threshold")
    assert (detail.verdict, detail.detail) == (Verdict.UNCHECKED, "the predictions do not hold mrs")


def test_a_median_threshold_that_is_not_the_cohorts_median_stops_the_report(study: Study):
    record = replace(study.main.record, endpoint=Endpoint("core_ml", "median", 50.0))
    one = replace(study.main, record=record, external=None)
    audit(Study("demo", {"full": one}), (), AuditEvidence())
    moved = one.folds.assign(core_ml=one.folds["core_ml"].where(one.folds["label"] == 0, 99))
    with pytest.raises(UserError, match=r"threshold of 50 mL is not the training cohort's median, 74\.\d+ mL"):
        audit(Study("demo", {"full": replace(one, folds=moved)}), (), AuditEvidence())


def test_feature_statistics_of_other_patients_stop_the_report(study: Study):
    seen = "the feature statistics of full, fold 3 are not those of its training patients"
    with pytest.raises(UserError, match=seen):
        audit(study, (), AuditEvidence(statistics=FeatureStatistics("", 5, 0.0, [seen])))
    found = audit(study, (), AuditEvidence(statistics=FeatureStatistics("", 5, 3e-7)))
    detail = next(f for f in found if f.check == "Feature standardization is fitted on training patients")
    assert (detail.verdict, "5 folds" in detail.detail, "3e-07" in detail.detail) == (Verdict.PASSED, True, True)


def _training(fold: int, best_epoch: int, losses: pd.DataFrame | None) -> TrainingSummary:
    return TrainingSummary("full", 0, fold, str(fold), 3, best_epoch, losses, PROVENANCE, 0)


def test_an_epoch_that_the_validation_loss_did_not_choose_stops_the_report(study: Study):
    losses = pd.DataFrame({"epoch": [0, 1, 2], "train_loss": 0.1, "val_loss": [0.5, 0.3, 0.4]})
    for log, verdict in ((losses, Verdict.PASSED), (None, Verdict.UNCHECKED)):
        found = {finding.check: finding.verdict for finding in audit(study, [_training(0, 1, log)], AuditEvidence())}
        assert found["Epochs were chosen on validation patients"] is verdict
    for epoch in (2, 7):
        with pytest.raises(UserError, match=f"epoch {epoch} of full, fold 3 does not have the lowest validation loss"):
            audit(study, [_training(0, 1, losses), _training(3, epoch, losses)], AuditEvidence())


def test_an_ensemble_that_is_not_the_mean_of_its_members_stops_the_report(study: Study):
    def recalibrate(one: ModelPredictions) -> ModelPredictions:
        assert one.external is not None
        is_mean = one.external["fold"] == "mean"
        probability = one.external["probability"]
        return replace(one, external=one.external.assign(probability=probability.mask(is_mean, probability**2)))

    with pytest.raises(UserError, match="the ensemble of full is not the mean of its members"):
        audit(_changed(study, "full", recalibrate), (), AuditEvidence())
