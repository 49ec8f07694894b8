"""What each method bases its answer on in a patient: the networks that tested the patient, and conventional maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from stroke_ctp.cohort.new_patients import NewPatients
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.geometry import N_BASELINE
from stroke_ctp.hemodynamics.level_analysis import LevelAnalysis, analyse_levels
from stroke_ctp.model.explanation import Explains, Explanation
from stroke_ctp.reporting.results.same_patients import ARTICLE, PERFUSION, ChosenPatient
from stroke_ctp.study.predictions import Study


@dataclass(frozen=True)
class PatientEvidence:
    """Of one patient."""

    chosen: ChosenPatient
    head: Float[np.ndarray, "level height width"]
    """Before the contrast [HU]."""
    article: Explanation | None
    """None where the model as configured has none."""
    perfusion: Explanation | None
    """None where no brain is found."""
    conventional: LevelAnalysis | None
    """None where perfusion cannot be measured."""


def gather_patient_evidence(study: Study, cohort: Cohort, chosen: Sequence[ChosenPatient]) -> list[PatientEvidence]:
    """Explain the calls of some patients again.

    Args:
        study: Whose runs tested them.
        cohort: The training cohort.
        chosen: From `chosen_patients`.

    Raises:
        UserError: Files of a run, or weights, are missing or others now.
    """
    row = {patient: number for number, patient in enumerate(cohort.patients)}
    return [_evidence(study, cohort.series(row[one.patient]), one) for one in chosen]


def _evidence(
    study: Study, series: Float[np.ndarray, "level time height width"], chosen: ChosenPatient
) -> PatientEvidence:
    hu = np.asarray(series, np.float32)
    try:
        conventional = analyse_levels(hu)
    except Excluded:
        conventional = None
    return PatientEvidence(
        chosen,
        hu[:, :N_BASELINE].mean(axis=1),
        _explained(study, ARTICLE, hu, chosen.patient),
        _explained(study, PERFUSION, hu, chosen.patient),
        conventional,
    )


def _explained(
    study: Study, model: str, series: Float[np.ndarray, "level time height width"], patient: str
) -> Explanation | None:
    """How the fits that tested the patient, one of each seed, came to their answer."""
    from stroke_ctp.study.members import fitted_model, model_of  # loads PyTorch

    runs = [run for run in study.models[model].runs.values() if patient in run.record().patients.test]
    built = model_of(runs[0])
    if not isinstance(built, Explains):
        return None
    return built.explain(NewPatients.of(series), [fitted_model(built, run) for run in runs])
