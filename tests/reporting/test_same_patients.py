"""Which patients stand for the agreement of two networks, and what is drawn of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from studies import ENDPOINT, MARGIN, OXFORD, SENSITIVITY, write_model

from stroke_ctp.hemodynamics.level_analysis import analyse_levels
from stroke_ctp.model.explanation import Explanation, Overlay
from stroke_ctp.reporting.figures.same_patients import same_patients
from stroke_ctp.reporting.report import report_content
from stroke_ctp.reporting.report_sections import sections
from stroke_ctp.reporting.results.patient_evidence import PatientEvidence
from stroke_ctp.reporting.results.same_patients import Call, ChosenPatient, chosen_patients
from stroke_ctp.reporting.results.study_results import StudyResults, study_results
from stroke_ctp.reporting.study_background import background_of
from stroke_ctp.study.predictions import read_study
from stroke_ctp.study.study_folder import StudyFolder


def study(folder: Path, *models: str) -> StudyFolder:
    """Probabilities that follow the core volume with other noise in each model."""
    written = StudyFolder(folder, "demo")
    for seed, model in enumerate(models):
        write_model(written, model, seed, OXFORD if model == "full" else None)
    return written


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    folder = study(tmp_path_factory.mktemp("outputs"), "full", "perfusion", "cbv")
    return study_results(read_study(folder), SENSITIVITY, MARGIN)


def test_each_group_is_represented_by_its_median_core(results: StudyResults):
    frames = {}
    for model in ("full", "perfusion"):
        classes = results.models[model].youden.classes[0]
        frames[model] = pd.Series(classes.wrong, index=classes.patients.patients)
    core = pd.Series(results.main.cohorts[0].patients.core_ml, index=results.main.cohorts[0].patients.patients)
    chosen = chosen_patients(results)
    assert 2 <= len(chosen) <= 4
    assert sum(one.group_size for one in chosen) == len(core)
    for one in chosen:
        article, perfusion = frames["full"][one.patient], frames["perfusion"][one.patient]
        members = core[(frames["full"] == article) & (frames["perfusion"] == perfusion)].sort_values()
        assert one.group_size == len(members)
        assert one.core_ml == members.iloc[(len(members) - 1) // 2]
        assert ("both networks" in one.group) == (article == perfusion)
        assert one.is_large == (one.core_ml > ENDPOINT.threshold)
        assert (one.calls["full"].large != one.is_large) == article
        assert set(one.calls) == {"full", "perfusion", "cbv"}


@pytest.mark.parametrize("models", [("full", "perfusion"), ("full", "cbv"), ("perfusion", "cbv")])
def test_a_study_that_lacks_a_method_has_no_such_page(tmp_path: Path, models: tuple[str, ...]):
    assert chosen_patients(study_results(read_study(study(tmp_path, *models)), SENSITIVITY, MARGIN)) == []


def test_without_the_cohort_the_section_says_why_nothing_is_shown(tmp_path: Path):
    folder = study(tmp_path, "full", "perfusion", "cbv")
    read = read_study(folder)
    content = report_content(read, background_of(folder, read), SENSITIVITY, MARGIN)
    (section,) = [section for section in sections(content) if section.name == "same-patients"]
    assert not section.pictures
    assert section.paragraphs == [f"Not shown: {content.background.evidence.training.unknown}."]


def evidence(frames: np.ndarray, **missing: None) -> PatientEvidence:
    """A patient with made-up contributions and maps."""
    random = np.random.default_rng(0)
    contribution = Overlay("contribution", "", "", random.normal(size=(2, 128, 128)), (-3.0, 3.0))
    share = np.zeros((2, 128, 128))
    share[:, 50:80, 30:50] = 0.9
    maps = tuple(Overlay(name, "", "", share, (0.0, 1.0)) for name in ("core", "cbv", "delay"))
    calls = {"full": Call(0.31, False), "perfusion": Call(0.93, True), "rcbf": Call(0.66, True)}
    chosen = ChosenPatient("P7", "article's network wrong, perfusion network right", 21, 48.2, True, calls)
    found = {
        "article": Explanation("", (contribution,), random.normal(size=(2, 32))),
        "perfusion": Explanation("", maps),
        "conventional": analyse_levels(frames),
    }
    return PatientEvidence(chosen, frames[:, :4].mean(axis=1), **found | missing)


def test_every_word_lies_on_the_page_and_what_is_missing_is_said(series: np.ndarray):
    shown = [evidence(series), evidence(series, article=None, perfusion=None, conventional=None)]
    picture = same_patients(shown)
    picture.drawn.draw_without_rendering()
    page = picture.drawn.bbox
    texts = [text for text in picture.drawn.findobj(Text) if text.get_text()]
    for text in (text for text in texts if text.get_visible()):
        box = text.get_window_extent()
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, text.get_text()
        assert page.y0 <= box.y0 <= box.y1 <= page.y1, text.get_text()
    words = [text.get_text() for text in texts]
    assert "P7: core of 48 mL, large. Article's network wrong, perfusion network right." in words
    assert any("Article's: 0.31, small, wrong\nPerfusion: 0.93, large, right\nrCBF core: 0.66" in one for one in words)
    assert words.count("not\nmeasurable") == 2 * 6  # all but the head, at both levels
    assert "article's network wrong, perfusion network right (21)" in picture.caption


@pytest.fixture(scope="module")
def series() -> np.ndarray:
    """Two slices of a head with a lesion as a standard series."""
    from perfused_head import head

    from stroke_ctp.scan.ctp_scan import CTPScan
    from stroke_ctp.scan.standard_grid import StandardSlices

    frames, times = head()
    return StandardSlices.of(CTPScan.simultaneous(frames, times, (10.0, 1.5, 1.5))).hu[:2]


def test_patients_whom_no_threshold_calls_stand_for_nobody(tmp_path: Path):
    folder = StudyFolder(tmp_path, "demo")
    for seed, model in enumerate(("full", "perfusion", "cbv")):
        write_model(folder, model, seed, OXFORD if model == "full" else None, one_class=True)
    chosen = chosen_patients(study_results(read_study(folder), SENSITIVITY, MARGIN))
    assert sum(one.group_size for one in chosen) == 48  # all but those of fold 4, whose validation has one class
