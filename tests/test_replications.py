from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import pytest
from commands import run_module
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score
from studies import COHORT, N_FOLDS, write_model

from stroke_ctp.study.study_folder import StudyFolder


def _study(outputs: Path, name: str, first_noise: int, cohort: str = "") -> StudyFolder:
    study = StudyFolder(outputs, name)
    for number, model in enumerate(("perfusion", "cbv", "rcbf")):
        write_model(study, model, first_noise + number, None, cohort=replace(COHORT, hash=cohort or name))
    return study


def _aucs(study: StudyFolder, model: str) -> list[float]:
    tests = (run.predictions().query("split == 'test'") for run in study.complete_runs(model).values())
    return [float(roc_auc_score(test["label"], test["probability"])) for test in tests]


def _row(estimate: float, error: float, df: int) -> str:
    half = float(student.ppf(0.975, df)) * error
    return f"{estimate:.3f} ({estimate - half:.3f} to {estimate + half:.3f})".replace("-", "−")


def test_leads_in_each_cohort_and_their_mean_are_those_of_the_published_formulas(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    studies = {name: _study(tmp_path, name, noise) for name, noise in (("one", 0), ("two", 3), ("three", 6))}
    run_module("benchmarks.replications", f"names={','.join(studies)}", f"outputs={tmp_path}")
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    leads = []
    for line, (name, study) in zip(lines[2:], studies.items(), strict=False):
        aucs = {model: _aucs(study, model) for model in ("perfusion", "cbv", "rcbf")}
        better = max(("cbv", "rcbf"), key=lambda model: mean(aucs[model]))
        differences = [one - other for one, other in zip(aucs["perfusion"], aucs[better], strict=True)]
        leads.append(mean(differences))
        # Nadeau and Bengio 2003: five folds of 12 test and 36 training patients
        error = (1 / N_FOLDS + 12 / 36) ** 0.5 * stdev(differences)
        assert line == [name, *(f"{mean(values):.3f}" for values in aucs.values()), _row(leads[-1], error, N_FOLDS - 1)]
    assert lines[-1][-1] == _row(mean(leads), stdev(leads) / 3**0.5, 2)


def test_a_study_without_a_core_is_refused_with_what_is_to_be_trained(tmp_path: Path):
    _study(tmp_path, "whole", 0)
    write_model(StudyFolder(tmp_path, "part"), "perfusion", 0, None)
    with pytest.raises(SystemExit, match=r"part has no model cbv, rcbf; train it with model=cbv,rcbf"):
        run_module("benchmarks.replications", "names=whole,part", f"outputs={tmp_path}")
    with pytest.raises(SystemExit, match="names must be names of two studies or more"):
        run_module("benchmarks.replications", "names=whole", f"outputs={tmp_path}")


def test_studies_of_one_cohort_are_no_replications(tmp_path: Path):
    for number, name in enumerate(("core", "infarct")):
        _study(tmp_path, name, 3 * number, cohort="the same")
    with pytest.raises(SystemExit, match=r"studies of different cohorts, got 1 in 2 studies"):
        run_module("benchmarks.replications", "names=core,infarct", f"outputs={tmp_path}")
