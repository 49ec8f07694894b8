"""`python -m stroke_ctp.benchmarks.seed_inference`: what intervals and tests hold after trainings with several seeds.

Prints the table of `docs/inference.md` about several seeds. The classifiers of `retrained_classifiers` are trained in
every fold of many simulated studies; a seed adds noise to their coefficients, one half of it to all folds alike.
"""

from collections.abc import Callable, Mapping
from math import sqrt
from statistics import mean, stdev

import numpy as np
from jaxtyping import Float
from scipy.stats import norm

from stroke_ctp.benchmarks.inference import AUCS, N_STUDIES, SIZES, Held
from stroke_ctp.benchmarks.retrained_classifiers import N_FOLDS, TEST_TO_TRAIN, Population
from stroke_ctp.statistics.fold_means import mean_over_folds
from stroke_ctp.statistics.interval_estimates import TEstimate

N_SEEDS = 5
NOISE = 0.5
"""Length of the noise of a seed, relative to the coefficients."""

Values = Float[np.ndarray, "seed fold"]


def of_fold_means(values: Values) -> TEstimate:
    """The report's method: folds' means over seeds, as if they were folds of one training."""
    return mean_over_folds(values.mean(axis=0).tolist(), TEST_TO_TRAIN)


def of_all_values(values: Values) -> TEstimate:
    """Every seed and fold as a value of its own (R. R. Bouckaert and E. Frank, PAKDD 2004)."""
    every = values.ravel().tolist()
    error = stdev(every) * sqrt(1 / len(every) + TEST_TO_TRAIN)
    return TEstimate(mean(every), error, len(every) - 1)


METHODS: Mapping[str, Callable[[Values], TEstimate]] = {
    "folds' means over seeds": of_fold_means,
    "all seeds and folds": of_all_values,
}


def several_seeds(n: int, auc: float, n_studies: int, generator: np.random.Generator) -> list[Held]:
    """Inference about the mean AUC of models of n patients over seeds; two models are equally good on average.

    Args:
        n: Patients of the cohort.
        auc: Mean AUC of the models without the noise of seeds.
        n_studies: How many studies are simulated.
        generator: Draws patients and seeds.
    """
    population = Population.with_auc(n, auc, generator)
    models = [_aucs(population, n_studies, generator) for _ in range(2)]
    truth = float(np.mean([true for _, true in models]))
    (first, _), (second, _) = models
    held = []
    for name, method in METHODS.items():
        intervals = [method(values).interval(within=(0.0, 1.0)) for values in (*first, *second)]
        covered = [one.low is not None and one.high is not None and one.low <= truth <= one.high for one in intervals]
        p = [method(ours - theirs).p().value for ours, theirs in zip(first, second, strict=True)]
        rejected = [one is not None and one < 0.05 for one in p]
        held.append(Held(name, n, round(truth, 2), n_studies, float(np.mean(covered)), float(np.mean(rejected))))
    return held


def _aucs(
    population: Population, n_studies: int, generator: np.random.Generator
) -> tuple[Float[np.ndarray, "study seed fold"], float]:
    """AUC of every test fold with every seed, and the mean true AUC of these models."""
    features = population.drawn(n_studies, generator)
    coefficients = population.trained(features).coefficients
    noisy = coefficients[:, None] + _noise(coefficients, generator)
    along = noisy.sum(axis=-1) * population.distance / np.sqrt(population.n_features)
    true = norm.cdf(along / np.linalg.norm(noisy, axis=-1) / np.sqrt(2))
    found = np.empty((n_studies, N_SEEDS, N_FOLDS))
    for fold in range(N_FOLDS):
        test = population.folds == fold
        scores = np.einsum("ntf,nsf->nst", features[:, test], noisy[:, :, fold])
        small, large = (scores[:, :, population.labels[test] == value] for value in (0, 1))
        found[:, :, fold] = (large[..., None] > small[:, :, None]).mean(axis=(-1, -2))
    return found, float(true.mean())


def _noise(
    coefficients: Float[np.ndarray, "study fold feature"], generator: np.random.Generator
) -> Float[np.ndarray, "study seed fold feature"]:
    n_studies, _, n_features = coefficients.shape
    length = np.linalg.norm(coefficients, axis=-1).mean(axis=-1)[:, None, None, None]
    shared = generator.standard_normal((n_studies, N_SEEDS, 1, n_features))
    own = generator.standard_normal((n_studies, N_SEEDS, N_FOLDS, n_features))
    return NOISE * length * (shared + own) / np.sqrt(2 * n_features)


def main(n_studies: int = N_STUDIES) -> None:
    """Simulate, and print the table."""
    print("| method | patients | true AUC | studies | coverage | type I error |\n|---|---|---|---|---|---|")
    for number, (n, auc) in enumerate((n, auc) for n in SIZES for auc in AUCS):
        for held in several_seeds(n, auc, n_studies, np.random.default_rng(number)):
            print(held.row, flush=True)


if __name__ == "__main__":
    main()
