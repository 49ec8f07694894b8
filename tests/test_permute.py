"""`permute`: trainings on permuted classes, and what the report makes of them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohorts import write_noise_cohort
from commands import refused, run_module
from noise import train_quickly

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.model.conventional import FittedConventional
from stroke_ctp.reporting.report import write_report
from stroke_ctp.study.permuted_training import permuted, permuted_aucs
from stroke_ctp.study.study_folder import StudyFolder

N, FOLDS = 60, ("fold=0..4", "folds.n=5")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort, and a study of a baseline that orders all patients correctly."""
    folder = tmp_path_factory.mktemp("user")
    volumes = (np.arange(float(N)) * 7) % N
    write_noise_cohort(folder / "cohort", {"core_ml": volumes, "scan_cbv_ml": volumes, "scan_rcbf_ml": volumes**2})
    run_module("train", f"cohort={folder}/cohort", f"outputs={folder}", "name=mine", "model=cbv_scan", *FOLDS)
    run_module("permute", f"outputs={folder}", "name=mine", "permutations=40")
    return folder


@pytest.fixture
def study(workplace: Path) -> StudyFolder:
    return StudyFolder(workplace, "mine")


def test_nothing_is_learned_from_permuted_classes(study: StudyFolder):
    aucs = study.permutations("cbv_scan").aucs(study.runs_of_first_seed("cbv_scan"))
    assert aucs is not None
    assert aucs.shape == (40, 5)
    assert abs(aucs.mean() - 0.5) < 0.05
    assert aucs.mean(axis=1).std() > 0.03  # the permutations differ


def test_the_permutation_is_one_of_the_classes_among_all_patients_and_the_same_for_every_model():
    labels = np.repeat([0, 1], 30)
    first, again, other = permuted(labels, 3), permuted(labels, 3), permuted(labels, 4)
    assert sorted(first) == sorted(labels)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != labels).any()


def test_with_the_true_classes_the_same_trainings_give_the_recorded_aucs(
    study: StudyFolder, workplace: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("stroke_ctp.study.permuted_training.permuted", lambda labels, _: labels)
    runs = study.runs_of_first_seed("cbv_scan")
    assert permuted_aucs(runs, Cohort(workplace / "cohort"), 0) == [run.record().auc["test"] for run in runs]


@pytest.mark.usefixtures("no_figures")
def test_the_report_shows_the_permuted_trainings_and_their_p(study: StudyFolder):
    write_report(study, 0.9, 0.05)
    row = pd.read_csv(study.report / "tables" / "permutations.csv").iloc[0]
    means = [np.mean(json.loads(file.read_text())["test"]) for file in study.path.glob("*/permutations/0*.json")]
    assert (row["model"], row["permutations"], row["roc_auc"]) == ("CBV core, whole scan", 40, 1)
    assert row["permuted_mean"] == pytest.approx(np.mean(means))
    assert row["p"] == pytest.approx(1 / 41)  # no permutation orders all patients
    assert "Trained again on permuted classes, 40 times: mean ROC-AUC" in (study.report / "report.html").read_text()


def test_the_command_continues_where_it_was_interrupted(
    workplace: Path, study: StudyFolder, capsys: pytest.CaptureFixture[str]
):
    files = {file: file.stat().st_mtime_ns for file in study.path.glob("*/permutations/*.json")}
    lost = study.path / "cbv_scan" / "permutations" / "00007.json"
    before = lost.read_text()
    lost.unlink()
    run_module("permute", f"outputs={workplace}", "name=mine", "permutations=40")
    assert "40/40" in capsys.readouterr().err
    assert lost.read_text() == before
    assert [file for file, time in files.items() if file.stat().st_mtime_ns != time] == [lost]


def test_a_network_is_trained_again_in_every_fold_and_leaves_nothing_but_its_aucs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    write_noise_cohort(Path("cohort"), {"core_ml": np.arange(12.0)})
    train_quickly("cohort=cohort", "fold=0..2", "seed=3", "name=mine", "trainer.max_epochs=2")
    run_module("permute", "name=mine", "permutations=1", "jobs=1", "cohorts=cohort")
    folder = Path("outputs/mine/full/permutations")
    assert sorted(path.name for path in folder.iterdir()) == ["00000.json", "settings.json"]
    assert len(list(Path("outputs/mine/full").rglob("best.ckpt"))) == 3
    assert json.loads((folder / "settings.json").read_text())["seed"] == 3
    assert len(json.loads((folder / "00000.json").read_text())["test"]) == 3


def test_mistakes_are_named(workplace: Path, tmp_path: Path):
    given = (f"outputs={workplace}", "name=mine")
    assert "permutations is required: add permutations=…" in refused("permute", *given)
    assert "permutations must be a whole number ≥ 1, got 0" in refused("permute", *given, "permutations=0")
    assert "did you mean cbv_scan?" in refused("permute", *given, "permutations=1", "models=cbv_scam")
    assert "nothing was trained in" in refused("permute", f"outputs={tmp_path}", "name=x", "permutations=1")
    cohort = workplace / "cohort"
    cohort.rename(workplace / "elsewhere")
    assert "its folder cohort was moved or removed; put it back" in refused("permute", *given, "permutations=50")
    (workplace / "elsewhere").rename(cohort)


def test_a_permuted_training_that_diverges_is_told_and_counts_nothing(
    study: StudyFolder, workplace: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(FittedConventional, "score", lambda *given: np.full(len(given[-1]), np.nan))
    with pytest.raises(UserError, match="fold 0: the training on permuted classes diverged; lower its learning_rate"):
        permuted_aucs(study.runs_of_first_seed("cbv_scan"), Cohort(workplace / "cohort"), 0)
