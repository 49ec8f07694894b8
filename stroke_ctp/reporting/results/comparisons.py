"""Paired comparisons of AUCs, corrected for their number."""

from collections.abc import Sequence
from dataclasses import dataclass

from stroke_ctp.reporting.results.scored_patients import ScoredPatients, Split
from stroke_ctp.statistics.delong import compare
from stroke_ctp.statistics.interval_estimates import AucDifference, Estimate, PValue
from stroke_ctp.statistics.multiple_testing import holm
from stroke_ctp.statistics.resampling import bootstrap_difference

_REASON = "not the same patients or classes"
_UNPAIRED = AucDifference(Estimate(reason=_REASON), PValue(None, _REASON))


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
    """AUC of one model minus AUC of another on the same patients, by both paired methods."""

    model: str
    against: str
    split: Split
    n: int
    """Patients that both models have with the same class."""
    delong: AucDifference
    delong_holm: PValue
    """Holm's correction over all comparisons by this method."""
    bootstrap: AucDifference
    bootstrap_holm: PValue


def comparisons(pairs: Sequence[Pair]) -> tuple[Comparison, ...]:
    """Compare all pairs, and correct the p-values of each method over all pairs.

    Each method is a family of its own, because both answer the same questions.
    """
    delong, bootstrap = [_delong(pair) for pair in pairs], [_bootstrap(pair) for pair in pairs]
    delong_holm, bootstrap_holm = holm([each.p for each in delong]), holm([each.p for each in bootstrap])
    return tuple(
        Comparison(pair.model, pair.against, pair.ours.split, pair.n_shared, *by_delong, *by_bootstrap)
        for pair, by_delong, by_bootstrap in zip(
            pairs, zip(delong, delong_holm, strict=True), zip(bootstrap, bootstrap_holm, strict=True), strict=True
        )
    )


def _delong(pair: Pair) -> AucDifference:
    if not pair.is_paired:
        return _UNPAIRED
    return compare(pair.ours.labels, pair.ours.scores, pair.theirs.in_order_of(pair.ours).scores)


def _bootstrap(pair: Pair) -> AucDifference:
    if not pair.is_paired:
        return _UNPAIRED
    return bootstrap_difference(pair.ours.bootstrap, pair.theirs.in_order_of(pair.ours).bootstrap)
