"""Frames and maps of a patient as grey values that a page draws and reads out.

They are embedded as bytes and not as a picture's file, which a browser may change by its colour management.
"""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib import colormaps

from stroke_ctp.model.explanation import Overlay

_LOWEST_HU = -50
"""Attenuation of grey value 0; each further value is 1 HU more, so that the window can be chosen within 255 HU."""
_COLOURS = {"amount": "viridis", "time": "inferno", "signed": "RdBu_r"}
"""Of equal steps in lightness, except the last, which diverges from white."""
_IN_SECONDS = "s"


def frames_content(series: Float[np.ndarray, "level time height width"]) -> dict[str, Any]:
    """All frames.

    Args:
        series: Standard series [HU].
    """
    grey = np.clip(np.rint(series) - _LOWEST_HU, 0, 255).astype(np.uint8)
    return {"values": _text(grey), "lowest": _LOWEST_HU}


def overlay_content(overlay: Overlay) -> dict[str, Any]:
    """A map of both levels; grey value 0 is nothing, 1 to 255 run through the window.

    `beyond` tells whether there are values below and above it: the first and the last grey value then stand for them.
    """
    low, high = overlay.window
    share = np.clip((overlay.values - low) / (high - low), 0, 1)
    grey = np.where(np.isnan(share), 0, 1 + np.rint(254 * np.nan_to_num(share))).astype(np.uint8)
    return {
        "title": overlay.title,
        "unit": overlay.unit,
        "low": low,
        "high": high,
        "beyond": [bool((overlay.values < low).any()), bool((overlay.values > high).any())],
        "fades": overlay.fades,
        "colours": "signed" if low < 0 else "time" if overlay.unit == _IN_SECONDS else "amount",
        "ends": overlay.ends or (_number(low), f"{_number(high)} {overlay.unit}".strip()),
        "values": _text(grey),
    }


def colour_tables() -> dict[str, Sequence[int]]:
    """Red, green and blue of grey values 0 to 255, by kind of map."""
    steps = np.linspace(0, 1, 256)
    return {
        kind: (255 * colormaps[name](steps)[:, :3]).round().astype(int).ravel().tolist()
        for kind, name in _COLOURS.items()
    }


def _number(value: float) -> str:
    return f"{value:.2g}".replace("-", "−")


def _text(grey: UInt8[np.ndarray, "..."]) -> str:
    return base64.b64encode(grey.tobytes()).decode()
