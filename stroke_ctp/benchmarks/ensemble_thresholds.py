"""`python -m stroke_ctp.benchmarks.ensemble_thresholds`: which calls of an ensemble keep the sensitivity aimed at.

Prints the last table of `docs/inference.md`: thresholds are chosen on the validation patients of a cross-validation
and applied to new patients, by single models and by their ensemble.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from stroke_ctp.benchmarks.retrained_classifiers import N_FOLDS, Population, member_probabilities
from stroke_ctp.statistics.labels import Labels, Scores
from stroke_ctp.statistics.operating_points import sensitive_threshold

N_STUDIES = 100
N_PATIENTS, AUC, AIMED = 80, 0.75, 0.9
N_FEATURES = (10, 40)
"""With more features, the members of an ensemble differ more."""
_N_NEW = 2000

Calls = Mapping[str, Bool[np.ndarray, "_ new"]]
"""Which new patients are called large, by method: by every single model, or by the ensemble."""


def achieved(n_features: int, n_studies: int, generator: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Sensitivity and share of false positives in new patients that every method achieves, on average."""
    population = Population.with_auc(N_PATIENTS, AUC, generator, n_features)
    model = population.trained(population.drawn(n_studies, generator))
    new = population.of_size(_N_NEW)
    patients, large = new.drawn(1, generator)[0], new.labels == 1
    rates: dict[str, list[tuple[float, float]]] = {}
    for scores, coefficients, offset in zip(model.validation_scores, model.coefficients, model.offset, strict=True):
        probabilities = member_probabilities(patients, coefficients, offset)
        for name, calls in _calls(population, scores, probabilities).items():
            rates.setdefault(name, []).append((calls[:, large].mean(), calls[:, ~large].mean()))
    return {name: tuple(np.mean(found, axis=0).tolist()) for name, found in rates.items()}


def _calls(population: Population, validation: Scores, probabilities: Float[np.ndarray, "fold new"]) -> Calls:
    """Calls of new patients by each method, from the validation scores of all folds."""
    labels = population.labels
    common = _threshold(labels, validation)
    validated = [population.folds == (fold + 1) % N_FOLDS for fold in range(N_FOLDS)]
    own = np.array([_threshold(labels[here], validation[here]) for here in validated])[:, None]
    return {
        "single models, threshold of all validation patients": probabilities > common,
        "single models, threshold of their own validation patients": probabilities > own,
        "mean of the members, threshold of all validation patients": (probabilities.mean(axis=0) > common)[None],
        "majority of the members, each at its own threshold": ((probabilities > own).mean(axis=0) > 0.5)[None],
        "majority of the members at the threshold of all": ((probabilities > common).mean(axis=0) > 0.5)[None],
    }


def _threshold(labels: Labels, scores: Scores) -> float:
    value = sensitive_threshold(labels, scores, AIMED).value
    assert value is not None, "every fold has both classes"
    return value


def main(n_studies: int = N_STUDIES) -> None:
    """Simulate, and print the table."""
    print("| calls | features | sensitivity | false positives |\n|---|---|---|---|")
    for n_features in N_FEATURES:
        found = achieved(n_features, n_studies, np.random.default_rng(n_features))
        for name, (sensitivity, false_positives) in found.items():
            print(f"| {name} | {n_features} | {sensitivity:.2f} | {false_positives:.2f} |", flush=True)


if __name__ == "__main__":
    main()
