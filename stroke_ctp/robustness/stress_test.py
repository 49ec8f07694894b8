"""A stress test of a study: every patient along every axis, in parallel, continued where it was interrupted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.parallel import parallel_map, with_progress
from stroke_ctp.robustness.axes import LABEL, PREVALENCE, Axis
from stroke_ctp.robustness.curves import StressResults, curves_frame, read_results
from stroke_ctp.robustness.scoring import PatientScores, StressTest, Task, padded
from stroke_ctp.robustness.stress_folder import StressFolder, scores_table
from stroke_ctp.robustness.stressed_models import StressedModels


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


def run_stress_test(subjects: StressedModels, plan: Plan, jobs: int) -> StressResults:
    """Try models of a study, and write scores and curves.

    Args:
        subjects: The models.
        plan: Patients and axes.
        jobs: Processes.

    Raises:
        UserError: All patients are of one class, and nothing but the prevalence was asked for.
    """
    study = subjects.study
    test = StressTest(study.path.parent, study.name, subjects.models, padded(subjects.rules), plan.seed)
    _carry_out(test, plan.tasks, jobs)
    folder = StressFolder(study)
    _write(folder, test, plan, subjects)
    results = read_results(folder)
    folder.write_curves(curves_frame(results))
    return results


def _write(folder: StressFolder, test: StressTest, plan: Plan, subjects: StressedModels) -> None:
    """Write the scores of all tasks, and what they depend on."""
    done = [(task, _known(test.finished(task))) for task in plan.tasks]
    truths = [record.truths for task, record in done if task.axis is None and record.truths]
    content = {
        "models": {name: model.members for name, model in subjects.models.items()},
        "endpoint": subjects.endpoint,
        "truth": subjects.truth,
        "share_large": subjects.share_large,
        "patients": plan.patients,
        "seed": plan.seed,
        "axes": {axis.name: list(axis.levels) for axis in plan.axes},
        "questions": list(plan.questions),
        "truths": truths,
    }
    large = {own[subjects.truth] > subjects.endpoint.threshold for own in truths}
    if plan.questions == (PREVALENCE,) and not plan.axes and len(large) == 1:
        raise UserError(
            f"{PREVALENCE} needs patients of both classes, all {plan.patients} are of one; choose more patients=N"
        )
    rows = [row for task, record in done for row in _rows(task, record, test.models)]
    folder.write(content, scores_table(rows))


def _carry_out(test: StressTest, tasks: Sequence[Task], jobs: int) -> None:
    """Do the tasks that no earlier command has done."""
    todo = [task for task in tasks if test.finished(task) is None]
    results = parallel_map(test, todo, min(jobs, len(todo))) if todo else ()
    for _ in with_progress(results, "stress", "tasks", len(tasks), len(tasks) - len(todo)):
        pass


def _known(record: PatientScores | None) -> PatientScores:
    assert record is not None  # it has just been written
    return record


def _rows(task: Task, record: PatientScores, models: Iterable[str]) -> list[dict[str, object]]:
    """Rows of the table of scores; the axis of good scans is empty."""
    rows = []
    for level, scores in record.scans.items():
        place = {"axis": task.axis.name, "level": float(level)} if task.axis else {"axis": "", "level": 0.0}
        for model in models:
            said = scores.models.get(model)
            own = {"model": model, "reason": scores.reason, "measured": said is not None and said.measured}
            if said is not None:
                own |= {"probability": said.probability, "calibrated": said.calibrated}
                own["declined"] = "; ".join(said.declined)
            rows.append({**place, "patient": task.number, **own})
    return rows
