"""Paired comparisons of AUCs, corrected for their number.

The primary method is that of the headline: over test folds the corrected resampled t test of the differences within
folds (after several seeds, of their means), on external patients DeLong's test. Both were chosen by simulation
(`stroke_ctp.benchmarks.inference`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stroke_ctp.reporting.results.scored_patients import ScoredPatients, Split
from stroke_ctp.statistics.delong import compare, difference
from stroke_ctp.statistics.fold_means import mean_over_folds
from stroke_ctp.statistics.interval_estimates import AucDifference, Estimate, PValue, TEstimate
from stroke_ctp.statistics.multiple_testing import holm
from stroke_ctp.statistics.resampling import bootstrap_difference

_ALPHA = 0.05
_REASON = "not the same patients or classes"
_UNPAIRED = AucDifference(Estimate(reason=_REASON), PValue(None, _REASON))


class Conclusion(StrEnum):
    """What a comparison shows about the first model, as seen from the other."""

    BETTER = "better"
    BETTER_WITHIN_MARGIN = "better, within the margin"
    WORSE = "worse"
    WORSE_WITHIN_MARGIN = "worse, within the margin"
    EQUIVALENT = "equivalent within the margin"
    NOT_INFERIOR = "not inferior"
    NOT_SUPERIOR = "not superior"
    UNDECIDED = "undecided"
    UNDEFINED = "undefined"


@dataclass(frozen=True)
class Pair:
    """Predictions of two models, whose AUCs are compared."""

    model: str
    against: str
    """The other model, or the other study that has the same model."""
    ours: ScoredPatients
    theirs: ScoredPatients

    @property
    def n_shared(self) -> int:
        """Number of patients that both models have with the same class."""
        ours, theirs = ({*zip(one.patients, one.labels.tolist(), strict=True)} for one in (self.ours, self.theirs))
        return len(ours & theirs)

    @property
    def is_paired(self) -> bool:
        """Whether both models have the same patients and classes."""
        return len(self.ours) == len(self.theirs) == self.n_shared


@dataclass(frozen=True)
class Comparison:
    """AUC of one model minus AUC of another on the same patients."""

    model: str
    against: str
    split: Split
    n: int
    """Patients that both models have with the same class."""
    primary: AucDifference
    """Over test folds: mean of the differences within folds; on external patients: by DeLong."""
    holm: PValue
    """The primary p-value after Holm's correction over all comparisons."""
    simultaneous: Estimate
    """Interval that, with those of all comparisons, contains all true differences with 95 % (Bonferroni)."""
    conclusion: Conclusion
    detectable: float | None
    """The smallest true difference that all comparisons together would show with a power of 80 %."""
    delong: AucDifference
    """All patients in one ROC curve."""
    bootstrap: AucDifference
    """Likewise."""


def comparisons(pairs: Sequence[Pair], margin: float) -> tuple[Comparison, ...]:
    """Compare all pairs, and correct the primary p-values and intervals for their number.

    Args:
        pairs: Models to compare.
        margin: Largest difference of the AUC that is regarded as irrelevant.
    """
    primary = [_primary(pair) for pair in pairs]
    p_values = [one.p() for one in primary]
    alpha = _ALPHA / max(1, sum(p.value is not None for p in p_values))
    return tuple(
        Comparison(
            pair.model,
            pair.against,
            pair.ours.split,
            pair.n_shared,
            AucDifference(found.interval(), p),
            corrected,
            found.interval(1 - alpha),
            conclusion(found.interval(1 - alpha), corrected, margin),
            found.detectable(alpha=alpha),
            _delong(pair),
            _bootstrap(pair),
        )
        for pair, found, p, corrected in zip(pairs, primary, p_values, holm(p_values), strict=True)
    )


def conclusion(interval: Estimate, p: PValue, margin: float) -> Conclusion:
    """What an interval of a difference and its p-value show."""
    value, low, high = interval.value, interval.low, interval.high
    if value is None or low is None or high is None or p.value is None:
        return Conclusion.UNDEFINED
    if p.value < _ALPHA and value > 0:
        return Conclusion.BETTER_WITHIN_MARGIN if high < margin else Conclusion.BETTER
    if p.value < _ALPHA:
        return Conclusion.WORSE_WITHIN_MARGIN if low > -margin else Conclusion.WORSE
    if low > -margin:
        return Conclusion.EQUIVALENT if high < margin else Conclusion.NOT_INFERIOR
    return Conclusion.NOT_SUPERIOR if high < margin else Conclusion.UNDECIDED


def _primary(pair: Pair) -> TEstimate:
    if not pair.is_paired:
        return TEstimate(None, reason=_REASON)
    ours, theirs = pair.ours, pair.theirs.in_order_of(pair.ours)
    if ours.test_to_train is None:
        return difference(ours.labels, ours.scores, theirs.scores)
    if ours.folds != theirs.folds:
        return TEstimate(None, reason="not the same folds")
    both = ((auc.value, theirs.fold_aucs[fold].value) for fold, auc in ours.fold_aucs.items())
    values = [first - second for first, second in both if first is not None and second is not None]
    return mean_over_folds(values, ours.test_to_train)


def _delong(pair: Pair) -> AucDifference:
    if not pair.is_paired:
        return _UNPAIRED
    return compare(pair.ours.labels, pair.ours.scores, pair.theirs.in_order_of(pair.ours).scores)


def _bootstrap(pair: Pair) -> AucDifference:
    if not pair.is_paired:
        return _UNPAIRED
    return bootstrap_difference(pair.ours.bootstrap, pair.theirs.in_order_of(pair.ours).bootstrap)
