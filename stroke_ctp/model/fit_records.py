"""What models record of their fit, as it is read back from disk: of the right types, and complete."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT
from stroke_ctp.model.conventional_scale import Scale
from stroke_ctp.model.perfusion_heads import Heads, OneEach
from stroke_ctp.model.settings import CONVENTIONAL_MODELS


@dataclass(frozen=True, config=STRICT)
class ArticleFit:
    """Of `article.FittedArticle`."""

    epochs: int
    best_epoch: int
    feature_cache: str | None
    features: str | None
    feature_statistics: str | None


@dataclass(frozen=True, config=STRICT)
class ConventionalFit:
    """Of `conventional.FittedConventional`."""

    scale: Scale
    values: dict[str, float | None]
    """Of every patient of the cohort, or of none."""
    not_measurable: int


@dataclass(frozen=True, config=STRICT)
class PerfusionFit:
    """Of `perfusion_model.FittedPerfusion`."""

    weights: str
    heads: Heads
    areas: dict[str, OneEach | None]
    """As `values`."""
    not_measurable: int


_SCHEMAS = {"perfusion": PerfusionFit, **dict.fromkeys(CONVENTIONAL_MODELS, ConventionalFit)}
"""By the name of a model; all others are the article's."""


def check_fit(model: str, values: Mapping[str, Any], patients: Collection[str]) -> None:
    """Refuse what is not the record of a fit.

    Args:
        model: Name of the model that was fitted.
        values: The record.
        patients: Those that the run trained, validated or tested on.

    Raises:
        ValueError: A value is missing or of the wrong type, or a patient has no measurement.
    """
    try:
        fit: object = TypeAdapter(_SCHEMAS.get(model, ArticleFit)).validate_json(json.dumps(values))
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, ('fitted', *first['loc'])))}: {first['msg']}") from None
    measured = getattr(fit, "values", None) or getattr(fit, "areas", None)
    if measured and not set(patients) <= set(measured):
        raise ValueError("fitted: a patient of the run has no measurement")
