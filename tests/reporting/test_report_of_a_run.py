"""Train, ensemble and report as a user runs them: what a report shows of a study beyond its predictions."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohorts import write_noise_cohort
from commands import run_module
from noise import train_quickly
from studies import MARGIN, SENSITIVITY

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.files import write_json
from stroke_ctp.common.records import read_json
from stroke_ctp.reporting.report import report_content
from stroke_ctp.reporting.study_background import background_of
from stroke_ctp.study.audit.findings import Verdict
from stroke_ctp.study.predictions import read_study
from stroke_ctp.study.run_folder import Elsewhere
from stroke_ctp.study.study_folder import StudyFolder

COHORTS = ("cohorts/train", "cohorts/external")
REPORT = ("report", "name=mine", f"cohorts={','.join(COHORTS)}")


def _write_cohort(folder: Path, prefix: str, seed: int, n: int = 12) -> Path:
    """Patients from two sites, with noise as series; one more patient was excluded."""
    columns = {
        "patient": [f"{prefix}{number}" for number in range(n)],
        "core_ml": np.arange(float(n)),
        "scan_cbv_ml": np.arange(float(n)) ** 2,
        "label_definition": ["DWI"] * n,
        "site": ["A", "B"] * (n // 2),
    }
    excluded = [{"patient": f"{prefix}x", "stage": "timing", "reason": "too short"}]
    return write_noise_cohort(folder, columns, seed, excluded=excluded)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two cohorts and the report of a conventional baseline, with subgroups."""
    folder = tmp_path_factory.mktemp("user")
    _write_cohort(folder / "cohorts" / "train", "T", 1)
    _write_cohort(folder / "cohorts" / "external", "E", 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train = ("cohort=cohorts/train", "fold=0..2", "folds.n=3", "name=mine", "model=cbv_scan", "batch_size=5")
        run_module("train", *train)
        run_module("ensemble", "external=cohorts/external", "name=mine", "models=cbv_scan")
        run_module(*REPORT, "subgroup=site")
        yield folder


def _table(folder: Path, name: str, index: str) -> pd.DataFrame:
    path = folder / "outputs" / "mine" / "report" / "tables" / f"{name}.csv"
    return pd.read_csv(path, keep_default_na=False).set_index(index)


def test_every_run_records_its_circumstances_and_the_digest_of_its_predictions(workplace: Path):
    for run in ("fold-0", "fold-1", "fold-2", "ensemble"):
        folder = workplace / "outputs" / "mine" / "cbv_scan" / run
        record, metrics = (read_json(folder / name) for name in ("run.json", "metrics.json"))
        assert record["seconds"] >= 0
        assert {"torch", "numpy", "stroke_ctp", "python"} <= set(record["versions"])
        assert len(metrics["predictions"]) == 64
        assert "seconds" not in json.dumps(metrics)
        assert (workplace / "outputs" / "mine" / record["cohort"] / "cohort.csv").exists()


def test_the_leakage_audit_of_a_fresh_study_leaves_nothing_unchecked(workplace: Path):
    audit = _table(workplace, "leakage_audit", "check")
    assert set(audit["verdict"]) == {"passed"}
    assert audit.loc["No series appears under two names", "detail"] == "SHA-256 of 24 series"
    assert set(_table(workplace, "not_checked", "check")["verdict"]) == {"outside the audit"}


@pytest.mark.usefixtures("workplace")
def test_the_audit_of_a_network_recomputes_what_it_was_fitted_on():
    train_quickly("cohort=cohorts/train", "fold=0..2", "name=network", "trainer.max_epochs=2")
    folder = StudyFolder(Path("outputs"), "network", Elsewhere(cohorts=tuple(map(Path, COHORTS))))
    study = read_study(folder)
    content = report_content(study, background_of(folder, study), SENSITIVITY, MARGIN)
    found = {finding.check: finding for finding in content.findings}
    statistics = found["Feature standardization is fitted on training patients"]
    assert statistics.verdict is Verdict.PASSED
    assert statistics.detail.startswith("recomputed for 3 folds")
    epochs = found["Epochs were chosen on validation patients"]
    assert (epochs.verdict, epochs.detail) == (Verdict.PASSED, "lowest logged validation loss in all 3 folds")


def test_inclusion_and_exclusions_of_both_cohorts_are_shown(workplace: Path):
    page = (workplace / "outputs" / "mine" / "report" / "report.html").read_text()
    for name in ("Training cohort", "External test cohort"):
        sentence = f"{name}: 13 patients; excluded: 1 (frame interval or duration did not comply); 12 included."
        assert sentence in page
    assert list(_table(workplace, "exclusions", "patient").index) == ["Tx", "Ex"]


def test_settings_that_differ_from_the_default_are_listed_and_no_others(workplace: Path):
    settings = _table(workplace, "settings", "setting")
    assert settings.to_dict("index") == {
        "folds.n": {"default": 10, "here": 3},
        "batch_size": {"default": 12, "here": 5},
    }


def test_provenance_names_cohorts_software_and_duration(workplace: Path):
    origin = _table(workplace, "provenance", "what")["value"]
    assert Cohort(workplace / "cohorts" / "external").hash in origin["External cohort"]
    assert origin["Seed of training"] == "0"
    assert "torch " in origin["Software"]
    assert origin["Duration of training"].endswith("for 3 trainings")


def test_subgroups_come_from_the_cohorts(workplace: Path):
    groups = _table(workplace, "subgroups", "site")
    assert list(groups.index) == ["A", "B", "A", "B"]
    assert set(groups["n"]) == {6}


@pytest.mark.usefixtures("no_figures")
def test_a_cohort_that_is_gone_or_another_one_now_is_missed_with_the_reason(
    workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(workplace / "outputs", tmp_path / "outputs")
    _write_cohort(tmp_path / "cohorts" / "external", "E", 3)
    monkeypatch.chdir(tmp_path)
    run_module(*REPORT)
    page = (tmp_path / "outputs" / "mine" / "report" / "report.html").read_text()
    assert "Training cohort: not shown, its folder train was moved or removed." in page
    assert "External test cohort: not shown, its folder external now holds another cohort." in page


def test_an_identical_series_in_the_external_cohort_stops_the_report(
    workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for part in ("outputs", "cohorts"):
        shutil.copytree(workplace / part, tmp_path / part)
    monkeypatch.chdir(tmp_path)
    shutil.copy("cohorts/train/series/00004.npy", "cohorts/external/series/00007.npy")
    with pytest.raises(SystemExit, match=r"00007\.npy, the series of patient E7, is not the one that was made"):
        run_module(*REPORT)
    made = [read_json(Path(folder, "cohort.json")) for folder in COHORTS]
    made[1]["series"]["00007.npy"] = made[0]["series"]["00004.npy"]  # as if the archive held the scan twice
    write_json(Path(COHORTS[1], "cohort.json"), made[1])
    sentence = "leakage in mine: patients T4 and E7 have the same series; no report was written"
    with pytest.raises(SystemExit, match=sentence):
        run_module(*REPORT)
