"""What models record of their fit, as it is read back from disk: of the right types, and complete."""

import json
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT
from stroke_ctp.model.conventional_scale import Scale
from stroke_ctp.model.perfusion_heads import Heads, OneEach


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
    not_measurable: int


@dataclass(frozen=True, config=STRICT)
class PerfusionFit:
    """Of `perfusion_model.FittedPerfusion`."""

    weights: str
    heads: Heads
    areas: dict[str, OneEach | None]
    not_measurable: int


_OWN_KEYS = {
    schema: {field.name for field in fields(schema)} - {"weights", "not_measurable"}
    for schema in (ArticleFit, ConventionalFit, PerfusionFit)
}
"""Keys by which a record is known; the others are only shown."""


def checked_fit(values: dict[str, Any]) -> dict[str, Any]:
    """The same values; for `AfterValidator`.

    Raises:
        ValueError: A value is missing or of the wrong type.
    """
    for schema, own in _OWN_KEYS.items():
        if own & set(values):
            try:
                TypeAdapter(schema).validate_json(json.dumps(values))
            except ValidationError as error:
                first = error.errors()[0]
                raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return values
