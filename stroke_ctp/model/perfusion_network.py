"""The perfusion network: from a condensed series to maps of core, hypoperfusion, CBV, CBF and delay.

    condensed series ──temporal filters──► features of a pixel and of its mirror image ──U-net──► five maps

The filters are a learned counterpart of deconvolution: a small network makes them from the patient's global curves, as
deconvolution makes its inverse from an arterial input function. Applying them is linear in the pixel's curve, so noise
is averaged over neighbours before anything nonlinear is made of it. They sum to zero over time: they see change, and no
attenuation, whatever frame contrast arrives at. The mirror image is what relative thresholds of CBF compare with.
"""

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from stroke_ctp.common.geometry import N_FRAMES
from stroke_ctp.model.condensed_series import Bolus, CondensedSeries, find_bolus

MAPS = ("hypoperfused", "core", "cbv", "cbf", "delay")
"""Channels of the output: logits of hypoperfusion and of core where it is hypoperfused, then quantities."""
UNITS = (2.5, 40.0, 4.0)
"""Of CBV [mL/100 mL], CBF [mL/100 mL/min] and delay [s] within the network: about their values in healthy tissue."""
_CURVES = 3
_SMALL = 0.3
"""Factor on initial weights that change what bypasses them."""


class TemporalFilters(nn.Module):
    """Filters over time that suit a patient's bolus."""

    def __init__(self, n_filters: int, width: int) -> None:
        """Random filters.

        Args:
            n_filters: Number of filters.
            width: Hidden units of the network that makes them.
        """
        super().__init__()
        self.n_filters = n_filters
        self.typical = nn.Parameter(torch.randn(n_filters, N_FRAMES) / N_FRAMES**0.5)
        last = nn.Linear(width, n_filters * N_FRAMES)
        known = (_CURVES + 1) * N_FRAMES + 1
        self.from_bolus = nn.Sequential(
            nn.Linear(known, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), last
        )  # fmt: skip
        with torch.no_grad():
            last.weight *= _SMALL

    def forward(self, bolus: Bolus) -> Float[Tensor, "batch filter time"]:
        """Filters that sum to zero over the frames that were acquired, and leave out those that are held."""
        curves = rearrange(torch.asinh(bolus.curves), "b c t -> b (c t)")
        known = torch.cat([curves, bolus.acquired, bolus.noise.log()[:, None]], dim=1)
        change = rearrange(self.from_bolus(known), "b (f t) -> b f t", f=self.n_filters)
        acquired = bolus.acquired[:, None]
        filters = (self.typical + change) * acquired
        return filters - acquired * filters.sum(dim=2, keepdim=True) / acquired.sum(dim=2, keepdim=True)


class Residual(nn.Module):
    """Two convolutions beside the identity, without normalization (He et al. 2016, pre-activation)."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        with torch.no_grad():
            self.second.weight *= _SMALL

    def forward(self, image: Float[Tensor, "image width y x"]) -> Float[Tensor, "image width y x"]:
        """Add to an image what the convolutions make of it."""
        return image + self.second(functional.silu(self.first(functional.silu(image))))


class PerfusionNetwork(nn.Module):
    """Maps of core, hypoperfusion, CBV, CBF and delay from a condensed series.

    A U-net (Ronneberger et al. 2015) of three resolutions. Everything is averaged over the brain alone when it is
    halved, and zero outside it. Both levels pass through the same weights; what they have in common, averaged over the
    brain at the coarsest resolution, is added to both.
    """

    def __init__(
        self, n_filters: int = 16, filter_width: int = 64, widths: tuple[int, int, int] = (16, 28, 40)
    ) -> None:
        """A network with random weights.

        Args:
            n_filters: Temporal features of a pixel.
            filter_width: Hidden units of the network that makes the filters.
            widths: Channels at 64 × 64, 32 × 32 and 16 × 16 pixels.
        """
        super().__init__()
        fine, middle, coarse = widths
        seen = 2 * n_filters + 4
        self.filters = TemporalFilters(n_filters, filter_width)
        self.enter_fine = nn.Conv2d(seen, fine, 1)
        self.enter_middle = nn.Conv2d(fine + seen, middle, 1)
        self.enter_coarse = nn.Conv2d(middle + seen, coarse, 1)
        self.middle = Residual(middle)
        self.overview = nn.Linear(coarse, coarse)
        self.coarse = nn.Sequential(Residual(coarse), Residual(coarse, dilation=2))
        self.leave_coarse = nn.Conv2d(coarse, middle, 1)
        self.middle_again = Residual(middle)
        self.leave_middle = nn.Conv2d(middle, fine, 1)
        self.fine_again = Residual(fine)
        self.maps = nn.Conv2d(fine, len(MAPS), 1)

    def forward(self, series: CondensedSeries) -> Float[Tensor, "batch level 5 height width"]:
        """The channels of `MAPS`; height and width are multiples of 4."""
        levels = series.inside.shape[1]
        inside = [rearrange(series.inside, "b l y x -> (b l) 1 y x")]
        seen = [self._seen(series, find_bolus(series))]
        for _ in range(2):
            seen.append(_halved(seen[-1], inside[-1]))
            inside.append(functional.avg_pool2d(inside[-1], 2))
        in_fine, in_middle, in_coarse = ((share > 0).to(share.dtype) for share in inside)

        fine = self.enter_fine(seen[0]) * in_fine
        middle = self.enter_middle(torch.cat([_halved(fine, inside[0]), seen[1]], dim=1))
        middle = self.middle(middle) * in_middle
        coarse = self.enter_coarse(torch.cat([_halved(middle, inside[1]), seen[2]], dim=1)) * in_coarse
        coarse = self.coarse(coarse + self._overview(coarse, inside[2], levels)) * in_coarse

        middle = _joined(middle, self.leave_coarse(functional.silu(coarse)), in_middle)
        middle = self.middle_again(middle) * in_middle
        fine = _joined(fine, self.leave_middle(functional.silu(middle)), in_fine)
        maps = self.maps(functional.silu(self.fine_again(fine)))
        return rearrange(maps, "(b l) m y x -> b l m y x", l=levels)

    def _seen(self, series: CondensedSeries, bolus: Bolus) -> Float[Tensor, "image seen height width"]:
        """Temporal features of each pixel and of its mirror image, attenuation of both, share of brain, and noise."""
        inside = series.inside[:, :, None]
        brain = (inside > 0).to(inside.dtype)
        filters = self.filters(bolus) / (4 * bolus.scale[:, None, None])
        features = torch.einsum("bft,bltyx->blfyx", filters, series.change * brain)
        features = 4 * functional.softsign(features)  # vessels exceed tissue tenfold
        attenuation = ((series.baseline - 30) / 10).clamp(-3, 5) * brain
        noise = (bolus.noise.log() / 2)[:, None, None, None, None] * brain
        parts = [features, features.flip(-1), attenuation, attenuation.flip(-1), inside, noise]
        seen = rearrange(torch.cat(parts, dim=2), "b l c y x -> (b l) c y x")
        return seen.contiguous(memory_format=torch.channels_last)

    def _overview(
        self, coarse: Float[Tensor, "image width y x"], inside: Float[Tensor, "image 1 y x"], levels: int
    ) -> Float[Tensor, "image width 1 1"]:
        """What the mean of both levels adds to each pixel."""
        total = reduce(coarse * inside, "(b l) c y x -> b c", "sum", l=levels)
        mean = total / reduce(inside, "(b l) 1 y x -> b 1", "sum", l=levels).clamp_min(1)
        added = self.overview(functional.silu(mean)).repeat_interleave(levels, dim=0)
        return rearrange(added, "i c -> i c 1 1")


def _halved(image: Float[Tensor, "image c y x"], inside: Float[Tensor, "image 1 y x"]) -> Float[Tensor, "image c _ _"]:
    """Mean over the brain within 2 × 2 pixels."""
    return functional.avg_pool2d(image * inside, 2) / functional.avg_pool2d(inside, 2).clamp_min(1e-2)


def _joined(
    image: Float[Tensor, "image c y x"], coarser: Float[Tensor, "image c _ _"], inside: Float[Tensor, "image 1 y x"]
) -> Float[Tensor, "image c y x"]:
    """An image plus one of half its resolution, within the brain."""
    return image + functional.interpolate(coarser, scale_factor=2, mode="bilinear", align_corners=False) * inside
