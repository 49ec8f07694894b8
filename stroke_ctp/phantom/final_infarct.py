"""What becomes of core and penumbra: the final infarct.

Spreads without a source of their own are set so that core and infarct agree as published for CT perfusion and the final
infarct: r about 0.45 (PubMed 36285452), ICC 0.4 to 0.8 (PubMed 37367404, PMC7181085).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from stroke_ctp.phantom.recruitment import LOG_SD, MEDIAN_ML

_CORE_COLLATERALS = -0.5
"""Correlation of collaterals with the logarithm of the core: cores were 37 ± 25 mL with good collaterals, 117 ± 70 mL
with poor ones (94 patients, PMC8003946)."""
_ONSET_TO_SCAN_H, _ONSET_LOG_SD = 2.5, 0.8
"""Median 148 min (Rotem et al., cited below); the spread is an assumption."""
_SCAN_TO_REPERFUSION_H, _REPERFUSION_LOG_SD = 1.5, 0.5
_RECANALIZED = 0.85
_NEVER_H = 24.0
"""Without recanalization, penumbra is lost during a day."""
_TEMPO_H, _TEMPO_LOG_SD, _TEMPO_COLLATERALS = 6.0, 1.5, 0.8
"""Time in which a penumbra is lost to 63 %: its median, its spread between patients, and the logarithm of what the best
collaterals make of it. Growth goes with collaterals and differs widely (Olivot et al., Stroke 2014;45:1018; Jiang et
al., Int J Stroke 2019;14:603)."""
_REVERSIBLE_UNTIL_H = 12.0
"""A core that is reperfused early partly survives, until half of this time as much of it as can: in 17 of 31 well
reperfused patients the core on CBV exceeded the infarct by more than 10 mL, mostly if scanned within 170 min of onset
(Rotem et al., J Stroke Cerebrovasc Dis 2020)."""
_SEGMENTATION_LOG_SD = 0.35
"""Oedema, atrophy and delineation (assumed)."""


@dataclass(frozen=True)
class Course:
    """Of one patient's stroke, from onset to the final infarct."""

    collaterals: float
    """From 0, worst, to 1, best; uniform over patients."""
    onset_to_scan_h: float
    onset_to_reperfusion_h: float
    """Infinite if the artery stays occluded."""
    tempo_h: float
    """Time in which 63 % of the penumbra is lost."""
    delineation: float
    """Segmented volume over that of the tissue lost."""
    reversal: float
    """Share of the core that survives at best."""

    @classmethod
    def draw(cls, core_ml: float, random: np.random.Generator) -> "Course":
        """The course of a stroke with this core at the time of the scan [mL]."""
        size = np.log(max(core_ml, 1e-3) / MEDIAN_ML) / LOG_SD
        score = _CORE_COLLATERALS * np.clip(size, -3, 3) + np.sqrt(1 - _CORE_COLLATERALS**2) * random.normal()
        collaterals = float(ndtr(score))
        onset = float(np.clip(_ONSET_TO_SCAN_H * np.exp(_ONSET_LOG_SD * random.normal()), 0.5, 24))
        later = float(_SCAN_TO_REPERFUSION_H * np.exp(_REPERFUSION_LOG_SD * random.normal()))
        tempo = _TEMPO_COLLATERALS * (2 * collaterals - 1) + _TEMPO_LOG_SD * random.normal()
        return cls(
            collaterals=collaterals,
            onset_to_scan_h=onset,
            onset_to_reperfusion_h=onset + later if random.random() < _RECANALIZED else np.inf,
            tempo_h=float(_TEMPO_H * np.exp(tempo)),
            delineation=float(np.exp(_SEGMENTATION_LOG_SD * random.normal())),
            reversal=float(random.uniform()),
        )

    def infarct_ml(self, core_ml: float, penumbra_ml: float) -> float:
        """Final infarct [mL]: the core, less what an early reperfusion saves, and the penumbra lost until then.

        At most all tissue that was hypoperfused.
        """
        growing = min(self.onset_to_reperfusion_h - self.onset_to_scan_h, _NEVER_H)
        early = np.clip(1 - self.onset_to_reperfusion_h / _REVERSIBLE_UNTIL_H, 0, 1)
        survives = 1 - self.reversal * min(2 * early, 1)
        lost = core_ml * survives + penumbra_ml * (1 - np.exp(-growing / self.tempo_h))
        return float(min(lost * self.delineation, core_ml + penumbra_ml))
