"""A plain conventional index of a standard series: how much tissue holds little blood."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import binary_opening, gaussian_filter

PIXEL_AREA = (200 / 128) ** 2 / 100
"""Of a standard series [cm²]."""


def low_cbv_area(
    series: Float[np.ndarray, "level time height width"], fraction: float = 0.45, n_baseline: int = 4
) -> float:
    """Area of brain tissue whose blood volume is far below that of the rest of its level [cm²].

    The area under the enhancement curve is proportional to CBV; its median over a level's tissue, most of
    which is healthy, stands in for the arterial input. No deconvolution, no vessels.

    Args:
        series: Standard series [HU].
        fraction: Of the median, below which tissue counts; 1.2 of about 2.7 mL/100 mL.
        n_baseline: Leading frames before contrast.

    Returns:
        Sum over both levels.
    """
    hu = np.asarray(series, np.float32)
    baseline = hu[:, :n_baseline].mean(axis=1)
    blood = gaussian_filter((hu[:, n_baseline:] - baseline[:, None]).mean(axis=1), (0, 2.0, 2.0))
    smoothed = gaussian_filter(baseline, (0, 1.5, 1.5))
    # Fluid, about 12 HU, holds no blood either; it is told from tissue by its attenuation.
    tissue = binary_opening((smoothed > 22) & (smoothed < 60), np.ones((1, 7, 7)))
    area = 0.0
    for level_blood, level_tissue in zip(blood, tissue, strict=True):
        if level_tissue.any():
            limit = fraction * np.median(level_blood[level_tissue])
            area += PIXEL_AREA * float((level_tissue & (level_blood < limit)).sum())
    return area
