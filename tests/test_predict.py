"""`python -m stroke_ctp.predict` as a user types it: new patients get what an ensemble gives a cohort of them."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from noise import train_quickly
from perfused_head import CORE, PIXEL_MM
from trained_study import call, trained_study

from stroke_ctp import predict as command
from stroke_ctp.cohort.standard_series import standard_series
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.config.schemas.predict import PredictSettings
from stroke_ctp.predict import predict
from stroke_ctp.reporting import patient_page
from stroke_ctp.reporting.patient_page import PatientCase, write_patient_page
from stroke_ctp.study.prediction_folder import PredictionFolder
from stroke_ctp.study.predictor import Predictor
from stroke_ctp.study.run_folder import RunFolder
from stroke_ctp.study.study_folder import StudyFolder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """See `trained_study`."""
    with trained_study(tmp_path_factory.mktemp("user")) as folder:
        yield folder


@pytest.fixture(scope="module")
def of_manifest(trained: Path) -> tuple[Path, str]:
    """Predictions of the manifest, and what was printed."""
    said = call("predict", f"manifest={trained}/manifest.csv", f"outputs={trained}/outputs", f"out={trained}/all")
    return trained / "all", said


def test_a_scan_gets_bit_for_bit_what_the_ensemble_gives_it_in_a_cohort(trained: Path):
    out = trained / "one"
    said = call("predict", f"scan={trained}/scan.nii.gz", "levels=[0,2]", f"outputs={trained}/outputs", f"out={out}")
    expected = pd.read_csv(trained / "outputs/stroke/full/ensemble/predictions.csv").set_index("fold")["probability"]
    (found,) = json.loads((out / "predictions.json").read_text())["predictions"]
    assert found["members"] == {str(fold): expected[str(fold)] for fold in range(3)}
    assert found["probability"] == expected["mean"]
    assert f"large core (core volume > 5.5 mL): {expected['mean']:.2f}, mean of 3 members (" in said
    assert "slices 0, 2, counted from 0" in said


def test_a_model_that_predicts_volumes_gives_the_mean_of_its_members_with_an_interval(
    trained: Path, capsys: pytest.CaptureFixture[str]
):
    there = f"outputs={trained}/outputs"
    train_quickly(f"cohort={trained}/outputs/cohort", there, "fold=0..2", "trainer.max_epochs=2", "model=perfusion")
    out = trained / "volume"
    scan = trained / "scan.nii.gz"
    predict(PredictSettings(out, outputs=trained / "outputs", model="perfusion", scan=scan, levels=(0, 2)))
    said = capsys.readouterr().out
    row = pd.read_csv(out / "predictions.csv").iloc[0]
    study, external = StudyFolder(trained / "outputs", "stroke"), Cohort(trained / "external")
    members = Predictor.load(study, "perfusion").score(external).volumes
    assert members is not None
    np.testing.assert_allclose(row[["predicted_ml", "low_ml", "high_ml"]].astype(float), members[:, 0].mean(axis=0))
    assert 0 <= row["low_ml"] <= row["predicted_ml"] <= row["high_ml"]
    assert f"core volume {row['predicted_ml']:.0f} mL (90 % interval {row['low_ml']:.0f} to" in said
    assert Predictor.load(study, "full").score(external).volumes is None


def test_a_scan_gets_a_page_which_is_written_once_and_again_if_it_is_lost(trained: Path, tmp_path: Path, monkeypatch):
    given = (f"scan={trained}/scan.nii.gz", "levels=[0,2]", f"outputs={trained}/outputs", f"out={tmp_path}/out")
    said = call("predict", *given)
    page = tmp_path / "out/patient.html"
    assert f"page {page}" in said
    text = page.read_text()
    assert "The probability of a large core (core volume &gt; 5.5 mL)" in text
    assert "the 3 members give" in text
    assert "Contribution to the log odds" in text
    assert text.count("Contribution of each frame to the log odds") == 2
    before = page.stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(command, "standard_series", lambda *_: pytest.fail("computed again"))
        call("predict", *given)
    assert page.stat().st_mtime_ns == before
    page.unlink()
    call("predict", *given)
    assert page.read_text() == text


def test_a_manifest_gets_pages_if_asked_and_maps_in_the_scans_geometry(trained: Path, tmp_path: Path):
    given = (f"manifest={trained}/manifest.csv", f"outputs={trained}/outputs", f"out={tmp_path}/out")
    call("predict", *given, "page=true", "format=nifti")
    assert [path.name for path in (tmp_path / "out/pages").iterdir()] == ["patient-00001.html"]
    assert "<h1>Ann</h1>" in (tmp_path / "out/pages/patient-00001.html").read_text()
    scan = nib.load(trained / "scan.nii.gz")
    found = nib.load(tmp_path / "out/maps/patient-00001/conventional_cbv.nii.gz")
    np.testing.assert_allclose(found.affine, scan.affine)
    assert found.shape == scan.shape[:3]
    values = found.get_fdata()
    assert (values[..., 0] > 0).mean() > 0.1
    assert (values[..., 1] == 0).all()  # between the levels
    core = nib.load(tmp_path / "out/maps/patient-00001/core_mask.nii.gz").get_fdata()
    row, column = (round((135 / 2) + place / PIXEL_MM[0]) for place in CORE)
    assert core[column, row, 0] == 1
    assert core[135 - column, row, 0] == 0  # the other hemisphere


def test_one_patient_that_cannot_be_read_stands_in_the_table_with_its_reason(of_manifest: tuple[Path, str]):
    out, said = of_manifest
    table = pd.read_csv(out / "predictions.csv").set_index("patient")
    assert "1 of 2 patients cannot be scored" in said
    assert np.isfinite(table.loc["Ann", "probability"])
    assert "cut.nii.gz" in table.loc["Bob", "reason"]
    assert np.isnan(table.loc["Bob", "probability"])
    assert table.loc["Ann", "spread"] == pytest.approx(table.loc["Ann", ["fold_0", "fold_1", "fold_2"]].std())


def test_the_same_command_computes_nothing_again(of_manifest: tuple[Path, str], trained: Path, monkeypatch):
    out, _ = of_manifest
    before = (out / "predictions.csv").read_bytes()
    monkeypatch.setattr(command, "standard_series", lambda *_: pytest.fail("computed again"))
    call("predict", f"manifest={trained}/manifest.csv", f"outputs={trained}/outputs", f"out={out}")
    assert (out / "predictions.csv").read_bytes() == before


def test_an_unexpected_error_costs_one_patient_and_is_tried_again(trained: Path, tmp_path: Path, monkeypatch):
    header = "scan,patient,basal_ganglia,supraganglionic"
    (trained / "two.csv").write_text(f"{header}\nscan.nii.gz,Ann,0,2\nscan.nii.gz,Zoe,0,2\n")
    given = (f"manifest={trained}/two.csv", f"outputs={trained}/outputs", f"out={tmp_path}/out", "jobs=1")

    def broken_for_zoe(patient, rules):
        return 1 / 0 if patient.patient == "Zoe" else standard_series(patient, rules)

    with monkeypatch.context() as patch:
        patch.setattr(command, "standard_series", broken_for_zoe)
        with pytest.raises(SystemExit, match="1 of 2 patients met an unexpected error"):
            call("predict", *given)
    table = pd.read_csv(tmp_path / "out/predictions.csv").set_index("patient")
    assert np.isfinite(table.loc["Ann", "probability"])
    assert table.loc["Zoe", "stage"] == "defect"
    assert "ZeroDivisionError" in table.loc["Zoe", "reason"]
    call("predict", *given)
    probability = pd.read_csv(tmp_path / "out/predictions.csv")["probability"]
    assert probability[0] == probability[1]


def test_a_page_that_cannot_be_written_costs_one_patient_and_is_tried_again(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    header = "scan,patient,basal_ganglia,supraganglionic"
    (tmp_path / "two.csv").write_text(f"{header}\n{trained}/scan.nii.gz,Ann,0,2\n{trained}/scan.nii.gz,Zoe,0,2\n")
    given = (f"manifest={tmp_path}/two.csv", f"outputs={trained}/outputs", f"out={tmp_path}/out", "jobs=1", "page=true")

    def broken_for_ann(path: Path, case: PatientCase, mark: str) -> None:
        if case.title == "Ann":
            raise UserError("no place for it")
        write_patient_page(path, case, mark)

    with monkeypatch.context() as patch:
        patch.setattr(patient_page, "write_patient_page", broken_for_ann)
        with pytest.raises(SystemExit, match="page or maps are missing of Ann: no place for it"):
            call("predict", *given)
    assert np.isfinite(pd.read_csv(tmp_path / "out/predictions.csv")["probability"]).all()
    assert [path.name for path in (tmp_path / "out/pages").iterdir()] == ["patient-00002.html"]
    call("predict", *given)
    assert len(list((tmp_path / "out/pages").iterdir())) == 2


@pytest.mark.parametrize("place", [(command, "standard_series"), (patient_page, "write_patient_page")])
def test_an_unexpected_error_with_the_only_patient_keeps_its_traceback(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[ModuleType, str]
):
    monkeypatch.setattr(*place, lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call(
            "predict",
            f"scan={trained}/scan.nii.gz",
            "levels=[0,2]",
            f"outputs={trained}/outputs",
            f"out={tmp_path}/out",
        )


def test_a_series_that_the_members_were_trained_on_is_warned_of(trained: Path, tmp_path: Path, monkeypatch):
    known = Cohort(trained / "outputs/cohort").series(3)
    monkeypatch.setattr(command, "standard_series", lambda *given: replace(standard_series(*given), hu=known))
    given = (f"scan={trained}/scan.nii.gz", "levels=[0,2]", f"outputs={trained}/outputs", f"out={tmp_path}/out")
    assert "warning: 1 patient of the training cohort, on whom the members were trained" in call("predict", *given)
    assert "The members were trained on this very series" in (tmp_path / "out/patient.html").read_text()


def test_a_page_of_other_data_is_removed_and_only_the_page_of_the_command_is_named(trained: Path, tmp_path: Path):
    out, shared = tmp_path / "out", (f"outputs={trained}/outputs", f"out={tmp_path}/out")
    scan = ("predict", f"scan={trained}/scan.nii.gz", "levels=[0,2]", *shared)
    manifest = ("predict", f"manifest={trained}/manifest.csv", *shared)
    assert "page " in call(*scan)
    assert "page " not in call(*scan, "page=false")
    assert (out / "patient.html").exists()
    assert "page " not in call(*manifest, "page=true")
    assert not (out / "patient.html").exists()
    assert len(list(out.glob("pages/*.html"))) == 1
    (out / "pages/patient-00002.html").write_text("not ours")
    call(*scan)
    assert {path.name for path in out.rglob("*.html")} == {"patient-00002.html", "patient.html"}


def test_a_model_of_whole_scans_is_refused(trained: Path, tmp_path: Path):
    settings = PredictSettings(tmp_path / "out", outputs=tmp_path, model="rcbf_scan", scan=trained / "scan.nii.gz")
    with pytest.raises(UserError, match="model must measure the two levels, rcbf_scan measures the whole scan"):
        predict(settings)
    assert not settings.out.exists()


def test_a_manifest_of_which_nobody_can_be_scored_leaves_a_table_with_the_reasons(trained: Path, tmp_path: Path):
    (trained / "bad.csv").write_text(
        "scan,patient,basal_ganglia,supraganglionic\ncut.nii.gz,Bob,0,2\ncut.nii.gz,Tom,0,2\n"
    )
    with pytest.raises(SystemExit, match=r"none of 2 patients can be scored; first: .*cut\.nii\.gz"):
        call("predict", f"manifest={trained}/bad.csv", f"outputs={trained}/outputs", f"out={tmp_path}/out")
    assert "cut.nii.gz" in pd.read_csv(tmp_path / "out/predictions.csv").loc[0, "reason"]


def test_members_share_what_takes_time(trained: Path, monkeypatch):
    """A patient is encoded once for all members and for both probability and volume."""
    encoded = []
    predictor = Predictor.load(StudyFolder(trained / "outputs", "stroke"), "full")
    evidence = type(predictor.model).evidence
    monkeypatch.setattr(type(predictor.model), "evidence", lambda *given: encoded.append(1) or evidence(*given))
    assert predictor.score(Cohort(trained / "external")).probability.shape == (3, 1)
    assert encoded == [1]


def test_a_study_that_was_moved_predicts_the_same(of_manifest: tuple[Path, str], trained: Path, tmp_path: Path):
    shutil.copytree(trained / "outputs/stroke", tmp_path / "elsewhere/renamed")  # neither cohort nor feature cache
    said = call(
        *("predict", f"manifest={trained}/manifest.csv", f"outputs={tmp_path}/elsewhere", "name=renamed"),
        f"out={tmp_path}/out",
    )
    moved, known = (pd.read_csv(folder / "predictions.csv") for folder in (tmp_path / "out", of_manifest[0]))
    declined = ["answer", "declined"]  # only the training cohort knows who is unlike it
    pd.testing.assert_frame_equal(moved.drop(columns=declined), known.drop(columns=declined), check_exact=True)
    assert known["answer"][0] == "not assessable"
    assert moved["answer"][0] == moved["youden"][0]
    assert "patients are not compared with the training cohort: its folder cohort was moved or removed" in said
    said = call(
        *("predict", f"manifest={trained}/manifest.csv", f"outputs={tmp_path}/elsewhere", "name=renamed"),
        *(f"out={tmp_path}/told", f"cohort={trained}/outputs/cohort", f"bank={trained}/outputs/bank"),
    )
    assert "training cohort" not in said
    assert (tmp_path / "told/predictions.csv").read_bytes() == (of_manifest[0] / "predictions.csv").read_bytes()


def test_a_training_patient_is_scored_by_the_member_that_was_tested_on_it(trained: Path, tmp_path: Path):
    (tested,) = RunFolder(trained / "outputs/stroke/full/fold-1").record().patients.test[:1]
    manifest = trained / "training.csv"
    header = "scan,patient,basal_ganglia,supraganglionic"
    manifest.write_text(f"{header}\nscan.nii.gz,{tested},0,2\nscan.nii.gz,Zoe,0,2\n")
    given = (f"manifest={manifest}", f"outputs={trained}/outputs", f"out={tmp_path}/out")
    call("predict", *given, "out_of_fold=true")
    found, stranger = json.loads((tmp_path / "out/predictions.json").read_text())["predictions"]
    assert list(found["members"]) == ["1"]
    assert stranger["reason"] == "the training cohort has no such patient"
    assert f"such as {tested}, have the name of a training patient" in call("predict", *given)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["scan=nowhere.nii.gz"], "there is no scan nowhere.nii.gz"),
        ([], "give either scan=PATH or manifest=FILE, got neither"),
        (["scan={0}/scan.nii.gz", "levels=[1,1]"], "levels must be two slices, got 1 for both"),
        (["scan={0}/scan.nii.gz", "levels=[0,9]"], "supraganglionic must be a slice from 0 to 2, got 9"),
        (["scan={0}/scan.nii.gz", "levels=one"], "levels must be auto, or the slices"),
        (["manifest={0}/manifest.csv", "levels=[0,2]"], "levels is that of scan=PATH"),
        (["manifest={0}/manifest.csv", "out_of_fold=true"], "manifest.csv has none"),
        (["scan={0}/scan.nii.gz", "out_of_fold=true"], "has no name; use a manifest"),
        (["scan={0}/cut.nii.gz"], "cut.nii.gz"),
        (["scan={0}/scan.nii.gz", "name=none"], "no fold of"),
        (["scan={0}/scan.nii.gz", "bundle=b", "cohort={0}"], "bundle=b holds the range of its training cohort"),
        (["scan={0}/scan.nii.gz", "bundle=b", "bank={0}"], "leave out bank"),
        (["scan={0}/scan.nii.gz", "bundle=b", "name=mine"], "bundle=b holds a study's model; leave out name and model"),
        (["manifest={0}/manifest.csv", "bundle=b", "out_of_fold=true"], "a bundle does not tell who its training"),
        (["scan={0}/scan.nii.gz", "format=dicom"], "format=dicom writes objects that refer to the images of a DICOM"),
    ],
)
def test_bad_input_ends_in_one_sentence_and_nothing_written(
    arguments: list[str], sentence: str, trained: Path, tmp_path: Path
):
    given = [argument.format(trained) for argument in arguments]
    with pytest.raises(SystemExit) as stopped:
        call("predict", *given, f"outputs={trained}/outputs", f"out={tmp_path}/out")
    assert sentence in str(stopped.value.code)
    assert "\n" not in str(stopped.value.code)
    assert not (tmp_path / "out").exists()


def test_files_of_somebody_else_among_the_pages_are_left_alone(tmp_path: Path):
    (tmp_path / "pages").mkdir()
    for name in ("patient-00002.html", "patient-notes.html", "patient-00007.html"):
        (tmp_path / "pages" / name).touch()
    assert sorted(number or 0 for number in PredictionFolder(tmp_path).written()) == [0, 2, 7]
