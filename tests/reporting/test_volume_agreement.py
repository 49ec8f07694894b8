from dataclasses import replace

import numpy as np
import pytest
from studies import MARGIN, N_FOLDS, SENSITIVITY, write_model

from stroke_ctp.reporting.results.study_results import study_results
from stroke_ctp.reporting.results.volume_agreement import volume_agreement
from stroke_ctp.reporting.tables.volume_agreement import volume_table
from stroke_ctp.study.predictions import ModelPredictions, Study, read_study
from stroke_ctp.study.study_folder import StudyFolder


@pytest.fixture(scope="module")
def perfusion(tmp_path_factory: pytest.TempPathFactory) -> ModelPredictions:
    """Sixty patients whose predicted volumes are 4 mL too large, in intervals of ± 3 or, every third time, ± 5 mL."""
    folder = StudyFolder(tmp_path_factory.mktemp("outputs"), "demo")
    write_model(folder, "perfusion", 0, None, fitted={"weights": "4576ad54fafc1f00", "not_measurable": 0})
    model = read_study(folder).main
    half = np.where(np.arange(len(model.folds)) % 3 == 0, 5.0, 3.0)
    predicted = model.folds["core_ml"] + 4
    folds = model.folds.assign(predicted_ml=predicted, low_ml=predicted - half, high_ml=predicted + half)
    return replace(model, folds=folds)


def test_the_agreement_is_that_of_the_test_patients(perfusion: ModelPredictions):
    (found,) = volume_agreement([perfusion])
    test = perfusion.test
    assert found.n == len(test) == 12 * N_FOLDS
    assert found.differences.bias.value == pytest.approx(4)
    assert (found.differences.low, found.differences.high) == pytest.approx((4, 4))
    assert found.icc.value == pytest.approx(0.99, abs=0.005)
    assert found.within.value == (test["high_ml"] - test["predicted_ml"] > 4).mean()


def test_patients_of_unknown_volume_do_not_count(perfusion: ModelPredictions):
    folds = perfusion.folds.copy()
    folds.loc[folds["patient"].isin(["p3", "p8"]), "core_ml"] = np.nan
    (found,) = volume_agreement([replace(perfusion, folds=folds)])
    assert found.n == 12 * N_FOLDS - 2


def test_the_report_has_a_row_for_each_model_that_predicts_volumes(perfusion: ModelPredictions):
    without = replace(perfusion, name="cbv", folds=perfusion.folds.drop(columns=["predicted_ml", "low_ml", "high_ml"]))
    results = study_results(Study("demo", {"perfusion": perfusion, "cbv": without}), SENSITIVITY, MARGIN)
    table = volume_table(results.volume_agreement).frame()
    assert table["model"].tolist() == ["Perfusion network"]
    assert table["mean_difference_ml"].tolist() == [pytest.approx(4)]
