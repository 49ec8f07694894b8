"""The article's network with the weights of one fold: it scores patients."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from stroke_ctp.cohort.frames import load_series
from stroke_ctp.cohort.patients import Patients
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.model.cached_features import TrainingFeatures
from stroke_ctp.model.core_network import CoreNetwork
from stroke_ctp.model.encoder import encoder_autocast

if TYPE_CHECKING:
    from stroke_ctp.model.article import ArticleModel


@dataclass(frozen=True)
class ArticleEvidence:
    """What the networks of all folds read of some patients."""

    patients: Patients
    features: Float[np.ndarray, "patient level time feature"] | None
    """None on the direct route."""


@dataclass(frozen=True)
class FittedArticle:
    """The article's network with the weights of one fold."""

    model: "ArticleModel"
    core_network: CoreNetwork
    epochs: int
    best_epoch: int
    """Epoch of the lowest validation loss, from 0; its weights are used."""
    trained_on: TrainingFeatures | None
    """The training cohort's feature cache; None on the direct route."""

    def score(self, patients: Patients, rows: Int[np.ndarray, " row"] | None = None) -> Float[np.ndarray, " row"]:
        """Probability of a large core; see `protocol.FittedModel`."""
        return self.score_evidence(self.model.evidence(patients), rows)

    @torch.inference_mode()
    def score_evidence(
        self, evidence: ArticleEvidence, rows: Int[np.ndarray, " row"] | None = None
    ) -> Float[np.ndarray, " row"]:
        """The same from features.

        Patients are scored one by one: a probability does not depend on who else is scored.
        """
        self.core_network.to(self.model.device).eval()
        with self.model.threads():
            scored = range(len(evidence.patients)) if rows is None else rows.tolist()
            logits = [self.core_network(self._features(evidence, row)).item() for row in scored]
        return torch.sigmoid(torch.tensor(logits)).double().numpy()

    def _features(self, evidence: ArticleEvidence, row: int) -> Float[Tensor, "1 level time feature"]:
        device, precision = self.model.device, self.model.settings.trainer.precision
        if evidence.features is not None:
            return torch.from_numpy(evidence.features[[row]]).to(device)
        hu = load_series(evidence.patients, [row]).to(device)
        frames = self.model.pipeline(self.core_network.input_standardization)(hu)
        with encoder_autocast(device, precision):
            return self.core_network.encoder(frames)

    def fitted_weights(self) -> dict[str, Tensor]:
        """The network's, with those of a backbone that was trained."""
        return self.core_network.weights()

    def known_evidence(self, cohort: Cohort) -> ArticleEvidence | None:
        """Features in the cache, if they are still there."""
        cache = self.model.cache(cohort)
        return self.model.evidence(cohort) if cache is not None and cache.holds(1) else None

    def anonymous_record(self) -> dict[str, Any]:
        """The record: it holds nothing of single patients."""
        return self.record()

    def record(self) -> dict[str, Any]:
        """Epochs, feature cache, and a digest of the fitted feature statistics."""
        statistics = self.core_network.feature_standardization
        return {
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "feature_cache": self.trained_on.name if self.trained_on else None,
            "features": self.trained_on.sha256 if self.trained_on else None,
            "feature_statistics": None if statistics is None else statistics.digest(),
        }
