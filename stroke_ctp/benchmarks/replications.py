"""The perfusion network against the better conventional core, in studies of independent cohorts.

python -m stroke_ctp.benchmarks.replications names=seed0,seed2,seed3

A cohort's interval tells of its own patients. That of the mean over cohorts needs no correction: cohorts share neither
patients nor trained heads, so their differences are independent.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import mean, stdev

from stroke_ctp.benchmarks.markdown import table
from stroke_ctp.common.errors import UserError
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.replications import ReplicationsSettings
from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS
from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.number_text import number_text
from stroke_ctp.reporting.results.model_aucs import FoldAucs, fold_aucs
from stroke_ctp.statistics.fold_means import mean_over_folds
from stroke_ctp.statistics.interval_estimates import Estimate, TEstimate
from stroke_ctp.study.predictions import Study, read_study
from stroke_ctp.study.study_folder import StudyFolder

NETWORK, CORES = "perfusion", tuple(DEFINITIONS)


def replications(settings: ReplicationsSettings) -> None:
    """Print a table in Markdown: mean AUC of the test folds in every study, and the network's lead."""
    folders = [StudyFolder(settings.outputs, name) for name in settings.names]
    studies = {folder.name: _study(folder) for folder in folders}
    cohorts = {study.models[NETWORK].record.cohort.hash for study in studies.values()}
    if len(cohorts) < len(settings.names):
        raise UserError(
            f"names must be studies of different cohorts, got {len(cohorts)} in {len(settings.names)} studies"
        )
    rows, leads = [], []
    for name, study in studies.items():
        found, lead = _compared(study)
        leads.append(lead)
        rows.append([name, *(f"{one.summary.mean:.3f}" for one in found), _text(lead.interval())])
    rows.append(["mean over cohorts", "", "", "", _text(mean_over_cohorts(leads).interval())])
    heads = ["study", *map(display_name, (NETWORK, *CORES)), "network minus the better core"]
    print(table(heads, rows))


def mean_over_cohorts(leads: Sequence[TEstimate]) -> TEstimate:
    """Mean of independent differences, with the standard error of their spread.

    >>> from stroke_ctp.statistics.interval_estimates import TEstimate
    >>> estimate = mean_over_cohorts([TEstimate(0.01, 0.02, 9), TEstimate(0.03, 0.02, 9)])
    >>> round(estimate.value, 3), round(estimate.standard_error, 3), estimate.df
    (0.02, 0.01, 1)
    """
    values = [lead.value for lead in leads if lead.value is not None]
    return TEstimate(mean(values), stdev(values) / sqrt(len(values)), len(values) - 1)


def _study(folder: StudyFolder) -> Study:
    """A study that has the network and both cores."""
    study = read_study(folder)
    missing = [name for name in (NETWORK, *CORES) if name not in study.models]
    if missing:
        raise UserError(f"{folder.path} has no model {', '.join(missing)}; train it with model={','.join(missing)}")
    return study


def _compared(study: Study) -> tuple[list[FoldAucs], TEstimate]:
    """AUCs of the network and of both cores in the test folds, and its lead over the better core's mean."""
    found = [fold_aucs(study.models[name], "test") for name in (NETWORK, *CORES)]
    network, *cores = (_values(one, study.name) for one in found)
    better = max(cores, key=lambda values: mean(values))
    differences = [one - other for one, other in zip(network, better, strict=True)]
    return found, mean_over_folds(differences, study.models[NETWORK].test_to_train)


def _values(folds: FoldAucs, study: str) -> list[float]:
    values = [auc.value for auc in folds.aucs if auc.value is not None]
    if len(values) < len(folds.aucs):
        raise UserError(f"study {study} has a test fold without both classes; choose fewer folds")
    return values


def _text(estimate: Estimate) -> str:
    parts = (estimate.value, estimate.low, estimate.high)
    value, low, high = ("–" if part is None else number_text(part, 3) for part in parts)
    return f"{value} ({low} to {high})"


if __name__ == "__main__":
    run(replications, ReplicationsSettings, "benchmarks.replications")
