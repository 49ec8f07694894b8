"""Simulated studies with retrained classifiers, whose true AUC is known: what inference is measured against.

Patients are normal features; both classes have the same identity covariance. A model is Fisher's linear discriminant
of some features, trained anew in every fold of a cross-validation with 8:1:1 parts. Its true AUC follows from its
coefficients, so that no part of the truth is estimated.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

N_FOLDS = 10
TEST_TO_TRAIN = 1 / (N_FOLDS - 2)
"""Test patients per training patient of a fold; one more fold validates."""


@dataclass(frozen=True)
class RetrainedModel:
    """One model in many simulated studies."""

    coefficients: Float[np.ndarray, "study fold feature"]
    offset: Float[np.ndarray, "study fold"]
    scores: Float[np.ndarray, "study patient"]
    """Score of every patient by the model of the patient's test fold."""
    validation_scores: Float[np.ndarray, "study patient"]
    """Score of every patient by the model of the fold that the patient validates."""
    true_auc: Float[np.ndarray, "study fold"]
    """Of each fold's model, for new patients."""


@dataclass(frozen=True)
class Population:
    """How far the classes are apart, in a simulated cohort of n patients with as many large as small cores."""

    n: int
    distance: float
    """Between the classes' means [standard deviations]."""
    n_features: int = 10
    """Of a model. With many, other training patients make another model."""

    @classmethod
    def with_auc(cls, n: int, auc: float, generator: np.random.Generator, n_features: int = 10) -> "Population":
        """The population in which models of n patients have this mean AUC."""
        if auc == 0.5:
            return cls(n, 0.0, n_features)
        state = generator.bit_generator.state

        def excess(distance: float) -> float:
            generator.bit_generator.state = state  # the same draws at every distance
            population = cls(n, distance, n_features)
            return float(population.trained(population.drawn(100, generator)).true_auc.mean()) - auc

        return cls(n, float(brentq(excess, 0.2, 4.0, xtol=1e-3)), n_features)

    def of_size(self, n: int) -> "Population":
        """A cohort of n patients from the same population."""
        return replace(self, n=n)

    @cached_property
    def labels(self) -> Int[np.ndarray, " patient"]:
        """Class of every patient, 1 for a large core."""
        return np.arange(self.n) % 2

    @cached_property
    def folds(self) -> Int[np.ndarray, " patient"]:
        """Test fold of every patient, stratified by class."""
        return np.arange(self.n) // 2 % N_FOLDS

    def drawn(self, n_studies: int, generator: np.random.Generator) -> Float[np.ndarray, "study patient feature"]:
        """Features of the patients of many studies; all features carry the same information."""
        shift = self.distance / np.sqrt(self.n_features) * self.labels
        return generator.standard_normal((n_studies, self.n, self.n_features)) + shift[:, None]

    def trained(self, features: Float[np.ndarray, "study patient feature"]) -> RetrainedModel:
        """Train a model in every fold of every study, and score the fold's patients."""
        n_studies = len(features)
        coefficients = np.empty((n_studies, N_FOLDS, self.n_features))
        offset = np.empty((n_studies, N_FOLDS))
        scores, validation_scores = np.empty((2, n_studies, self.n))
        for fold in range(N_FOLDS):
            test, validation = self.folds == fold, self.folds == (fold + 1) % N_FOLDS
            training = ~(test | validation)
            w, b = _discriminant(features[:, training], self.labels[training])
            coefficients[:, fold], offset[:, fold] = w, b
            scores[:, test] = _score(features[:, test], w, b)
            validation_scores[:, validation] = _score(features[:, validation], w, b)
        along = coefficients.sum(axis=-1) * self.distance / np.sqrt(self.n_features)
        true_auc = norm.cdf(along / np.linalg.norm(coefficients, axis=-1) / np.sqrt(2))
        return RetrainedModel(coefficients, offset, scores, validation_scores, true_auc)


def member_probabilities(
    features: Float[np.ndarray, "patient feature"],
    coefficients: Float[np.ndarray, "fold feature"],
    offset: Float[np.ndarray, " fold"],
) -> Float[np.ndarray, "fold patient"]:
    """Probabilities of new patients by the model of every fold of one study."""
    return expit(coefficients @ features.T + offset[:, None])


def _discriminant(
    features: Float[np.ndarray, "study patient feature"], labels: Int[np.ndarray, " patient"]
) -> tuple[Float[np.ndarray, "study feature"], Float[np.ndarray, " study"]]:
    """Fisher's linear discriminant of many studies: coefficients and offset of the log odds."""
    classes = [features[:, labels == value] for value in (0, 1)]
    means = [members.mean(axis=1) for members in classes]
    centred = np.concatenate([m - mean[:, None] for m, mean in zip(classes, means, strict=True)], axis=1)
    covariance = np.einsum("spf,spg->sfg", centred, centred) / (centred.shape[1] - 2)
    w = np.linalg.solve(covariance, (means[1] - means[0])[..., None])[..., 0]
    return w, -np.einsum("sf,sf->s", w, (means[0] + means[1]) / 2)


def _score(
    features: Float[np.ndarray, "study patient feature"],
    w: Float[np.ndarray, "study feature"],
    b: Float[np.ndarray, " study"],
) -> Float[np.ndarray, "study patient"]:
    return expit(np.einsum("spf,sf->sp", features, w) + b[:, None])
