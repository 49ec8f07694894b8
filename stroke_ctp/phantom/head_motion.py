"""Head motion during an acquisition."""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

PIVOT = (-60.0, 15.0, 0.0)
"""Pivot of rotation, at the neck (z, y, x) [mm]."""

_SHARES = np.array([58, 24, 19]) / 101
_NODDING_DEG = ((0.0, 0.0), (0.5, 2.0), (2.0, 5.0))
"""Largest nodding angle of negligible, mild to moderate and considerable motion [deg]."""


def draw_motion(n_frames: int, random: np.random.Generator) -> Float[np.ndarray, "time 6"] | None:
    """Rotation (about z, y, x) [deg] and translation (z, y, x) [mm] of each frame; None without motion.

    58 % of patients hardly move, 24 % mildly to moderately, 19 % considerably. Most motion is nodding and increases
    with time. Negligible motion is left out; the other amplitudes are an assumption.
    """
    severity = random.choice(3, p=_SHARES)
    if severity == 0:
        return None
    return nodding_motion(random.uniform(*_NODDING_DEG[severity]) * random.choice([-1, 1]), n_frames, random)


def nodding_motion(nodding: float, n_frames: int, random: np.random.Generator) -> Float[np.ndarray, "time 6"]:
    """Motion of each frame, as of `draw_motion`, that grows to about this nodding angle [deg]."""
    amplitude = nodding * np.array([0.3, 0.2, 1.0, 0.1, 0.3, 0.3]) * random.normal([1, 1, 1, 1, 1, 1], 0.3)
    drift = np.linspace(0, 1, n_frames)[:, None] ** random.uniform(0.7, 2.0, 6)
    jerks = np.cumsum(random.normal(0, 0.15 / np.sqrt(n_frames), (n_frames, 6)), axis=0)
    return amplitude * (drift + jerks - jerks[0])


def source_points(
    points: Float[np.ndarray, "point 3"], motion: Float[np.ndarray, " 6"]
) -> Float[np.ndarray, "point 3"]:
    """Positions in the resting head of what a moved head shows at `points` (z, y, x) [mm]."""
    turn = Rotation.from_euler("XYZ", motion[:3], degrees=True).as_matrix().astype(np.float32)
    pivot = np.asarray(PIVOT, np.float32)
    return (points - pivot - motion[3:].astype(np.float32)) @ turn + pivot
