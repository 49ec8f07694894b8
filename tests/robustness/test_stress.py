"""`python -m stroke_ctp.stress` as a user types it, on a made-up study of conventional cores."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run_module
from stress_scores import made_up
from studies import ENDPOINT, MARGIN, SENSITIVITY, write_model, write_study

from stroke_ctp.cohort.standard_series import StandardSeries
from stroke_ctp.common.errors import Excluded, UserError
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.reporting.report import write_report
from stroke_ctp.robustness import stressed_models
from stroke_ctp.robustness.axes import Condition
from stroke_ctp.robustness.stress_folder import StressFolder
from stroke_ctp.robustness.stress_patient import StressPatient
from stroke_ctp.statistics.typical_range import Range
from stroke_ctp.study.predictor import Predictor, members_key
from stroke_ctp.study.study_folder import StudyFolder
from stroke_ctp.study.typical_patients import TypicalPatients

SCALE = {"scale": {"slope": 0.5, "intercept": -5.0, "missing": 9.0}, "not_measurable": 0, "values": {}}
"""Even odds at 10 cm²; half of a unit below that where no core is measured."""


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    study = StudyFolder(tmp_path / "outputs", "demo")
    for seed, name in enumerate(("cbv", "rcbf")):
        write_model(study, name, seed, None, fitted=SCALE)
    return study


def write_stress(study: StudyFolder, names: dict[str, str]) -> None:
    """Made-up scores of models of a study, by their names in the made-up scores."""
    record, scores = made_up()
    runs = {name: study.complete_runs(name).values() for name in names.values()}
    models = {name: members_key([run.record() for run in own]) for name, own in runs.items()}
    fields = {name: value for name, value in vars(record).items() if name != "scores"}
    StressFolder(study).write(fields | {"models": models}, scores.assign(model=scores["model"].map(names)))


def stress(study: StudyFolder, *arguments: object) -> None:
    run_module("stress", f"outputs={study.path.parent}", f"name={study.name}", "jobs=1", *arguments)


def refused(study: StudyFolder, *arguments: object) -> str:
    with pytest.raises(SystemExit) as stopped:
        stress(study, *arguments)
    sentence = str(stopped.value.code)
    assert "\n" not in sentence
    assert not (study.path / "stress").exists()
    return sentence


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Conditions that were scanned: scans are empty, and those of more than 7 HU cannot be used."""
    made: list[object] = []

    def series(self: StressPatient, condition: Condition, _rules: object) -> StandardSeries:
        made.append((self.number, condition))
        if condition.noise > 7:
            raise Excluded("motion", "the head must lie still")
        return StandardSeries(np.zeros(SERIES_SHAPE, np.float32), None, {}, [])

    monkeypatch.setattr(StressPatient, "series", series)
    return made


def test_simulated_patients_are_scanned_scored_and_reported(study: StudyFolder, capsys: pytest.CaptureFixture[str]):
    stress(study, "patients=2", "axes=noise", "levels=9")
    said = capsys.readouterr().out
    folder = StressFolder(study)
    assert str(folder.curves) in said
    assert "2 simulated patients" in said
    assert folder.figure.with_suffix(".png").stat().st_size > 10_000
    curves = pd.read_csv(folder.curves)
    assert sorted(curves["level"].unique()) == [3, 9]
    assert set(curves["model"]) == {"cbv", "rcbf"}
    scores = folder.scores()
    assert len(scores) == 2 * 2 * 2
    good = scores[(scores["axis"] == "") & (scores["model"] == "cbv")].set_index("patient")["probability"]
    areas = (np.log(good / (1 - good)) + 5) / 0.5
    core_ml = pd.Series([truths["core"] for truths in folder.record().truths])
    assert (areas.to_numpy() > -0.1).all()
    assert areas.rank().tolist() == core_ml.rank().tolist()


def test_an_interrupted_test_continues_and_gives_the_same(study: StudyFolder, scans: list[object]):
    given = ("models=cbv", "axes=width")
    stress(study, "patients=2", *given)
    first = StressFolder(study).scores()
    assert len(scans) == 2 * 5
    next((study.path / "stress/.records/width").glob("*1.json")).unlink()
    stress(study, "patients=2", *given)
    assert len(scans) == 10 + 4
    pd.testing.assert_frame_equal(StressFolder(study).scores(), first)
    stress(study, "patients=3", *given)
    assert len(scans) == 14 + 5
    pd.testing.assert_frame_equal(StressFolder(study).scores().query("patient < 2"), first)


@pytest.mark.usefixtures("scans")
def test_scans_that_cannot_be_used_count_as_not_measured(study: StudyFolder):
    stress(study, "patients=3", "axes=noise", "levels=9", "models=cbv")
    curves = pd.read_csv(StressFolder(study).curves).set_index(["level", "model"])
    assert curves.loc[(9, "cbv"), "not_measured"] == 3
    assert curves.loc[(9, "cbv"), "n"] == 3
    assert "the head must lie still" in set(StressFolder(study).scores()["reason"])


@pytest.mark.usefixtures("scans")
def test_scans_beyond_the_range_of_the_training_patients_are_declined(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    stress(study, "patients=4", "axes=noise", "levels=5", "models=cbv")
    assert "patients are not compared with the training cohort" in " ".join(capsys.readouterr().out.split())
    folder = StressFolder(study)
    assert set(folder.scores()["declined"]) == {"the model could not measure this scan"}
    known = TypicalPatients({"noise_sd_hu": Range(None, 4.0)}, None, frozenset())

    def with_range(study: StudyFolder, model: str, _option: str) -> tuple[Predictor, str]:
        return replace(Predictor.load(study, model), typical=known), ""

    monkeypatch.setattr(stressed_models, "predictor_with_range", with_range)
    stress(study, "patients=4", "axes=noise", "levels=5", "models=cbv")
    said = " ".join(capsys.readouterr().out.split())
    assert "CBV core declines 100 % of all scans" not in said  # nothing is answered, so there is nothing to compare
    assert f"{folder.declines.name}.png" in said
    reasons = set(folder.scores()["declined"])
    assert reasons == {"the model could not measure this scan; noise: not found"}
    monkeypatch.undo()
    stress(study, "patients=4", "axes=noise", "levels=5", "models=cbv")
    assert not list(folder.path.glob(f"{folder.declines.name}.*"))  # the files are those of the last command


@pytest.mark.usefixtures("no_figures")
def test_the_report_shows_curves_of_the_present_models_only(tmp_path: Path):
    study = write_study(tmp_path / "outputs")
    page = study.report / "report.html"
    write_report(study, SENSITIVITY, MARGIN)
    assert "Stress curves" not in page.read_text()
    write_stress(study, {"perfusion": "full", "cbv": "cbv"})
    write_report(study, SENSITIVITY, MARGIN)
    assert "40 simulated patients" in page.read_text()
    assert (study.report / "tables/stress.csv").exists()
    write_model(study, "cbv", 7, None)
    write_report(study, SENSITIVITY, MARGIN)
    assert "Stress curves are not shown: CBV core was trained again since" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["axes=noize"], "got noize; did you mean noise?"),
        (["axes=noise", "levels=99"], "levels of noise must be from 0 to 50 HU, got 99"),
        (["axes=[noise,dose]", "levels=2"], "levels are those of one axis"),
        (["patients=1"], "patients must be a whole number ≥ 2, got 1"),
        (["models=perfusion"], "no fold of"),
        (["models=cbv_scan"], "models must measure the two levels, cbv_scan measures the whole scan"),
        (["name=none"], "nothing was trained in"),
    ],
)
def test_bad_input_ends_in_one_sentence_and_nothing_written(study: StudyFolder, arguments: list[str], sentence: str):
    assert sentence in refused(study, *arguments)


def test_an_incomplete_study_and_another_endpoint_are_refused(study: StudyFolder):
    (study.run("rcbf", 2).path / "metrics.json").unlink()
    assert "missing 2" in refused(study)
    other = StudyFolder(study.path.parent, "other")
    write_model(other, "cbv", 0, None, fitted=SCALE, endpoint=replace(ENDPOINT, column="mrs"))
    assert "the endpoint of other must be core_ml to be simulated, got mrs" in refused(other)


def test_a_study_of_whole_scan_models_alone_is_refused_with_the_way_out(study: StudyFolder):
    whole = StudyFolder(study.path.parent, "whole")
    write_model(whole, "cbv_scan", 0, None, fitted=SCALE)
    assert "has only models of whole scans; train one more: `python -m stroke_ctp.train" in refused(whole)


@pytest.mark.usefixtures("scans")
def test_patients_of_one_class_have_no_prevalence(study: StudyFolder):
    small = StudyFolder(study.path.parent, "small")
    write_model(small, "cbv", 0, None, fitted=SCALE, endpoint=replace(ENDPOINT, threshold=900.0))
    sentence = "prevalence needs patients of both classes, all 2 are of one; choose more patients=N"
    with pytest.raises(SystemExit, match=sentence):
        stress(small, "patients=2", "axes=prevalence")


def test_scores_that_were_edited_are_refused(study: StudyFolder):
    write_stress(study, {"perfusion": "rcbf", "cbv": "cbv"})
    folder = StressFolder(study)
    assert len(folder.scores()) > 0
    table = study.path / "stress/scores.csv"
    table.write_text(table.read_text().replace("0.9", "0.8", 1))
    with pytest.raises(UserError, match=r"scores.* was changed after it was written"):
        folder.scores()
