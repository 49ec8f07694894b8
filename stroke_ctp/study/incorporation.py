"""Incorporation: whether a score and the label that judges it come from the same measurement, or simulation.

Such a score agrees with the label also where both are wrong, so its AUC is not comparable with that of another model
(incorporation bias; P. M. Bossuyt et al., STARD 2015, item 13).
"""

from collections.abc import Collection
from dataclasses import dataclass

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.origin import TRUE_CORE
from stroke_ctp.hemodynamics.lesion_definitions import CORE_CBV, MEASURED
from stroke_ctp.model.registry import WHOLE_SCAN
from stroke_ctp.model.settings import CONVENTIONAL_MODELS

_QUANTITY = {"cbv": "CBV", "rcbf": "CBF"}
"""What a definition of the core measures."""
_EDGE_OF_TRUE_CORE = (
    f"the simulated core ends where CBV is on average about {CORE_CBV:g} mL/100 mL, the threshold of the score"
)

_LEARNED = f"the perfusion network learned simulated cores, a CBV below {CORE_CBV:g} mL/100 mL"
_TRAINED_ON_CORES = f"{_LEARNED}, from patients of the same simulation"


@dataclass(frozen=True)
class Incorporation:
    """How a score is part of the label."""

    extent: str
    """In a few words: `is the label itself`."""
    reason: str


_BY_THE_SAME_CBV = Incorporation(
    "was trained on cores by the label's definition", f"{_LEARNED}, and the label is the same threshold of the scan"
)


def incorporation(model: str, endpoint: Endpoint, labels: Collection[str]) -> Incorporation | None:
    """How a model's score is part of the label; None if it is not, as far as the label's name tells.

    Args:
        model: Name of the model.
        endpoint: Column and threshold of the classes.
        labels: How the core volumes of the cohort were obtained: values of `label_definition`.
    """
    if model == "perfusion":
        return _learned(endpoint, labels)
    if model not in CONVENTIONAL_MODELS:
        return None
    definition = model.removesuffix("_scan")
    if endpoint.column in WHOLE_SCAN.values():
        return _measured(model, WHOLE_SCAN[f"{definition}_scan"] == endpoint.column)
    if endpoint.column != "core_ml":
        return None
    if MEASURED[definition] in labels:
        return _measured(model, same_core=True)
    if any(label in MEASURED.values() for label in labels):
        return _measured(model, same_core=False)
    quantity = _QUANTITY[definition]
    if quantity == "CBV" and TRUE_CORE in labels:
        return Incorporation("resembles the label", _EDGE_OF_TRUE_CORE)
    named = _named(quantity, labels)
    if named is None:
        return None
    return Incorporation("measures what defines the label", f"the label is defined by {quantity} ({named})")


def _named(quantity: str, labels: Collection[str]) -> str | None:
    """The first label whose name has a quantity."""
    return next((label for label in labels if quantity in label.upper()), None)


def _learned(endpoint: Endpoint, labels: Collection[str]) -> Incorporation | None:
    """Labels by CBV, which defines the cores that the perfusion network learned."""
    if endpoint.column == WHOLE_SCAN["cbv_scan"]:
        return _BY_THE_SAME_CBV
    if endpoint.column != "core_ml":
        return None
    if TRUE_CORE in labels:
        return Incorporation("was trained on such labels", _TRAINED_ON_CORES)
    if MEASURED["cbv"] in labels:
        return _BY_THE_SAME_CBV
    named = _named("CBV", labels)
    if named is None:
        return None
    return Incorporation(
        "was trained on cores by the quantity that defines the label",
        f"{_LEARNED}, and the label is defined by CBV ({named})",
    )


def _measured(model: str, same_core: bool) -> Incorporation:
    """Labels that this package measured, by the definition of the core that the score has, or by another one."""
    analysis = "the same perfusion analysis of the same scan"
    if not same_core:
        return Incorporation("shares its errors with the label", f"both come from {analysis}, by other thresholds")
    if model in WHOLE_SCAN:
        return Incorporation("is the label itself", f"both are the same volume from {analysis}")
    return Incorporation("is a part of the label", f"it comes from {analysis}, at two levels instead of in all slices")
