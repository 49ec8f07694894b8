"""What a run knows of itself, in the words of a checklist's answers."""

from pathlib import Path

from stroke_ctp import __version__
from stroke_ctp.evaluation.article import encoder_text, model_name
from stroke_ctp.evaluation.background import Background
from stroke_ctp.evaluation.flowchart import flow_sentence
from stroke_ctp.evaluation.origins import UNRECORDED, origins
from stroke_ctp.evaluation.predictions import Study
from stroke_ctp.evaluation.summary import (
    calls_sentence,
    cross_validation_sentence,
    endpoint_text,
    external_sentence,
    patients_sentence,
    threshold_origin,
)


def known_facts(study: Study, folder: Path, background: Background) -> dict[str, str]:
    """Answers by the names that the checklists use."""
    main, settings = study.main, background.settings
    origin = origins(study, folder, background)
    scored = main.ensemble is not None
    return {
        "network": _network(background),
        "endpoint": endpoint_text(main),
        "threshold_origin": threshold_origin(main),
        "external_goal": " and evaluation on an external cohort" if scored else "",
        "external": "external patients only for the final evaluation" if scored else "no external cohort was scored",
        "external_result": external_sentence(main) or "no external cohort was scored",
        "input": str(settings.get("input._target_", UNRECORDED)).rsplit(".", 1)[-1],
        "standardized": str(settings.get("standardize_features", UNRECORDED)),
        "label_definition": _label_definitions(background),
        "folds": str(main.n_folds),
        "fold_seed": str(settings.get("folds.seed", UNRECORDED)),
        "seed": str(settings.get("seed", UNRECORDED)),
        "patients": patients_sentence(main).rstrip("."),
        "balance": f"{main.test['label'].sum()} of {len(main.test)} patients have a large core",
        "software": origin["Software"],
        "revision": origin["Revision"],
        "version": __version__,
        "encoder": encoder_text(main) or "none",
        "training": _training(background),
        "models": ", ".join(model_name(name) for name in study.ablations),
        "internal": cross_validation_sentence(main).rstrip("."),
        "operating": calls_sentence(main).rstrip(".") or "undefined",
        "flow": _flow(background),
    }


def _network(background: Background) -> str:
    if background.architecture is None:
        return "no network was trained"
    pathways = " and ".join(f"{name} (kernel {k})" for name, k in background.architecture.kernels.items())
    return f"pretrained VGG19 per frame, temporal convolutions {pathways}, dense layers"


def _training(background: Background) -> str:
    """Hyperparameters as recorded."""
    names = {
        "learning_rate": "RMSprop, learning rate",
        "batch_size": "batch size",
        "trainer.max_epochs": "at most epochs",
        "patience": "patience",
        "augmentation.max_angle": "rotation ± [deg]",
        "augmentation.max_shift": "shift ± [pixel]",
        "augmentation.flip_probability": "flip probability",
    }
    found = [f"{text} {background.settings[key]}" for key, text in names.items() if key in background.settings]
    return ", ".join(found) or f"settings {UNRECORDED}"


def _label_definitions(background: Background) -> str:
    patients = background.training.patients
    values = sorted(set(patients["label_definition"]) - {""}) if "label_definition" in patients else []
    return ", ".join(values) or "not given"


def _flow(background: Background) -> str:
    cohorts = {"Training cohort": background.training, "external test cohort": background.external}
    known = [flow_sentence(name, facts.counts).rstrip(".") for name, facts in cohorts.items() if not facts.unknown]
    return "; ".join(known) or "cohorts not known to the report"
