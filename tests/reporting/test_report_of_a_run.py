"""Train, ensemble and report as a user runs them: what a report shows of a study beyond its predictions."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run_module
from stroke_ctp.study.runs import read_runs

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.files import read_json, write_json
from stroke_ctp.reporting.study_background import background_of
from stroke_ctp.reporting.tables.provenance import provenance
from stroke_ctp.study.predictions import read_study


def _write_cohort(folder: Path, prefix: str, seed: int, n: int = 12) -> Path:
    """Patients from two sites, with noise as series; one more patient was excluded."""
    (folder / "series").mkdir(parents=True)
    random = np.random.default_rng(seed)
    for number in range(n):
        np.save(folder / "series" / f"{number:05d}.npy", random.normal(30, 3, (2, 32, 128, 128)).astype(np.float16))
    table = pd.DataFrame({"patient": [f"{prefix}{k}" for k in range(n)], "series": [f"{k:05d}.npy" for k in range(n)]})
    table = table.assign(
        core_ml=np.arange(float(n)),
        scan_cbv_ml=np.arange(float(n)) ** 2,
        label_definition="DWI",
        site=["A", "B"] * (n // 2),
    )
    table.to_csv(folder / "cohort.csv", index=False)
    excluded = pd.DataFrame({"patient": [f"{prefix}x"], "stage": ["timing"], "reason": ["too short"]})
    excluded.to_csv(folder / "excluded.csv", index=False)
    counts = {"patients": n + 1, "included": n, "excluded": {"timing": 1}}
    write_json(folder / "cohort.json", {"hash": f"{seed}" * 64, "counts": counts})
    return folder


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two cohorts and the report of a conventional baseline, with subgroups."""
    folder = tmp_path_factory.mktemp("user")
    _write_cohort(folder / "cohorts" / "train", "T", 1)
    _write_cohort(folder / "cohorts" / "external", "E", 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train = ("cohort=cohorts/train", "fold=0..2", "folds.n=3", "name=mine", "ablation=cbv_scan", "batch_size=5")
        run_module("train", *train)
        run_module("ensemble", "external=cohorts/external", "name=mine", "ablation=cbv_scan")
        run_module("report", "name=mine", "subgroup=site")
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
    assert set(audit["verdict"]) == {"passed", "by construction"}
    assert audit.loc["No series appears under two names", "detail"] == "SHA-256 of 24 series of both cohorts"


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


def test_records_of_runs_that_lack_something_are_reported_as_not_recorded(workplace: Path, tmp_path: Path):
    study = tmp_path / "outputs" / "mine"
    shutil.copytree(workplace / "outputs" / "mine", study)
    for record in study.glob("*/*/run.json"):
        record.write_text('{"seconds": 60}')
    background = background_of(study)
    assert background.evidence.training.unknown == "its folder was not recorded when it was scored"
    origin = provenance(read_study(study).main, read_runs(study, "cbv_scan"), background)
    assert (origin["Software"], origin["Device"]) == ("not recorded", "not recorded")
    assert origin["Duration of training"] == "3.0 min in all for 3 trainings"


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
    run_module("report", "name=mine")
    page = (tmp_path / "outputs" / "mine" / "report" / "report.html").read_text()
    assert "Training cohort: not shown, its folder train was moved or removed." in page
    assert "External test cohort: not shown, its folder external now holds another cohort." in page


def test_an_identical_series_in_the_external_cohort_stops_the_report(
    workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for part in ("outputs", "cohorts"):
        shutil.copytree(workplace / part, tmp_path / part)
    shutil.copy(tmp_path / "cohorts/train/series/00004.npy", tmp_path / "cohorts/external/series/00007.npy")
    monkeypatch.chdir(tmp_path)
    sentence = "leakage in mine: patients T4 and E7 have the same series; no report was written"
    with pytest.raises(SystemExit, match=sentence):
        run_module("report", "name=mine")
