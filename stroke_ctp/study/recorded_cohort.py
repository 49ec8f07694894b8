"""The cohort that a study was made of, if it is still where the study recorded it."""

from collections.abc import Sequence

from stroke_ctp.cohort.cohort_folder import CohortFolder
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.study.ensemble_folder import EnsembleFolder
from stroke_ctp.study.run_folder import RunFolder
from stroke_ctp.study.study_folder import StudyFolder


def recorded_cohort(study: StudyFolder, users: Sequence[RunFolder | EnsembleFolder]) -> Cohort | str:
    """The cohort that runs or ensembles used, in the folder that they recorded; or why it is not known."""
    if not users:
        return "no such cohort was scored"
    folder = (study.path / users[0].provenance().cohort).resolve()
    if not CohortFolder(folder).table.exists():
        return f"its folder {folder.name} was moved or removed"
    try:
        cohort = Cohort(folder)
        _ = cohort.description
    except UserError:
        return f"its folder {folder.name} is incomplete; preprocess again"
    if cohort.hash != users[0].record().cohort.hash:
        return f"its folder {folder.name} now holds another cohort"
    lost = [path.name for path in cohort.series_files.values() if not path.exists()]
    if lost:
        return f"its series {lost[0]} is missing"
    changed = cohort.changed_series
    return f"its series {changed[0]} was changed; preprocess again" if changed else cohort
