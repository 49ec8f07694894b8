"""Whether a patient is like those of the training cohort: if not, the answer is that there is none.

Limits are the range of the training cohort, in each quantity of the series' quality and in the distance of what the
model sees. Together they may decline `DECLINED` of patients like those of the training.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.geometry import N_BASELINE, PIXEL_MM
from stroke_ctp.common.masks import soft_tissue_mask
from stroke_ctp.scan.quality import Quality
from stroke_ctp.statistics.typical_range import (
    Descriptors,
    Range,
    left_out_distances,
    mahalanobis_distance,
    mean_and_precision,
)

DECLINED = 0.05
"""Share of the training patients who may lie outside of the limits, all limits together."""
_FEWEST = 10
"""Patients without whom there is no range to speak of."""


@dataclass(frozen=True)
class Gate:
    """A quantity of a series that may be too low, too high or both."""

    column: str
    """Of `quality.csv`, or of `head_quality`."""
    title: str
    unit: str
    low: bool = False
    high: bool = False

    def text(self, value: float, digits: int = 3) -> str:
        """A value with its unit."""
        return f"{value:.{digits}g}{'' if self.unit in ('', '°') else ' '}{self.unit}"


GATES = (
    Gate("max_translation_mm", "motion of the head", "mm", high=True),
    Gate("max_rotation_deg", "rotation of the head", "°", high=True),
    Gate("noise_sd_hu", "noise", "HU", high=True),
    Gate("bolus_arrival_s", "arrival of the bolus", "s", low=True, high=True),
    Gate("brain_peak_hu", "peak enhancement of the brain", "HU", low=True),
    Gate("brain_left", "share of the enhancement left at the end", "", high=True),
    Gate("valid_frames", "number of frames", "", low=True),
    Gate("brain_hu", "attenuation of the brain before contrast", "HU", low=True, high=True),
    Gate("brain_cm2", "soft tissue in the field of view", "cm²", low=True, high=True),
)
_OUTSIDE = DECLINED / (1 + sum(gate.low + gate.high for gate in GATES))
"""Share beyond each limit; one of them is that of the distance."""


@dataclass(frozen=True)
class Cloud:
    """Where the training patients lie among the model's descriptors."""

    mean: Float[np.ndarray, " descriptor"]
    precision: Float[np.ndarray, "descriptor descriptor"]
    """Inverse of the covariance."""
    farthest: float
    """Largest distance that is not unusual."""

    @classmethod
    def of(cls, descriptors: Descriptors) -> "Cloud | None":
        """Fit to a cohort; None for fewer than `_FEWEST` patients of whom everything is known."""
        known = descriptors[np.isfinite(descriptors).all(axis=1)]
        if len(known) < _FEWEST:
            return None
        limit = Range.of(left_out_distances(known), _OUTSIDE, low=False, high=True)
        assert limit.high is not None
        return cls(*mean_and_precision(known), limit.high)

    def reason(self, one: Float[np.ndarray, " descriptor"]) -> str:
        """Why a patient is too far away; empty for one who is not."""
        distance = float(mahalanobis_distance(self.mean, self.precision, one[None])[0])
        if distance <= self.farthest:
            return ""
        return f"what the model sees is unlike the training patients (distance {distance:.1f} > {self.farthest:.1f})"


@dataclass(frozen=True)
class TypicalPatients:
    """The range of the training cohort."""

    ranges: Mapping[str, Range]
    """By the column of `GATES`; none for a column that the cohort does not have."""
    cloud: Cloud | None
    """None if the model has no descriptors, or features are no longer cached."""
    known_series: frozenset[str]
    """`series_digest` of every training patient."""

    @classmethod
    def of(cls, cohort: Cohort, descriptors: Descriptors | None) -> "TypicalPatients":
        """The range of a training cohort.

        Args:
            cohort: All its patients.
            descriptors: What the model sees of each.
        """
        before = [np.asarray(cohort.series(row)[:, :N_BASELINE]) for row in range(len(cohort))]
        heads = pd.DataFrame([head_quality(hu) for hu in before], index=cohort.patients)
        table = cohort.quality.set_index("patient").reindex(cohort.patients).join(heads)
        return cls(
            dict(_ranges(table)),
            None if descriptors is None else Cloud.of(descriptors),
            frozenset(map(series_digest, before)),
        )

    def knows(self, series: Float[np.ndarray, "level time height width"]) -> bool:
        """Whether a series is that of a training patient."""
        return series_digest(series[:, :N_BASELINE].astype(np.float16)) in self.known_series

    def reasons(
        self,
        quality: Quality,
        series: Float[np.ndarray, "level time height width"],
        descriptors: Float[np.ndarray, " descriptor"] | None,
    ) -> list[str]:
        """Why a patient is not assessable, each in a few words; none for a patient like those of the training.

        Args:
            quality: Of the series.
            series: Standard series [HU].
            descriptors: What the model sees; None if it has no descriptors or could not measure the patient.
        """
        found = quality | head_quality(series[:, :N_BASELINE].astype(np.float16))
        outside = [_outside(gate, found.get(gate.column), self.ranges[gate.column]) for gate in self._gates()]
        far = "" if self.cloud is None or descriptors is None else self.cloud.reason(descriptors)
        return [reason for reason in (*outside, far) if reason]

    def _gates(self) -> Iterator[Gate]:
        return (gate for gate in GATES if gate.column in self.ranges)


def head_quality(before: Float[np.ndarray, "level time height width"]) -> Quality:
    """Median attenuation [HU] and area [cm²] of soft tissue at both levels before contrast.

    Args:
        before: Pre-contrast frames of a standard series [HU].
    """
    baseline = before.astype(np.float64).mean(axis=1)
    tissue = np.stack([soft_tissue_mask(level) for level in baseline])
    hu = float(np.median(baseline[tissue])) if tissue.any() else None
    return {"brain_hu": hu, "brain_cm2": float(tissue.sum()) * (PIXEL_MM / 10) ** 2}


def series_digest(before: Float[np.ndarray, "level time height width"]) -> str:
    """Identifies a series by its pre-contrast frames in half precision, whose noise is its own."""
    return hashlib.sha256(np.ascontiguousarray(before).tobytes()).hexdigest()[:16]


def _ranges(table: pd.DataFrame) -> Iterator[tuple[str, Range]]:
    for gate in GATES:
        if gate.column not in table:
            continue
        values = pd.to_numeric(table[gate.column], errors="coerce").dropna().to_numpy(float)
        if len(values) >= _FEWEST:
            yield gate.column, Range.of(values, _OUTSIDE, gate.low, gate.high)


def _outside(gate: Gate, value: object, usual: Range) -> str:
    """Why a value is unusual; empty for one that is not."""
    if not isinstance(value, int | float) or not np.isfinite(value):
        return f"{gate.title}: not found"
    side = usual.side(float(value))
    limit = usual.low if side == "below" else usual.high
    if not side or limit is None:
        return ""
    digits = next(digits for digits in range(3, 18) if gate.text(value, digits) != gate.text(limit, digits))
    return f"{gate.title}: {gate.text(value, digits)}, {side} the {gate.text(limit, digits)} of training patients"
