"""Which pretrained weights are in use, and weights that a file carries along."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT

Tensors = Mapping[str, Any]
"""Torch's tensors by name. Torch takes seconds to load, so this module does without it."""


@dataclass(frozen=True, config=STRICT)
class Provenance:
    """Identifies the weights of a backbone; recorded with every result."""

    weights: str
    """oxford, imagenet, none, or a file's name."""
    sha256: str
    """Of the backbone's tensors in order, after conversion to torchvision's layout."""

    @property
    def is_random(self) -> bool:
        """Whether the backbone was initialized at random, so that results mean nothing."""
        return self.weights == "none"


@dataclasses.dataclass(frozen=True)
class CarriedWeights:
    """A frozen network's weights in memory, such as a bundle brings along."""

    provenance: Provenance
    tensors: Tensors
    made_with: Mapping[str, Any]
    """What is recorded of their training, as plain values."""
