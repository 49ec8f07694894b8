"""How much of the bolus' passage lies beyond the end of a scan."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Truncation:
    """Seconds by which a scan ends before the first pass has left; 0 where it shows all of it.

    A first pass has left when its extrapolated curve has fallen to a tenth of its peak.
    """

    artery_s: float
    vein_s: float | None
    """None without a vein."""
    tissue_s: float
    """Of the mean over all tissue."""
    late_tissue_s: float | None
    """Of the mean over hypoperfused tissue, Tmax above 6 s; None without any."""
    unseen_share: float
    """Share of the area under hypoperfused tissue's curves, or all tissue's without any, that the scan does not show:
    by so much would CBV be too low without a correction."""
