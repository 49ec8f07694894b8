"""Logits of probabilities against the logarithm of the odds."""

import numpy as np
import pytest

from stroke_ctp.statistics.logits import FARTHEST, logits


def test_a_logit_is_the_logarithm_of_the_odds():
    scores = np.array([0.2, 0.5, 0.9])
    np.testing.assert_allclose(logits(scores), np.log(scores / (1 - scores)), atol=1e-12)


def test_the_logits_of_0_and_1_are_those_of_one_in_a_million_and_the_largest():
    assert np.log(999_999) == pytest.approx(FARTHEST)
    assert logits(np.array([0.0, 1.0, 1e-9])) == pytest.approx([-FARTHEST, FARTHEST, -FARTHEST])
