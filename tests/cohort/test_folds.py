from collections import Counter

import numpy as np
import pytest

from stroke_ctp.cohort.fold_settings import FoldSettings
from stroke_ctp.cohort.folds import Split, split
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import validated


def _labels(small: int, large: int) -> np.ndarray:
    return np.random.default_rng(3).permutation(np.repeat([0, 1], [small, large]))


def _all(labels: np.ndarray, n: int = 10, seed: int = 0) -> list[Split]:
    return [split(labels, fold, FoldSettings(n, seed)) for fold in range(n)]


@pytest.mark.parametrize(("small", "large", "n"), [(109, 108, 10), (50, 50, 10), (31, 12, 3), (10, 10, 10)])
def test_every_patient_is_tested_exactly_once_and_validated_exactly_once(small: int, large: int, n: int):
    folds = _all(_labels(small, large), n)
    for part in ("test", "validation"):
        counts = Counter(int(row) for fold in folds for row in getattr(fold, part))
        assert counts == dict.fromkeys(range(small + large), 1)


def test_the_three_parts_of_a_fold_are_disjoint_and_cover_the_cohort():
    for fold in _all(_labels(109, 108)):
        rows = [*fold.train, *fold.validation, *fold.test]
        assert sorted(rows) == list(range(217))


def test_parts_are_eight_to_one_to_one():
    for fold in _all(_labels(50, 50)):
        assert (fold.train.size, fold.validation.size, fold.test.size) == (80, 10, 10)
    for fold in _all(_labels(109, 108)):
        assert 173 <= fold.train.size <= 175
        assert fold.validation.size in (21, 22)
        assert fold.test.size in (21, 22)


@pytest.mark.parametrize(("small", "large", "n"), [(109, 108, 10), (73, 31, 10), (20, 11, 3)])
def test_each_class_is_spread_over_the_folds_within_one_patient(small: int, large: int, n: int):
    labels = _labels(small, large)
    for part in ("test", "validation"):
        of_large = [int(labels[getattr(fold, part)].sum()) for fold in _all(labels, n)]
        of_small = [int((1 - labels[getattr(fold, part)]).sum()) for fold in _all(labels, n)]
        assert max(of_large) - min(of_large) <= 1
        assert max(of_small) - min(of_small) <= 1


def test_the_validation_fold_is_the_test_fold_of_the_next_fold():
    folds = _all(_labels(30, 40))
    for k, fold in enumerate(folds):
        np.testing.assert_array_equal(fold.validation, folds[(k + 1) % 10].test)


def test_the_same_seed_gives_the_same_folds_and_another_seed_others():
    labels = _labels(50, 50)
    first, again, other = _all(labels), _all(labels), _all(labels, seed=1)
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.train, same.train)
        np.testing.assert_array_equal(one.test, same.test)
    assert any(set(one.test) != set(two.test) for one, two in zip(first, other, strict=True))


def test_patients_are_shuffled_before_the_split():
    first = split(_labels(50, 50), 0, FoldSettings()).test
    assert np.ptp(first) > 20  # without a shuffle the first fold would be the first rows


@pytest.mark.parametrize("fold", [-1, 10, 99])
def test_a_fold_outside_the_range_is_refused_with_the_range(fold: int):
    with pytest.raises(UserError, match=rf"fold must be 0 to 9 \(folds\.n=10\), got {fold}$"):
        split(_labels(50, 50), fold, FoldSettings())


@pytest.mark.parametrize("n", [2, 1, 0, -3])
def test_fewer_than_three_folds_are_refused(n: int):
    with pytest.raises(UserError, match=rf"^n must be a whole number ≥ 3 and ≤ 1000, got {n}$"):
        validated(FoldSettings, {"n": n})


@pytest.mark.parametrize(("small", "large"), [(50, 9), (9, 50), (40, 0)])
def test_a_class_with_fewer_patients_than_folds_is_refused_with_the_way_out(small: int, large: int):
    with pytest.raises(UserError, match=rf"needs ≥ 10 patients of each class, got {min(small, large)}; choose a sm"):
        split(_labels(small, large), 0, FoldSettings())


def test_a_subset_trains_the_same_share_of_both_classes_and_leaves_validation_and_test_as_they_are():
    labels = _labels(60, 40)
    whole, half = (split(labels, 2, FoldSettings(subset=share)) for share in (1.0, 0.5))
    assert [int((labels[part.train] == 1).sum()) for part in (whole, half)] == [32, 16]
    assert half.train.size == whole.train.size / 2
    for part in ("validation", "test"):
        np.testing.assert_array_equal(getattr(half, part), getattr(whole, part))


def test_a_larger_subset_contains_a_smaller_one():
    quarter, half, whole = (split(_labels(60, 40), 0, FoldSettings(subset=share)).train for share in (0.25, 0.5, 1.0))
    assert set(quarter) < set(half) < set(whole)


def test_a_subset_of_two_patients_of_a_class_is_enough():
    labels = _labels(60, 20)
    train = split(labels, 0, FoldSettings(subset=0.125)).train
    assert np.bincount(labels[train]).tolist() == [6, 2]


@pytest.mark.parametrize(("name", "value"), [("seed", -1), ("subset", 0.0), ("subset", 1.01)])
def test_a_negative_seed_and_a_share_outside_of_0_to_1_are_refused(name: str, value: float):
    with pytest.raises(UserError, match=rf"^{name} must be .+, got {value}$"):
        validated(FoldSettings, {name: value})


def test_a_subset_without_two_patients_of_a_class_is_refused():
    with pytest.raises(UserError, match=r"folds.subset=0.1 must leave ≥ 2 training patients of each class, got 1"):
        split(_labels(60, 12), 0, FoldSettings(subset=0.1))


def test_ten_folds_that_train_on_all_their_patients_are_the_default():
    assert FoldSettings() == FoldSettings(n=10, seed=0, subset=1.0)


@pytest.mark.parametrize("subset", [1.0, 0.5])
def test_rows_of_every_part_ascend(subset: float):
    fold = split(_labels(60, 40), 3, FoldSettings(subset=subset))
    for rows in (fold.train, fold.validation, fold.test):
        assert (np.diff(rows) > 0).all()


def test_whole_folds_need_one_training_patient_of_each_class_only():
    labels = _labels(9, 3)
    for fold in _all(labels, 3):
        assert np.bincount(labels[fold.train]).tolist() == [3, 1]
