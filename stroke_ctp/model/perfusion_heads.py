"""From areas on predicted maps to the endpoint's probability and to a core volume, fitted on the patients of a fold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from stroke_ctp.common.errors import UserError

MEASUREMENTS = ("core", "hypoperfused", "low_cbv", "late")
"""Expected areas over both levels [cm²]: of core, of hypoperfused tissue, of its part with a CBV below 1.2 mL/100 mL,
and of late tissue; see `perfusion_measurements`."""
Measurements = Float[np.ndarray, "patient measurement"]
OneEach = Annotated[list[float], Field(min_length=len(MEASUREMENTS), max_length=len(MEASUREMENTS))]
"""A number for each of `MEASUREMENTS`."""
_PENALTY = 1.0
"""Ridge penalty of both regressions on standardized logarithms of areas."""
COVERAGE = 0.9
"""Share of patients whose volume the interval should hold."""


@dataclass(frozen=True)
class Scaling:
    """Standardized logarithms of areas; an area that is missing is replaced by the median of the fitted patients."""

    missing: OneEach
    """Median areas [cm²]."""
    mean: OneEach
    sd: OneEach

    @classmethod
    def fit(cls, areas: Measurements) -> "Scaling":
        """Fit to the training patients of a fold.

        Raises:
            UserError: No brain was found in any of them.
        """
        known = areas[np.isfinite(areas).all(axis=1)]
        if not len(known):
            raise UserError("no brain was found in any patient of the training folds; see the cohort's contact sheet")
        log_areas = np.log1p(known)
        sd = np.maximum(log_areas.std(axis=0), 1e-6)
        return cls(np.median(known, axis=0).tolist(), log_areas.mean(axis=0).tolist(), sd.tolist())

    def scaled(self, areas: Measurements) -> Measurements:
        """The regressions' input."""
        known = np.where(np.isfinite(areas), areas, self.missing)
        return (np.log1p(known) - self.mean) / self.sd


@dataclass(frozen=True)
class Line:
    """A linear function of standardized areas."""

    slopes: OneEach
    intercept: float

    def of(self, scaled: Measurements) -> Float[np.ndarray, " patient"]:
        """Its value for every patient."""
        return scaled @ np.array(self.slopes) + self.intercept


@dataclass(frozen=True)
class VolumeHead:
    """Logarithm of 1 + core volume [mL], with an interval."""

    line: Line
    margin: float
    """Half width of the interval: the `COVERAGE` quantile of the training patients' leave-one-out errors (the jackknife
    of Barber et al., Ann Stat 2021)."""

    @classmethod
    def fit(cls, scaled: Measurements, core_ml: Float[np.ndarray, " patient"]) -> "VolumeHead":
        """Fit to the training patients of a fold."""
        from sklearn.linear_model import Ridge

        target = np.log1p(core_ml)
        fitted = Ridge(alpha=_PENALTY).fit(scaled, target)
        centred = scaled - scaled.mean(axis=0)
        inverse = np.linalg.inv(centred.T @ centred + _PENALTY * np.eye(scaled.shape[1]))
        leverage = 1 / len(scaled) + np.einsum("ni,ij,nj->n", centred, inverse, centred)
        left_out = np.abs(target - fitted.predict(scaled)) / (1 - leverage)  # exact for a ridge regression
        level = min(1.0, COVERAGE * (1 + 1 / len(target)))
        return cls(Line(fitted.coef_.tolist(), float(fitted.intercept_)), float(np.quantile(left_out, level)))

    def volumes(self, scaled: Measurements) -> Float[np.ndarray, "patient 3"]:
        """Predicted volume, and lower and upper end of its interval [mL]."""
        centre = self.line.of(scaled)
        ends = np.stack([centre, centre - self.margin, centre + self.margin], axis=1)
        return np.maximum(np.expm1(ends), 0)


@dataclass(frozen=True)
class Heads:
    """What is fitted on one fold."""

    scaling: Scaling
    classification: Line
    """Logarithm of the odds of a large core."""
    volume: VolumeHead | None
    """None if core volumes are not known."""

    @classmethod
    def fit(
        cls,
        areas: Measurements,
        labels: Int[np.ndarray, " patient"],
        core_ml: Float[np.ndarray, " patient"] | None,
    ) -> "Heads":
        """Fit to the training patients of a fold.

        Args:
            areas: `MEASUREMENTS` of each; NaN where no brain was found.
            labels: Classes.
            core_ml: Core volumes [mL], if they are known.

        Raises:
            UserError: No brain was found.
        """
        from sklearn.linear_model import LogisticRegression  # slow to load, and only needed to fit

        scaling = Scaling.fit(areas)
        scaled = scaling.scaled(areas)
        fitted = LogisticRegression(C=1 / _PENALTY).fit(scaled, labels)
        line = Line(fitted.coef_[0].tolist(), float(fitted.intercept_[0]))
        return cls(scaling, line, None if core_ml is None else VolumeHead.fit(scaled, core_ml))

    def probability(self, areas: Measurements) -> Float[np.ndarray, " patient"]:
        """Probability of a large core."""
        return 1 / (1 + np.exp(-self.classification.of(self.scaling.scaled(areas))))

    def volumes(self, areas: Measurements) -> Float[np.ndarray, "patient 3"] | None:
        """Predicted volume and its interval [mL]; None if core volumes were not known."""
        return None if self.volume is None else self.volume.volumes(self.scaling.scaled(areas))

    def record(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Heads":
        """Heads from their record."""
        volume = record["volume"]
        return cls(
            Scaling(**record["scaling"]),
            Line(**record["classification"]),
            None if volume is None else VolumeHead(Line(**volume["line"]), volume["margin"]),
        )
