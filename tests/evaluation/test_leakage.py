from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from studies import OXFORD, write_ablation, write_study

from stroke_ctp.errors import UserError
from stroke_ctp.evaluation.background import Background, CohortFacts
from stroke_ctp.evaluation.leakage import Verdict, audit
from stroke_ctp.evaluation.predictions import Ablation, Study, read_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return read_study(write_study(tmp_path_factory.mktemp("outputs") / "demo"))


def _changed(study: Study, name: str, change: Callable[[Ablation], Ablation]) -> Study:
    return Study(study.name, study.ablations | {name: change(study.ablations[name])})


def _cohort(**series: str) -> CohortFacts:
    return CohortFacts("", series=series)


def test_a_clean_study_passes_and_says_what_could_not_be_checked(study: Study):
    verdicts = {finding.check: finding.verdict for finding in audit(study, Background())}
    assert verdicts["No series stands under two names"] is Verdict.UNCHECKED
    assert verdicts["No patient is in both cohorts"] is Verdict.PASSED
    assert verdicts["Predictions are as the models made them"] is Verdict.PASSED
    assert verdicts["Feature statistics come from training patients"] is Verdict.BY_CONSTRUCTION
    assert Verdict.FAILED not in verdicts.values()


def test_series_that_all_differ_pass(study: Study):
    found = audit(study, Background(training=_cohort(p0="a", p1="b"), external=_cohort(e0="c")))
    verdicts = {finding.check: finding.verdict for finding in found}
    assert verdicts["No series stands under two names"] is Verdict.PASSED


@pytest.mark.parametrize(
    ("training", "external"), [({"p0": "a", "p1": "a"}, {"e0": "b"}), ({"p0": "b", "p1": "a"}, {"e0": "a"})]
)
def test_one_series_under_two_names_stops_the_report(study: Study, training: dict[str, str], external: dict[str, str]):
    with pytest.raises(UserError, match=r"leakage in demo: patients p\d and .\d have the same series; no report"):
        audit(study, Background(training=_cohort(**training), external=_cohort(**external)))


def test_a_patient_in_both_cohorts_stops_the_report(study: Study):
    def rename(one: Ablation) -> Ablation:
        assert one.external is not None
        return replace(one, external=one.external.assign(patient=one.external["patient"].str[1:]))

    with pytest.raises(UserError, match=r"patient p\d+, p\d+, p\d+ and 9 more in training and external cohort"):
        audit(_changed(study, "full", rename), Background())


def test_a_patient_who_is_tested_by_the_model_that_validated_on_the_patient_stops_the_report(study: Study):
    def shift(one: Ablation) -> Ablation:
        moved = one.folds["fold"].where(one.folds["split"] == "test", (one.folds["fold"] + 1) % one.n_folds)
        return replace(one, folds=one.folds.assign(fold=moved))

    with pytest.raises(UserError, match=r"full: patient p.* both validated and tested in one fold"):
        audit(_changed(study, "full", shift), Background())


def test_a_class_that_does_not_follow_from_the_core_volume_stops_the_report(study: Study):
    def relabel(one: Ablation) -> Ablation:
        return replace(one, folds=one.folds.assign(label=one.folds["label"].where(one.folds["patient"] != "p3", 1)))

    with pytest.raises(UserError, match="the class of patient p3 does not follow from the core volume"):
        audit(Study(study.name, {"full": relabel(study.main)}), Background())


def test_models_with_other_folds_stop_the_report(study: Study, tmp_path: Path):
    write_ablation(tmp_path / "demo" / "local", 1, OXFORD)
    swapped = {"p0": "p1", "p1": "p0"}
    local = read_study(tmp_path / "demo").main
    other = replace(local, folds=local.folds.assign(patient=local.folds["patient"].replace(swapped)))
    with pytest.raises(UserError, match="local and full differ in fold or class of patient p0, p1"):
        audit(Study("demo", {"full": study.main, "local": other}), Background())


def test_another_endpoint_than_core_volume_leaves_the_classes_unchecked(study: Study):
    settings = study.main.settings | {"endpoint": {"column": "mrs", "threshold": 2, "rule": 2}}
    found = audit(Study("demo", {"full": replace(study.main, settings=settings)}), Background())
    detail = next(finding for finding in found if finding.check == "Classes follow from the class threshold")
    assert (detail.verdict, detail.detail) == (Verdict.UNCHECKED, "the predictions do not hold mrs")
