"""What the training of the perfusion network minimizes."""

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from stroke_ctp.model.condensed_series import PIXEL_CM2
from stroke_ctp.model.perfusion_network import UNITS

_QUANTITIES = 0.15
"""Weight of the error of CBV, CBF and delay, each in the network's units."""
_AREA = 0.05
"""Weight of the error of the core's area."""
_AREA_FLOOR_CM2 = 2.0
"""Added to areas before their logarithms are compared: below it, errors count absolutely."""


def pretraining_loss(
    output: Float[Tensor, "batch level 5 height width"],
    inside: Float[Tensor, "batch level height width"],
    truth: Float[Tensor, "batch level 5 height width"],
    tissue: Float[Tensor, "batch level height width"],
) -> Float[Tensor, ""]:
    """Cross-entropy of core and hypoperfusion, absolute error of CBV, CBF and delay, error of the core's log area.

    A pixel's truth is a share, and the cross-entropy is lowest where the predicted probability is that share. Means are
    over the brain for probabilities, over the tissue for quantities.

    Args:
        output: Of the network.
        inside: Share of a pixel that is brain.
        truth: Maps of a `TrainingSample`.
        tissue: Share of a pixel that is grey or white matter.
    """
    hypoperfused = output[:, :, 0].sigmoid()
    core = hypoperfused * output[:, :, 1].sigmoid()
    shares = (truth[:, :, :2] / inside[:, :, None].clamp_min(1e-2)).clamp(0, 1)
    probabilities = torch.stack([hypoperfused, core], dim=2).clamp(1e-6, 1 - 1e-6)
    weight = inside[:, :, None].expand_as(shares)
    entropy = functional.binary_cross_entropy(probabilities, shares, weight, reduction="sum") / inside.sum()
    units = output.new_tensor(UNITS)[:, None, None]
    error = (functional.softplus(output[:, :, 2:]) - truth[:, :, 2:] / units).abs() * tissue[:, :, None]
    return entropy + _QUANTITIES * error.sum() / tissue.sum() + _AREA * _area_error(core * inside, truth[:, :, 1])


def _area_error(
    core: Float[Tensor, "batch level height width"], truth: Float[Tensor, "batch level height width"]
) -> Float[Tensor, ""]:
    predicted, true = (
        (reduce(share, "b l y x -> b", "sum") * PIXEL_CM2 + _AREA_FLOOR_CM2).log() for share in (core, truth)
    )
    return functional.smooth_l1_loss(predicted, true, beta=0.2)
