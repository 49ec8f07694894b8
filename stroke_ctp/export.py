"""Pack a trained model into one file: `python -m stroke_ctp.export name=NAME model=MODEL out=FILE`."""

from stroke_ctp.common.errors import UserError
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.export import ExportSettings
from stroke_ctp.model.registry import refuse_whole_scan
from stroke_ctp.reporting.model_card import model_card
from stroke_ctp.study.bundling import save_bundle
from stroke_ctp.study.predictions import read_model
from stroke_ctp.study.predictor import Predictor
from stroke_ctp.study.recorded_cohort import recorded_cohort
from stroke_ctp.study.run_folder import Elsewhere
from stroke_ctp.study.study_folder import StudyFolder


def export(settings: ExportSettings) -> None:
    """Write a bundle and print its model card, or write the networks alone."""
    refuse_whole_scan("model", [settings.model])
    elsewhere = Elsewhere.of_training(settings.cohort, settings.bank)
    study = StudyFolder(settings.outputs, settings.name, elsewhere)
    if settings.format == "onnx":
        from stroke_ctp.model.onnx_export import heads_of, write_onnx  # loads PyTorch

        write_onnx(settings.out, heads_of(Predictor.load(study, settings.model).members))
        print(settings.out)
        return
    predictions = read_model(study, settings.model)
    training = recorded_cohort(study, list(predictions.runs.values()), "cohort")
    if isinstance(training, str):
        raise UserError(
            f"a bundle carries the range of the training cohort, but {training}; "
            "bring it back, or train the study again"
        )
    predictor = Predictor.load(study, settings.model, training, encode=True, sensitivity=settings.sensitivity)
    card = model_card(predictor, predictions)
    save_bundle(settings.out, predictor, card, settings.embed_encoder)
    print(card)
    print(settings.out)


if __name__ == "__main__":
    run(export, ExportSettings, "export")
