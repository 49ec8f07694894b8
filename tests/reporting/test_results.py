"""Results of a study: computed once, from the right patients."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from statsmodels.stats.multitest import multipletests
from studies import MARGIN, N_FOLDS, OXFORD, SENSITIVITY, write_model, write_study

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.errors import UserError
from stroke_ctp.reporting.figures import probabilities, roc
from stroke_ctp.reporting.results.comparisons import Conclusion, Pair, comparisons, conclusion
from stroke_ctp.reporting.results.model_aucs import fold_aucs, model_aucs
from stroke_ctp.reporting.results.operating_points import operating_point
from stroke_ctp.reporting.results.recalibration import recalibrated_cohorts
from stroke_ctp.reporting.results.scored_patients import ScoredPatients, scored_cohorts
from stroke_ctp.reporting.results.study_results import StudyResults, study_results
from stroke_ctp.reporting.results.subgroups import subgroup_aucs
from stroke_ctp.reporting.results.volume_errors import volume_errors
from stroke_ctp.reporting.summary_sentences import lead, patients_phrase, tiles
from stroke_ctp.reporting.tables.discrimination import comparison_cells, comparison_table
from stroke_ctp.reporting.tables.main_results import OURS, table1
from stroke_ctp.reporting.tables.operating_points import operating_table
from stroke_ctp.reporting.tables.patients import error_table, patient_table, subgroup_table
from stroke_ctp.statistics.interval_estimates import Estimate, PValue
from stroke_ctp.statistics.multiple_testing import holm
from stroke_ctp.statistics.operating_points import Confusion, youden_threshold
from stroke_ctp.study.predictions import ModelPredictions, Study, labels_and_scores, read_study
from stroke_ctp.study.study_folder import StudyFolder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return read_study(write_study(tmp_path_factory.mktemp("outputs")))


@pytest.fixture(scope="module")
def results(study: Study) -> StudyResults:
    return study_results(study, SENSITIVITY, MARGIN)


def _rows(labels: list[int], probabilities: list[float], fold: int = 0) -> pd.DataFrame:
    return pd.DataFrame({"seed": 0, "fold": fold, "split": "test", "label": labels, "probability": probabilities})


def _predictions(study: Study, *folds: pd.DataFrame, n_folds: int) -> ModelPredictions:
    return replace(study.main, folds=pd.concat(folds), record=replace(study.main.record, n_folds=n_folds))


def test_folds_are_scored_apart_and_a_fold_without_rows_is_undefined(study: Study):
    predictions = _predictions(study, _rows([1, 0], [0.8, 0.1]), _rows([1, 0], [0.1, 0.8], fold=2), n_folds=3)
    assert [auc.value for auc in fold_aucs(predictions, "test").aucs] == [1, None, 0]
    assert [auc.reason for auc in fold_aucs(predictions, "validation").aucs] == ["no patients"] * 3


def test_folds_with_one_class_have_no_curve(study: Study):
    predictions = _predictions(study, _rows([1, 0], [0.8, 0.1]), _rows([1, 1], [0.1, 0.8], fold=1), n_folds=2)
    assert len(fold_aucs(predictions, "test").curves) == 1


def test_p_values_are_corrected_after_holm_and_undefined_ones_stay_out_of_it():
    corrected = holm([PValue(p, "" if p else "none") for p in (0.04, None, 0.01, 0.03)])
    assert [p.value for p in corrected] == [
        pytest.approx(p) if p is not None else None for p in (0.06, None, 0.03, 0.06)
    ]
    assert multipletests([0.04, 0.01, 0.03], method="holm")[1] == pytest.approx([0.06, 0.03, 0.06])


def test_primary_p_values_and_intervals_are_corrected_over_all_comparisons(results: StudyResults):
    assert len(results.comparisons) == 2
    found = [one.primary.p for one in results.comparisons]
    assert [one.holm for one in results.comparisons] == holm(found)
    for one in results.comparisons:
        alone, together = one.primary.difference, one.simultaneous
        wider = t.isf(0.0125, N_FOLDS - 1) / t.isf(0.025, N_FOLDS - 1)
        assert together.high - together.value == pytest.approx(wider * (alone.high - alone.value))
    assert list(comparison_cells(results.comparisons[0])) == [
        "Patients", "n", "Difference", "p", "p (Holm)", "Simultaneous interval", "Conclusion",
    ]  # fmt: skip


def test_a_difference_is_that_of_the_aucs_within_folds(study: Study, results: StudyResults):
    ours, theirs = ([auc.value for auc in fold_aucs(study.models[name], "test").aucs] for name in ("full", "cbv"))
    differences = np.subtract(ours, theirs)
    one = next(one for one in results.comparisons if one.against == "cbv")
    error = np.sqrt((1 / N_FOLDS + 1 / (N_FOLDS - 2)) * differences.var(ddof=1))
    assert one.primary.difference.value == pytest.approx(differences.mean())
    assert one.primary.p.value == pytest.approx(2 * t.sf(abs(differences.mean()) / error, N_FOLDS - 1))


def test_models_with_other_folds_are_not_compared_fold_by_fold(study: Study):
    ours, theirs = (scored_cohorts(study.models[name])[0] for name in ("full", "local"))
    moved = replace(theirs, folds=theirs.folds[1:] + theirs.folds[:1])
    (one,) = comparisons([Pair("full", "local", ours, moved)], MARGIN)
    assert one.primary.difference.reason == "not the same folds"
    assert one.conclusion is Conclusion.UNDEFINED


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (0.06, 0.1, 0.01, Conclusion.BETTER),
        (0.01, 0.04, 0.01, Conclusion.BETTER_WITHIN_MARGIN),
        (-0.1, -0.06, 0.01, Conclusion.WORSE),
        (-0.04, -0.01, 0.01, Conclusion.WORSE_WITHIN_MARGIN),
        (-0.04, 0.04, 0.9, Conclusion.EQUIVALENT),
        (-0.04, 0.1, 0.4, Conclusion.NOT_INFERIOR),
        (-0.1, 0.04, 0.4, Conclusion.NOT_SUPERIOR),
        (-0.1, 0.1, 0.9, Conclusion.UNDECIDED),
    ],
)
def test_equality_is_concluded_from_an_interval_within_the_margin_only(
    low: float, high: float, p: float, expected: Conclusion
):
    assert conclusion(Estimate((low + high) / 2, low, high), PValue(p), 0.05) is expected


def test_the_majority_of_the_members_calls_an_external_core_large(study: Study):
    external = study.main.external
    assert external is not None
    threshold = youden_threshold(*labels_and_scores(study.main.validation)).value
    members = [fold for fold in external["fold"].unique() if fold != "mean"]
    is_mean, few = external["fold"] == "mean", external["fold"].isin(members[:2])
    # The mean lies above the threshold, but only two of five members do.
    changed = external.assign(probability=np.where(few | is_mean, threshold + 0.01, threshold - 1e-6))
    called = study_results(
        Study("demo", {"full": replace(study.main, external=changed)}), SENSITIVITY, MARGIN
    ).main.youden.classes[1]
    assert not called.large.any()


def test_every_other_model_is_compared_on_test_and_where_it_has_an_ensemble_on_external_patients(results: StudyResults):
    table = comparison_table(results.comparisons, MARGIN)
    assert table is not None
    assert [(row["Against"], row["Patients"]) for row in table.rows] == [
        ("Local alone", "Test folds, mean"),
        ("CBV core", "Test folds, mean"),
    ]


def test_the_chosen_model_is_compared_with_each_other_one_and_corrected_for_their_number(study: Study):
    models = {**study.models, "perfusion": replace(study.models["local"], name="perfusion")}
    found = study_results(Study("demo", models, "perfusion"), SENSITIVITY, MARGIN)
    assert found.main.predictions.name == "perfusion"
    pairs = [(one.model, one.against) for one in found.comparisons]
    assert pairs == [("perfusion", "full"), ("perfusion", "local"), ("perfusion", "cbv")]
    assert [one.holm for one in found.comparisons] == holm([one.primary.p for one in found.comparisons])


def test_the_lead_says_what_is_undecided_and_what_cannot_be_shown(results: StudyResults):
    first, second = (
        replace(one, conclusion=conclusion, detectable=size)
        for one, conclusion, size in zip(
            results.comparisons, (Conclusion.UNDECIDED, Conclusion.NOT_INFERIOR), (0.99, 0.001), strict=True
        )
    )
    other = replace(second, against="rcbf", conclusion=Conclusion.EQUIVALENT)
    text = lead(replace(results, comparisons=(first, second, other)))
    assert "Compared with “Local alone” on the test folds: undecided (no evidence of equality)." in text
    assert "Compared with “CBV core” on the test folds: not inferior (margin 0.05)." in text
    assert "Compared with “rCBF core” on the test folds: equivalent within the margin of 0.05." in text
    assert "0.99 against “Local alone” (larger than 1 − AUC: only a worse model could be shown)" in text
    assert text.count("larger than 1 − AUC") == 1
    hidden = lead(replace(results, comparisons=(replace(first, detectable=5.05), second)))
    assert "This sample is too small to show any difference from “Local alone”." in hidden
    assert "5.05" not in hidden


def test_models_are_paired_by_patient_whatever_their_order(study: Study):
    ours, theirs = (scored_cohorts(study.models[name])[0] for name in ("full", "local"))
    rows = study.models["local"].test.sample(frac=1, random_state=0)
    shuffled = ScoredPatients.of("test", rows, ours.test_to_train)
    first, second = (comparisons([Pair("full", "local", ours, other)], MARGIN) for other in (shuffled, theirs))
    assert first == second


def test_every_test_fold_is_called_at_the_threshold_of_its_own_validation_patients(study: Study, results: StudyResults):
    youden, validation = results.main.youden, study.main.validation
    test, external = youden.classes
    for fold in range(N_FOLDS):
        threshold = youden_threshold(*labels_and_scores(validation[validation["fold"] == fold])).value
        assert youden.fold_thresholds[fold].threshold.value == threshold
        here = np.array(test.patients.folds) == str(fold)
        assert (test.large[here] == (test.patients.scores[here] > threshold)).all()
    threshold = youden_threshold(*labels_and_scores(validation)).value
    assert youden.ensemble_threshold.threshold.value == threshold
    assert (external.large == (external.patients.scores > threshold)).all()


def test_test_and_external_patients_have_no_say_in_the_thresholds(study: Study, results: StudyResults):
    before = results.main.sensitive
    shuffled = study.main.folds.copy()
    is_test = shuffled["split"] == "test"
    shuffled.loc[is_test, "probability"] = np.random.default_rng(0).random(is_test.sum())
    changed = Study("demo", {"full": replace(study.main, folds=shuffled)})
    after = study_results(changed, SENSITIVITY, MARGIN).main.sensitive
    assert after.fold_thresholds == before.fold_thresholds
    assert after.ensemble_threshold == before.ensemble_threshold


def test_patients_stand_with_the_worst_error_first(study: Study, results: StudyResults):
    table = patient_table(results.main.youden).frame()
    assert table["error"].is_monotonic_decreasing
    assert len(table) == len(study.main.test) + 12


def test_patients_whom_no_threshold_calls_stay_in_the_table_and_are_named(tmp_path: Path):
    folder = StudyFolder(tmp_path, "one")
    write_model(folder, "full", 0, OXFORD, one_class=True)
    study = read_study(folder)
    results = study_results(study, SENSITIVITY, MARGIN)
    youden = results.main.youden
    assert results.volume_errors is not None
    tables = (patient_table(youden), error_table(results.volume_errors, youden), operating_table(results))
    uncalled = tables[0].frame().query("verdict == 'not called'")
    assert len(tables[0].rows) == len(study.main.test)
    assert (set(uncalled["fold"]), set(uncalled["called"]), len(uncalled)) == ({"4"}, {"not called"}, 12)
    sentence = "Not called, because the validation patients are of one class: 12 patients (fold 4)."
    assert all(table.caption.endswith(sentence) for table in tables)
    assert tables[2].frame()["n"].tolist() == [48, 48]


def test_rates_of_a_study_that_calls_no_patient_have_that_reason(study: Study):
    folds = study.main.folds
    one = folds.assign(label=folds["label"].where(folds["split"] == "test", 0))
    results = study_results(Study("demo", {"full": replace(study.main, folds=one, external=None)}), SENSITIVITY, MARGIN)
    assert [classes.counts for classes in results.main.youden.classes] == [Confusion(0, 0, 0, 0)]
    rows = operating_table(results).rows
    assert {row[rate].reason for row in rows for rate in ("Sensitivity", "NPV", "F1")} == {"no patient is called"}


def test_errors_are_counted_by_the_distance_from_the_threshold_everybody_once(study: Study, results: StudyResults):
    assert results.volume_errors is not None
    table = error_table(results.volume_errors, results.main.youden).frame()
    assert table["test_folds_pooled_n"].sum() == len(study.main.test)
    assert table["external_ensemble_n"].sum() == 12
    assert table["test_folds_pooled_wrong"].iloc[0] > table["test_folds_pooled_wrong"].iloc[-1]


def _subgroups(study: Study, column: str, values: list[object]) -> pd.DataFrame:
    """Table of subgroups of a study whose training cohort has the values in its column `site`."""
    cohort = pd.DataFrame({"patient": study.main.test["patient"], "site": values})
    found = study_results(study, SENSITIVITY, MARGIN, column, {"test": cohort}).subgroups
    assert found is not None
    return subgroup_table(found).frame()


def test_subgroups_are_the_values_of_a_column_and_patients_without_one_are_named(study: Study):
    n = len(study.main.test)
    table = _subgroups(study, "site", (["A", "B", ""] * n)[:n])
    pooled = table[table["patients"] == "Test folds, pooled"]
    assert list(pooled["site"]) == ["A", "B", "not given"]
    assert pooled["n"].sum() == n
    external = table[table["patients"] == "External, ensemble"]
    assert list(external["site"]) == ["not given"]


def test_numbers_of_many_values_are_divided_at_their_quartiles(study: Study):
    n = len(study.main.test)
    table = _subgroups(study, "site", [*range(4, n), "", "", "", ""])
    pooled = table[table["patients"] == "Test folds, pooled"]
    assert list(pooled["n"]) == [(n - 4) / 4] * 4 + [4]
    assert pooled["site"].iloc[-1] == "not given"
    assert list(pooled["site"])[:2] == ["3.999 < site ≤ 17.75", "17.75 < site ≤ 31.5"]


def test_a_column_that_no_cohort_has_is_named_with_those_there_are(study: Study):
    with pytest.raises(UserError, match="subgroup=age is not a column of the cohorts; they have site"):
        _subgroups(study, "age", ["A"] * len(study.main.test))


def test_without_a_known_cohort_there_are_no_subgroups(results: StudyResults):
    assert subgroup_aucs("age", {}, [cohort.patients for cohort in results.main.cohorts]) is None


@pytest.mark.parametrize("why", ["another endpoint", "an unknown volume"])
def test_errors_are_compared_with_core_volumes_only_where_these_are_the_endpoint_and_known(
    study: Study, results: StudyResults, why: str
):
    main, folds = study.main, study.main.folds.copy()
    if why == "another endpoint":
        main = replace(main, record=replace(main.record, endpoint=Endpoint("mrs", 2.0, 2.0)))
    else:
        folds.loc[folds["patient"] == "p7", "core_ml"] = np.nan
    assert volume_errors(replace(main, folds=folds), results.main.youden.classes) is None


def test_external_patients_of_a_study_without_a_threshold_are_not_called(study: Study):
    folds = study.main.folds
    one = folds.assign(label=folds["label"].where(folds["split"] == "test", 0))
    main = replace(study.main, folds=one)
    (_, external) = operating_point(main, scored_cohorts(main), None).classes
    assert (len(external.patients), external.counts) == (12, Confusion(0, 0, 0, 0))
    assert not external.classified.any()


def test_what_is_fitted_on_test_folds_of_one_class_is_not_recalibrated(study: Study):
    assert len(recalibrated_cohorts(study.main)) == 2
    assert recalibrated_cohorts(replace(study.main, folds=study.main.folds.assign(label=1))) == ()


@pytest.fixture(scope="module")
def undefined(study: Study) -> StudyResults:
    """A study each of whose folds tests and chooses on patients of one class, fold 3 of 5 missing."""
    folds = study.main.folds
    folds = folds[folds["fold"] != 3].assign(label=lambda rows: rows["fold"] % 2)
    runs = {key: run for key, run in study.main.runs.items() if key.fold != 3}
    main = replace(study.main, folds=folds, external=None, runs=runs)
    return study_results(Study("demo", {"full": main, "local": main}), SENSITIVITY, MARGIN)


def test_a_study_without_a_fold_of_both_classes_has_that_reason_in_place_of_an_auc(undefined: StudyResults):
    aucs = undefined.main.aucs
    assert lead(undefined).startswith("The “Full” model has no ROC-AUC with an interval: ")
    assert [(tile.value, bool(tile.detail)) for tile in tiles(undefined)] == [("undefined", True)] * 3
    (ours,) = [cell for cell in table1({"full": aucs}) if cell.column == "Test folds" and cell.row == OURS]
    assert (ours.text, ours.note) == ("undefined", "no fold has both classes")
    assert patients_phrase(aucs) == (
        "48 patients (12 large, 36 small) in 5 folds, of which folds 3 are missing; no external cohort was scored"
    )


def test_without_an_auc_no_curve_is_drawn_and_no_mean(undefined: StudyResults):
    aucs = undefined.main.aucs
    assert roc.cross_validation(aucs) is None
    assert roc.models({"Full": aucs}) is None
    axes = roc.fold_by_fold({"Full": aucs}).drawn.axes[0]
    assert [line.get_label() for line in axes.lines if not line.get_label().startswith("_")] == ["Full"]


def test_a_single_fold_has_a_curve_without_a_spread(study: Study):
    first = replace(study.main, folds=study.main.folds.query("fold == 0"), external=None)
    picture = roc.cross_validation(model_aucs(first))
    assert picture is not None
    assert "SD" not in picture.caption.split("and ±1")[0]
    assert not picture.drawn.axes[0].collections  # the band of ±1 SD


def test_patients_whose_observed_share_cannot_be_smoothed_are_counted_all_the_same(results: StudyResults):
    drawn = probabilities.calibration(results.main.cohorts[:1], [None]).drawn
    above, below = drawn.axes
    assert [line.get_label() for line in above.lines] == ["Ideal"]
    assert sum(abs(bar.get_height()) for bar in below.patches) == 60
