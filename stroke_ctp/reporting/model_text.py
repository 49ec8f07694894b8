"""Models and cohorts in words."""

from stroke_ctp.reporting.results.scored_patients import Split
from stroke_ctp.study.predictions import Ablation, Study

COHORT_NAMES: dict[Split, str] = {"test": "Test folds, pooled", "external": "External, ensemble"}
"""The cohorts that models are evaluated on."""


def encoder_text(ablation: Ablation) -> str:
    """Name of the encoder's weights and first digits of their hash: `oxford 804ca2835ecf`; empty without an encoder."""
    name, sha256 = ablation.encoder
    return f"{name} {sha256[:12]}".strip()


def endpoint_text(ablation: Ablation) -> str:
    """Definition of a large core: `core volume > 32.4 mL`."""
    endpoint = ablation.settings["endpoint"]
    name, unit = ("core volume", " mL") if endpoint["column"] == "core_ml" else (endpoint["column"], "")
    return f"{name} > {endpoint['threshold']:.4g}{unit}"


def threshold_origin(ablation: Ablation) -> str:
    """Where the class threshold comes from."""
    return "the median of the training cohort" if ablation.settings["endpoint"]["rule"] == "median" else "a given value"


def is_random(study: Study) -> bool:
    """Whether the encoder of any model was randomly initialized."""
    return any(ablation.encoder[0] == "none" for ablation in study.ablations.values())
