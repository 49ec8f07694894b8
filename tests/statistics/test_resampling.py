import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm
from sklearn.metrics import roc_auc_score, roc_curve

from stroke_ctp.statistics.delong import auc_estimate, compare
from stroke_ctp.statistics.interval_estimates import AucDifference, PValue
from stroke_ctp.statistics.resampling import (
    BootstrapAuc,
    aucs_of_samples,
    bootstrap_auc,
    bootstrap_difference,
    drawn_patients,
    p_of_permutations,
    permutation_p,
    roc_band,
)


@pytest.fixture(scope="module")
def patients() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As many as in the article, and two models of them with some ties."""
    generator = np.random.default_rng(0)
    labels = generator.permutation(np.arange(217) % 2)
    common = generator.normal(size=217) + labels
    good, poor = (np.round(norm.cdf(common * weight + generator.normal(size=217)), 2) for weight in (1.0, 0.4))
    return labels, good, poor


def _difference(labels: np.ndarray, scores: np.ndarray, others: np.ndarray) -> AucDifference:
    return bootstrap_difference(bootstrap_auc(labels, scores), bootstrap_auc(labels, others))


def test_every_bootstrap_sample_has_scikit_learns_auc_and_the_class_sizes_of_the_cohort(patients: tuple):
    labels, scores, _ = patients
    drawn = drawn_patients(labels, 50)
    aucs = aucs_of_samples(scores[drawn], int(labels.sum()))
    assert aucs == pytest.approx([roc_auc_score(labels[rows], scores[rows]) for rows in drawn], abs=1e-12)
    assert (labels[drawn].sum(axis=1) == labels.sum()).all()


def test_bootstrap_and_delong_agree_in_a_large_cohort(patients: tuple):
    labels, good, poor = patients
    for ours, theirs in (
        (bootstrap_auc(labels, good).estimate, auc_estimate(labels, good)),
        (_difference(labels, good, poor).difference, compare(labels, good, poor).difference),
    ):
        assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high), abs=0.015)


def test_bootstrap_p_is_delongs_for_different_models_and_1_for_the_same(patients: tuple):
    labels, good, poor = patients
    assert _difference(labels, good, poor).p.value == pytest.approx(compare(labels, good, poor).p.value, abs=0.01)
    assert _difference(labels, good, good).p.value == 1
    assert _difference(labels, good, good).difference.reason == "all samples agree"


def test_permuting_the_classes_of_one_fold_is_the_exact_rank_sum_test():
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0])
    scores = np.array([0.9, 0.8, 0.7, 0.35, 0.6, 0.5, 0.4, 0.3, 0.2])
    exact = mannwhitneyu(scores[labels == 1], scores[labels == 0], method="exact").pvalue
    assert permutation_p([(labels, scores)]).value == pytest.approx(exact, abs=0.006)
    assert permutation_p([(labels, -scores)]).value == pytest.approx(exact, abs=0.006)


def test_folds_of_one_class_are_left_out_of_the_permutation_test_and_none_at_all_gives_no_p():
    both, one = (np.array([1, 0]), np.array([0.9, 0.1])), (np.array([1, 1]), np.array([0.1, 0.2]))
    assert permutation_p([both, one]).value == permutation_p([one, both]).value == permutation_p([both]).value == 1
    assert permutation_p([one]) == PValue(None, "no small core")
    assert permutation_p([one, (1 - one[0], one[1])]) == PValue(None, "no fold has both classes")


def test_the_band_holds_the_curve_and_runs_from_corner_to_corner(patients: tuple):
    labels, scores, _ = patients
    grid = np.linspace(0, 1, 21)
    low, high = roc_band(labels, scores, grid)
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    observed = np.array([true_positive[false_positive <= rate + 1e-9].max() for rate in grid])
    assert (low <= observed + 1e-9).all()
    assert (observed <= high + 1e-9).all()
    assert (low[-1], high[-1]) == (1, 1)


def test_2000_samples_and_9999_permutations_are_drawn(patients: tuple):
    labels, scores, _ = patients
    assert len(bootstrap_auc(labels, scores).samples) == 2000
    assert permutation_p([(labels, labels.astype(float))]) == PValue(1 / 10_000)  # none of them is as far from chance


def test_resampling_of_one_class_has_a_reason_and_no_number():
    labels, scores = np.array([1, 1]), np.array([0.2, 0.8])
    assert bootstrap_auc(labels, scores).estimate.reason == "no small core"
    assert _difference(labels, scores, scores).p.value is None


def test_intervals_are_the_middle_95_percent_of_the_samples():
    found = BootstrapAuc(0.5, np.linspace(0, 1, 2001)).estimate
    assert (found.value, found.low, found.high) == (0.5, pytest.approx(0.025), pytest.approx(0.975))


def test_bootstrap_p_counts_samples_on_either_side_of_0_and_one_more():
    samples = np.repeat([-0.1, 0.0, 0.1], [2, 1, 36])
    ours, theirs = BootstrapAuc(0.7, samples), BootstrapAuc(0.6, np.zeros(39))
    assert bootstrap_difference(ours, theirs).p.value == pytest.approx(2 * (3 + 1) / (39 + 1))
    assert bootstrap_difference(theirs, ours).p.value == pytest.approx(2 * (3 + 1) / (39 + 1))


def test_p_is_the_share_of_permutations_as_far_from_chance_in_either_direction_with_the_observed_one():
    rounding, nearer = 1e-15, 1e-9
    permuted = np.array([0.5, 0.2 + rounding, 0.8 - rounding, 0.8 - nearer, 0.2 + nearer, 0.9])
    assert p_of_permutations(0.8, permuted) == PValue(4 / 7)


def test_without_folds_there_are_no_patients_to_permute():
    assert permutation_p([]) == PValue(None, "no patients")


def test_19_of_20_bootstrap_curves_lie_in_the_band_at_a_rate_and_a_perfect_model_has_none():
    labels = np.repeat([1, 0], [400, 20])
    scores = np.random.default_rng(2).normal(size=420) + labels
    low, high = roc_band(labels, scores, np.array([0.3, 0.95]))
    drawn = scores[drawn_patients(labels)]
    # false-positive rates 6 and 19 of 20: large cores above the seventh highest small one, and above the lowest
    rates = np.array([(sample[:400, None] > np.sort(sample[400:])[[-7, 0]]).mean(axis=0) for sample in drawn])
    assert np.stack([low, high]) == pytest.approx(np.quantile(rates, [0.025, 0.975], axis=0))
    low, high = roc_band(labels, labels.astype(float), np.array([0.0, 0.5, 1.0]))
    assert (low == 1).all()
    assert (high == 1).all()
