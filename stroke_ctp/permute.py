"""`python -m stroke_ctp.permute`: train a study's models again on permuted classes, for a test against chance."""

from functools import partial
from pathlib import Path

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.parallel import parallel_map, with_progress
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.permute import PermuteSettings
from stroke_ctp.study.members import model_of
from stroke_ctp.study.permutation_folder import PermutationFolder
from stroke_ctp.study.permuted_training import permuted_aucs
from stroke_ctp.study.recorded_cohort import recorded_cohort
from stroke_ctp.study.run_folder import Elsewhere, RunFolder
from stroke_ctp.study.study_folder import StudyFolder


def permute(settings: PermuteSettings) -> None:
    """Train every model of the study on permuted classes, or those that were asked for, as often as is missing."""
    elsewhere = Elsewhere(settings.bank, tuple(map(Path, settings.cohorts)))
    study = StudyFolder(settings.outputs, settings.name, elsewhere)
    models = settings.models or study.models()
    if not models:
        raise UserError(f"nothing was trained in {study.path}; run `{study.train_command} fold=0..9`")
    runs = {model: study.runs_of_first_seed(model) for model in models}
    cohort = recorded_cohort(study, [one for of_model in runs.values() for one in of_model])
    if isinstance(cohort, str):
        raise UserError(f"{study.path} cannot be trained again, training cohort: {cohort}; put it back")
    for model, repeated in runs.items():
        _train_again(study.permutations(model), model, repeated, cohort, settings)


def _train_again(
    folder: PermutationFolder, model: str, runs: list[RunFolder], cohort: Cohort, settings: PermuteSettings
) -> None:
    retrained = model_of(runs[0])
    retrained.check(cohort)
    folder.claim(runs)
    retrained.evidence(cohort)  # measured or encoded once, under a progress bar of its own
    todo = [number for number in range(settings.permutations) if not folder.is_done(number)]
    # What takes no epochs takes milliseconds, and measures the cohort only once in one process.
    jobs = settings.jobs if "epochs" in runs[0].record().fitted else 1
    made = parallel_map(partial(_train_one, folder, runs, cohort), todo, min(jobs, max(1, len(todo))))
    done = settings.permutations - len(todo)
    for _ in with_progress(made, f"permute {model}", "permutations", settings.permutations, done):
        pass
    print(folder.path)


def _train_one(folder: PermutationFolder, runs: list[RunFolder], cohort: Cohort, number: int) -> None:
    folder.write(number, permuted_aucs(runs, cohort, number))


if __name__ == "__main__":
    run(permute, PermuteSettings, "permute")
