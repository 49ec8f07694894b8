"""Against MLstatkit, an implementation by others, and against the definition of 1988."""

import numpy as np
import pytest
from MLstatkit import Delong_test
from scipy.stats import binomtest, norm, rankdata, t
from sklearn.metrics import roc_auc_score

from stroke_ctp.statistics.delong import (
    auc_estimate,
    compare,
    delong,
    difference,
    logit_interval,
    perfect_auc,
    variance,
)


def _data(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two correlated models of patients of both classes, with many ties in every other data set."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(8, 120))
    labels = np.zeros(n, dtype=int)
    labels[: generator.integers(3, n - 3)] = 1
    generator.shuffle(labels)
    common = labels * generator.uniform(0, 2) + generator.normal(size=n)
    scores = norm.cdf(common + generator.normal(size=(2, n)))
    return (labels, *(np.round(scores, 1) if seed % 2 else scores))


@pytest.fixture(scope="module")
def published() -> list[tuple[tuple[np.ndarray, np.ndarray, np.ndarray], tuple]]:
    """A thousand data sets, and what MLstatkit says of each; its interval narrow enough not to be cut off at 0 or 1."""
    data = [_data(seed) for seed in range(1000)]
    return [(one, Delong_test(*one, alpha=1e-4, n_boot=2)) for one in data]


def test_variances_are_those_of_a_published_implementation(published: list):
    half = norm.ppf(0.5 + 0.5e-4)
    for (labels, first, second), result in published:
        aucs, components = delong(labels, np.stack([first, second]))
        ours = variance(components, int(labels.sum()))
        theirs = [((high - low) / 2 / half) ** 2 for low, high in result[2:4]]
        assert aucs == pytest.approx(result[4:6], abs=1e-12)
        assert ours == pytest.approx(theirs, abs=1e-6)


def test_paired_p_values_are_those_of_a_published_implementation(published: list):
    n_tested = 0
    for data, result in published:
        if result[6]["method"] == "delong":
            comparison = compare(*data)
            assert comparison.p.value == pytest.approx(result[1], abs=1e-6)
            assert comparison.difference.value == pytest.approx(result[4] - result[5], abs=1e-12)
            n_tested += 1
    assert n_tested > 990


def test_variance_is_the_definition_of_1988_in_double_precision():
    for seed in range(20):
        labels, scores, _ = _data(seed)
        large, small = scores[labels == 1], scores[labels == 0]
        pairs = (large[:, None] > small) + (large[:, None] == small) / 2
        expected = pairs.mean(axis=1).var(ddof=1) / len(large) + pairs.mean(axis=0).var(ddof=1) / len(small)
        (auc,), components = delong(labels, scores[None])
        assert auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-14)
        assert components[0] == pytest.approx(np.concatenate([pairs.mean(axis=1), pairs.mean(axis=0)]), abs=1e-14)
        assert variance(components, len(large)) == pytest.approx([expected], rel=1e-12)
        odds = np.log(auc / (1 - auc)) + norm.ppf([0.025, 0.975]) * expected**0.5 / (auc * (1 - auc))
        estimate = auc_estimate(labels, scores)
        assert (estimate.low, estimate.high) == pytest.approx(tuple(1 / (1 + np.exp(-odds))))


def _coverage(n: int, repetitions: int, auc: float) -> float:
    """How often the interval holds the true AUC of two normal distributions."""
    generator = np.random.default_rng(1)
    n_large = n // 2
    labels = np.arange(n) < n_large
    scores = generator.normal(size=(repetitions, n)) + labels * norm.ppf(auc) * 2**0.5
    aucs, components = delong(labels.astype(int), scores)
    sds = np.sqrt(variance(components, n_large))
    defined = (aucs > 0) & (aucs < 1)
    intervals = [logit_interval(*one) for one in zip(aucs[defined], sds[defined], strict=True)]
    return float(np.mean([low <= auc <= high for low, high in intervals]))


def test_the_interval_covers_the_articles_auc_in_95_of_100_cohorts_of_217():
    assert 0.93 <= _coverage(217, 4000, 0.72) <= 0.97


def test_the_interval_covers_in_cohorts_of_23_too(record_property: pytest.FixtureRequest):
    coverage = _coverage(23, 4000, 0.72)
    record_property("coverage_n23", coverage)
    assert 0.93 <= coverage <= 0.98


@pytest.mark.parametrize(
    ("labels", "reason"),
    [([], "no patients"), ([1], "no small core"), ([0, 0], "no large core"), ([0, 1], "fewer than two")],
)
def test_what_the_patients_do_not_define_has_a_reason_and_no_number(labels: list[int], reason: str):
    scores = np.linspace(1, 0, len(labels))
    estimate, comparison = auc_estimate(np.array(labels, int), scores), compare(np.array(labels, int), scores, scores)
    assert reason in estimate.reason
    assert reason in comparison.difference.reason
    assert (estimate.low, comparison.p.value) == (None, None)


@pytest.mark.parametrize("labels", [[0, 1, 1, 1], [1, 0, 0, 0]])
def test_a_class_of_one_patient_has_an_auc_without_an_interval(labels: list[int]):
    estimate = auc_estimate(np.array(labels), np.array([0.4, 0.3, 0.5, 0.6]))
    assert estimate.value == pytest.approx(2 / 3 if labels[0] == 0 else 1 / 3)
    assert estimate.reason == "fewer than two patients of a class"


@pytest.mark.parametrize("labels", [[0, 0, 0, 1, 1], [0, 0, 1, 1, 1]])
def test_an_auc_of_1_has_clopper_and_pearsons_bound_for_the_disjoint_pairs(labels: list[int]):
    estimate = auc_estimate(np.array(labels), np.array([0.1, 0.2, 0.3, 0.8, 0.9]))
    expected = binomtest(2, 2).proportion_ci(method="exact").low
    assert (estimate.value, estimate.low, estimate.high) == (1, pytest.approx(expected), 1)


def test_a_model_whose_true_auc_is_the_bound_orders_all_pairs_in_less_than_25_of_1000_cohorts():
    generator = np.random.default_rng(0)
    bound = perfect_auc(8).low
    scores = generator.normal(size=(20_000, 16)) + (np.arange(16) < 8) * norm.ppf(bound) * 2**0.5
    perfect = scores[:, :8].min(axis=1) > scores[:, 8:].max(axis=1)
    assert 0 < perfect.mean() < 0.025


def test_a_perfect_model_against_one_that_is_always_wrong_does_not_order_the_pairs_alike():
    labels = np.array([0, 0, 1, 1])
    comparison = compare(labels, labels.astype(float), 1.0 - labels)
    assert comparison.difference.value == 1
    assert comparison.difference.reason == comparison.p.reason == "all patients have the same difference"


def test_a_model_does_not_differ_from_itself():
    labels, scores, _ = _data(0)
    comparison = compare(labels, scores, scores)
    assert (comparison.difference.value, comparison.p.value) == (0, None)
    assert comparison.difference.reason == "the models order all pairs alike"


def test_the_difference_has_students_t_distribution_where_delongs_published_test_is_normal():
    labels, scores, others = _data(0)
    found, published = difference(labels, scores, others), compare(labels, scores, others)
    assert found.p().value == pytest.approx(2 * t.sf(norm.isf(published.p.value / 2), len(labels) - 2))


def test_scores_of_any_monotonic_scale_give_the_same_interval():
    labels, scores, _ = _data(1)
    assert auc_estimate(labels, scores) == auc_estimate(labels, rankdata(scores))


def test_two_patients_of_a_class_are_enough_for_an_interval():
    estimate = auc_estimate(np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.5, 0.9]))
    assert (estimate.value, estimate.reason) == (pytest.approx(5 / 6), "")
    assert estimate.low < 5 / 6 < estimate.high


@pytest.mark.parametrize(("scores", "auc"), [([0.5, 0.5, 0.5, 0.5], 0.5), ([0.8, 0.9, 0.1, 0.2], 0)])
def test_an_auc_without_variance_has_no_interval(scores: list[float], auc: float):
    estimate = auc_estimate(np.array([0, 0, 1, 1]), np.array(scores))
    assert (estimate.value, estimate.low, estimate.reason) == (auc, None, "no variance")
