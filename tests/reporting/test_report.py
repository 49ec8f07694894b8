"""The report of a study: numbers follow from the predictions, and every file shows the same."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import studies
from commands import run_module
from scipy.special import logit
from scipy.stats import t
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from studies import (
    MARGIN,
    N_FOLDS,
    OXFORD,
    SENSITIVITY,
    write_ensemble,
    write_external,
    write_model,
    write_run,
    write_study,
)

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.errors import UserError
from stroke_ctp.model.provenance import Provenance
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.reporting.console import report_text
from stroke_ctp.reporting.number_text import estimate_text, p_text
from stroke_ctp.reporting.report import report_content, write_report
from stroke_ctp.reporting.report_sections import sections
from stroke_ctp.reporting.results.model_aucs import model_aucs
from stroke_ctp.reporting.study_background import background_of
from stroke_ctp.reporting.study_comparison import write_comparison
from stroke_ctp.reporting.tables.provenance import provenance, settings_table
from stroke_ctp.reporting.tables.table import Table
from stroke_ctp.statistics.interval_estimates import Estimate, PValue
from stroke_ctp.study.predictions import read_study
from stroke_ctp.study.study_folder import StudyFolder
from stroke_ctp.study.training_summary import training_summaries

TABLES = (
    "table1",
    "table2",
    "folds",
    "members",
    "auc",
    "auc_secondary",
    "comparisons",
    "comparisons_secondary",
    "operating_points",
    "calibration",
    "recalibration",
    "risk_coverage",
    "errors",
    "patients",
)
FIGURES = ("figure3", "folds", "roc_models", "external", "calibration", "decision_curve", "core_volume")


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    return write_study(tmp_path / "outputs")


@pytest.fixture
def one_class(tmp_path: Path) -> StudyFolder:
    """A study in which fold 0 tests, and fold 4 validates, small cores only."""
    study = StudyFolder(tmp_path, "one")
    write_model(study, "full", 0, OXFORD, one_class=True)
    return study


def _tables(folder: StudyFolder) -> dict[str, Table]:
    """All tables of a report that is not written."""
    study = read_study(folder)
    made = sections(report_content(study, background_of(folder, study), SENSITIVITY, MARGIN))
    return {table.name: table for section in made for table in section.tables}


def _printed(folder: StudyFolder) -> str:
    """What the report prints."""
    study = read_study(folder)
    return report_text(study, {name: model_aucs(one) for name, one in study.models.items()})


def _table(study: StudyFolder, name: str) -> pd.DataFrame:
    return pd.read_csv(study.report / "tables" / f"{name}.csv", keep_default_na=False, na_values={"auc": ""})


def _predictions(study: StudyFolder, model: str, fold: int, seed: int = 0) -> pd.DataFrame:
    """Predictions of a run, from its table alone."""
    return pd.read_csv(study.run(model, fold, seed).path / "predictions.csv")


Command = Callable[..., str | int | None]


@pytest.fixture
def command(study: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command as `python -m` does, where the study's outputs are, and return what it exits with."""

    def run(*arguments: str) -> str | int | None:
        monkeypatch.chdir(study.path.parents[1])
        try:
            run_module("report", *arguments)
        except SystemExit as stopped:
            return stopped.code
        return None

    return run


def _files(study: StudyFolder) -> dict[str, bytes]:
    return {str(p.relative_to(study.report)): p.read_bytes() for p in study.report.rglob("*") if p.is_file()}


def test_the_command_prints_the_tables_and_ends_with_the_folder(
    study: StudyFolder, command: Command, capsys: pytest.CaptureFixture[str]
):
    assert command("name=demo") is None
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "outputs/demo/report/report.html"
    assert max(map(len, lines)) <= 80
    assert "demo: 60 patients; large: core volume > 50 mL; encoder oxford 804ca2835ecf" in lines
    files = set(_files(study))
    assert {f"tables/{name}.csv" for name in TABLES} | {"tables/table1.tex", "tables/table2.tex"} <= files
    assert {f"figures/{name}.{suffix}" for name in FIGURES for suffix in ("png", "pdf")} <= files
    assert "report.html" in files


def test_a_name_that_was_never_run_ends_in_a_sentence(study: StudyFolder, command: Command):
    sentence = str(command("name=nope"))
    assert sentence.startswith("report: nothing was trained in outputs/nope; run `python -m stroke_ctp.train")
    assert not study.path.with_name("nope").exists()


def test_a_study_with_a_missing_fold_gets_no_report(study: StudyFolder):
    shutil.rmtree(study.run("local", 3).path)
    with pytest.raises(UserError, match=r"missing 3; run `python -m stroke_ctp.train"):
        write_report(study, SENSITIVITY, MARGIN)
    assert not _files(study)


def test_every_fold_has_scikit_learns_auc(reported: tuple[StudyFolder, str]):
    study, _ = reported
    rows = _table(study, "folds")
    assert len(rows) == 3 * 2 * N_FOLDS
    for row in rows.itertuples():
        predictions = _predictions(study, row.model, row.fold)
        scored = predictions[predictions["split"] == row.split]
        assert row.auc == pytest.approx(roc_auc_score(scored["label"], scored["probability"]), abs=1e-12)
        assert (row.n_large, row.n_small) == (scored["label"].sum(), (1 - scored["label"]).sum())


def test_tables_1_and_2_follow_from_the_folds(reported: tuple[StudyFolder, str]):
    study, text = reported
    folds = _table(study, "folds").groupby(["model", "split"])["auc"].agg(["mean", "std"])
    printed = folds.apply(lambda row: f"{row['mean']:.2f} ({row['std']:.2f})", axis=1)
    ours = {name: _ours(_table(study, name)) for name in ("table1", "table2")}
    predictions = pd.read_csv(study.ensemble("full").path / "predictions.csv")
    mean = predictions[predictions["fold"] == "mean"]
    external = f"{roc_auc_score(mean['label'], mean['probability']):.2f}"
    assert ours["table1"] == [printed["full", "validation"], printed["full", "test"], external]
    assert ours["table2"] == [
        printed["full", "test"], "not run", printed["local", "test"], printed["cbv", "test"], "not run"
    ]  # fmt: skip
    assert all(value in text for value in [*ours["table1"], *ours["table2"]])


def _ours(table: pd.DataFrame) -> list[str]:
    return list(table.loc[table["row"] == "This study", "text"])


def test_the_articles_values_stand_in_a_row_of_their_own(reported: tuple[StudyFolder, str]):
    rows = [line for line in reported[1].splitlines() if line.startswith("Article")]
    assert [re.split(" {2,}", row)[1:] for row in rows] == [
        ["0.75 (0.11)", "0.72 (0.10)", "0.61"],
        ["0.72 (0.10)", "0.63 (0.14)", "0.65 (0.13)", "–"],
        ["–"],  # continued below
    ]


@pytest.mark.usefixtures("no_figures")
def test_without_the_full_model_and_the_ensemble_the_tables_say_not_run(study: StudyFolder):
    figure = study.report / "figures" / "external.png"
    figure.parent.mkdir(parents=True)
    figure.touch()  # of an earlier report
    shutil.rmtree(study.path / "full")
    write_report(study, SENSITIVITY, MARGIN)
    assert _ours(_table(study, "table1")) == ["not run"] * 3
    assert not figure.exists(), "figure of a run that is gone"


def test_a_fold_with_one_class_is_undefined_and_the_mean_says_on_how_many_folds_it_rests(one_class: StudyFolder):
    text = _printed(one_class)
    assert "4 of 5 folds; undefined on fold 0 (no large core)" in text
    assert "nan" not in text
    folds = _tables(one_class)["folds"].frame()
    fold = folds[(folds["split"] == "test") & (folds["fold"] == 0)]
    assert list(fold["roc_auc"]) == ["undefined: no large core"]


def test_randomly_initialized_weights_are_called_meaningless(study: StudyFolder):
    shutil.rmtree(study.path / "full")
    shutil.rmtree(study.path / "local")
    write_model(study, "full", 0, Provenance("none", "1234567890abcdef"))
    text = _printed(study)
    assert "encoder none 1234567890ab" in text
    assert "randomly initialized: these results are meaningless" in text


def test_more_models_than_a_terminal_is_wide_follow_below(study: StudyFolder):
    for number in range(3):
        shutil.copytree(study.path / "local", study.path / f"without_dropout_{number}")
    lines = _printed(study).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(any(f"without_dropout_{number}" in line for line in lines) for number in range(3))


def test_the_same_predictions_make_the_same_bytes(study: StudyFolder, reported: tuple[StudyFolder, str]):
    write_report(study, SENSITIVITY, MARGIN)
    assert _files(study) == _files(reported[0])


def test_figures_are_as_wide_as_a_journals_column(reported: tuple[StudyFolder, str]):
    study, _ = reported
    for name in ("figure3", "external"):
        header = (study.report / "figures" / f"{name}.png").read_bytes()[:24]
        assert int.from_bytes(header[16:20]) / 300 * 25.4 == pytest.approx(90, abs=0.2)


def _scored(study: StudyFolder) -> pd.DataFrame:
    """Test rows of the full model, from its tables alone."""
    return _test_rows(study, "full")


def _test_rows(study: StudyFolder, model: str, seed: int = 0) -> pd.DataFrame:
    rows = pd.concat([_predictions(study, model, fold, seed) for fold in range(N_FOLDS)])
    return rows[rows["split"] == "test"]


def _row(study: StudyFolder, table: str, **where: object) -> pd.Series:
    rows = pd.read_csv(study.report / "tables" / f"{table}.csv")
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1
    return rows.iloc[0]


POOLED = {"model": "Full", "patients": "Test folds, pooled"}


def _fold_aucs(study: StudyFolder, model: str, seed: int = 0) -> np.ndarray:
    """AUC of every test fold, from the tables alone."""
    folds = _test_rows(study, model, seed).groupby("fold")
    return np.array([roc_auc_score(rows["label"], rows["probability"]) for _, rows in folds])


def test_the_headline_is_the_mean_over_folds_with_its_corrected_interval(reported: tuple[StudyFolder, str]):
    study, text = reported
    aucs = _fold_aucs(study, "full")
    half = t.isf(0.025, N_FOLDS - 1) * np.sqrt((1 / N_FOLDS + 1 / (N_FOLDS - 2)) * aucs.var(ddof=1))
    low, high = (f"{bound:.2f}" for bound in (aucs.mean() - half, min(1, aucs.mean() + half)))
    page = (study.report / "report.html").read_text()
    assert f"<strong>{aucs.mean():.2f}</strong> <span>95 % CI {low} to {high}</span>" in page
    assert f"{low} to {high}" in text
    row = _row(study, "auc", model="Full", patients="Test folds, mean")
    assert (row["roc_auc"], row["roc_auc_low"]) == pytest.approx((aucs.mean(), aucs.mean() - half))


def test_the_pooled_auc_follows_from_the_predictions(reported: tuple[StudyFolder, str]):
    study, rows = reported[0], _scored(reported[0])
    expected = roc_auc_score(rows["label"], rows["probability"])
    assert _row(study, "auc_secondary", **POOLED)["auc_delong"] == pytest.approx(expected, abs=1e-12)


def test_the_difference_to_the_index_follows_from_the_predictions(reported: tuple[StudyFolder, str]):
    study = reported[0]
    expected = (_fold_aucs(study, "full") - _fold_aucs(study, "cbv")).mean()
    found = _row(study, "comparisons", against="CBV core", patients="Test folds, mean")
    assert found["difference"] == pytest.approx(expected, abs=1e-12)


def _corrected(row: Any) -> str:
    return estimate_text(
        Estimate(row.simultaneous_interval, row.simultaneous_interval_low, row.simultaneous_interval_high)
    )


def test_the_summary_gives_every_comparison_as_the_table_corrects_it(reported: tuple[StudyFolder, str]):
    page = (reported[0].report / "report.html").read_text()
    table = pd.read_csv(reported[0].report / "tables" / "comparisons.csv")
    sentences = re.findall(
        r"ROC-AUC, test folds, “Full” minus “(.*?)”: (.*?) \(simultaneous 95 % CI\), p (.*?) after Holm&#39;s", page
    )
    expected = [(row.against, _corrected(row), p_text(PValue(float(row.p_holm)))) for row in table.itertuples()]
    assert [(name, shown, p.removeprefix("= ").replace("&lt;", "<")) for name, shown, p in sentences] == expected
    assert (table["p_holm"] >= table["p"]).all()


def test_the_sensitivity_follows_from_thresholds_of_the_validation_rows_alone(reported: tuple[StudyFolder, str]):
    study, found, large = reported[0], 0, 0
    for fold in range(N_FOLDS):
        rows = _predictions(study, "full", fold)
        validation, test = (rows[rows["split"] == split] for split in ("validation", "test"))
        cuts = np.sort(validation["probability"])
        cuts = [0, *(cuts[1:] + cuts[:-1]) / 2, (cuts[-1] + 1) / 2]
        is_large = validation["label"] == 1
        youden = [
            (validation["probability"][is_large] > cut).mean() + (validation["probability"][~is_large] <= cut).mean()
            for cut in cuts
        ]
        cut = cuts[int(np.argmax(np.round(youden, 12)))]
        found += int((test["probability"][test["label"] == 1] > cut).sum())
        large += int(test["label"].sum())
    row = _row(study, "operating_points", aim="Youden", **POOLED)
    assert row["sensitivity"] == pytest.approx(found / large)
    assert row["tp"] == found


def test_the_brier_score_follows_from_the_predictions(reported: tuple[StudyFolder, str]):
    study, rows = reported[0], _scored(reported[0])
    expected = ((rows["label"] - rows["probability"]) ** 2).mean()
    assert _row(study, "calibration", **POOLED)["brier"] == pytest.approx(expected, abs=1e-6)


def test_the_recalibration_of_a_fold_is_that_of_a_logistic_regression_on_the_other_folds(
    reported: tuple[StudyFolder, str],
):
    study, rows = reported[0], _scored(reported[0])
    labels, odds = rows["label"].to_numpy(), logit(rows["probability"].to_numpy())[:, None]
    calibrated = np.empty(len(rows))
    for fold in rows["fold"].unique():
        mine = (rows["fold"] == fold).to_numpy()
        fitted = LogisticRegression(C=np.inf).fit(odds[~mine], labels[~mine])
        calibrated[mine] = fitted.predict_proba(odds[mine])[:, 1]
    row = _row(study, "recalibration", **POOLED)
    assert row["brier_before"] == _row(study, "calibration", **POOLED)["brier"]
    assert row["brier_after"] == pytest.approx(((labels - calibrated) ** 2).mean(), abs=5e-3)
    everybody = _row(study, "risk_coverage", coverage=1.0, patients=POOLED["patients"])
    assert everybody["n"] == len(rows)
    assert everybody["wrong"] == pytest.approx(((calibrated > 0.5) != (labels == 1)).mean(), abs=0.02)


def test_the_net_benefit_follows_from_the_predictions(reported: tuple[StudyFolder, str]):
    study, rows = reported[0], _scored(reported[0])
    called = rows["probability"] >= 0.2
    expected = ((called & (rows["label"] == 1)).sum() - 0.25 * (called & (rows["label"] == 0)).sum()) / len(rows)
    curve = pd.read_csv(study.report / "tables" / "decision_curve.csv")
    point = curve[(curve["patients"] == "Test folds, pooled") & (curve["threshold"].round(2) == 0.2)]
    assert point["model"].item() == pytest.approx(expected)


def test_the_page_shows_every_table_and_describes_every_figure(reported: tuple[StudyFolder, str]):
    page = (reported[0].report / "report.html").read_text()
    figures = re.findall(r"<img src=\"data:image/png;base64,[^\"]+\" alt=\"([^\"]+)\"", page)
    assert len(figures) == len(list((reported[0].report / "figures").glob("*.png")))
    assert all(len(alternative) > 40 for alternative in figures)
    for table in (reported[0].report / "tables").glob("*.csv"):
        assert f'id="table-{table.stem}"' in page
    assert not re.search(r"\b(nan|None|NaN)\b", re.sub(r"base64,[^\"]+|<script>.*?</script>", "", page, flags=re.S))


def test_undefined_numbers_have_a_reason_and_are_neither_0_nor_nan(one_class: StudyFolder):
    tables = _tables(one_class)
    thresholds = tables["thresholds"].frame().set_index("fold")
    assert thresholds.loc["4", "youden"] == "undefined: the validation patients have no large core"
    shown = [text for table in tables.values() for row in table.shown() for text in row]
    assert not {"nan", "None", "NaN", "<NA>", ""} & set(shown)


def test_tables_for_the_manuscript_are_latex_that_shows_the_same_numbers(reported: tuple[StudyFolder, str]):
    study, _ = reported
    for name in ("table1", "table2"):
        latex = (study.report / "tables" / f"{name}.tex").read_text()
        assert all(value in latex for value in _ours(_table(study, name)))
        assert "\\toprule" in latex
        assert "ROC-AUC" in latex


def test_predictions_that_were_edited_by_hand_are_refused(study: StudyFolder):
    path = study.run("local", 2).path / "predictions.csv"
    path.write_text(path.read_text().replace("0.5", "0.6", 1))
    with pytest.raises(UserError, match=r"fold-2/predictions.csv was changed after it was written; remove it"):
        write_report(study, SENSITIVITY, MARGIN)


def test_the_audit_says_that_predictions_are_unchanged(study: StudyFolder):
    audit = _tables(study)["leakage_audit"].frame().set_index("check")
    found = audit.loc["Predictions are unchanged since they were written"]
    assert (found["verdict"], found["detail"]) == (
        "passed",
        "every predictions.csv has the digest recorded when it was written; who rewrites it can rewrite that too",
    )


@pytest.mark.usefixtures("no_figures")
def test_a_study_with_missing_folds_is_shown_as_partial_where_asked(study: StudyFolder):
    shutil.rmtree(study.run("local", 3).path)
    warning = "Partial study, not run: local: folds 3."
    assert warning in write_report(study, SENSITIVITY, MARGIN, partial=True)
    assert warning in (study.report / "report.html").read_text()
    folds = _table(study, "folds")
    missing = folds[(folds["model"] == "local") & (folds["fold"] == 3)]
    assert list(missing["note"]) == ["not run", "not run"]


@pytest.mark.usefixtures("no_figures")
def test_several_studies_are_compared(study: StudyFolder, command: Command, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(study.path, study.path.with_name("other"))
    assert command("name=demo,other") is None
    assert capsys.readouterr().out.splitlines()[-1] == "outputs/demo/report/with-other/report.html"
    differences = pd.read_csv(study.report / "with-other" / "tables" / "differences.csv")
    assert (differences["difference"] == 0).all()
    assert set(differences["p_note"]) == {"all folds have the same value", "the models order all pairs alike"}


@pytest.mark.usefixtures("no_figures")
def test_the_page_is_about_the_model_that_was_asked_for(study: StudyFolder, command: Command):
    assert command("name=demo", "main=cbv") is None
    page = (study.report / "report.html").read_text()
    assert "the “CBV core” model gives the large core the higher probability" in page
    rows = _table(study, "comparisons")
    assert set(rows["model"]) == {"CBV core"}
    assert rows["against"].tolist() == ["Full", "Local alone"]
    expected = _test_rows(study, "cbv").set_index("patient")["probability"]
    found = _table(study, "patients").set_index("patient")["probability"]
    np.testing.assert_allclose(found[expected.index], expected)


@pytest.fixture
def two_seeds(study: StudyFolder) -> StudyFolder:
    write_model(study, "full", 3, OXFORD, seed=4)
    write_ensemble(study, "full")
    write_report(study, SENSITIVITY, MARGIN)
    return study


@pytest.mark.usefixtures("no_figures")
def test_trainings_with_several_seeds_are_one_study(two_seeds: StudyFolder):
    aucs = np.stack([_fold_aucs(two_seeds, "full", seed) for seed in (0, 4)])
    seeds = _table(two_seeds, "seeds")
    assert seeds["model"].tolist() == ["Full"]  # the others have one seed
    row = seeds.iloc[0]
    assert (row["seeds"], row["lowest"], row["highest"]) == (2, *sorted(aucs.mean(axis=1)))
    of_folds = aucs.mean(axis=0)
    spread = of_folds.std(ddof=1) * np.sqrt(1 / N_FOLDS + 1 / (N_FOLDS - 2))
    headline = _table(two_seeds, "auc").iloc[0]
    for found in (row, headline):
        assert found["roc_auc"] == pytest.approx(of_folds.mean())
        assert found["roc_auc_low"] == pytest.approx(of_folds.mean() - t.isf(0.025, N_FOLDS - 1) * spread)
    page = (two_seeds.report / "report.html").read_text()
    assert "mean of 5 test folds and 2 seeds" in page
    assert "mean of the 10 models (2 seeds × 5 folds)" in page


@pytest.mark.usefixtures("no_figures")
def test_models_are_compared_by_their_means_over_seeds(two_seeds: StudyFolder):
    aucs = np.stack([_fold_aucs(two_seeds, "full", seed) for seed in (0, 4)])
    differences = aucs.mean(axis=0) - _fold_aucs(two_seeds, "cbv")
    row = _table(two_seeds, "comparisons").query("against == 'CBV core' and patients == 'Test folds, mean'").iloc[0]
    assert row["difference"] == pytest.approx(differences.mean())
    spread = differences.std(ddof=1) * np.sqrt(1 / N_FOLDS + 1 / (N_FOLDS - 2))
    assert row["difference_high"] == pytest.approx(differences.mean() + t.isf(0.025, N_FOLDS - 1) * spread)


@pytest.mark.usefixtures("no_figures")
def test_every_training_and_member_of_several_seeds_is_listed(two_seeds: StudyFolder):
    folds = _table(two_seeds, "folds").query("model == 'full' and split == 'test'")
    assert folds.groupby("seed")["auc"].apply(list).to_dict() == {
        seed: pytest.approx(_fold_aucs(two_seeds, "full", seed).tolist()) for seed in (0, 4)
    }
    assert _table(two_seeds, "members")["member"].tolist() == [*map(str, range(5)), *(f"{k}-seed-4" for k in range(5))]


@pytest.mark.usefixtures("no_figures")
def test_patients_are_called_by_the_mean_of_their_seeds(two_seeds: StudyFolder):
    patients = _table(two_seeds, "patients").query("cohort == 'test'").set_index("patient")["probability"]
    runs = [two_seeds.run("full", 2, seed).predictions().query("split == 'test'") for seed in (0, 4)]
    expected = pd.concat(runs).groupby("patient")["probability"].mean()
    assert len(patients) == 60
    np.testing.assert_allclose(patients[expected.index], expected)


@pytest.mark.usefixtures("no_figures")
def test_studies_of_other_patients_are_not_paired(study: StudyFolder, tmp_path: Path):
    other = StudyFolder(study.path.parent, "other")
    write_model(other, "full", 7, OXFORD)
    for fold in range(N_FOLDS):
        table = other.run("full", fold).predictions()
        write_run(other, "full", fold, table.replace({"patient": {"p1": "q1"}}), OXFORD)
    write_comparison([study, other], tmp_path / "out", MARGIN)
    differences = pd.read_csv(tmp_path / "out" / "tables" / "differences.csv")
    assert (differences["difference_note"] == "not the same patients or classes").all()


def test_a_study_that_leaks_is_not_compared_either(study: StudyFolder, tmp_path: Path):
    external = study.ensemble("full").predictions(list(study.complete_runs("full").values()))
    write_external(study, "full", external.assign(patient=external["patient"].str.removeprefix("e")))
    with pytest.raises(UserError, match=r"leakage in demo: .* in training and external cohort"):
        write_comparison([study, study], tmp_path / "out", MARGIN)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("name=demo,demo", "name lists a study twice"),
        ("sensitivity=2", "sensitivity must be a number > 0 and ≤ 1, got 2"),
        ("margin=0", "margin must be a number > 0 and < 0.5, got 0"),
        ("main=fulll", "main must be a model of outputs/demo (full, local, cbv), got fulll; did you mean full?"),
        ("partial=some", "partial must be true or false, got 'some'"),
    ],
)
def test_arguments_that_make_no_sense_are_named(command: Command, argument: str, sentence: str):
    assert sentence in str(command("name=demo", argument))


def test_what_cannot_be_shown_of_patients_is_said_with_the_reason(tmp_path: Path):
    folder = StudyFolder(tmp_path, "outcome")
    write_model(folder, "full", 0, OXFORD, endpoint=Endpoint("mrs", 2.0, 2.0))
    study = read_study(folder)
    content = report_content(study, background_of(folder, study), SENSITIVITY, MARGIN, subgroup="age")
    (patients,) = [section for section in sections(content) if section.name == "patients"]
    assert patients.paragraphs == [
        "Errors are not compared with core volume: it is not the endpoint, or not known for all patients.",
        f"Subgroups of age are not shown: {content.background.evidence.training.unknown}.",
    ]
    assert [table.name for table in patients.tables] == ["patients"]


@pytest.mark.usefixtures("no_figures")
def test_studies_that_differ_in_the_share_of_training_patients_alone_give_a_learning_curve(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
):
    usual = studies.settings_of

    def halved(model: str, fold: int) -> TrainSettings:
        settings = usual(model, fold)
        return replace(settings, folds=replace(settings.folds, subset=0.5))

    monkeypatch.setattr(studies, "settings_of", halved)
    half = write_study(study.path.parent, "half")
    write_comparison([study, half], study.report / "with-half", MARGIN)
    page = (study.report / "with-half" / "report.html").read_text()
    assert "A curve that still rises suggests that more patients would help" in page
    assert "folds.subset" in page


def test_settings_and_machines_are_listed_only_where_they_differ(study: StudyFolder):
    read = read_study(study)
    background = background_of(study, read)
    assert settings_table(replace(background, differences=())) is None
    runs = training_summaries(read)
    runs[0] = replace(runs[0], provenance=replace(runs[0].provenance, device="H100"))
    assert (
        provenance(read.main, runs)["Device"]
        == f"H100 (1 of {len(runs)} runs); CPU ({len(runs) - 1} of {len(runs)} runs)"
    )
