import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from stroke_ctp.errors import UserError
from stroke_ctp.evaluation.predictions import read_study
from stroke_ctp.evaluation.report import write_report
from stroke_ctp.evaluation.text import report_text
from stroke_ctp.files import digest

N_FOLDS, N_PATIENTS = 5, 60


def _write_ablation(folder: Path, seed: int, encoder: dict[str, str] | None, one_class: bool = False) -> None:
    generator = np.random.default_rng(seed)
    core = np.linspace(1, 99, N_PATIENTS)
    if one_class:  # all patients of test fold 0 are small
        core[::N_FOLDS] = 1
    table = pd.DataFrame(
        {
            "patient": [f"p{number}" for number in range(N_PATIENTS)],
            "label": (core > 50).astype(int),
            "core_ml": core,
            "probability": 1 / (1 + np.exp(-(core - 50) / 30 - generator.normal(size=N_PATIENTS))),
        }
    )
    fold_of = np.arange(N_PATIENTS) % N_FOLDS
    for fold in range(N_FOLDS):
        test = table[fold_of == fold].assign(fold=fold, split="test")
        validation = table[fold_of == (fold + 1) % N_FOLDS].assign(fold=fold, split="validation")
        run = folder / f"fold-{fold}"
        run.mkdir(parents=True)
        pd.concat([validation, test]).to_csv(run / "predictions.csv", index=False)
        metrics = {
            "n_folds": N_FOLDS,
            "endpoint": {"column": "core_ml", "threshold": 50.0, "rule": "given"},
            "encoder": encoder,
            "cohort": {"hash": "a"},
        }
        (run / "metrics.json").write_text(json.dumps(metrics))


def _write_ensemble(folder: Path) -> None:
    members = [
        pd.read_csv(folder / "fold-0" / "predictions.csv").assign(fold=str(fold), split="external")
        for fold in range(N_FOLDS)
    ]
    folder.joinpath("ensemble").mkdir()
    rows = pd.concat([*members, members[0].assign(fold="mean")])
    rows.to_csv(folder / "ensemble" / "predictions.csv", index=False)
    made_of = [digest(json.loads((folder / f"fold-{fold}" / "metrics.json").read_text())) for fold in range(N_FOLDS)]
    (folder / "ensemble" / "metrics.json").write_text(json.dumps({"members": made_of}))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return _write_study(tmp_path / "outputs" / "demo")


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A study with its report, to be read only, and what was printed."""
    folder = _write_study(tmp_path_factory.mktemp("outputs") / "demo")
    return folder, write_report(folder)


def _write_study(folder: Path) -> Path:
    oxford = {"weights": "oxford", "sha256": "804ca2835ecf7539f0cd2a7ac3c18ce8"}
    _write_ablation(folder / "full", 0, oxford)
    _write_ablation(folder / "local", 1, oxford)
    _write_ablation(folder / "cbv", 2, None)
    _write_ensemble(folder / "full")
    return folder


def _report(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stroke_ctp.report", *arguments]
    path = str(Path(__file__).parents[1])
    return subprocess.run(command, cwd=directory, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False)


def _table(study: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(study / "report" / "tables" / f"{name}.csv", keep_default_na=False, na_values={"auc": ""})


def _files(study: Path) -> dict[str, bytes]:
    report = study / "report"
    return {str(p.relative_to(report)): p.read_bytes() for p in report.rglob("*") if p.is_file()}


def test_the_command_prints_the_tables_and_ends_with_the_folder(study: Path):
    done = _report(study.parents[1], "name=demo")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "outputs/demo/report"
    assert max(map(len, lines)) <= 80
    assert "demo: 60 patients; large: core_ml > 50 mL; encoder oxford 804ca2835ecf" in lines
    assert set(_files(study)) == {
        *(f"tables/{name}.csv" for name in ("table1", "table2", "folds")),
        *(f"figures/{name}.{suffix}" for name in ("figure3", "external") for suffix in ("png", "pdf")),
    }


def test_a_name_that_was_never_run_ends_in_a_sentence_without_a_traceback(study: Path):
    done = _report(study.parents[1], "name=nope")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "report: nothing was run in outputs/nope; run `python -m stroke_ctp.train" in done.stderr
    assert not (study.parent / "nope").exists()


def test_a_study_with_a_missing_fold_gets_no_report(study: Path):
    shutil.rmtree(study / "local" / "fold-3")
    with pytest.raises(UserError, match=r"missing 3; run `python -m stroke_ctp.train"):
        write_report(study)
    assert not _files(study)


def test_every_fold_has_scikit_learns_auc(reported: tuple[Path, str]):
    study, _ = reported
    rows = _table(study, "folds")
    assert len(rows) == 3 * 2 * N_FOLDS
    for row in rows.itertuples():
        predictions = pd.read_csv(study / row.ablation / f"fold-{row.fold}" / "predictions.csv")
        scored = predictions[predictions["split"] == row.split]
        assert row.auc == pytest.approx(roc_auc_score(scored["label"], scored["probability"]), abs=1e-12)
        assert (row.n_large, row.n_small) == (scored["label"].sum(), (1 - scored["label"]).sum())


def test_tables_1_and_2_follow_from_the_folds(reported: tuple[Path, str]):
    study, text = reported
    folds = _table(study, "folds").groupby(["ablation", "split"])["auc"].agg(["mean", "std"])
    printed = folds.apply(lambda row: f"{row['mean']:.2f} ({row['std']:.2f})", axis=1)
    ours = {name: _ours(_table(study, name)) for name in ("table1", "table2")}
    predictions = pd.read_csv(study / "full" / "ensemble" / "predictions.csv")
    mean = predictions[predictions["fold"] == "mean"]
    external = f"{roc_auc_score(mean['label'], mean['probability']):.2f}"
    assert ours["table1"] == [printed["full", "validation"], printed["full", "test"], external]
    assert ours["table2"] == [
        printed["full", "test"], "not run", printed["local", "test"], printed["cbv", "test"], "not run"
    ]  # fmt: skip
    assert all(value in text for value in [*ours["table1"], *ours["table2"]])


def _ours(table: pd.DataFrame) -> list[str]:
    return list(table.loc[table["row"] == "This study", "text"])


def test_the_articles_values_stand_in_a_row_of_their_own(reported: tuple[Path, str]):
    rows = [line for line in reported[1].splitlines() if line.startswith("Article")]
    assert [re.split(" {2,}", row)[1:] for row in rows] == [
        ["0.75 (0.11)", "0.72 (0.10)", "0.61"],
        ["0.72 (0.10)", "0.63 (0.14)", "0.65 (0.13)", "–", "–"],
    ]


def test_without_the_full_model_and_the_ensemble_the_tables_say_not_run(study: Path):
    write_report(study)
    shutil.rmtree(study / "full")
    write_report(study)
    assert _ours(_table(study, "table1")) == ["not run"] * 3
    assert not list((study / "report" / "figures").iterdir()), "figures of a run that is gone"


def test_a_fold_with_one_class_is_undefined_and_the_mean_says_on_how_many_folds_it_rests(study: Path):
    shutil.rmtree(study / "full")
    _write_ablation(study / "full", 0, {"weights": "oxford", "sha256": "80"}, one_class=True)
    text = write_report(study)
    folds = _table(study, "folds")
    fold = folds[(folds["ablation"] == "full") & (folds["split"] == "test") & (folds["fold"] == 0)]
    assert fold["auc"].isna().all()
    assert list(fold["note"]) == ["undefined: no large core"]
    assert "4 of 5 folds; undefined on fold 0 (no large core)" in text
    assert "nan" not in text


def test_randomly_initialized_weights_are_called_meaningless(study: Path):
    shutil.rmtree(study / "full")
    _write_ablation(study / "full", 0, {"weights": "none", "sha256": "1234567890abcdef"})
    text = report_text(read_study(study))
    assert "encoder none 1234567890ab" in text
    assert "randomly initialized: these results mean nothing" in text


def test_more_ablations_than_a_terminal_is_wide_follow_below(study: Path):
    for number in range(3):
        shutil.copytree(study / "local", study / f"without_dropout_{number}")
    lines = report_text(read_study(study)).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(any(f"without_dropout_{number}" in line for line in lines) for number in range(3))


def test_the_same_predictions_make_the_same_bytes(study: Path, reported: tuple[Path, str]):
    write_report(study)
    assert _files(study) == _files(reported[0])


def test_figures_are_as_wide_as_a_journals_column(reported: tuple[Path, str]):
    study, _ = reported
    for name in ("figure3", "external"):
        header = (study / "report" / "figures" / f"{name}.png").read_bytes()[:24]
        assert int.from_bytes(header[16:20]) / 300 * 25.4 == pytest.approx(90, abs=0.2)
