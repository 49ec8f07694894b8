import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from stroke_ctp.common.errors import UserError
from stroke_ctp.model.perfusion_heads import Heads, Scaling, VolumeHead


def _patients(n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Areas, classes and core volumes that follow the first area."""
    generator = np.random.default_rng(seed)
    core_ml = np.exp(generator.normal(3.3, 1, n))
    areas = np.stack([core_ml ** (2 / 3) * np.exp(generator.normal(0, 0.25, n)) for _ in range(4)], axis=1)
    return areas, (core_ml > np.median(core_ml)).astype(np.int64), core_ml


def test_the_probability_is_that_of_logistic_regression_on_standardized_logarithms():
    areas, labels, _ = _patients()
    theirs = make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression()).fit(areas, labels)
    other, _, _ = _patients(40, seed=1)
    expected = theirs.predict_proba(other)[:, 1]
    np.testing.assert_allclose(Heads.fit(areas, labels, None).probability(other), expected, atol=1e-6)


def test_the_margin_is_the_quantile_of_errors_of_fits_without_each_patient():
    areas, _, core_ml = _patients(40)
    scaled, target = Scaling.fit(areas).scaled(areas), np.log1p(core_ml)
    errors = []
    for left_out in range(40):
        rest = np.arange(40) != left_out
        fitted = Ridge(alpha=1.0).fit(scaled[rest], target[rest])
        errors.append(abs(target[left_out] - fitted.predict(scaled[[left_out]])[0]))
    margin = VolumeHead.fit(scaled, core_ml).margin
    assert margin == pytest.approx(np.quantile(errors, 0.9 * (1 + 1 / 40)), rel=1e-9)


def test_the_interval_holds_nine_of_ten_volumes_of_new_patients():
    areas, labels, core_ml = _patients(170)
    new, _, true = _patients(4000, seed=2)
    volumes = Heads.fit(areas, labels, core_ml).volumes(new)
    assert volumes is not None
    predicted, low, high = volumes.T
    assert ((low <= predicted) & (predicted <= high)).all()
    assert ((low <= true) & (true <= high)).mean() == pytest.approx(0.9, abs=0.04)


def test_a_patient_without_areas_is_scored_as_the_median_of_the_fitted_patients():
    areas, labels, _ = _patients()
    heads = Heads.fit(np.concatenate([areas, np.full((3, 4), np.nan)]), np.concatenate([labels, [0, 1, 0]]), None)
    missing = heads.probability(np.full((1, 4), np.nan))
    assert missing == pytest.approx(heads.probability(np.median(areas, axis=0)[None]))
    with pytest.raises(UserError, match="no brain was found in any patient of the training folds"):
        Scaling.fit(np.full((5, 4), np.nan))


@pytest.mark.parametrize("with_volumes", [True, False])
def test_heads_that_are_read_from_their_record_are_the_same(with_volumes: bool):
    areas, labels, core_ml = _patients()
    heads = Heads.fit(areas, labels, core_ml if with_volumes else None)
    read = Heads.of(json.loads(json.dumps(heads.record())))
    assert read == heads
    np.testing.assert_array_equal(read.probability(areas), heads.probability(areas))
