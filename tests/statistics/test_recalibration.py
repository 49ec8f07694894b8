import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from stroke_ctp.statistics.calibration import slope
from stroke_ctp.statistics.recalibration import Platt, cross_fitted


@pytest.fixture(scope="module")
def extreme() -> tuple[np.ndarray, np.ndarray]:
    """Classes drawn with true probabilities, and predictions whose logits are four times as large and shifted."""
    generator = np.random.default_rng(0)
    x = generator.normal(0, 1, 4000)
    return (generator.random(4000) < expit(x)).astype(int), expit(4 * x + 1)


def test_platt_finds_the_true_slope_and_intercept(extreme: tuple):
    found = Platt.fit(*extreme)
    assert found.slope == pytest.approx(0.25, abs=0.015)
    assert found.intercept == pytest.approx(-0.25, abs=0.05)


def test_platt_is_scikit_learns_sigmoid(extreme: tuple):
    labels, scores = (values[:200] for values in extreme)
    x = logit(scores)[:, None]
    identity = LogisticRegression().fit(x, labels)
    identity.coef_[:], identity.intercept_[:] = 1.0, 0.0  # its decision function is the logit itself
    theirs = CalibratedClassifierCV(FrozenEstimator(identity), method="sigmoid", cv=3, ensemble=False).fit(x, labels)
    np.testing.assert_allclose(Platt.fit(labels, scores).of(scores), theirs.predict_proba(x)[:, 1], atol=2e-3)


@pytest.mark.parametrize("seed", range(8))
def test_platt_is_the_maximum_of_the_likelihood_that_statsmodels_finds(seed: int):
    generator = np.random.default_rng(seed)
    n, spread = generator.integers(4, 300), generator.choice([0.01, 1.0, 6.0])
    scores = expit(generator.normal(generator.normal(), spread, n))
    labels = (generator.random(n) < scores).astype(int)
    labels[:2] = 0, 1
    x = logit(scores.clip(1e-6, 1 - 1e-6))
    targets = np.where(labels == 1, (labels.sum() + 1) / (labels.sum() + 2), 1 / (n - labels.sum() + 2))
    fitted = sm.GLM(targets, sm.add_constant(x), family=sm.families.Binomial()).fit(tol=1e-12)
    found = Platt.fit(labels, scores)
    expected = fitted.params if fitted.params[1] > 0 else (logit(targets.mean()), 0.0)
    np.testing.assert_allclose((found.intercept, found.slope), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("counts", "at"),
    [((3, 146, 1), (-2.5, -1.8, 4.4)), ((107, 4, 1), (-1.0, -3.7, -0.4)), ((5, 97, 3), (1.3, 1.5, 4.1))],
)
def test_platt_finds_the_maximum_where_whole_steps_of_newton_do_not(counts: tuple[int, ...], at: tuple[float, ...]):
    labels = np.repeat([0, 0, 1] if counts[0] > 100 else [0, 1, 1], counts)
    x = np.repeat(at, counts)
    found = Platt.fit(labels, expit(x))
    targets = np.where(labels == 1, (labels.sum() + 1) / (labels.sum() + 2), 1 / ((1 - labels).sum() + 2))
    excess = expit(found.slope * x + found.intercept) - targets
    # at the maximum of the likelihood both derivatives are 0
    assert (excess.sum(), excess @ x) == pytest.approx((0, 0), abs=1e-6)
    assert found.slope > 0


def test_recalibration_on_other_patients_restores_the_slope(extreme: tuple):
    labels, scores = extreme
    calibrated = cross_fitted(labels, scores, np.arange(4000) % 10)
    assert slope(labels, scores).high < 0.3
    after = slope(labels, calibrated)
    assert after.low < 1 < after.high


def test_no_patient_influences_the_own_recalibration(extreme: tuple):
    labels, scores = (values[:60] for values in extreme)
    folds = np.arange(60) % 3
    turned = np.where(folds == 1, 1 - labels, labels)
    before, after = cross_fitted(labels, scores, folds), cross_fitted(turned, scores, folds)
    np.testing.assert_array_equal(before[folds == 1], after[folds == 1])
    assert not np.array_equal(before[folds == 0], after[folds == 0])


@pytest.mark.parametrize("spread", [1e-15, 1e-12, 1e-9, 1e-7])
def test_probabilities_that_hardly_differ_are_recalibrated_to_finite_ones(spread: float):
    generator = np.random.default_rng(0)
    for _ in range(20):
        labels, scores = np.arange(50) % 2, 0.8 + spread * generator.normal(size=50)
        calibrated = Platt.fit(labels, scores).of(scores)
        assert calibrated.mean() == pytest.approx(0.5, abs=0.02)


def test_separated_classes_give_a_finite_slope():
    found = Platt.fit(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]))
    assert 0 < found.slope < 100
    assert 0.5 < found.of(np.array([0.8]))[0] < 1


def test_probabilities_that_fall_with_the_class_become_the_share_of_large_cores():
    labels, scores = np.array([1, 1, 0, 0, 0, 0]), np.array([0.1, 0.2, 0.7, 0.8, 0.9, 0.6])
    found = Platt.fit(labels, scores)
    assert found.slope == 0
    assert found.of(scores) == pytest.approx((2 * 3 / 4 + 4 / 6) / 6)


@pytest.mark.parametrize("labels", [[], [1, 1]])
def test_one_class_allows_no_recalibration(labels: list[int]):
    given = np.array(labels, int), np.full(len(labels), 0.5)
    assert Platt.fit(*given) is None


def test_a_fold_whose_others_are_of_one_class_allows_none():
    assert cross_fitted(np.array([0, 0, 1]), np.array([0.1, 0.2, 0.9]), np.array([0, 0, 1])) is None


def test_equal_probabilities_become_the_share_of_large_cores():
    found = Platt.fit(np.array([1, 0, 0, 0]), np.full(4, 0.9))
    assert found.slope == 0
    assert found.of(np.array([0.1, 0.9])) == pytest.approx((2 / 3 + 3 / 5) / 4)
