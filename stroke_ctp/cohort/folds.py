"""Cross-validation: training, validation and test patients of each fold."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from stroke_ctp.cohort.fold_settings import FoldSettings, check_fold
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.random_streams import Purpose, numpy_generator


@dataclass(frozen=True)
class Split:
    """Row numbers of a cohort's patients."""

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]
    test: Int[np.ndarray, " test"]


def split(labels: Int[np.ndarray, " patient"], fold: int, folds: FoldSettings) -> Split:
    """Patients of one fold, 8:1:1 at ten folds, stratified by class.

    Part k is the test set of fold k and the validation set of fold k − 1 (modulo n), so that over all folds
    every patient is tested exactly once and validated exactly once. A cohort has one row per patient, whatever
    the number of scans, so no patient is in two parts.

    Args:
        labels: Class of each patient.
        fold: Which fold, 0 to n − 1.
        folds: Number of folds, seed of the shuffle before the split, and share of the training patients.

    Raises:
        UserError: No such fold, or too few patients of a class to give every fold one.
    """
    from sklearn.model_selection import StratifiedKFold  # takes a second; predictions split nobody

    n = folds.n
    check_fold(fold, n)
    rarest = int(np.bincount(labels, minlength=2).min())
    if rarest < n:
        raise UserError(f"folds.n={n} needs ≥ {n} patients of each class, got {rarest}; choose a smaller folds.n")
    stratified = StratifiedKFold(n, shuffle=True, random_state=folds.seed)
    parts = [part for _, part in stratified.split(labels, labels)]
    rest = [k for k in range(n) if k not in (fold, (fold + 1) % n)]
    train = np.sort(np.concatenate([parts[k] for k in rest]))
    return Split(
        train=train if folds.subset == 1 else _subset(train, labels, fold, folds),
        validation=parts[(fold + 1) % n],
        test=parts[fold],
    )


def _subset(
    train: Int[np.ndarray, " train"], labels: Int[np.ndarray, " patient"], fold: int, folds: FoldSettings
) -> Int[np.ndarray, " some"]:
    """Part of the training patients, the same share of both classes; a larger subset contains a smaller one.

    Raises:
        UserError: A class would have fewer than two patients.
    """
    shuffled = numpy_generator(folds.seed, Purpose.SUBSET, fold).permutation(train)
    classes = [shuffled[labels[shuffled] == value] for value in (0, 1)]
    sizes = [round(folds.subset * len(members)) for members in classes]
    if min(sizes) < 2:
        raise UserError(
            f"folds.subset={folds.subset:g} must leave ≥ 2 training patients of each class, got {min(sizes)}; "
            "choose a larger folds.subset"
        )
    return np.sort(np.concatenate([members[:size] for members, size in zip(classes, sizes, strict=True)]))
