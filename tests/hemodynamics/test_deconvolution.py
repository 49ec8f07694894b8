"""Deconvolution against closed forms, explicit matrices and Wu's method written out voxel by voxel."""

import numpy as np
import pytest
from boluses import TISSUES, gamma_variate, sampled
from scipy.linalg import circulant, toeplitz

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import validated
from stroke_ctp.hemodynamics.deconvolution import (
    LAGS_S,
    PADDING_S,
    TRUNCATIONS,
    Deconvolution,
    circulant_inverse,
    flow_and_tmax,
    oscillation,
    singular_values,
    standard_inverse,
)
from stroke_ctp.hemodynamics.tissue_perfusion import tissue_perfusion

RHO = 1.04
NEARLY_NONE = 1e-11
"""Truncation of noise-free curves: the rounding of 64-bit numbers."""


def single(curve):
    return np.asarray(curve, np.float32)[None]


def residue(artery, tissue, step, truncation):
    """Residue function in 64 bits, for truncations near 0."""
    values = singular_values(artery, step, 2 * len(artery))
    kept = (values > truncation * values.max()).astype(float)
    return circulant_inverse(artery, step, 2 * len(artery), kept) @ tissue


@pytest.mark.parametrize("name", TISSUES)
def test_of_complete_and_finely_sampled_curves_cbf_cbv_and_tmax_are_recovered(name):
    cbf, cbv, delay = TISSUES[name]
    step = 0.25
    artery, tissue = sampled(cbf, cbv, delay, step, duration=400, fine=step)
    found = residue(artery, tissue, step, NEARLY_NONE)
    assert 6000 * 0.73 * found.max() == pytest.approx(RHO * cbf, rel=0.05)
    assert found.argmax() * step == pytest.approx(delay, abs=step)
    perfusion = tissue_perfusion(single(tissue), artery, step, Deconvolution())
    assert perfusion.cbv[0] == pytest.approx(RHO * cbv, rel=0.03)


@pytest.mark.parametrize("truncation", [1e-4, 1e-2])
@pytest.mark.parametrize("name", TISSUES)
def test_how_an_artery_runs_between_frames_matters_only_to_deconvolution_without_regularization(name, truncation):
    """What the trapezoidal rule leaves of a smooth artery lies where the artery's spectrum has all but vanished."""
    step = 0.25
    found = []
    for fine in (step, 0.0125):  # linear between frames, and all but smooth
        artery, tissue = sampled(*TISSUES[name], step, duration=400, fine=fine)
        found.append(residue(artery, tissue, step, truncation).max())
    assert found[1] == pytest.approx(found[0], rel=0.01)


def test_the_overshoot_of_an_unregularized_residue_of_a_smooth_artery_shrinks_with_the_sampling_interval():
    cbf, cbv, delay = TISSUES["grey"]
    over = []
    for step in (0.25, 0.125):
        artery, tissue = sampled(cbf, cbv, delay, step, duration=200, fine=0.0125)
        over.append(6000 * 0.73 * residue(artery, tissue, step, NEARLY_NONE).max() / (RHO * cbf) - 1)
    assert over[0] > 0.2
    assert over[1] < 0.08


@pytest.mark.parametrize("frames", [-4, -2, 3, 6])
def test_an_artery_measured_elsewhere_leaves_block_circulant_cbf_as_it_is_but_not_that_of_standard_svd(frames):
    step = 1.0
    artery, tissue = sampled(53.0, 3.3, 4.0, step, duration=90, start=10.0)
    shifted = np.roll(artery, frames)

    def cbf(curve, method):
        return flow_and_tmax(single(tissue), curve, step, Deconvolution(method))[0][0]

    for method in ("circulant", "oscillation", "tikhonov"):
        assert cbf(shifted, method) == pytest.approx(cbf(artery, method), rel=0.01)
    assert abs(cbf(shifted, "standard") / cbf(artery, "standard") - 1) > 0.05


@pytest.mark.parametrize("frames", [-3, 2])
def test_tmax_follows_the_shift_of_the_artery_also_to_before_it(frames):
    artery, tissue = sampled(25.0, 1.9, 0.0, 1.0, duration=90, start=10.0)
    _, here = flow_and_tmax(single(tissue), artery, 1.0, Deconvolution())
    _, there = flow_and_tmax(single(tissue), np.roll(artery, frames), 1.0, Deconvolution())
    assert there[0] == pytest.approx(here[0] - frames, abs=0.02)


def by_wu(curve, artery, step, limit):
    """Oscillation-limited SVD of one voxel with explicit matrices and loops."""
    n, before = len(artery) + round(PADDING_S / step), round(PADDING_S / step / 2)
    mean = np.zeros(n)
    mean[: len(artery)] = (artery + np.concatenate([[0], artery[:-1]])) / 2
    left, values, right = np.linalg.svd(step * circulant(mean))
    padded = np.concatenate([curve, np.zeros(n - len(curve))])
    for truncation in TRUNCATIONS:
        inverse = np.where(values > truncation * values[0], 1 / np.maximum(values, 1e-12), 0)
        k = right.T @ (inverse * (left.T @ padded))
        bend = sum(abs(k[j] - 2 * k[j - 1] + k[j - 2]) for j in range(2 - before, n - before))
        if bend / k.max() <= 64 * limit:  # a circle of 64 lags, whatever the scan's duration
            break
    return k


def highest(k, step):
    """Height and lag of a residue function's maximum within the limits, by the parabola through three points."""
    lags = range(round(LAGS_S[0] / step), min(round(LAGS_S[1] / step), len(k) + round(LAGS_S[0] / step) - 1) + 1)
    top = max(lags, key=lambda lag: k[lag])
    if top in (lags[0], lags[-1]):
        return k[top], (top + 0.5) * step
    parabola = np.polyfit([-1, 0, 1], [k[top - 1], k[top], k[top + 1]], 2)
    shift = -parabola[1] / (2 * parabola[0])
    return np.polyval(parabola, shift), (top + shift + 0.5) * step


@pytest.mark.parametrize("limit", [0.02, 0.035, 0.1])
def test_oscillation_limited_svd_agrees_with_wu_written_out_with_explicit_matrices(limit):
    random = np.random.default_rng(0)
    step, curves = 1.5, []
    for cbf, cbv, delay in TISSUES.values():
        artery, tissue = sampled(cbf, cbv, delay, step, duration=48)
        curves += [tissue + random.normal(0, noise, tissue.size) for noise in (0, 0.2, 0.5, 1.0)]
    height, lag = flow_and_tmax(
        np.array(curves, np.float32), artery, step, Deconvolution("oscillation", oscillation_index=limit)
    )
    expected = np.array([highest(by_wu(curve, artery, step, limit), step) for curve in curves])
    np.testing.assert_allclose(height, expected[:, 0], rtol=1e-3)
    np.testing.assert_allclose(lag, expected[:, 1], atol=1e-2)


@pytest.mark.parametrize("at", [2.0, 7.3, 11.75, 20.4])
@pytest.mark.parametrize("method", ["oscillation", "circulant", "tikhonov"])
def test_tmax_of_a_symmetric_residue_function_is_its_centre_also_between_frames(method, at):
    """A Gaussian: artery and tissue are Gaussians too, of which the variances add."""
    times = np.arange(0, 60, 1.5)
    width, spread = 4.0, 2.0
    artery = 300 * np.exp(-((times - 20) ** 2) / (2 * width**2))
    total = width**2 + spread**2
    tissue = 10 * np.exp(-((times - 20 - at) ** 2) / (2 * total))
    _, lag = flow_and_tmax(single(tissue), artery, 1.5, Deconvolution(method))
    assert lag[0] == pytest.approx(at, abs=0.1)


def test_noise_puts_no_tmax_of_late_tissue_before_the_artery():
    """A maximum anywhere on the circle had Tmax 0 in a tenth of these voxels and more."""
    random = np.random.default_rng(3)
    for step in (1.5, 3.0):
        artery, tissue = sampled(*TISSUES["white core"], step, duration=60, start=8.0)
        noisy = (tissue + random.normal(0, 1.0, (500, tissue.size))).astype(np.float32)
        lag = tissue_perfusion(noisy, artery, step, Deconvolution()).lag
        assert (lag <= 0).mean() < 0.04
        assert lag.min() >= LAGS_S[0]
        assert lag.max() <= LAGS_S[1] + step


def test_singular_values_are_those_of_the_explicit_matrix():
    artery = gamma_variate(np.arange(20) * 1.5)
    mean = np.concatenate([(artery + np.concatenate([[0], artery[:-1]])) / 2, np.zeros(20)])
    ours = singular_values(artery, 1.5, 40)
    np.testing.assert_allclose(
        np.sort(np.concatenate([ours, ours[1:-1]])), np.sort(np.linalg.svd(1.5 * circulant(mean))[1]), atol=1e-8
    )


def test_standard_svd_is_the_truncated_pseudoinverse_of_the_causal_matrix():
    artery = gamma_variate(np.arange(30) * 1.0)
    matrix = toeplitz((artery + np.concatenate([[0], artery[:-1]])) / 2, np.zeros(30))
    left, values, right = np.linalg.svd(matrix)
    kept = values > 0.1 * values[0]
    expected = right[kept].T @ np.diag(1 / values[kept]) @ left[:, kept].T
    np.testing.assert_allclose(standard_inverse(artery, 1.0, 0.1), expected, atol=1e-9)


def test_tikhonov_minimizes_the_damped_squares():
    step, share = 1.0, 0.1
    artery, tissue = sampled(25.0, 1.9, 4.0, step, duration=60)
    n = len(artery) + round(PADDING_S / step)
    mean = np.pad((artery + np.concatenate([[0], artery[:-1]])) / 2, (0, n - len(artery)))
    matrix = step * circulant(mean)
    damping = share * np.linalg.norm(matrix, 2)
    padded = np.pad(tissue, (0, n - len(tissue)))
    expected = np.linalg.solve(matrix.T @ matrix + damping**2 * np.eye(n), matrix.T @ padded)
    height, _ = flow_and_tmax(single(tissue), artery, step, Deconvolution("tikhonov", truncation=share))
    assert height[0] == pytest.approx(highest(expected, step)[0], rel=1e-4)


def test_oscillation_of_a_triangle_and_of_an_alternation_by_hand():
    triangle = np.array([[0.0, 1.0, 2.0, 1.0, 0.0, 0.0]])
    assert oscillation(triangle)[0] == pytest.approx((0 + 2 + 0 + 1) / (6 * 2))
    assert oscillation(np.array([[1.0, -1.0, 1.0, -1.0]]))[0] == pytest.approx((4 + 4) / 4)


def test_many_voxels_at_once_are_as_each_alone():
    random = np.random.default_rng(1)
    artery, tissue = sampled(25.0, 1.9, 4.0, 1.5, duration=48)
    curves = (tissue + random.normal(0, 0.5, (20000, tissue.size))).astype(np.float32)
    height, lag = flow_and_tmax(curves, artery, 1.5, Deconvolution())
    for index in (0, 12345, 19999):
        one = flow_and_tmax(curves[index : index + 1], artery, 1.5, Deconvolution())
        assert height[index] == pytest.approx(one[0][0], rel=1e-5)
        assert lag[index] == pytest.approx(one[1][0], abs=1e-3)


def test_tissue_without_contrast_has_no_flow():
    artery = gamma_variate(np.arange(32) * 1.5)
    perfusion = tissue_perfusion(np.zeros((3, 32), np.float32), artery, 1.5, Deconvolution())
    assert not perfusion.cbf.any()
    assert not perfusion.cbv.any()


@pytest.mark.parametrize("key", ["oscillation_index", "truncation"])
@pytest.mark.parametrize("value", [0.0, 1.5, float("nan")])
def test_settings_out_of_range_are_refused_by_name(key, value):
    with pytest.raises(UserError, match=rf"{key} must be a number > 0 and < 1, got {value!r}"):
        validated(Deconvolution, {key: value})
