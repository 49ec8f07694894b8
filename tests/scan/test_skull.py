"""Outlines of a skull whose surfaces are spheres, of which everything is known."""

import numpy as np
import pytest

from stroke_ctp.scan.skull import skull_outlines

PIXEL_MM = 1.5
Z = np.arange(20.0, 51.0, 5.0)
"""Of the slices above the spheres' middle [mm]."""
RADII = {"outer": 80.0, "inner": 73.0}


@pytest.fixture(scope="module")
def found():
    y, x = (np.indices((128, 128)) - 63.5) * PIXEL_MM
    distance = np.sqrt(x**2 + y**2 + Z[:, None, None] ** 2)
    bone = (distance < RADII["outer"]) & (distance > RADII["inner"])
    image = np.where(bone, 900.0, np.where(distance < 75, 35.0, -1000.0)).astype(np.float32)
    return skull_outlines(image, (5.0, PIXEL_MM, PIXEL_MM)), np.hypot(x, y)


@pytest.mark.parametrize(("surface", "into_bone"), [("outer", -1), ("inner", 1)])
def test_slope_and_bend_of_a_sphere(found, surface, into_bone):
    skull, radius = found
    for index in range(1, len(Z) - 1):
        outline = np.sqrt(RADII[surface] ** 2 - Z[index] ** 2)
        at = np.abs(radius - outline) < 1
        # r(z) = √(R² − z²), and what recedes into the bone shrinks at its outer and grows at its inner surface
        assert np.median(skull.slope[index][at]) == pytest.approx(into_bone * -Z[index] / outline, abs=0.05)
        bend = -(RADII[surface] ** 2) / outline**3
        assert np.median(skull.bend[index][at]) == pytest.approx(into_bone * bend, abs=0.01)


def test_the_distance_is_negative_in_bone_and_positive_on_both_sides_of_it(found):
    skull, radius = found
    for index, z in enumerate(Z):
        inner, outer = (np.sqrt(RADII[name] ** 2 - z**2) for name in ("inner", "outer"))
        middle = (inner + outer) / 2
        assert (skull.distance[index][np.abs(radius - middle) < 1] < 0).all()
        for dark in (inner - 6, outer + 6):
            assert skull.distance[index][np.abs(radius - dark) < 0.5] == pytest.approx(6, abs=1.5)


def test_an_open_skull_has_the_outline_of_its_bone():
    y, x = (np.indices((128, 128)) - 63.5) * PIXEL_MM
    bone = (np.abs(np.hypot(x, y) - 70) < 5) & (y < 40)
    image = np.where(bone, 900.0, 0.0).astype(np.float32)[None].repeat(3, axis=0)
    skull = skull_outlines(image, (5.0, PIXEL_MM, PIXEL_MM))
    near = np.abs(np.hypot(x, y) - 65) < 1
    assert np.abs(skull.distance[:, near & (y < 35)]).max() < 2
    assert np.abs(skull.slope).max() == pytest.approx(0, abs=1e-9)
