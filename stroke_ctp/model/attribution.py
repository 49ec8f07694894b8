"""What each feature, frame and place contributed to the answer of the article's network.

Over features and time the attributions are integrated gradients (Sundararajan et al., ICML 2017) of the temporal
network, from a series whose features all have their mean over the training patients. They add up to the difference of
the log odds between the patient and that series. In space no gradient is needed: a feature is the maximum of a channel
over the plane, so its attribution belongs to the place of this maximum.
"""

from collections.abc import Sequence

import numpy as np
import torch
from captum.attr import IntegratedGradients
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from stroke_ctp.common.geometry import N_PIXELS
from stroke_ctp.model.core_network import CoreNetwork
from stroke_ctp.model.explanation import Explanation, Overlay

_STEPS = 64
"""Of the integral. With as many, the attributions of a ReLU network add up within 2 % of the difference."""
_AT_A_TIME = 16
"""Steps that are evaluated together."""
_TEXT = (
    "Contributions are integrated gradients of the temporal network, mean of the members: what raises (red) or lowers "
    "(blue) the log odds of a large core against a series of typical features. They add up to this difference. In the "
    "plane each lies where the encoder's channel is strongest, in cells of 25 mm; the encoder sees beyond a cell, so "
    "the map tells a region, not a border. A channel that answers nowhere has its maximum in a corner. "
    "On simulated patients contributions lay in the lesion no more often than the tissue does (docs/prediction.md): "
    "this is no map of the lesion."
)


def attributions(
    members: Sequence[CoreNetwork], features: Float[Tensor, "1 level time feature"]
) -> Float[Tensor, "level time feature"]:
    """Contribution of each feature of each frame to the log odds of a large core, mean over the members.

    Args:
        members: Networks in evaluation mode, on the device of the features.
        features: Of one patient.
    """
    return torch.stack([_of_member(member, features) for member in members]).mean(dim=0)


def typical_features(
    member: CoreNetwork, like: Float[Tensor, "1 level time feature"]
) -> Float[Tensor, "1 level time feature"]:
    """The series from which attributions are counted: the mean features of the member's training patients."""
    statistics = member.feature_standardization
    return torch.zeros_like(like) if statistics is None else statistics.mean.expand_as(like)


def in_space(
    contributions: Float[Tensor, "level time feature"], cells: Int[Tensor, "level time feature"], shape: tuple[int, int]
) -> Float[np.ndarray, "level height width"]:
    """Contributions over time and features, each where its channel is strongest.

    Args:
        contributions: From `attributions`.
        cells: Number of the cell of each maximum, row by row.
        shape: Rows and columns of cells.
    """
    placed = torch.zeros(len(contributions), shape[0] * shape[1], dtype=contributions.dtype)
    placed.scatter_add_(1, cells.flatten(1).cpu(), contributions.flatten(1).cpu())
    return placed.reshape(-1, *shape).numpy()


def explained(
    contributions: Float[Tensor, "level time feature"], cells: Int[Tensor, "level time feature"], shape: tuple[int, int]
) -> Explanation:
    """The explanation that a page shows; arguments as of `in_space`."""
    placed = torch.from_numpy(in_space(contributions, cells, shape))
    # A pixel shows what its cell contributes: the cells add up to the log odds, the pixels do not.
    smooth = functional.interpolate(placed[None], size=(N_PIXELS, N_PIXELS), mode="bilinear", align_corners=False)[0]
    largest = max(float(placed.abs().max()), 1e-6)
    shown = Overlay("contribution", "Contribution to the log odds", "", smooth.numpy(), (-largest, largest), fades=True)
    return Explanation(_TEXT, (shown,), contributions.sum(dim=2).cpu().numpy())


def _of_member(
    member: CoreNetwork, features: Float[Tensor, "1 level time feature"]
) -> Float[Tensor, "level time feature"]:
    found = IntegratedGradients(member.forward).attribute(
        features, typical_features(member, features), n_steps=_STEPS, internal_batch_size=_AT_A_TIME
    )
    return found[0].detach()
