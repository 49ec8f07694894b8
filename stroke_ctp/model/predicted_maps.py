"""Maps that the perfusion network predicts of a standard series."""

from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange, reduce
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from stroke_ctp.common.geometry import FIELD_OF_VIEW_MM, N_BASELINE, PIXEL_MM
from stroke_ctp.hemodynamics.regions import intracranial_mask
from stroke_ctp.model.condensed_series import CondensedSeries, condense
from stroke_ctp.model.perfusion_network import UNITS, PerfusionNetwork


@dataclass(frozen=True)
class PredictedMaps:
    """What the network says of each pixel; zero outside the brain.

    `hemodynamics.learned_analysis.LearnedMaps` holds the same of every slice of a scan.
    """

    core: Float[Tensor, "batch level height width"]
    """Probability."""
    hypoperfused: Float[Tensor, "batch level height width"]
    """Probability of penumbra or core."""
    cbv: Float[Tensor, "batch level height width"]
    """[mL/100 mL]"""
    cbf: Float[Tensor, "batch level height width"]
    """[mL/100 mL/min]"""
    delay: Float[Tensor, "batch level height width"]
    """Of the tissue's curve behind the artery's [s]."""

    @classmethod
    def of(
        cls, output: Float[Tensor, "batch level 5 height width"], inside: Float[Tensor, "batch level height width"]
    ) -> "PredictedMaps":
        """The network's output in physical units.

        P(core) = P(hypoperfused) · P(core | hypoperfused), so that no core lies outside hypoperfused tissue.

        Args:
            output: Of `PerfusionNetwork`.
            inside: Share of a pixel that is brain, by which probabilities are multiplied.
        """
        hypoperfused = output[:, :, 0].sigmoid() * inside
        quantities = functional.softplus(output[:, :, 2:]) * (inside > 0)[:, :, None]
        cbv, cbf, delay = (unit * quantities[:, :, k] for k, unit in enumerate(UNITS))
        return cls(hypoperfused * output[:, :, 1].sigmoid(), hypoperfused, cbv, cbf, delay)

    def area_cm2(self, probability: Float[Tensor, "batch level height width"]) -> Float[Tensor, " batch"]:
        """Expected area over both levels of what has this probability, of maps that cover the standard field [cm²]."""
        pixel_cm2 = (FIELD_OF_VIEW_MM / probability.shape[-1] / 10) ** 2
        return reduce(probability, "b l y x -> b", "sum") * pixel_cm2


@torch.inference_mode()
def condensed_maps(network: PerfusionNetwork, series: CondensedSeries) -> PredictedMaps:
    """Maps at the resolution of the condensed series."""
    return PredictedMaps.of(network(series), series.inside)


@torch.inference_mode()
def standard_maps(
    network: PerfusionNetwork,
    series: Float[Tensor, "batch level time height width"],
    brain: Bool[Tensor, "batch level height width"],
) -> PredictedMaps:
    """Maps at the resolution of the series."""
    output = network(condense(series, brain))
    levels = output.shape[1]
    images = rearrange(output, "b l m y x -> (b l) m y x")
    fine = functional.interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)
    return PredictedMaps.of(rearrange(fine, "(b l) m y x -> b l m y x", l=levels), brain.to(series.dtype))


def brain_of(series: Float[np.ndarray, "level time height width"]) -> Bool[np.ndarray, "level height width"]:
    """The inside of the skull in a standard series.

    Raises:
        Excluded: There is no brain.
    """
    return intracranial_mask(series[:, :N_BASELINE].mean(axis=1), (PIXEL_MM, PIXEL_MM))
