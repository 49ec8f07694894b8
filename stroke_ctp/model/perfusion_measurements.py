"""What is measured on a patient's predicted maps: the input of the heads that are fitted on each fold."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from stroke_ctp.cohort.patients import Patients
from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.lesion_definitions import CORE_CBV
from stroke_ctp.model.condensed_series import condense
from stroke_ctp.model.perfusion_heads import MEASUREMENTS
from stroke_ctp.model.perfusion_weights import PerfusionWeights
from stroke_ctp.model.predicted_maps import PredictedMaps, brain_of, condensed_maps

LATE_S = 6.0
"""Delay beyond which tissue counts as late [s]: the usual threshold of Tmax."""
_measured: dict[tuple[str, str], Float[np.ndarray, "patient measurement"]] = {}
"""Of cohorts, by weights and cohort: all folds of a process share them."""


def measurements(weights: PerfusionWeights, patients: Patients) -> Float[np.ndarray, "patient measurement"]:
    """`MEASUREMENTS` of every patient; NaN where no brain is found. A cohort's are made once per process."""
    if patients.hash is None:
        return _all(weights, patients, range(len(patients)))
    key = weights.provenance.sha256, patients.hash
    if key not in _measured:
        rows = tqdm(range(len(patients)), "perfusion maps", unit="patient", ncols=79)
        _measured[key] = _all(weights, patients, rows)
    return _measured[key]


def measured(maps: PredictedMaps) -> Float[Tensor, "batch measurement"]:
    """`MEASUREMENTS` of each patient of a batch of maps."""
    low_cbv, late = maps.hypoperfused * (maps.cbv < CORE_CBV), (maps.delay > LATE_S).to(maps.delay.dtype)
    return torch.stack([maps.area_cm2(share) for share in (maps.core, maps.hypoperfused, low_cbv, late)], dim=1)


def _all(
    weights: PerfusionWeights, patients: Patients, rows: Sequence[int] | tqdm
) -> Float[np.ndarray, "patient measurement"]:
    return np.array([areas_of(weights, patients.series(row)) for row in rows]).reshape(-1, len(MEASUREMENTS))


def areas_of(
    weights: PerfusionWeights, series: Float[np.ndarray, "level time height width"]
) -> Float[np.ndarray, " measurement"]:
    """`MEASUREMENTS` of one series, measured anew; NaN where no brain is found."""
    hu = np.asarray(series, np.float32)
    try:
        brain = brain_of(hu)
    except Excluded:
        return np.full(len(MEASUREMENTS), np.nan)
    condensed = condense(torch.tensor(hu)[None], torch.from_numpy(brain)[None])
    return measured(condensed_maps(weights.network, condensed))[0].numpy().astype(np.float64)
