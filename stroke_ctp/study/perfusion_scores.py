"""Verify the perfusion model: fit the heads of every fold again, and measure some patients again."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.text import some
from stroke_ctp.model.perfusion_heads import Heads
from stroke_ctp.study.compared_rows import compare_rows
from stroke_ctp.study.conventional_scores import N_MEASURED, tolerance
from stroke_ctp.study.findings import Compared, Finding, judged, together
from stroke_ctp.study.predictions import ModelPredictions, Study
from stroke_ctp.study.run_folder import RunFolder

_HEADS = "Heads of the perfusion network are fitted on training patients"
_AREAS = "Areas of the perfusion network are those of the series"
_SAME = 0.02
"""Relative difference of areas that another processor explains."""

Areas = Mapping[str, Sequence[float] | None]
"""Areas of every patient [cm²]; None where no brain was found."""


def examine_perfusion(study: Study, training: Cohort | str) -> list[Finding]:
    """Fit heads, and measure areas, again; nothing without a perfusion model.

    Args:
        study: Predictions and records.
        training: The cohort that the runs recorded, or why it is not known.
    """
    models = [model for model in study.models.values() if "heads" in model.record.fitted]
    if not models:
        return []
    heads = together(_heads(model, run) for model in models for run in model.runs.values())
    areas = together(_areas(model, training) for model in models)
    fitted = f"{heads.n} probabilities from heads fitted again; largest difference {heads.largest_difference:.0e}"
    return [
        *judged(_HEADS, heads.wrong, fitted if heads.n else "", heads.unchecked),
        *judged(_AREAS, areas.wrong, f"{areas.n} patients measured again" if areas.n else "", areas.unchecked),
    ]


def _heads(model: ModelPredictions, run: RunFolder) -> Compared:
    """Predictions of one run from heads that are fitted again to its training patients."""
    record = run.record()
    areas: Areas = record.fitted["areas"]
    if not areas:
        return Compared(unchecked=[f"{model.name}: a run did not record its measurements"])
    label = dict(zip(model.folds["patient"], model.folds["label"], strict=True))
    train = [patient for patient in record.patients.train if patient in label]
    if len(train) < len(record.patients.train):
        return Compared(unchecked=[f"{model.name}: folds that test the training patients are missing"])
    heads = Heads.fit(_array(areas, train), np.array([label[patient] for patient in train]), None)
    rows = model.rows_of(run)
    again = heads.probability(_array(areas, rows["patient"].tolist()))
    return compare_rows(f"{model.name}, fold {run.fold}", rows, again, tolerance(run), "heads fitted on its patients")


def _areas(model: ModelPredictions, cohort: Cohort | str) -> Compared:
    """Areas that the runs recorded, against the cohort."""
    if isinstance(cohort, str):
        return Compared(unchecked=[f"{model.name}: training cohort: {cohort}"])
    from stroke_ctp.model.perfusion_measurements import areas_of  # loads PyTorch
    from stroke_ctp.model.perfusion_weights import read_weights

    runs = list(model.runs.values())
    recorded: list[Areas] = [run.record().fitted["areas"] for run in runs]
    if not recorded[0]:
        return Compared()
    if any(areas != recorded[0] for areas in recorded):
        return Compared(wrong=[f"{model.name}: areas differ between its folds"])
    chosen = runs[0].settings().model
    try:
        weights = read_weights(getattr(chosen, "weights", "shipped"))
    except UserError as error:
        return Compared(unchecked=[f"{model.name}: {error}"])
    rows = np.unique(np.linspace(0, len(cohort) - 1, N_MEASURED).round().astype(int))
    names = np.array(cohort.patients)[rows]
    again = np.array([areas_of(weights, cohort.series(int(row))) for row in rows])
    same = np.isclose(_array(recorded[0], names.tolist()), again, rtol=_SAME, atol=0.1, equal_nan=True).all(axis=1)
    wrong = [f"{model.name}: the areas of patient {some(names[~same], 3)} are not those of the series"]
    left = len(cohort) - len(rows)
    unchecked = [f"{model.name}: {left} of {len(cohort)} patients, to save time"] if left else []
    return Compared(len(rows), 0.0, [] if same.all() else wrong, unchecked)


def _array(areas: Areas, patients: Sequence[str]) -> Float[np.ndarray, "patient measurement"]:
    """Areas of some patients; NaN where there are none."""
    n = next((len(one) for one in areas.values() if one is not None), 0)
    return np.array([[np.nan] * n if areas[patient] is None else areas[patient] for patient in patients], float)
