"""Verify the perfusion model: fit the heads of every fold again, and measure patients again."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.text import some
from stroke_ctp.model.perfusion_heads import Heads, Measurements
from stroke_ctp.study.audit.compared_rows import compare_rows
from stroke_ctp.study.audit.conventional import N_MEASURED, tolerance
from stroke_ctp.study.audit.findings import Compared, Finding, judged, together
from stroke_ctp.study.predictions import ModelPredictions, Study
from stroke_ctp.study.predictions_file import VOLUME_COLUMNS
from stroke_ctp.study.run_folder import RunFolder

if TYPE_CHECKING:
    from stroke_ctp.model.perfusion_weights import PerfusionWeights

_HEADS = "Heads of the perfusion network are fitted on training patients"
_AREAS = "Areas of the perfusion network are those of the series"
_SAME = 0.02
"""Relative difference of areas that another processor explains."""
_EXTERNAL = 0.01
"""Largest difference of an external patient's probability that rounding explains: on another processor, also on one of
the same name, a pixel may fall on the other side of the limit of late tissue."""

Areas = Mapping[str, Sequence[float] | None]
"""Areas of every patient [cm²]; None where no brain was found."""


def examine_perfusion(study: Study, training: Cohort | str, external: Cohort | str) -> list[Finding]:
    """Fit heads, and measure areas, again; nothing without a perfusion model.

    Args:
        study: Predictions and records.
        training: The cohort that the runs recorded, or why it is not known.
        external: The cohort that was scored, or why it is not known.
    """
    models = [model for model in study.models.values() if "heads" in model.record.fitted]
    if not models:
        return []
    heads = together(_heads(model, run) for model in models for run in model.runs.values())
    areas = together(part for model in models for part in (_areas(model, training), _external(model, external)))
    fitted = f"{heads.n} probabilities from heads fitted again; largest difference {heads.largest_difference:.0e}"
    return [
        *judged(_HEADS, heads.wrong, fitted if heads.n else "", heads.unchecked),
        *judged(_AREAS, areas.wrong, f"{areas.n} patients measured again" if areas.n else "", areas.unchecked),
    ]


def _heads(model: ModelPredictions, run: RunFolder) -> Compared:
    """Predictions of one run from heads that are fitted again to its training patients."""
    heads = _fitted_again(model, run)
    if isinstance(heads, str):
        return Compared(unchecked=[heads])
    rows = model.rows_of(run)
    areas = _array(run.record().fitted["areas"], rows["patient"].tolist())
    where, source = f"{model.name}, fold {run.fold}", "heads fitted on its patients"
    probabilities = compare_rows(where, rows, heads.probability(areas), tolerance(run), source)
    volumes = _volumes(where, rows, heads.volumes(areas), tolerance(run))
    kept = _alike(Heads.of(run.record().fitted["heads"]), heads, areas, tolerance(run))
    return together([probabilities, volumes, Compared(wrong=[] if kept else [f"{where}: its heads are not {source}"])])


def _alike(recorded: Heads, again: Heads, areas: Measurements, largest: float) -> bool:
    """Whether two heads answer alike; predictions of new patients use the recorded ones."""
    pairs = [(one.probability(areas), one.volumes(areas)) for one in (recorded, again)]
    for one, other in zip(*pairs, strict=True):
        if one is None or other is None:
            if one is not other:
                return False
        elif not np.allclose(one, other, rtol=largest, atol=largest, equal_nan=True):
            return False
    return True


def _fitted_again(model: ModelPredictions, run: RunFolder) -> Heads | str:
    """Heads of one run from its training patients, or why they cannot be fitted; the recorded ones are not trusted."""
    record = run.record()
    areas: Areas = record.fitted["areas"]
    if not areas:
        return f"{model.name}: a run did not record its measurements"
    truth = model.folds.drop_duplicates("patient").set_index("patient")
    train = truth.reindex([patient for patient in record.patients.train if patient in truth.index])
    if len(train) < len(record.patients.train):
        return f"{model.name}: folds that test the training patients are missing"
    core_ml = train["core_ml"].to_numpy(float)
    known = None if np.isnan(core_ml).any() else core_ml
    return Heads.fit(_array(areas, train.index.tolist()), train["label"].to_numpy(int), known)


def _volumes(
    where: str, rows: pd.DataFrame, again: Float[np.ndarray, "row 3"] | None, largest_difference: float
) -> Compared:
    """Recorded core volumes and their intervals beside those computed again; None where there should be none."""
    recorded = rows.reindex(columns=list(VOLUME_COLUMNS)).apply(pd.to_numeric, errors="coerce").to_numpy(float)
    expected = np.full(recorded.shape, np.nan) if again is None else again
    same = np.isclose(recorded, expected, rtol=largest_difference, atol=largest_difference, equal_nan=True)
    wrong = rows.loc[~same.all(axis=1), "patient"]
    phrase = f"{where}: the core volume of patient {some(wrong, 3)} is not that of heads fitted on its patients"
    return Compared(wrong=[phrase] if len(wrong) else [])


def _areas(model: ModelPredictions, cohort: Cohort | str) -> Compared:
    """Areas that the runs recorded, against the cohort."""
    if isinstance(cohort, str):
        return Compared(unchecked=[f"{model.name}: training cohort: {cohort}"])
    recorded: list[Areas] = [run.record().fitted["areas"] for run in model.runs.values()]
    if not recorded[0]:
        return Compared()
    if any(areas != recorded[0] for areas in recorded):
        return Compared(wrong=[f"{model.name}: areas differ between its folds"])
    weights = _weights(model)
    if isinstance(weights, str):
        return Compared(unchecked=[weights])
    rows = np.unique(np.linspace(0, len(cohort) - 1, N_MEASURED).round().astype(int)).tolist()
    again = _measured(weights, cohort, rows)
    names = list(again)
    same = np.isclose(_array(recorded[0], names), _array(again, names), rtol=_SAME, atol=0.1, equal_nan=True)
    wrong = np.array(names)[~same.all(axis=1)]
    phrase = f"{model.name}: the areas of patient {some(wrong, 3)} are not those of the series"
    left = len(cohort) - len(rows)
    unchecked = [f"{model.name}: {left} of {len(cohort)} patients, to save time"] if left else []
    return Compared(len(rows), 0.0, [phrase] if len(wrong) else [], unchecked)


def _external(model: ModelPredictions, cohort: Cohort | str) -> Compared:
    """Predictions of the members for all external patients, measured again, by heads that are fitted again."""
    if model.external is None:
        return Compared()
    if isinstance(cohort, str):
        return Compared(unchecked=[f"{model.name}: external cohort: {cohort}"])
    weights = _weights(model)
    if isinstance(weights, str):
        return Compared(unchecked=[weights])
    areas = _measured(weights, cohort, range(len(cohort)))
    members = []
    for run in model.runs.values():
        heads = _fitted_again(model, run)
        if isinstance(heads, str):
            return Compared(unchecked=[heads])
        shown = model.external_rows_of(run)
        shown = shown[shown["patient"].isin(areas)]
        again, where = heads.probability(_array(areas, shown["patient"].tolist())), f"{model.name}, member {run.member}"
        members.append(compare_rows(where, shown, again, _EXTERNAL, "its areas and heads"))
    return Compared(len(cohort), 0.0, together(members).wrong)


def _weights(model: ModelPredictions) -> "PerfusionWeights | str":
    """The network that measured the areas, or why it is not known."""
    from stroke_ctp.model.perfusion_weights import read_weights  # loads PyTorch

    run = next(iter(model.runs.values()))
    try:
        weights = read_weights(getattr(run.settings().model, "weights", "shipped"))
    except UserError as error:
        return f"{model.name}: {error}"
    if weights.provenance.sha256 != run.record().fitted["weights"]:
        return f"{model.name}: its weights are no longer those of the training"
    return weights


def _measured(weights: "PerfusionWeights", cohort: Cohort, rows: Sequence[int]) -> Areas:
    """Areas of some patients, measured again: one takes a twentieth of a second."""
    from stroke_ctp.model.perfusion_measurements import areas_of

    return {cohort.patients[row]: areas_of(weights, cohort.series(row)).tolist() for row in rows}


def _array(areas: Areas, patients: Sequence[str]) -> Float[np.ndarray, "patient measurement"]:
    """Areas of some patients; NaN where there are none."""
    n = next((len(one) for one in areas.values() if one is not None), 0)
    return np.array([[np.nan] * n if areas[patient] is None else areas[patient] for patient in patients], float)
