"""Which pretrained weights are in use."""

from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT


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
