"""`python -m stroke_ctp.benchmarks.explanations` tells how much of a model's evidence lies where the lesion is."""

from pathlib import Path

import numpy as np
import pytest
from commands import run_module
from noise import train_quickly, write_noise_cohort
from studies import write_model

from stroke_ctp.common.geometry import N_PIXELS
from stroke_ctp.phantom.digital_patient import BRAIN_GRID
from stroke_ctp.robustness.stress_patient import StressPatient
from stroke_ctp.study.study_folder import StudyFolder


def test_evidence_of_the_perfusion_network_lies_in_the_true_core(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    write_noise_cohort(tmp_path / "cohort")
    train_quickly(f"cohort={tmp_path}/cohort", f"outputs={tmp_path}", "fold=0..2", "model=perfusion")
    capsys.readouterr()
    run_module("benchmarks.explanations", f"outputs={tmp_path}", "models=perfusion", "patients=2", "jobs=1")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "2 of 2 patients have a core at the levels"
    name, *cells = said[-1].strip("| ").split(" | ")
    core, core_tissue, penumbra, penumbra_tissue, outside = (int(cell.removesuffix(" %")) for cell in cells)
    assert name == "Perfusion network"
    assert core > 4 * core_tissue > 0
    assert penumbra > penumbra_tissue > 0
    assert core + penumbra + outside <= 100


def test_the_lesion_at_the_levels_is_that_of_the_whole_brain():
    patient = StressPatient.draw(31, 3)
    tissue, core, penumbra = patient.lesion()
    assert tissue.shape == core.shape == penumbra.shape == (2, N_PIXELS, N_PIXELS)
    assert ((core + penumbra) <= tissue + 1e-6).all()
    near = [int(np.abs(BRAIN_GRID.z - depth).argmin()) for depth in (0, 20)]
    y, x = np.meshgrid(BRAIN_GRID.y, BRAIN_GRID.x, indexing="ij")
    for level, plane in zip(core, patient.digital.core()[near], strict=True):
        assert level.sum() * 1.5625**2 == pytest.approx(
            plane.sum() * (y[1, 0] - y[0, 0]) * (x[0, 1] - x[0, 0]), rel=0.2
        )


def test_a_model_that_shows_nothing_is_refused(tmp_path: Path):
    study = StudyFolder(tmp_path, "demo")
    fitted = {"scale": {"slope": 0.5, "intercept": -5.0, "missing": 9.0}, "not_measurable": 0, "values": {}}
    write_model(study, "cbv", 0, None, fitted=fitted)
    with pytest.raises(SystemExit) as stopped:
        run_module("benchmarks.explanations", f"outputs={tmp_path}", "name=demo", "models=cbv")
    assert str(stopped.value.code).endswith("models must show what they go by, cbv does not; leave it out")
