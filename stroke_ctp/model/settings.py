"""Settings of a training: what `python -m stroke_ctp.train` takes, and what a run records.

They are defined in this layer, below the commands, because all readers of a run need them: the ensemble, the leakage
audit and the report. This module does not load PyTorch.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from stroke_ctp.cohort.augmentation import Augmentation
from stroke_ctp.cohort.endpoint import EndpointSettings
from stroke_ctp.cohort.fold_settings import FoldSettings, check_fold
from stroke_ctp.cohort.inputs import Attenuation, Enhancement, Window
from stroke_ctp.cohort.standardization_settings import BatchSettings, FixedSettings
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import STRICT, Folder, FolderName, Rule, Text, plain, without_repetition

ConventionalKind = Literal["cbv", "rcbf", "cbv_scan", "rcbf_scan"]
CONVENTIONAL_MODELS = get_args(ConventionalKind)
"""Kinds of conventional models, which are also their names in a study."""
OTHER_MODELS = (*CONVENTIONAL_MODELS, "perfusion")
"""Kinds of models other than the article's, which are also their names in a study."""
OUTPUTS = Path("outputs")
"""Default folder of all studies."""
CACHE_NAME = "bank"
"""Name of the feature cache in the folder of all studies."""
PathwayName = Literal["local", "global"]
Pathways = Annotated[
    tuple[PathwayName, ...],
    Field(strict=False, min_length=1),
    AfterValidator(without_repetition),
    Rule("a list of local or global, each once"),
]


@dataclass(frozen=True, config=STRICT)
class ArticleSettings:
    """The article's network."""

    kind: Literal["article"] = "article"
    """The article's network."""


@dataclass(frozen=True, config=STRICT)
class ConventionalSettings:
    """A conventional core."""

    kind: ConventionalKind
    """Core by CBV or relative CBF, at the two levels or in the whole scan."""


@dataclass(frozen=True, config=STRICT)
class PerfusionSettings:
    """The perfusion network with a head per fold."""

    kind: Literal["perfusion"]
    """The perfusion network with a head per fold."""
    weights: Text = "shipped"
    """Weights of the perfusion network: shipped, or a file of `python -m stroke_ctp.pretrain`."""


@dataclass(frozen=True, config=STRICT)
class AblationSettings:
    """Which parts of the article's network are trained."""

    name: FolderName = "full"
    """Names the folder of its results."""
    pathways: Pathways = ("local", "global")
    """Temporal pathways of the network."""


@dataclass(frozen=True, config=STRICT)
class CacheSettings:
    """The feature cache of the route bank."""

    draws: Annotated[int, Field(ge=1)] = 2
    """Augmentation draws; the first is not augmented, and a training batch takes each patient from a random one."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the draws; trainings of different seeds share them."""
    folder: Folder | None = None
    """Folder of the cache; null: OUTPUTS/bank."""


@dataclass(frozen=True, config=STRICT)
class EncoderSettings:
    """The backbone."""

    weights: Text = "oxford"
    """oxford, imagenet, a file, or none (random: results mean nothing)."""
    trainable_blocks: Annotated[int, Field(ge=0, le=5)] = 0
    """Convolutional blocks that are trained, from the last; needs route=direct."""


@dataclass(frozen=True, config=STRICT)
class NetworkSettings:
    """The temporal network."""

    filters: Annotated[int, Field(ge=1)] = 3
    """Filters of each pathway at each level."""
    hidden: Annotated[int, Field(ge=1)] = 32
    """Units of the dense layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Dropout rate within the pathways."""
    feature_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Dropout rate of the encoder's features."""


@dataclass(frozen=True, config=STRICT)
class TrainerSettings:
    """Lightning's trainer."""

    max_epochs: Annotated[int, Field(ge=1)] = 500
    """Most epochs of a training."""
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    """Hardware to train on."""
    devices: Annotated[int, Field(ge=1)] = 1
    """Number of devices of a training."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Floating-point precision."""


@dataclass(frozen=True, config=STRICT)
class TrainSettings:
    """One fold of one model of a study."""

    fold: Annotated[int, Field(ge=0)]
    """Fold to train, 0 to folds.n - 1; fold=0..9 trains all."""
    cohort: Folder = Path("outputs/cohort")
    """Training cohort, from `python -m stroke_ctp.preprocess`."""
    name: FolderName = "stroke"
    """Name of the study; its results go to OUTPUTS/NAME."""
    outputs: Folder = OUTPUTS
    """Folder of all studies."""
    model: Annotated[ArticleSettings | ConventionalSettings | PerfusionSettings, Field(discriminator="kind")] = (
        ArticleSettings()
    )
    """Model to fit."""
    ablation: AblationSettings = AblationSettings()
    """Temporal pathways of model=article."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of initial weights, order of patients and dropout; seed=0..4 repeats the training in the same study."""
    endpoint: EndpointSettings = EndpointSettings()
    """What is classified."""
    folds: FoldSettings = FoldSettings()
    """Cross-validation."""
    input: Annotated[Enhancement | Window | Attenuation, Field(discriminator="kind")] = Enhancement()
    """What the encoder sees."""
    standardization: Annotated[FixedSettings | BatchSettings, Field(discriminator="kind")] = FixedSettings()
    """How frames are brought to the encoder's scale."""
    augmentation: Augmentation = Augmentation()
    """Augmentation of training patients."""
    route: Literal["bank", "direct"] = "bank"
    """bank: encode each augmentation draw once for all folds; direct: encode every batch."""
    bank: CacheSettings = CacheSettings()
    """Feature cache of route=bank."""
    encoder: EncoderSettings = EncoderSettings()
    """Backbone that turns frames into features."""
    network: NetworkSettings = NetworkSettings()
    """Temporal network that turns features into a probability."""
    standardize_features: bool = True
    """Standardize features per channel on the training fold."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Learning rate of RMSprop."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Weight decay of RMSprop."""
    batch_size: Annotated[int, Field(ge=1)] = 12
    """Patients in a batch."""
    num_workers: Annotated[int, Field(ge=0)] = 0
    """Processes that read series; route=direct only."""
    patience: Annotated[int, Field(ge=1)] = 200
    """Epochs without a lower validation loss before training stops."""
    trainer: TrainerSettings = TrainerSettings()
    """Hardware and length of a training."""
    logger: Literal["csv", "tensorboard", "mlflow"] = "csv"
    """Where losses are logged."""

    @model_validator(mode="after")
    def _cache_holds_fixed_features(self) -> "TrainSettings":
        if self.route == "bank" and self.standardization.kind == "batch":
            raise UserError(
                "standardization=batch makes features depend on the batch, so they cannot be cached; add route=direct"
            )
        if self.route == "bank" and self.encoder.trainable_blocks:
            raise UserError(
                f"encoder.trainable_blocks={self.encoder.trainable_blocks} changes features in training, "
                "so they cannot be cached; add route=direct"
            )
        return self

    @model_validator(mode="after")
    def _ablation_has_a_name_of_its_own(self) -> "TrainSettings":
        if self.ablation.name in OTHER_MODELS:
            raise UserError(f"ablation.name must be another name than {self.ablation.name}, which is a model's")
        if self.ablation.name.startswith("seed-"):
            raise UserError(f"ablation.name must not begin with seed- as folders of seeds do, got {self.ablation.name}")
        return self

    @model_validator(mode="after")
    def _fold_exists(self) -> "TrainSettings":
        check_fold(self.fold, self.folds.n)
        return self

    @property
    def model_name(self) -> str:
        """Name of the model in the study: that of the ablation for the article's network."""
        return self.ablation.name if self.model.kind == "article" else self.model.kind

    @property
    def run_seed(self) -> int:
        """Seed that names the run; 0 for a model whose fit draws nothing at random: all seeds give the same."""
        return self.seed if self.model.kind == "article" else 0

    def shared(self, cohort_hash: str) -> dict[str, Any]:
        """What all runs of a study share because it determines their results, as plain values.

        Args:
            cohort_hash: Of the training cohort.
        """
        values = plain(self)
        for key in ("model", "ablation", "fold", "seed", "name", "outputs", "logger", "num_workers"):
            del values[key]
        del values["bank"]["folder"], values["trainer"]["accelerator"], values["trainer"]["devices"]
        return values | {"cohort": cohort_hash}

    @property
    def cache(self) -> Path:
        """Folder of the feature cache."""
        return self.bank.folder or self.outputs / CACHE_NAME
