import math

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform, center_of_mass

from stroke_ctp.cohort.augment import Draw, augment
from stroke_ctp.cohort.augmentation import Augmentation

AIR = -2.0
HEIGHT, WIDTH = 60, 76
CENTRE = ((HEIGHT - 1) / 2, (WIDTH - 1) / 2)


def _draw(angle: float = 0.0, right: float = 0.0, down: float = 0.0, flip: bool = False) -> Draw:
    return Draw(torch.tensor([float(angle)]), torch.tensor([[float(right), float(down)]]), torch.tensor([flip]))


def _blob(right: float, down: float) -> np.ndarray:
    """A smooth spot at a distance from the centre, on air."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return AIR + np.exp(-((x - CENTRE[1] - right) ** 2 + (y - CENTRE[0] - down) ** 2) / (2 * 2.5**2))


def _augmented(image: np.ndarray, draw: Draw) -> np.ndarray:
    frames = torch.from_numpy(image.astype(np.float32))[None, None, None]
    return augment(frames, draw, torch.tensor(AIR))[0, 0, 0].numpy()


def _lands(right: float, down: float, draw: Draw) -> tuple[float, float]:
    """Where a spot ends up, to the right and down of the centre."""
    y, x = center_of_mass(_augmented(_blob(right, down), draw) - AIR)
    return x - CENTRE[1], y - CENTRE[0]


def test_a_draw_of_nothing_is_the_identity():
    image = np.random.default_rng(0).normal(size=(HEIGHT, WIDTH))
    np.testing.assert_allclose(_augmented(image, _draw()), image, atol=1e-4)


@pytest.mark.parametrize(
    ("start", "draw", "end"),
    [
        ((15, 0), _draw(angle=90), (0, -15)),  # counter-clockwise as displayed: from the right to the top
        ((0, -15), _draw(angle=90), (-15, 0)),
        ((15, 0), _draw(angle=-90), (0, 15)),
        ((15, 0), _draw(angle=30), (15 * math.cos(math.pi / 6), -7.5)),
        ((4, 6), _draw(right=8.5), (12.5, 6)),
        ((4, 6), _draw(down=-7.25), (4, -1.25)),
        ((10, 12), _draw(flip=True), (10, -12)),  # anterior and posterior change places, right and left do not
        ((10, 12), _draw(flip=True, down=3), (10, -9)),  # flipped first, then shifted
        ((10, 12), _draw(angle=90, flip=True), (-12, -10)),  # flipped first, then rotated
        ((10, 0), _draw(angle=90, right=5), (5, -10)),  # rotated first, then shifted
    ],
)
def test_a_spot_lands_where_geometry_says(start: tuple[float, float], draw: Draw, end: tuple[float, float]):
    assert _lands(*start, draw) == pytest.approx(end, abs=0.05)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("angle", "right", "down"), [(13, 4.5, -8.25), (-7.5, -10, 3), (0, 0.5, 0), (40, 0, 0)])
def test_the_whole_image_equals_scipys_affine_transform(angle: float, right: float, down: float, flip: bool):
    image = np.random.default_rng(1).normal(size=(HEIGHT, WIDTH))
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    mirror = np.diag([-1.0 if flip else 1.0, 1.0])
    to_input = mirror @ np.array([[cos, sin], [-sin, cos]])  # of (row, column)
    offset = np.array(CENTRE) - to_input @ np.add(CENTRE, (down, right))
    expected = affine_transform(image, to_input, offset, order=1, mode="grid-constant", cval=AIR)
    np.testing.assert_allclose(_augmented(image, _draw(angle, right, down, flip)), expected, atol=2e-4)


def test_a_flip_reverses_the_rows():
    image = np.random.default_rng(2).normal(size=(HEIGHT, WIDTH))
    np.testing.assert_allclose(_augmented(image, _draw(flip=True)), image[::-1], atol=1e-4)


def test_what_a_shift_uncovers_is_background():
    image = np.full((HEIGHT, WIDTH), 5.0)
    shifted = _augmented(image, _draw(right=10, down=-4))
    np.testing.assert_allclose(shifted[:, :10], AIR, atol=1e-4)
    np.testing.assert_allclose(shifted[-4:], AIR, atol=1e-4)
    np.testing.assert_allclose(shifted[:-4, 10:], 5.0, atol=1e-3)


def test_all_frames_and_both_levels_of_a_patient_move_alike_and_patients_each_by_their_own_draw():
    generator = torch.Generator().manual_seed(0)
    image = torch.from_numpy(_blob(8, -5)).float()
    draw = Augmentation().draw(3, generator)
    moved = augment(image.expand(3, 2, 5, HEIGHT, WIDTH), draw, torch.tensor(AIR))
    for patient in range(3):
        alone = _augmented(_blob(8, -5), draw[slice(patient, patient + 1)])
        for level in range(2):
            for time in range(5):
                np.testing.assert_allclose(moved[patient, level, time].numpy(), alone, atol=1e-5)
    assert (moved[0] - moved[1]).abs().max() > 0.1
    assert (moved[1] - moved[2]).abs().max() > 0.1


def test_draws_fill_the_articles_ranges_and_stay_within_them():
    draw = Augmentation().draw(4000, torch.Generator().manual_seed(1))
    for values, limit in ((draw.angle, 15), (draw.shift[:, 0], 10), (draw.shift[:, 1], 10)):
        assert values.abs().max() <= limit
        assert values.max() > 0.99 * limit
        assert values.min() < -0.99 * limit
        assert abs(float(values.mean())) < 0.05 * limit
        assert float(values.std()) == pytest.approx(limit / math.sqrt(3), rel=0.03)  # uniform
    assert float(draw.flip.float().mean()) == pytest.approx(0.5, abs=0.03)
    parts = torch.stack([draw.angle, draw.shift[:, 0], draw.shift[:, 1], draw.flip.float()])
    assert (torch.corrcoef(parts) - torch.eye(4)).abs().max() < 0.06


def test_limits_of_zero_draw_nothing():
    draw = Augmentation(max_angle=0.0, max_shift=0.0, flip_probability=0.0).draw(50, torch.Generator().manual_seed(1))
    assert not draw.angle.any()
    assert not draw.shift.any()
    assert not draw.flip.any()


def test_a_flip_probability_of_one_flips_everybody():
    assert Augmentation(flip_probability=1.0).draw(50, torch.Generator().manual_seed(1)).flip.all()


def test_a_draw_depends_on_the_generator_alone():
    torch.manual_seed(5)
    first = Augmentation().draw(6, torch.Generator().manual_seed(9))
    torch.manual_seed(6)
    again = Augmentation().draw(6, torch.Generator().manual_seed(9))
    other = Augmentation().draw(6, torch.Generator().manual_seed(10))
    assert torch.equal(first.angle, again.angle)
    assert torch.equal(first.shift, again.shift)
    assert torch.equal(first.flip, again.flip)
    assert not torch.equal(first.angle, other.angle)
