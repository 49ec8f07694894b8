"""Why a patient is unlike those of the training, in words."""

import numpy as np
import pytest

from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.statistics.typical_range import Range
from stroke_ctp.study.typical_patients import TypicalPatients


@pytest.mark.parametrize(
    ("column", "value", "reasons"),
    [
        ("noise_sd_hu", 4.0, []),
        ("noise_sd_hu", 5.25, ["noise: 5.25 HU, above the 4 HU of training patients"]),
        ("noise_sd_hu", 4.00123, ["noise: 4.001 HU, above the 4 HU of training patients"]),
        ("max_rotation_deg", 6.5, ["rotation of the head: 6.5°, above the 4° of training patients"]),
        ("noise_sd_hu", None, ["noise: not found"]),
    ],
)
def test_a_value_is_shown_with_its_unit_and_the_digits_by_which_it_differs_from_the_limit(
    column: str, value: float | None, reasons: list[str]
):
    typical = TypicalPatients({column: Range(None, 4.0)}, None, frozenset())
    assert typical.reasons({column: value}, np.zeros(SERIES_SHAPE, np.float32), None) == reasons
