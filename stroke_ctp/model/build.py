"""From settings to a model."""

from stroke_ctp.model.protocol import Model
from stroke_ctp.model.provenance import CarriedWeights
from stroke_ctp.model.settings import TrainSettings


def build_model(settings: TrainSettings, carried: CarriedWeights | None = None) -> Model:
    """The model that the settings name. A new model gets a branch here and an entry in `registry`.

    Args:
        settings: Of the training.
        carried: Weights of its frozen network, instead of those that the settings name.
    """
    match settings.model.kind:
        case "article":
            from stroke_ctp.model.article import ArticleModel  # loads Lightning, which takes seconds

            return ArticleModel(settings, carried)
        case "perfusion":
            from stroke_ctp.model.perfusion_model import PerfusionModel  # loads PyTorch

            return PerfusionModel(carried or settings.model.weights)
        case "cbv" | "rcbf" | "cbv_scan" | "rcbf_scan" as kind:
            from stroke_ctp.model.conventional import ConventionalModel

            return ConventionalModel(kind)
