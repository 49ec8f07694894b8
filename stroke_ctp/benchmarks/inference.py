"""`python -m stroke_ctp.benchmarks.inference`: what intervals and tests of AUCs hold, with retrained classifiers.

Prints the tables of `docs/inference.md` about intervals and tests. Two models of different, equally informative
features are trained in every fold of many simulated studies; the truth about each is known.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from stroke_ctp.benchmarks.retrained_classifiers import (
    N_FOLDS,
    TEST_TO_TRAIN,
    Population,
    RetrainedModel,
    member_probabilities,
)
from stroke_ctp.statistics.delong import auc_estimate, compare, delong, difference
from stroke_ctp.statistics.fold_means import mean_auc, mean_over_folds
from stroke_ctp.statistics.interval_estimates import AucDifference, Estimate
from stroke_ctp.statistics.labels import Scores
from stroke_ctp.statistics.resampling import bootstrap_auc, bootstrap_difference

N_STUDIES, N_BOOTSTRAPPED = 1000, 250
"""Studies of every condition, and those of them in which the bootstrap, which takes longest, is examined."""
SIZES, AUCS = (80, 217), (0.5, 0.75)
EXTERNAL_SIZES = (23, 100)
"""The article's external cohort has 23 patients."""
_N_TRUTH = 8000
"""New patients that the true AUC of an ensemble is computed from."""

Study = tuple[list[Estimate], AucDifference]
"""AUCs of two models of one study, and their difference, by one method."""
Method = Callable[[Sequence[Scores], Population], Study]
"""How both are inferred from the scores of two models for the same patients."""
Methods = Mapping[str, Method]


@dataclass(frozen=True)
class Held:
    """What a method held in one condition."""

    method: str
    n: int
    auc: float
    n_studies: int
    coverage: float
    """Share of intervals of a model's AUC that contain the true one."""
    rejected: float
    """Share of studies in which the paired test rejects a hypothesis that is true."""

    @property
    def row(self) -> str:
        """A line of the table."""
        held = f"{self.n_studies} | {self.coverage:.1%} | {self.rejected:.1%}"
        return f"| {self.method} | {self.n} | {self.auc:g} | {held} |"


def cross_validated(
    n: int, auc: float, n_studies: int, generator: np.random.Generator, methods: Methods | None = None
) -> list[Held]:
    """Inference about the mean AUC of models of n patients; the two models are equally good on average.

    Args:
        n: Patients of the cohort.
        auc: True mean AUC of both models.
        n_studies: How many studies are simulated.
        generator: Draws the patients.
        methods: Of inference, by name; by default those of the report.
    """
    population = Population.with_auc(n, auc, generator)
    models = [population.trained(population.drawn(n_studies, generator)) for _ in range(2)]
    truth = np.full((n_studies, 2), np.mean([model.true_auc.mean() for model in models]))
    scores = list(zip(*(model.scores for model in models), strict=True))
    held = []
    for name, method in (methods or CROSS_VALIDATED).items():
        studies = [method(pair, population) for pair in scores[: _number(method)]]
        rejected = np.mean([_finds_difference(one) for one in studies])
        held.append(Held(name, n, auc, len(studies), _covered(studies, truth), float(rejected)))
    return held


def external(n: int, auc: float, n_studies: int, generator: np.random.Generator) -> list[Held]:
    """Inference about ensembles on n new patients, given the ensembles: their true AUCs and their true difference."""
    population = Population.with_auc(SIZES[-1], auc, generator)
    models = [population.trained(population.drawn(n_studies, generator)) for _ in range(2)]
    patients = population.of_size(n)
    drawn = [_on_new_patients(model, population, n, generator) for model in models]
    truth = np.stack([true for _, true in drawn], axis=1)
    scores = list(zip(*(scored for scored, _ in drawn), strict=True))
    held = []
    for name, method in EXTERNAL.items():
        studies = [method(pair, patients) for pair in scores[: _number(method)]]
        rejected = 1 - _difference_covered(studies, truth)
        held.append(Held(name, n, auc, len(studies), _covered(studies, truth), rejected))
    return held


def _number(method: Method) -> int | None:
    """In how many studies a method is examined; None for all."""
    return N_BOOTSTRAPPED if method is _by_bootstrap else None


def _on_new_patients(
    model: RetrainedModel, population: Population, n: int, generator: np.random.Generator
) -> tuple[Float[np.ndarray, "study patient"], Float[np.ndarray, " study"]]:
    """Scores of n new patients by the ensemble of every study, and the ensemble's true AUC."""
    patients, many = population.of_size(n), population.of_size(_N_TRUTH)
    known = many.drawn(1, generator)[0]
    scores, truth = [], []
    for coefficients, offset in zip(model.coefficients, model.offset, strict=True):
        scores.append(member_probabilities(patients.drawn(1, generator)[0], coefficients, offset).mean(axis=0))
        truth.append(delong(many.labels, member_probabilities(known, coefficients, offset).mean(axis=0)[None])[0][0])
    return np.stack(scores), np.array(truth)


def by_folds(pair: Sequence[Scores], population: Population) -> Study:
    """The corrected resampled t interval and test of the mean over folds."""
    aucs = [_fold_aucs(scores, population) for scores in pair]
    smaller = [int(population.labels[here].sum()) for here in _folds(population)]
    found = mean_over_folds([first - second for first, second in zip(*aucs, strict=True)], TEST_TO_TRAIN)
    estimates = [mean_auc(one, smaller, TEST_TO_TRAIN) for one in aucs]
    return estimates, AucDifference(found.interval(), found.p())


def by_delong(pair: Sequence[Scores], population: Population) -> Study:
    """DeLong's interval and test of all patients in one ROC curve."""
    labels = population.labels
    return [auc_estimate(labels, scores) for scores in pair], compare(labels, *pair)


def _by_delong_t(pair: Sequence[Scores], population: Population) -> Study:
    estimates, _ = by_delong(pair, population)
    found = difference(population.labels, *pair)
    return estimates, AucDifference(found.interval(), found.p())


def _by_bootstrap(pair: Sequence[Scores], population: Population) -> Study:
    ours, theirs = (bootstrap_auc(population.labels, scores) for scores in pair)
    return [ours.estimate, theirs.estimate], bootstrap_difference(ours, theirs)


def _fold_aucs(scores: Scores, population: Population) -> list[float]:
    folds = _folds(population)
    return [float(delong(population.labels[here], scores[here][None])[0][0]) for here in folds]


def _folds(population: Population) -> Iterator[Bool[np.ndarray, " patient"]]:
    return (population.folds == fold for fold in range(N_FOLDS))


def _covered(studies: Sequence[Study], truth: Float[np.ndarray, "study 2"]) -> float:
    return float(
        np.mean(
            [
                _holds(*one)
                for (both, _), true in zip(studies, truth, strict=False)
                for one in zip(both, true, strict=True)
            ]
        )
    )


def _difference_covered(studies: Sequence[Study], truth: Float[np.ndarray, "study 2"]) -> float:
    true = truth[:, 0] - truth[:, 1]
    return float(np.mean([_holds(found.difference, one) for (_, found), one in zip(studies, true, strict=False)]))


def _holds(estimate: Estimate, true: float) -> bool:
    """Whether the interval contains the truth; an interval that is missing does not."""
    return estimate.low is not None and estimate.high is not None and bool(estimate.low <= true <= estimate.high)


def _finds_difference(study: Study) -> bool:
    p = study[1].p.value
    return p is not None and p < 0.05


CROSS_VALIDATED: Methods = {
    "corrected resampled t, mean over folds": by_folds,
    "DeLong, pooled folds": by_delong,
    "bootstrap, pooled folds": _by_bootstrap,
}
EXTERNAL: Methods = {"DeLong, Student's t": _by_delong_t, "DeLong": by_delong, "bootstrap": _by_bootstrap}


def main(n_studies: int = N_STUDIES) -> None:
    """Simulate, and print the rows of test folds, then of external patients."""
    print("| method | patients | true AUC | studies | coverage | type I error |\n|---|---|---|---|---|---|")
    for simulate, sizes in ((cross_validated, SIZES), (external, EXTERNAL_SIZES)):
        for number, (n, auc) in enumerate((n, auc) for n in sizes for auc in AUCS):
            for held in simulate(n, auc, n_studies, np.random.default_rng(number)):
                print(held.row, flush=True)


if __name__ == "__main__":
    main()
