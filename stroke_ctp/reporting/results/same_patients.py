"""Patients whom the article's network and the perfusion network call rightly or wrongly, one of each kind."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from stroke_ctp.model.settings import CONVENTIONAL_MODELS
from stroke_ctp.reporting.results.study_results import ModelResults, StudyResults

ARTICLE, PERFUSION = "full", "perfusion"
_GROUPS = {
    (False, False): "both networks right",
    (True, False): "article's network wrong, perfusion network right",
    (False, True): "article's network right, perfusion network wrong",
    (True, True): "both networks wrong",
}
"""By whether either is wrong."""


@dataclass(frozen=True)
class Call:
    """What the fits of a model that tested a patient say."""

    probability: float
    """Of a large core."""
    large: bool
    """Its class at the fold's threshold of Youden."""


@dataclass(frozen=True)
class ChosenPatient:
    """A patient who stands for a group."""

    patient: str
    group: str
    group_size: int
    core_ml: float
    """NaN if unknown [mL]."""
    is_large: bool
    """The true class."""
    calls: Mapping[str, Call]
    """By model: both networks, and the conventional cores of the study."""


def chosen_patients(results: StudyResults) -> list[ChosenPatient]:
    """Of each group of test patients, the one whose core volume is the group's median; smaller groups may be empty.

    Returns:
        None to four patients; none if the study lacks one of the networks or conventional cores.
    """
    models = {
        name: results.models[name] for name in (ARTICLE, PERFUSION, *CONVENTIONAL_MODELS) if name in results.models
    }
    if not {ARTICLE, PERFUSION} < set(models):
        return []
    calls = {name: _calls(model) for name, model in models.items()}
    tested = models[ARTICLE].cohorts[0].patients
    groups: dict[str, list[ChosenPatient]] = {group: [] for group in _GROUPS.values()}
    for patient, core_ml, label in zip(tested.patients, tested.core_ml, tested.labels, strict=True):
        own = {name: found[patient] for name, found in calls.items() if patient in found}
        if not {ARTICLE, PERFUSION} <= set(own):
            continue  # no threshold calls them
        wrong = (own[ARTICLE].large != bool(label), own[PERFUSION].large != bool(label))
        one = ChosenPatient(patient, _GROUPS[wrong], 0, float(core_ml), bool(label), own)
        groups[one.group].append(one)
    return [_median(group) for group in groups.values() if group]


def _calls(model: ModelResults) -> dict[str, Call]:
    """Of every test patient whom a threshold calls."""
    classes = model.youden.classes[0]
    rows = zip(classes.patients.patients, classes.patients.scores, classes.large, classes.classified, strict=True)
    return {patient: Call(float(score), bool(large)) for patient, score, large, called in rows if called}


def _median(group: list[ChosenPatient]) -> ChosenPatient:
    ordered = sorted(group, key=lambda one: (float(np.nan_to_num(one.core_ml)), one.patient))
    middle = ordered[(len(ordered) - 1) // 2]
    return replace(middle, group_size=len(group))
