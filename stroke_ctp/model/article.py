"""The article's model: VGG19 features of every frame, and temporal convolutions over them.

On the route `bank` a cohort is encoded once per augmentation draw, into the feature cache; on the route `direct` every
batch is encoded.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from stroke_ctp import __version__
from stroke_ctp.cohort.frames import FramePipeline, frame_source, load_series
from stroke_ctp.cohort.patients import Patients
from stroke_ctp.cohort.standardization import build_standardization
from stroke_ctp.common.devices import device_of
from stroke_ctp.common.random_streams import Purpose, torch_seed
from stroke_ctp.model.cached_features import TrainingFeatures
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.core_network import CoreNetwork
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.explanation import Explanation
from stroke_ctp.model.feature_cache import Draws, FeatureCache, encoding_precision
from stroke_ctp.model.fitted_article import ArticleEvidence, FittedArticle
from stroke_ctp.model.protocol import Fold
from stroke_ctp.model.provenance import CarriedWeights, Provenance
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.model.temporal_network import TemporalNetwork
from stroke_ctp.model.torch_threads import torch_threads
from stroke_ctp.model.weights import pretrained_backbone, provenance_of


class ArticleModel:
    """The article's network as configured."""

    def __init__(self, settings: TrainSettings, carried: CarriedWeights | None = None) -> None:
        """Take the settings; nothing is loaded yet.

        Args:
            settings: Of the training.
            carried: The backbone's weights, instead of those that the settings name.
        """
        self.settings = settings
        self._weights: str | CarriedWeights = carried or settings.encoder.weights
        self.is_direct = settings.route == "direct"
        self.device = device_of(settings.trainer.accelerator)

    @property
    def name(self) -> str:
        """Name of the ablation."""
        return self.settings.model_name

    def encoder_provenance(self) -> Provenance:
        """Weights of the backbone."""
        return self._weights.provenance if isinstance(self._weights, CarriedWeights) else provenance_of(self._weights)

    def carried_weights(self) -> CarriedWeights:
        """The backbone."""
        backbone, provenance = pretrained_backbone(self._weights)
        return CarriedWeights(provenance, backbone.state_dict(), {})

    def identity(self) -> dict[str, Any]:
        """Pathways and backbone weights."""
        return {"pathways": list(self.settings.ablation.pathways), "encoder": asdict(self.encoder_provenance())}

    def check(self, patients: Patients) -> None:
        """Load the backbone's weights, and build trainer and logger, once.

        Raises:
            UserError: This machine or this installation lacks what the settings ask for.
        """
        from stroke_ctp.model.article_training import check_trainer  # loads Lightning

        self.encoder_provenance()
        check_trainer(self.settings)

    def fit(self, fold: Fold, files: TrainingFiles, runs_to_come: int | None = 0) -> FittedArticle:
        """Train until the validation loss has not fallen for `patience` epochs; take the weights of its minimum."""
        from stroke_ctp.model.article_training import fit_article

        return fit_article(self, fold, files, runs_to_come)

    def load(self, files: TrainingFiles, record: Mapping[str, Any]) -> FittedArticle:
        """A network trained before, with the weights of its best epoch."""
        network = self.core_network(0)
        network.load_checkpoint(files.best)
        return self._fitted(network, record)

    def restore(self, record: Mapping[str, Any], weights: Mapping[str, Tensor]) -> FittedArticle:
        """The same from memory."""
        network = self.core_network(0)
        network.load_weights(weights)
        return self._fitted(network, record)

    def _fitted(self, network: CoreNetwork, record: Mapping[str, Any]) -> FittedArticle:
        features = TrainingFeatures(record["feature_cache"], record["features"]) if record["feature_cache"] else None
        return FittedArticle(self, network, record["epochs"], record["best_epoch"], features)

    def evidence(self, patients: Patients) -> ArticleEvidence:
        """Features of patients; only their series on the direct route, where each fold has its own encoder."""
        return ArticleEvidence(patients, None if self.is_direct else self.features(patients)[0])

    def descriptors(self, evidence: ArticleEvidence) -> Float[np.ndarray, "patient descriptor"] | None:
        """Features, their mean over levels and time; None on the direct route."""
        return None if evidence.features is None else evidence.features.mean(axis=(1, 2), dtype=np.float64)

    def explain(self, patients: Patients, members: Sequence[FittedArticle]) -> Explanation | None:
        """Attributions over frames and places, see `attribution`; None on the direct route.

        There each member has an encoder of its own, and no time is spent on the explanation of ten.
        """
        if self.is_direct:
            return None
        from stroke_ctp.model.attribution import attributions, explained  # loads Captum

        pipeline = self.pipeline(build_standardization(self.settings.standardization, self.settings.input))
        frames = pipeline(load_series(patients, [0]).to(self.device))
        features, cells, shape = self._encoder().strongest(frames.to(self._precision))
        with self.threads():
            found = attributions([member.core_network.to(self.device).eval() for member in members], features)
        return explained(found, cells[0], shape)

    def core_network(self, fold: int) -> CoreNetwork:
        """The network before training, with an encoder on the direct route."""
        return CoreNetwork(**self.parts(fold))

    def parts(self, fold: int) -> dict[str, Any]:
        """Arguments of `CoreNetwork`: initial weights drawn from seed and fold, an encoder on the direct route."""
        settings = self.settings
        torch.manual_seed(torch_seed(settings.seed, Purpose.INITIAL_WEIGHTS, fold))
        return {
            "encoder": Encoder(self._weights, settings.encoder.trainable_blocks) if self.is_direct else nn.Identity(),
            "network": TemporalNetwork(settings.network, settings.ablation.pathways),
            "input_standardization": build_standardization(settings.standardization, settings.input),
            "standardize_features": settings.standardize_features,
        }

    def cache(self, patients: Patients) -> FeatureCache | None:
        """Where the features of a cohort are kept; None on the direct route, and for patients without a hash."""
        if self.is_direct or patients.hash is None:
            return None
        settings = self.settings
        key: dict[str, Any] = {
            part: asdict(getattr(settings, part)) for part in ("input", "standardization", "augmentation")
        }
        key |= {
            "version": __version__,
            "device": self.device.type,
            "seed": settings.bank.seed,
            "cohort": patients.hash,
            "encoder": asdict(self.encoder_provenance()),
            "precision": str(self._precision),
        }
        return FeatureCache(settings.cache, key, len(patients))

    def features(self, patients: Patients, n_draws: int = 1) -> Draws:
        """Features of every patient in the first augmentation draws, of which draw 0 is not augmented.

        They come from the feature cache, or are encoded in memory for patients that are not cached.
        """
        settings, cache = self.settings, self.cache(patients)
        pipeline = self.pipeline(build_standardization(settings.standardization, settings.input))
        sources = [
            frame_source(patients, pipeline, settings.augmentation, settings.bank.seed, number, self.device)
            for number in range(n_draws)
        ]
        if cache is not None:
            return cache.features(sources, self._encoder, self._precision, self.device)
        encoder, everybody = self._encoder(), slice(0, len(patients))
        return [encoder(source(everybody).to(self._precision)).cpu().numpy() for source in sources]

    def _encoder(self) -> Encoder:
        """The frozen encoder, ready to encode."""
        encoder = Encoder(self._weights).to(self.device).eval()
        encoder.backbone.to(self._precision)
        return encoder

    def pipeline(self, standardization: nn.Module) -> FramePipeline:
        """From frames [HU] to standardized frames; `standardization` returns mean and scale [HU] of a batch."""
        return FramePipeline(self.settings.input, standardization)

    def threads(self) -> AbstractContextManager[None]:
        """One thread for cached features: batches are too small to share, and rounding depends on the number."""
        return torch_threads(torch.get_num_threads() if self.is_direct else 1)

    @property
    def _precision(self) -> torch.dtype:
        return encoding_precision(self.device, self.settings.input.bfloat16)
