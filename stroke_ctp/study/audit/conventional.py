"""Verify conventional models: fit every scale again, and measure some patients again."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from stroke_ctp import __version__
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.provenance import machine
from stroke_ctp.common.text import some
from stroke_ctp.model.conventional import core_value
from stroke_ctp.model.conventional_scale import Scale
from stroke_ctp.model.registry import WHOLE_SCAN
from stroke_ctp.model.settings import CONVENTIONAL_MODELS
from stroke_ctp.study.audit.compared_rows import compare_rows
from stroke_ctp.study.audit.findings import Compared, Finding, judged, together
from stroke_ctp.study.predictions import ModelPredictions, Study
from stroke_ctp.study.run_folder import RunFolder

TOLERANCE = 1e-8
"""Largest difference of a probability that rounding explains. One more patient changes some by 2e-8 or more."""
OTHER_TOLERANCE = 1e-4
"""The same on another processor, or with another release of the solver."""
N_MEASURED = 3
"""Patients of a cohort whose area is measured again: one takes a tenth of a second."""

_SCALES = "Scales of conventional cores are fitted on training patients"
_VALUES = "Conventional cores are those of the series"


def examine_conventional(study: Study, training: Cohort | str, external: Cohort | str) -> list[Finding]:
    """Fit scales, and measure cores, again; nothing without a conventional model.

    Args:
        study: Predictions and records.
        training: The cohort that the runs recorded, or why it is not known.
        external: The cohort that was scored, or why it is not known.
    """
    models = [model for model in study.models.values() if model.name in CONVENTIONAL_MODELS]
    if not models:
        return []
    scales = together(_scale(model, run) for model in models for run in model.runs.values())
    values = together(part for model in models for part in (_values(model, training), _external(model, external)))
    fitted = f"{scales.n} probabilities from scales fitted again; largest difference {scales.largest_difference:.0e}"
    measured = f"{values.n} measurements repeated"
    return [
        *judged(_SCALES, scales.wrong, fitted if scales.n else "", scales.unchecked),
        *judged(_VALUES, values.wrong, measured if values.n else "", values.unchecked),
    ]


def _scale(model: ModelPredictions, run: RunFolder) -> Compared:
    """Predictions of one run from a scale that is fitted again to its training patients."""
    scale = _fitted_again(model, run)
    if isinstance(scale, str):
        return Compared(unchecked=[scale])
    rows = model.rows_of(run)
    fitted, source = run.record().fitted, "a scale fitted on its training patients"
    where = f"{model.name}, fold {run.fold}"
    values = _array(fitted["values"], rows["patient"].tolist())
    again = scale.probability(values)
    kept = np.allclose(Scale(**fitted["scale"]).probability(values), again, rtol=0, atol=tolerance(run))
    wrong = [] if kept else [f"{where}: its scale is not {source}"]
    return together([compare_rows(where, rows, again, tolerance(run), source), Compared(wrong=wrong)])


def _fitted_again(model: ModelPredictions, run: RunFolder) -> Scale | str:
    """Scale of one run from its training patients, or why it cannot be fitted; the recorded one is not trusted."""
    record = run.record()
    values = record.fitted["values"]
    if not values:
        return f"{model.name}: a run did not record its measurements"
    label = dict(zip(model.folds["patient"], model.folds["label"], strict=True))
    known = [patient for patient in record.patients.train if patient in label]
    if len(known) < len(record.patients.train):
        return f"{model.name}: folds that test the training patients are missing"
    return Scale.fit(_array(values, known), np.array([label[patient] for patient in known]))


def _values(model: ModelPredictions, cohort: Cohort | str) -> Compared:
    """Measurements that the runs recorded, against the cohort."""
    if isinstance(cohort, str):
        return Compared(unchecked=[f"{model.name}: training cohort: {cohort}"])
    recorded = [run.record().fitted["values"] for run in model.runs.values()]
    if not recorded[0]:
        return Compared()
    if any(values != recorded[0] for values in recorded):
        return Compared(wrong=[f"{model.name}: measurements differ between its folds"])
    if others := _measured_by_others(model):
        return Compared(unchecked=[others])
    rows = _sample(model.name, len(cohort))
    names = [cohort.patients[row] for row in rows]
    again = np.array([core_value(model.name, cohort, row) for row in rows])
    same = np.isclose(_array(recorded[0], names), again, rtol=1e-6, equal_nan=True)
    wrong = [f"{model.name}: the core of patient {some(np.array(names)[~same], 3)} is not that of its series"]
    return Compared(len(rows), 0.0, [] if same.all() else wrong, _left(model.name, "training", len(cohort), len(rows)))


def _measured_by_others(model: ModelPredictions) -> str:
    """Why cores are not measured again: another version of this package may measure others. Empty if none did."""
    found = {run.provenance().versions.get("stroke_ctp", "unknown") for run in model.runs.values()} - {__version__}
    return f"{model.name}: measured by version {', '.join(sorted(found))} of this package" if found else ""


def _external(model: ModelPredictions, cohort: Cohort | str) -> Compared:
    """Predictions of the members for external patients, from cores measured again and scales fitted again."""
    if model.external is None:
        return Compared()
    if isinstance(cohort, str):
        return Compared(unchecked=[f"{model.name}: external cohort: {cohort}"])
    if others := _measured_by_others(model):
        return Compared(unchecked=[others])
    rows = _sample(model.name, len(cohort))
    names = [cohort.patients[row] for row in rows]
    values = {name: core_value(model.name, cohort, row) for name, row in zip(names, rows, strict=True)}
    members = []
    for run in model.runs.values():
        scale = _fitted_again(model, run)
        if isinstance(scale, str):
            return Compared(unchecked=[scale])
        shown = model.external_rows_of(run)
        shown = shown[shown["patient"].isin(names)]
        again = scale.probability(_array(values, shown["patient"].tolist()))
        where, source = f"{model.name}, member {run.member}", "its core and scale"
        members.append(compare_rows(where, shown, again, OTHER_TOLERANCE, source))
    found = together(members)
    left = _left(model.name, "external", len(cohort), len(rows))
    return Compared(len(rows), found.largest_difference, found.wrong, left)


def _sample(model: str, n: int) -> list[int]:
    """Rows that are measured again: all whose volumes are in a column, some whose areas need an analysis."""
    if model in WHOLE_SCAN or n <= N_MEASURED:
        return list(range(n))
    return np.linspace(0, n - 1, N_MEASURED).round().astype(int).tolist()


def _left(model: str, cohort: str, n: int, measured: int) -> list[str]:
    return [] if measured == n else [f"{model}: {n - measured} of {n} cores of the {cohort} cohort, to save time"]


def tolerance(run: RunFolder) -> float:
    """Largest difference of a probability that rounding explains on this machine."""
    here, there = machine(), run.provenance()
    same = here.device == there.device and here.versions["scikit-learn"] == there.versions.get("scikit-learn")
    return TOLERANCE if same else OTHER_TOLERANCE


def _array(values: Mapping[str, float | None], patients: list[str]) -> Float[np.ndarray, " patient"]:
    """Measurements of some patients; NaN where there is none."""
    return np.array([values[patient] for patient in patients], float)
