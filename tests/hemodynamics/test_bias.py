"""The bias table of docs/perfusion-bias.md against what the analysis gives, noise-free at clinical sampling."""

import re
from pathlib import Path

import numpy as np
import pytest
from boluses import FINE, TISSUES, gamma_variate

from stroke_ctp.hemodynamics.deconvolution import Deconvolution
from stroke_ctp.hemodynamics.kinetics import tissue_curve
from stroke_ctp.hemodynamics.maps import tissue_perfusion

DOCUMENT = Path(__file__).parents[2] / "docs" / "perfusion-bias.md"


def bias(name, delay, step, duration):
    """CBF and CBV over the true ones [%], and Tmax behind the true delay [s]."""
    cbf, cbv, _ = TISSUES[name]
    times, every = np.arange(0, duration, FINE), round(step / FINE)
    artery = gamma_variate(times, 8.0)
    curve = tissue_curve(artery, FINE, cbf, 60 * cbv / cbf, delay)[::every].astype(np.float32)
    found_cbf, found_cbv, lag = tissue_perfusion(curve[None], artery[::every], step, Deconvolution())
    return found_cbf[0] / (1.04 * cbf) * 100 - 100, found_cbv[0] / (1.04 * cbv) * 100 - 100, lag[0] - delay


def table():
    lines = []
    for step, duration in ((1.5, 48), (1.0, 48), (1.0, 60)):
        for name in TISSUES:
            cells = [bias(name, delay, step, duration) for delay in (0.0, 6.0, 12.0)]
            texts = [f"{cbf:+.0f} / {cbv:+.0f} / {late:+.1f}" for cbf, cbv, late in cells]
            lines.append(f"| {step:g} | {duration} | {name} | {' | '.join(texts)} |")
    return lines


def test_the_documented_bias_is_that_of_the_analysis():
    rows = [line for line in DOCUMENT.read_text().splitlines() if re.match(r"\| \d", line)]
    computed = table()
    assert len(rows) == len(computed) == 18
    for documented, line in zip(rows, computed, strict=True):
        numbers = [[float(n) for n in re.findall(r"[+-]?\d+\.?\d*", text)] for text in (documented, line)]
        assert numbers[0] == pytest.approx(numbers[1], abs=1.01)  # a percent, where rounding falls otherwise
        assert numbers[0][4::3] == numbers[1][4::3]  # Tmax is a whole number of frames


def test_late_tissue_loses_blood_volume_to_the_end_of_a_short_scan_and_less_of_it_in_a_longer_one():
    short, longer = (bias("white penumbra", 12.0, 1.0, duration)[1] for duration in (48, 60))
    assert short < longer < -5
