"""Figures of a study: what is drawn, and what their captions say."""

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from studies import MARGIN, OXFORD, PROVENANCE, SENSITIVITY, write_model, write_study

from stroke_ctp.reporting.figures import probabilities as probability_figures
from stroke_ctp.reporting.figures import roc as roc_figures
from stroke_ctp.reporting.figures.learning_curves import learning_curves
from stroke_ctp.reporting.figures.network import Architecture, network
from stroke_ctp.reporting.figures.sample_size import sample_size
from stroke_ctp.reporting.report import report_content
from stroke_ctp.reporting.report_sections import sections
from stroke_ctp.reporting.results.study_results import StudyResults, study_results
from stroke_ctp.reporting.study_background import background_of
from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.study.predictions import Study, read_study
from stroke_ctp.study.study_folder import StudyFolder
from stroke_ctp.study.training_summary import TrainingSummary

FULL = Architecture(
    levels=("basal ganglia", "supraganglionic"), frames=32, side=128, features=512,
    kernels={"local": 3, "global": 11}, filters=3, hidden=32, trainable=43_469, trained_blocks=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return study_results(read_study(write_study(tmp_path_factory.mktemp("outputs"))), SENSITIVITY, MARGIN)


def _texts(drawn: Figure) -> list[str]:
    return [" ".join(text.get_text().split()) for axes in drawn.axes for text in axes.texts]


def test_the_network_is_drawn_with_its_configured_shapes():
    texts = _texts(network(FULL).drawn)
    for text in ("local: conv1d, kernel 3 32 × 3, ReLU", "global: conv1d, kernel 11 32 × 3, ReLU", "32 × 512"):
        assert texts.count(text) == 2
    assert "concatenate 12" in texts
    assert "43,469 trainable parameters" in network(FULL).caption


def test_one_pathway_is_drawn_as_one():
    local = Architecture(**{**vars(FULL), "kernels": {"local": 3}, "trained_blocks": 2})
    texts = _texts(network(local).drawn)
    assert "concatenate 6" in texts
    assert "VGG19, per frame shared, 2 blocks trained" in texts
    assert not any("global" in text for text in texts)


def test_text_stays_within_the_boxes_of_the_network():
    drawn = network(FULL).drawn
    drawn.draw_without_rendering()
    axes = drawn.axes[0]
    for text in (text for text in axes.texts if text.get_text()):
        inside = text.get_window_extent()
        assert any(
            box.get_window_extent().x0 <= inside.x0 and inside.x1 <= box.get_window_extent().x1 for box in axes.patches
        ), text.get_text()


def test_every_model_has_a_curve_of_its_own_colour_and_dashes(results: StudyResults):
    picture = roc_figures.models({name: model.aucs for name, model in results.models.items()})
    assert picture is not None
    looks = {(line.get_color(), str(line.get_linestyle())) for line in picture.drawn.axes[0].lines}
    assert len(looks) == 4  # three models and chance
    assert len({color for color, _ in looks}) == 4


def test_a_fold_sd_is_never_called_an_interval(results: StudyResults):
    picture = roc_figures.cross_validation(results.main.aucs)
    assert picture is not None
    assert "which is not a confidence interval" in picture.caption


def test_without_an_ensemble_there_is_no_external_figure(tmp_path: Path):
    folder = StudyFolder(tmp_path, "one")
    write_model(folder, "local", 1, OXFORD)
    study = read_study(folder)
    content = report_content(study, background_of(folder, study), SENSITIVITY, MARGIN)
    names = [picture.name for section in sections(content) for picture in section.pictures]
    assert "roc_models" in names
    assert "external" not in names


def test_wrong_calls_are_marked_and_nobody_is_left_out(results: StudyResults):
    axes = probability_figures.against_volume(results.main.youden, 50.0).drawn.axes[0]
    right, wrong = (line for line in axes.lines if line.get_label() in ("Called rightly", "Called wrongly"))
    assert len(right.get_xdata()) + len(wrong.get_xdata()) == len(results.main.predictions.test)


def test_patients_whom_no_threshold_calls_are_drawn_too(tmp_path: Path):
    folder = StudyFolder(tmp_path, "one")
    write_model(folder, "full", 0, OXFORD, one_class=True)
    main = read_study(folder).main
    youden = study_results(Study("one", {"full": main}), SENSITIVITY, MARGIN).main.youden
    picture = probability_figures.against_volume(youden, 50.0)
    drawn = {line.get_label(): len(line.get_xdata()) for line in picture.drawn.axes[0].lines[:3]}
    assert drawn["Not called"] == len(main.test) // 5
    assert sum(drawn.values()) == len(main.test)
    assert picture.caption.endswith(
        "Not called, because the validation patients are of one class: 12 patients (fold 4)."
    )


def test_learning_curves_mark_the_epoch_that_was_taken():
    losses = pd.DataFrame({"epoch": range(5), "train_loss": 0.5, "val_loss": [3, 2, 1, 2, 3]})
    without_log = TrainingSummary("full", 0, 1, "1", None, None, None, PROVENANCE, 0)
    picture = learning_curves([TrainingSummary("full", 0, 0, "0", 5, 2, losses, PROVENANCE, 0), without_log])
    assert picture is not None
    taken = [line for line in picture.drawn.axes[0].lines if line.get_label() == "Epoch taken"]
    assert [list(line.get_xdata()) for line in taken] == [[2, 2]]
    assert learning_curves([without_log]) is None


def test_the_auc_is_drawn_against_the_number_of_training_patients_where_it_has_an_interval():
    points = [
        (16.0, Estimate(0.6, 0.5, 0.7)),
        (32.0, Estimate(0.7, reason="a single fold")),
        (64.0, Estimate(0.8, 0.7, 0.9)),
    ]
    picture = sample_size({"Full": points})
    assert picture is not None
    line = picture.drawn.axes[0].lines[0]
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([16, 64], [0.6, 0.8])
    assert sample_size({"Full": points[1:2]}) is None


def test_the_decision_curve_names_its_range_and_the_share_of_large_cores(results: StudyResults):
    caption = probability_figures.decision(results.main.cohorts).caption
    assert "thresholds of 0.1 to 0.9" in caption
    assert "share of large cores of 50 % (Test folds, pooled)" in caption
    assert "treat" not in caption.lower()
