"""Every page, table, figure and print of a study says which patients are simulated, and which score is the label's."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohorts import write_noise_cohort
from commands import run_module
from matplotlib.figure import Figure
from studies import COHORT, EXTERNAL, MARGIN, OXFORD, SENSITIVITY, write_ensemble, write_external, write_model

from stroke_ctp.common.origin import TRUE_CORE
from stroke_ctp.hemodynamics.lesion_definitions import MEASURED
from stroke_ctp.reporting import page
from stroke_ctp.reporting.caveats import caveats
from stroke_ctp.reporting.report import write_report
from stroke_ctp.reporting.study_comparison import write_comparison
from stroke_ctp.study.predictions import read_study
from stroke_ctp.study.run_folder import CohortReference
from stroke_ctp.study.study_folder import StudyFolder

SIMULATED = replace(COHORT, simulated=COHORT.patients, labels={TRUE_CORE: COHORT.patients})


def _study(outputs: Path, training: CohortReference, simulated_external: int, name: str = "demo") -> StudyFolder:
    """The full model with an ensemble, and a conventional core."""
    folder = StudyFolder(outputs, name)
    write_model(folder, "full", 0, OXFORD, cohort=training)
    write_model(folder, "cbv", 2, None, cohort=training)
    write_ensemble(folder, "full")
    rows = folder.ensemble("full").predictions(list(folder.complete_runs("full").values()))
    write_external(folder, "full", rows, cohort=replace(EXTERNAL, simulated=simulated_external))
    return folder


@dataclass(frozen=True)
class Report:
    """A report of simulated patients."""

    folder: StudyFolder
    printed: str
    signed: dict[str, str]
    """What stands under each figure, by the name of its file."""

    @property
    def html(self) -> str:
        return (self.folder.report / "report.html").read_text()

    @property
    def captions(self) -> dict[str, str]:
        """Captions of the tables by their name."""
        return dict(re.findall(r'<p class="caption" id="about-(\w+)">([^<]*)', self.html))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = _study(tmp_path_factory.mktemp("outputs"), SIMULATED, EXTERNAL.patients)
    signed: dict[str, str] = {}

    def save(drawn: Figure, path: Path, _: str = "") -> list[Path]:
        signed[path.name] = drawn.get_supxlabel()
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "save", save)
        patch.setattr(page, "embedded", lambda *_: "")
        printed = " ".join(write_report(folder, SENSITIVITY, MARGIN).split())
    return Report(folder, printed, signed)


def test_everything_of_simulated_patients_says_so(simulated: Report):
    html = simulated.html
    head = html[: html.index("<section")]
    assert "<strong>Simulated patients.</strong> Nothing here tells how well a model works on real patients." in head
    assert "<title>Study demo (simulated patients)</title>" in html
    assert "Table 1. Simulated patients. Mean" in simulated.printed
    assert {name for name, text in simulated.signed.items() if text != "Simulated patients."} == {"figure2"}
    without = {name for name, text in simulated.captions.items() if not text.startswith("Simulated patients.")}
    assert without == {"runs", "settings", "provenance", "leakage_audit", "not_checked", "claim_2024", "tripod_ai"}
    for name in ("table1", "table2"):
        assert "Simulated patients." in (simulated.folder.report / "tables" / f"{name}.tex").read_text()


def test_tables_1_and_2_set_the_articles_row_apart(simulated: Report):
    sentence = "The article: other patients with other labels, not comparable with this study."
    assert simulated.printed.count(sentence) == 2
    assert len(re.findall(r'<tr class="apart"><td>Article, other patients', simulated.html)) == 2
    tables = simulated.folder.report / "tables"
    rows = pd.read_csv(tables / "table1.csv", keep_default_na=False).groupby("row")["origin"].unique()
    assert rows.str.join("|").to_dict() == {"This study": "Simulated patients", "Article": ""}
    assert "\\midrule\nArticle, other patients" in (tables / "table2.tex").read_text()


def test_a_score_that_resembles_the_label_is_flagged_where_its_number_stands(simulated: Report):
    sentence = "Incorporation: CBV core resembles the label, which favours it."
    assert sentence in simulated.printed
    assert "Incorporation: CBV core resembles the label (training cohort): " in simulated.printed
    assert sentence not in simulated.captions["table1"]
    for name in ("table2", "auc", "comparisons"):
        assert simulated.captions[name].endswith(sentence), name
    points = [point for point in re.findall(r"<li>([^<]*)</li>", simulated.html) if "“CBV core”" in point]
    assert points
    assert all(point.endswith(sentence) for point in points)


def test_a_study_of_real_patients_does_not_speak_of_simulation(reported: tuple[StudyFolder, str]):
    folder, printed = reported
    assert "imulated" not in printed
    assert "imulated" not in (folder.report / "report.html").read_text()
    assert "origin" not in pd.read_csv(folder.report / "tables" / "table1.csv")


@pytest.mark.parametrize(
    ("training", "external", "text"),
    [
        (COHORT, 0, ""),
        (COHORT, 12, "Training cohort: real patients; external cohort: simulated patients"),
        (SIMULATED, 0, "Training cohort: simulated patients; external cohort: real patients"),
        (SIMULATED, 12, "Simulated patients"),
        (
            replace(COHORT, simulated=4),
            0,
            "Training cohort: 4 simulated and 56 real patients; external cohort: real patients",
        ),
    ],
)
def test_each_cohort_has_its_own_origin(tmp_path: Path, training: CohortReference, external: int, text: str):
    assert caveats(read_study(_study(tmp_path, training, external))).origin == text


def test_a_longer_name_of_a_model_is_not_taken_for_a_shorter_one(tmp_path: Path):
    folder = StudyFolder(tmp_path, "demo")
    for model in ("cbv", "cbv_scan"):
        write_model(folder, model, 2, None, cohort=replace(COHORT, labels={MEASURED["cbv"]: COHORT.patients}))
    found = caveats(read_study(folder))
    assert found.about("AUC of CBV core, whole scan") == [
        "Incorporation: CBV core, whole scan is the label itself, which favours it."
    ]
    assert len(found.about("CBV core; CBV core, whole scan")) == 2


@pytest.mark.usefixtures("no_figures")
def test_a_score_that_is_the_label_has_an_auc_of_1_in_every_fold_and_is_flagged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    volumes = (np.arange(12.0) * 7) % 12
    labels = [MEASURED["cbv"]] * 12
    write_noise_cohort(Path("cohort"), {"core_ml": volumes, "scan_cbv_ml": volumes, "label_definition": labels})
    run_module("train", "cohort=cohort", "name=own", "model=cbv_scan", "fold=0..2", "folds.n=3")
    folder = StudyFolder(Path("outputs"), "own")
    printed = " ".join(write_report(folder, SENSITIVITY, MARGIN).split())
    folds = pd.read_csv(folder.report / "tables" / "folds.csv")
    assert set(folds["auc"]) == {1.0}
    assert "Incorporation: CBV core, whole scan is the label itself, which favours it." in printed


@pytest.mark.usefixtures("no_figures")
def test_a_comparison_of_studies_says_which_is_of_simulated_patients(tmp_path: Path):
    studies = [StudyFolder(tmp_path, name) for name in ("one", "two")]
    measured = replace(COHORT, labels={MEASURED["cbv"]: COHORT.patients})
    for study, cohort in zip(studies, (SIMULATED, measured), strict=True):
        write_model(study, "cbv", 2, None, cohort=cohort)
    write_comparison(studies, tmp_path / "out", MARGIN)
    html = (tmp_path / "out" / "report.html").read_text()
    assert "<strong>one: Simulated patients.</strong>" in html
    assert "Incorporation: CBV core resembles the label (one: training cohort): " in html
    assert "Incorporation: CBV core is a part of the label (two: training cohort): " in html
