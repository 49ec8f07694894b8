from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests
from studies import N_FOLDS, OXFORD, write_ablation, write_study

from stroke_ctp.common.errors import UserError
from stroke_ctp.reporting.background import Background
from stroke_ctp.reporting.calls import called, operating_table
from stroke_ctp.reporting.checklists import AUTHOR, checklist_tables
from stroke_ctp.reporting.discrimination import comparison_table, with_holm
from stroke_ctp.reporting.facts import known_facts
from stroke_ctp.reporting.patients import error_table, patient_table, subgroup_table
from stroke_ctp.reporting.tables import P, Table
from stroke_ctp.statistics.estimate import Estimate, number_text, p_text
from stroke_ctp.statistics.operating import youden_threshold
from stroke_ctp.study.predictions import Study, read_study
from stroke_ctp.study.runs import read_runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("outputs") / "demo")


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return read_study(folder)


def test_numbers_are_shown_with_the_digits_they_are_worth_and_kept_in_full():
    row = {"Name": "a", "n": 3, "x": -0.1234, "AUC": Estimate(0.72, 0.65, 0.789), "p": P(0.00001)}
    table = Table("t", "T", "", [row])
    assert table.shown() == [["a", "3", "−0.12", "0.72 (0.65 to 0.79)", "< 0.001"]]
    assert table.frame().iloc[0][["x", "auc_high", "p"]].tolist() == [-0.1234, 0.789, 0.00001]


def test_one_number_is_never_printed_as_two():
    assert [number_text(x) for x in (-0.155, -0.15500000000000003, -0.15499999999999992)] == ["−0.16"] * 3
    assert [number_text(x) for x in (0.125, 0.775, 0.7749, -0.004, 1.0)] == ["0.13", "0.78", "0.77", "0.00", "1.00"]


def test_large_numbers_have_one_decimal_and_a_tables_small_ones_share_theirs():
    rows = [{"mL": 9.47, "p": 0.25, "q": 0.012}, {"mL": 116.381, "p": 0.5, "q": 0.0}, {"mL": 30.0, "p": 0.1, "q": 0.3}]
    assert Table("t", "T", "", rows).shown() == [
        ["9.5", "0.250", "0.012"], ["116.4", "0.500", "0.000"], ["30.0", "0.100", "0.300"]
    ]  # fmt: skip


def test_what_is_undefined_is_an_empty_field_with_a_note_in_the_file():
    frame = Table("t", "T", "", [{"AUC": Estimate(reason="no large core"), "p": P(None, "no variance")}]).frame()
    assert frame["auc"].isna().all()
    assert (frame["auc_note"].item(), frame["p_note"].item()) == ("no large core", "no variance")


def test_a_number_without_interval_needs_a_reason():
    with pytest.raises(ValueError, match="needs a reason"):
        Estimate(0.5)
    assert Estimate(-0.001, reason="one sample").text() == "0.00 (no interval: one sample)"


def test_a_column_with_a_reason_in_it_is_text_that_may_break():
    rows = [{"p": P(0.1), "q": P(0.1)}, {"p": P(None, "no variance"), "q": P(0.2)}]
    assert Table("t", "T", "", rows).numeric == {"q"}


def test_p_values_are_printed_as_journals_do():
    assert [p_text(p) for p in (0.04, 0.0412, 0.0004)] == ["0.040", "0.041", "< 0.001"]


def test_latex_escapes_what_has_a_meaning_there():
    latex = Table("t", "T", "a_b & 95 %", [{"x_y": "1 %"}]).latex()
    assert r"a\_b \& 95 \%" in latex
    assert r"x\_y" in latex


@pytest.mark.parametrize("test", ["DeLong", "bootstrap"])
def test_p_values_are_corrected_after_holm_and_undefined_ones_stay_out_of_it(test: str):
    others = {"p (DeLong)": P(0.5), "p (bootstrap)": P(0.5)}
    rows = with_holm([others | {f"p ({test})": P(p, "" if p else "none")} for p in (0.04, None, 0.01, 0.03)])
    assert [row[f"p ({test}, Holm)"].value for row in rows] == [
        pytest.approx(p) if p is not None else None for p in (0.06, None, 0.03, 0.06)
    ]
    assert multipletests([0.04, 0.01, 0.03], method="holm")[1] == pytest.approx([0.06, 0.03, 0.06])
    assert list(rows[0]) == ["p (DeLong)", "p (DeLong, Holm)", "p (bootstrap)", "p (bootstrap, Holm)"]


def test_every_other_model_is_compared_on_test_and_where_it_has_an_ensemble_on_external_patients(study: Study):
    table = comparison_table(study)
    assert table is not None
    assert [(row["Against"], row["Patients"]) for row in table.rows] == [
        ("Local alone", "Test folds, pooled"),
        ("CBV core", "Test folds, pooled"),
    ]


def test_every_test_fold_is_called_at_the_threshold_of_its_own_validation_patients(study: Study):
    calls = called(study.main, None)
    for fold in range(N_FOLDS):
        validation = study.main.validation[study.main.validation["fold"] == fold]
        threshold = youden_threshold(validation["label"].to_numpy(), validation["probability"].to_numpy()).value
        rows = calls[(calls["split"] == "test") & (calls["fold"] == fold)]
        assert (rows["threshold"] == threshold).all()
    everyone = study.main.validation
    threshold = youden_threshold(everyone["label"].to_numpy(), everyone["probability"].to_numpy()).value
    assert (calls.loc[calls["split"] == "external", "threshold"] == threshold).all()


def test_test_and_external_patients_have_no_say_in_the_thresholds(study: Study):
    before = called(study.main, 0.9)["threshold"]
    shuffled = study.main.folds.copy()
    is_test = shuffled["split"] == "test"
    shuffled.loc[is_test, "probability"] = np.random.default_rng(0).random(is_test.sum())
    changed = type(study.main)("full", shuffled, study.main.external, study.main.settings)
    assert (called(changed, 0.9)["threshold"] == before).all()


def test_patients_stand_with_the_worst_error_first(study: Study):
    table = patient_table(study.main).frame()
    assert table["error"].is_monotonic_decreasing
    assert len(table) == len(study.main.test) + 12


def test_patients_whom_no_threshold_calls_stay_in_the_table_and_are_named(tmp_path: Path):
    write_ablation(tmp_path / "one" / "full", 0, OXFORD, one_class=True)
    study = read_study(tmp_path / "one")
    table = patient_table(study.main)
    uncalled = table.frame().query("verdict == 'not called'")
    assert len(table.rows) == len(study.main.test)
    assert (set(uncalled["fold"]), set(uncalled["called"]), len(uncalled)) == ({"4"}, {"not called"}, 12)
    sentence = "Not called, as the validation patients are of one class: 12 patients (fold 4)."
    for one in (table, error_table(study.main), operating_table(study, 0.9)):
        assert one.caption.endswith(sentence)
    assert operating_table(study, 0.9).frame()["n"].tolist() == [48, 48]


def test_rates_of_a_study_that_calls_nobody_have_that_reason(study: Study):
    folds = study.main.folds
    one = folds.assign(label=folds["label"].where(folds["split"] == "test", 0))
    rows = operating_table(Study("demo", {"full": replace(study.main, folds=one, external=None)}), 0.9).rows
    assert {row[rate].text() for row in rows for rate in ("Sensitivity", "NPV", "F1")} == {
        "undefined: nobody is called"
    }


def test_errors_are_counted_by_the_distance_from_the_threshold_everybody_once(study: Study):
    table = error_table(study.main).frame()
    assert table["test_folds_pooled_n"].sum() == len(study.main.test)
    assert table["external_ensemble_n"].sum() == 12
    assert table["test_folds_pooled_wrong"].iloc[0] > table["test_folds_pooled_wrong"].iloc[-1]


def _column(study: Study, values: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"split": "test", "patient": study.main.test["patient"], "site": values})


def test_subgroups_are_the_values_of_a_column_and_patients_without_one_are_named(study: Study):
    n = len(study.main.test)
    table = subgroup_table(study.main, "site", _column(study, (["A", "B", ""] * n)[:n])).frame()
    pooled = table[table["patients"] == "Test folds, pooled"]
    assert list(pooled["site"]) == ["A", "B", "not given"]
    assert pooled["n"].sum() == n
    external = table[table["patients"] == "External, ensemble"]
    assert list(external["site"]) == ["not given"]


def test_numbers_of_many_values_are_divided_at_their_quartiles(study: Study):
    n = len(study.main.test)
    table = subgroup_table(study.main, "site", _column(study, [*range(4, n), "", "", "", ""])).frame()
    pooled = table[table["patients"] == "Test folds, pooled"]
    assert list(pooled["n"]) == [(n - 4) / 4] * 4 + [4]
    assert pooled["site"].iloc[-1] == "not given"
    assert list(pooled["site"])[:2] == ["3.999 < site ≤ 17.75", "17.75 < site ≤ 31.5"]


def test_a_column_that_no_cohort_has_is_named_with_those_there_are(study: Study):
    with pytest.raises(UserError, match="subgroup=age is no column of the cohorts; they have site"):
        subgroup_table(study.main, "age", _column(study, ["A"] * len(study.main.test)))


def test_both_checklists_are_complete_and_leave_to_the_author_what_no_run_can_know(study: Study, folder: Path):
    claim, tripod = checklist_tables(known_facts(study, folder, Background()))
    assert [row["Item"] for row in claim.rows] == [str(number) for number in range(1, 45)]
    assert {int(row["Item"].rstrip("abcdefg")) for row in tripod.rows} == set(range(1, 28))
    answers = {row["Item"]: row["Answer"] for row in claim.rows}
    assert answers["44"] == AUTHOR
    assert answers["32"].startswith("Test folds: mean (SD) ROC-AUC 0.")
    assert "core volume > 50 mL" in answers["14"]


def _answers(study: Study, folder: Path) -> dict[str, str]:
    claim, tripod = checklist_tables(known_facts(study, folder, Background()))
    return {f"{table.name} {row['Item']}": row["Answer"] for table in (claim, tripod) for row in table.rows}


def test_tripods_subitems_are_those_that_were_published(study: Study, folder: Path):
    _, tripod = checklist_tables(known_facts(study, folder, Background()))
    letters = {
        3: "abc",
        5: "ab",
        6: "abc",
        8: "abc",
        9: "abc",
        12: "abcdefg",
        18: "abcdef",
        20: "abc",
        23: "ab",
        27: "abc",
    }
    expected = [f"{item}{letter}" for item in range(1, 28) for letter in letters.get(item, ("",))]
    assert [row["Item"] for row in tripod.rows] == expected


def test_checklists_claim_no_network_and_no_ensemble_where_there_was_none(study: Study, folder: Path):
    answers = _answers(Study("demo", {"cbv": study.ablations["cbv"]}), folder)
    assert answers["claim_2024 1"].startswith("No deep learning; CBV core: conventional perfusion analysis")
    assert {answers[f"claim_2024 {item}"] for item in (24, 26)} == {"No network was trained"}
    assert answers["claim_2024 27"] == "None: no external cohort was scored"
    assert _answers(study, folder)["claim_2024 27"].startswith("Mean of the probabilities of the 5 models")


def test_checklists_tell_hyperparameters_in_words(study: Study, folder: Path):
    settings = {"learning_rate": 0.001, "trainer.max_epochs": 500, "augmentation.max_angle": 15.0}
    claim, _ = checklist_tables(known_facts(study, folder, Background(settings=settings)))
    expected = "RMSprop, learning rate 0.001, at most 500 epochs, augmentation by rotation up to ±15°"
    assert claim.rows[24]["Answer"] == expected


def test_checklists_say_of_how_many_a_conventional_core_was_put_in(study: Study, tmp_path: Path):
    folder = write_study(tmp_path / "demo")
    assert _answers(study, folder)["tripod_ai 11"].endswith("no value is imputed")
    metrics = folder / "cbv" / "fold-0" / "metrics.json"
    metrics.write_text(metrics.read_text().replace("{", '{"not_measurable": 3, ', 1))
    for item in ("claim_2024 12", "tripod_ai 11"):
        assert _answers(study, folder)[item].endswith("counts as the training folds' median (CBV core: 3 patients)")


def test_a_training_that_was_continued_has_the_epochs_of_all_its_logs(tmp_path: Path):
    run = tmp_path / "full" / "fold-0"
    for version, epochs in enumerate(([0, 1, 2], [2, 3])):
        log = run / "logs" / f"version_{version}" / "metrics.csv"
        log.parent.mkdir(parents=True)
        rows = [{"epoch": e, "train_loss": None, "val_loss": 10 * version + e} for e in epochs]
        rows += [{"epoch": e, "train_loss": e, "val_loss": None} for e in epochs]
        pd.DataFrame(rows).to_csv(log, index=False)
    (run / "metrics.json").write_text('{"training": {"epochs": 4, "best_epoch": 3}}')
    (one,) = read_runs(tmp_path, "full")
    assert one.curve is not None
    assert list(one.curve["epoch"]) == [0, 1, 2, 3]
    assert list(one.curve["val_loss"]) == [0, 1, 12, 13]
    assert one.best_epoch == 3
