"""From settings to a model."""

from stroke_ctp.model.protocol import Model
from stroke_ctp.model.settings import TrainSettings


def build_model(settings: TrainSettings) -> Model:
    """The model that the settings name. A new model gets a branch here and an entry in `registry`."""
    match settings.model.kind:
        case "article":
            from stroke_ctp.model.article import ArticleModel  # loads Lightning, which takes seconds

            return ArticleModel(settings)
        case "perfusion":
            from stroke_ctp.model.perfusion_model import PerfusionModel  # loads PyTorch

            return PerfusionModel(settings.model.weights)
        case "cbv" | "rcbf" | "cbv_scan" | "rcbf_scan" as kind:
            from stroke_ctp.model.conventional import ConventionalModel

            return ConventionalModel(kind)
