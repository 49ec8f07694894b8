"""Models and cohorts in words."""

from typing import TYPE_CHECKING

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.study.predictions import ModelPredictions, Study

if TYPE_CHECKING:
    from stroke_ctp.reporting.results.scored_patients import Split

COHORT_NAMES: "dict[Split, str]" = {"test": "Test folds, pooled", "external": "External, ensemble"}
"""The cohorts that models are evaluated on, all patients of a cohort together."""
PRIMARY_NAMES: "dict[Split, str]" = {"test": "Test folds, mean", "external": "External, ensemble"}
"""The same where test folds are evaluated one by one, and averaged."""


def encoder_text(predictions: ModelPredictions) -> str:
    """Name of the pretrained weights and first digits of their hash: `oxford 804ca2835ecf`; empty without any."""
    encoder, weights = predictions.record.encoder, predictions.record.fitted.get("weights")
    if encoder is None:
        return f"{predictions.name} {weights[:12]}" if weights else ""
    return f"{encoder.weights} {encoder.sha256[:12]}"


def endpoint_text(endpoint: Endpoint) -> str:
    """Definition of a large core: `core volume > 32.4 mL`."""
    name, unit = ("core volume", " mL") if endpoint.column == "core_ml" else (endpoint.column, "")
    return f"{name} > {endpoint.threshold:.4g}{unit}"


def threshold_origin(predictions: ModelPredictions) -> str:
    """Where the class threshold comes from."""
    return "the median of the training cohort" if predictions.record.endpoint.rule == "median" else "a given value"


def is_random(study: Study) -> bool:
    """Whether the encoder of any model was randomly initialized."""
    return any(one.record.encoder is not None and one.record.encoder.is_random for one in study.models.values())
