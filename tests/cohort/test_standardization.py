import pytest
import torch
from torch import Tensor, nn

from stroke_ctp.cohort.standardization import BatchStandardization, FixedStandardization


def _batches(n: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [300 * torch.randn(2, 2, 3, 8, 8, generator=generator) - 400 + 20 * k for k in range(n)]


def _standardize(module: nn.Module, frames: Tensor) -> Tensor:
    mean, scale = module(frames)
    return (frames - mean) / scale


def test_fixed_standardization_subtracts_and_divides_by_its_constants():
    frames = torch.tensor([-500.0, 0.0, 500.0])
    assert _standardize(FixedStandardization(-500.0, 500.0), frames).tolist() == [0.0, 1.0, 2.0]


def test_fixed_standardization_has_no_state_and_no_modes():
    module = FixedStandardization(3.0, 4.0)
    before = module(torch.zeros(3))
    module.train()(torch.full((3,), 900.0))
    assert module.eval()(torch.zeros(3)) == before
    assert not module.state_dict()


def test_a_training_batch_gets_mean_zero_and_standard_deviation_one():
    for frames in _batches(3):
        standardized = _standardize(BatchStandardization().train(), frames)
        assert float(standardized.mean()) == pytest.approx(0, abs=1e-5)
        assert float(standardized.std(correction=0)) == pytest.approx(1, abs=1e-5)


def test_a_training_batch_is_standardized_as_batchnorm_without_affine_parameters_does():
    ours, torchs = BatchStandardization(), nn.BatchNorm2d(1, eps=1e-12, affine=False)
    for frames in _batches(4):
        expected = torchs(frames.reshape(-1, 1, 8, 8)).reshape(frames.shape)
        torch.testing.assert_close(_standardize(ours, frames), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("momentum", [0.1, 0.4])
def test_evaluation_uses_the_running_statistics_of_batchnorm_that_began_with_the_first_batch(momentum: float):
    batches = _batches(5)
    ours, torchs = BatchStandardization(momentum), nn.BatchNorm2d(1, eps=1e-12, affine=False, momentum=momentum)
    n = batches[0].numel()
    torchs.running_mean.fill_(batches[0].mean())
    torchs.running_var.fill_(batches[0].var(correction=1))
    for number, frames in enumerate(batches):
        ours(frames)
        if number > 0:
            torchs(frames.reshape(-1, 1, 8, 8))
    ours.eval()
    mean, scale = ours(torch.full((4,), 1e6))
    assert float(mean) == pytest.approx(float(torchs.running_mean), rel=1e-5)
    # BatchNorm runs the unbiased variance, ours is the biased one that the batch is divided by.
    assert float(scale**2) == pytest.approx(float(torchs.running_var) * (n - 1) / n, rel=1e-5)


def test_evaluation_neither_looks_at_its_batch_nor_learns_from_it():
    module = BatchStandardization()
    module(_batches(1)[0])
    module.eval()
    before = [value.clone() for value in module(torch.zeros(10))]
    again = module(torch.full((10,), 5000.0))
    assert [float(value) for value in before] == [float(value) for value in again]


def test_running_statistics_travel_with_the_weights():
    trained, fresh = BatchStandardization(), BatchStandardization()
    for frames in _batches(2):
        trained(frames)
    fresh.load_state_dict(trained.state_dict())
    trained(_batches(3)[2])
    fresh(_batches(3)[2])  # goes on from there, not anew
    torch.testing.assert_close(fresh.running_mean, trained.running_mean)
    torch.testing.assert_close(fresh.running_variance, trained.running_variance)
