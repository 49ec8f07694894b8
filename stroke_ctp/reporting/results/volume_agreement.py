"""Agreement of predicted core volumes with those of the label, for models that predict volumes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from stroke_ctp.statistics.agreement import Differences, differences, icc_agreement
from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.statistics.operating_points import proportion
from stroke_ctp.study.predictions import ModelPredictions
from stroke_ctp.study.predictions_file import VOLUME_COLUMNS


@dataclass(frozen=True)
class VolumeAgreement:
    """Predicted against labelled core volumes of the test patients of one model."""

    model: str
    n: int
    """Patients whose volume is known."""
    differences: Differences
    """Predicted minus labelled [mL]."""
    icc: Estimate
    within: Estimate
    """Share of patients whose labelled volume lies in the predicted 90 % interval."""


def volume_agreement(models: Iterable[ModelPredictions]) -> tuple[VolumeAgreement, ...]:
    """Agreement of every model that predicts volumes."""
    return tuple(_agreement(model) for model in models if set(VOLUME_COLUMNS) <= set(model.test))


def _agreement(model: ModelPredictions) -> VolumeAgreement:
    rows = model.test.dropna(subset=["core_ml", *VOLUME_COLUMNS])
    true = rows["core_ml"].to_numpy(float)
    predicted, low, high = (rows[column].to_numpy(float) for column in VOLUME_COLUMNS)
    inside = int(((low <= true) & (true <= high)).sum())
    return VolumeAgreement(
        model.name,
        len(rows),
        differences(predicted, true),
        icc_agreement(np.stack([predicted, true], axis=1)),
        proportion(inside, len(rows), "no patients"),
    )
