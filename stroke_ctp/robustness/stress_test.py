"""A stress test of a study: every patient along every axis, in parallel, continued where it was interrupted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.origin import TRUE_INFARCT
from stroke_ctp.common.parallel import parallel_map, with_progress
from stroke_ctp.model.conventional import WHOLE_SCAN, refuse_whole_scan
from stroke_ctp.robustness.axes import LABEL, PREVALENCE, Axis
from stroke_ctp.robustness.curves import StressResults, curves_frame, read_results
from stroke_ctp.robustness.scoring import PatientScores, StressTest, Task, padded
from stroke_ctp.robustness.stress_folder import StressFolder, scores_table
from stroke_ctp.study.predictor import members_key
from stroke_ctp.study.run_folder import RunFolder, RunRecord
from stroke_ctp.study.study_folder import StudyFolder


@dataclass(frozen=True)
class Plan:
    """Whom and what to try."""

    axes: tuple[Axis, ...]
    """Along which patients are scanned."""
    questions: tuple[str, ...]
    """Axes that ask other questions of the good scans."""
    patients: int
    seed: int

    @classmethod
    def of(cls, names: Sequence[str], axes: tuple[Axis, ...], patients: int, seed: int) -> "Plan":
        """A plan for the axes of these names, of which `axes` are scanned; all without a name."""
        questions = tuple(name for name in (LABEL, PREVALENCE) if name in names or not names)
        return cls(axes, questions, patients, seed)

    @property
    def tasks(self) -> list[Task]:
        """Patient by patient."""
        return [Task(number, axis) for number in range(self.patients) for axis in (None, *self.axes)]


def run_stress_test(study: StudyFolder, models: Sequence[str], plan: Plan, jobs: int) -> StressResults:
    """Try models of a study, and write scores and curves.

    Args:
        study: Whose models are tried.
        models: Their names; all that need no whole scan without a name.
        plan: Patients and axes.
        jobs: Processes.

    Raises:
        UserError: The study is incomplete, a model cannot be tried, or the endpoint is no core volume. Nothing is
            written then.
    """
    runs = _runs(study, models)
    records = {model: [run.record() for run in own] for model, own in runs.items()}
    first = next(iter(records.values()))[0]
    keys = {model: members_key(own) for model, own in records.items()}
    test = StressTest(study.path.parent, study.name, keys, padded(first.cohort.rules), plan.seed)
    _carry_out(test, plan.tasks, jobs)
    share_large = _share_large(next(iter(runs.values())))
    folder = StressFolder(study)
    fitted = {"models": keys, "endpoint": first.endpoint, "truth": _truth(first), "share_large": share_large}
    _write(folder, test, plan, fitted)
    results = read_results(folder)
    folder.write_curves(curves_frame(results))
    return results


def _write(folder: StressFolder, test: StressTest, plan: Plan, fitted: Mapping[str, Any]) -> None:
    """Write the scores of all tasks, and what they depend on."""
    done = [(task, _known(test.finished(task))) for task in plan.tasks]
    truths = [record.truths for task, record in done if task.axis is None and record.truths]
    tried = {
        "patients": plan.patients,
        "seed": plan.seed,
        "axes": {axis.name: list(axis.levels) for axis in plan.axes},
        "questions": list(plan.questions),
        "truths": truths,
    }
    large = {own[fitted["truth"]] > fitted["endpoint"].threshold for own in truths}
    if plan.questions == (PREVALENCE,) and not plan.axes and len(large) == 1:
        raise UserError(
            f"{PREVALENCE} needs patients of both classes, all {plan.patients} are of one; choose more patients=N"
        )
    rows = [row for task, record in done for row in _rows(task, record, test.models)]
    folder.write({**fitted, **tried}, scores_table(rows))


def _runs(study: StudyFolder, models: Sequence[str]) -> dict[str, list[RunFolder]]:
    """Complete runs of the models."""
    known = study.models()
    if not known:
        raise UserError(f"nothing was trained in {study.path}; run `{study.train_command} fold=0..9`")
    refuse_whole_scan("models", models)
    chosen = models or [model for model in known if model not in WHOLE_SCAN]
    runs = {model: list(study.complete_runs(model).values()) for model in chosen}
    if not runs:
        raise UserError(
            f"{study.path} has only models of whole scans; train one more: `{study.train_command} fold=0..9`"
        )
    column = next(iter(runs.values()))[0].record().endpoint.column
    if column != "core_ml":
        raise UserError(
            f"the endpoint of {study.name} must be core_ml to be simulated, got {column}; choose another study"
        )
    return runs


def _carry_out(test: StressTest, tasks: Sequence[Task], jobs: int) -> None:
    """Do the tasks that no earlier command has done."""
    todo = [task for task in tasks if test.finished(task) is None]
    results = parallel_map(test, todo, min(jobs, len(todo))) if todo else ()
    for _ in with_progress(results, "stress", "tasks", len(tasks), len(tasks) - len(todo)):
        pass


def _truth(record: RunRecord) -> str:
    """Which of the known volumes the study's label is."""
    return "infarct" if all(label.startswith(TRUE_INFARCT) for label in record.cohort.labels) else "core"


def _share_large(runs: Iterable[RunFolder]) -> float:
    """Share of large cores among the training patients, each of whom one fold has tested."""
    tables = [run.predictions() for run in runs]
    return float(np.concatenate([table.loc[table["split"] == "test", "label"] for table in tables]).mean())


def _known(record: PatientScores | None) -> PatientScores:
    assert record is not None  # it has just been written
    return record


def _rows(task: Task, record: PatientScores, models: Iterable[str]) -> list[dict[str, object]]:
    """Rows of the table of scores; the axis of good scans is empty."""
    rows = []
    for level, scores in record.scans.items():
        place = {"axis": task.axis.name, "level": float(level)} if task.axis else {"axis": "", "level": 0.0}
        for model in models:
            probability, measured = scores.models.get(model, (None, False))
            own = {"model": model, "probability": probability, "measured": measured, "reason": scores.reason}
            rows.append({**place, "patient": task.number, **own})
    return rows
