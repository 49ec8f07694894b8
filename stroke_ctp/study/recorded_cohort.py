"""The cohort that a study was made of, if it is still where the study recorded it."""

from collections.abc import Sequence
from pathlib import Path

from stroke_ctp.cohort.cohort_folder import CohortFolder
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.study.ensemble_folder import EnsembleFolder
from stroke_ctp.study.predictor import Predictor
from stroke_ctp.study.run_folder import RunFolder
from stroke_ctp.study.study_folder import StudyFolder


def recorded_cohort(
    study: StudyFolder, users: Sequence[RunFolder | EnsembleFolder], option: str = "cohorts"
) -> Cohort | str:
    """The cohort that runs or ensembles used, or why it is not known.

    It is looked for in the folder that they recorded, if that lies beside the study, and in those that the user names.

    Args:
        study: Whose cohort is sought.
        users: Runs or ensembles.
        option: By which the user names a cohort.
    """
    if not users:
        return "no such cohort was scored"
    folder = (study.path / users[0].provenance().cohort).resolve()
    named = [path.resolve() for path in study.elsewhere.cohorts]
    if folder.is_relative_to(study.path.parent.resolve()) and folder not in named:
        named.append(folder)
    named.sort(key=lambda path: path != folder)  # its reason comes first
    sought = users[0].record().cohort.hash
    found = [_opened(path, sought) for path in named]
    cohort = next((one for one in found if isinstance(one, Cohort)), None)
    if cohort is not None:
        return cohort
    outside = f"its folder {folder.name} is outside {study.path.parent}; name it with {option}=DIR"
    return next((reason for reason in found if isinstance(reason, str)), outside)


def predictor_with_range(study: StudyFolder, model: str, option: str) -> tuple[Predictor, str]:
    """The members of a model with the range of their training cohort, or why patients are not compared with it.

    Args:
        study: Its `elsewhere` may name the cohort.
        model: Name of the model.
        option: By which the user names the cohort.

    Returns:
        The members, and a sentence for the user; it is empty if patients are compared in every way.
    """
    training = recorded_cohort(study, list(study.complete_runs(model).values()), option)
    if isinstance(training, str):
        return Predictor.load(study, model), f"patients are not compared with the training cohort: {training}"
    predictor = Predictor.load(study, model, training)
    far = "the distance from the training cohort is not judged: it is small, or its features are no longer cached"
    return predictor, far if predictor.typical is not None and predictor.typical.cloud is None else ""


def _opened(folder: Path, sought: str) -> Cohort | str:
    """The cohort in a folder, if it is the one with this hash; or why it is not."""
    if not CohortFolder(folder).table.exists():
        return f"its folder {folder.name} was moved or removed"
    try:
        cohort = Cohort(folder)
        if cohort.hash != sought:
            return f"its folder {folder.name} now holds another cohort"
    except UserError:
        return f"its folder {folder.name} is incomplete; preprocess again"
    lost = [path.name for path in cohort.series_files.values() if not path.exists()]
    return f"its series {lost[0]} is missing" if lost else cohort
