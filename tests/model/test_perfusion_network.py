import numpy as np
import pytest
import torch

from stroke_ctp.common.geometry import N_FRAMES
from stroke_ctp.model.condensed_series import CondensedSeries, condense, find_bolus
from stroke_ctp.model.perfusion_network import PerfusionNetwork
from stroke_ctp.model.predicted_maps import condensed_maps, standard_maps


@pytest.fixture(scope="module")
def network() -> PerfusionNetwork:
    torch.manual_seed(0)
    return PerfusionNetwork().eval()


@pytest.fixture(scope="module")
def series() -> tuple[torch.Tensor, torch.Tensor]:
    """Two patients of noise, and their brains."""
    generator = torch.Generator().manual_seed(0)
    frames = 30 + 3 * torch.randn(2, 2, N_FRAMES, 128, 128, generator=generator)
    frames[:, :, 25:] = frames[:, :, 24:25]
    brain = torch.zeros(2, 2, 128, 128, dtype=torch.bool)
    brain[:, :, 20:110, 30:100] = True
    return frames, brain


def test_filters_sum_to_zero_over_the_frames_that_were_acquired_and_leave_out_the_others(network, series):
    filters = network.filters(find_bolus(condense(*series)))
    assert filters.abs().amax() > 0.1
    torch.testing.assert_close(filters.sum(dim=2), torch.zeros(2, network.filters.n_filters), atol=1e-5, rtol=0)
    assert torch.equal(filters[:, :, 25:], torch.zeros(2, network.filters.n_filters, N_FRAMES - 25))


def test_nothing_is_found_outside_the_brain_and_no_core_outside_hypoperfused_tissue(network, series):
    maps = standard_maps(network, *series)
    for values in (maps.core, maps.hypoperfused, maps.cbv, maps.cbf, maps.delay):
        assert values.shape == (2, 2, 128, 128)
        assert (values[~series[1]] == 0).all()
        assert (values >= 0).all()
    assert (maps.core <= maps.hypoperfused).all()
    assert (maps.hypoperfused <= 1).all()


def test_what_lies_outside_the_brain_changes_nothing(network, series):
    frames, brain = series
    changed = torch.where(brain[:, :, None], frames, 3000.0)
    one, other = standard_maps(network, frames, brain), standard_maps(network, changed, brain)
    assert torch.equal(one.core, other.core)


def test_patients_of_a_batch_do_not_depend_on_each_other(network, series):
    condensed = condense(*series)
    alone = condensed_maps(network, CondensedSeries(condensed.frames[1:], condensed.inside[1:]))
    together = condensed_maps(network, condensed)
    torch.testing.assert_close(alone.cbf, together.cbf[1:], atol=1e-4, rtol=1e-4)


def test_an_expected_area_is_the_sum_of_probabilities_times_the_pixels_area(network, series):
    maps = condensed_maps(network, condense(*series))
    expected = maps.core.numpy().sum(axis=(1, 2, 3)) * (200 / 64 / 10) ** 2
    np.testing.assert_allclose(maps.area_cm2(maps.core).numpy(), expected, rtol=1e-5)
