"""Correction of p-values for multiple comparisons."""

from collections.abc import Sequence

from statsmodels.stats.multitest import multipletests

from stroke_ctp.statistics.interval_estimates import PValue


def holm(family: Sequence[PValue]) -> list[PValue]:
    """Correct a family of p-values (S. Holm, Scand. J. Stat. 1979, 6, 65).

    Undefined p-values stay as they are and do not count as comparisons.
    """
    defined = [p.value for p in family if p.value is not None]
    corrected = iter(multipletests(defined, method="holm")[1] if defined else [])
    return [p if p.value is None else PValue(float(next(corrected))) for p in family]
