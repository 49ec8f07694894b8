"""What a run knows of itself, in the words of a checklist's answers."""

from pathlib import Path

from stroke_ctp import __version__
from stroke_ctp.common.files import read_json
from stroke_ctp.common.schemas import fields, kinds
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.reporting.article import encoder_text, endpoint_text, model_name
from stroke_ctp.reporting.background import Background
from stroke_ctp.reporting.figures.flowchart import flow_sentence
from stroke_ctp.reporting.origins import UNRECORDED, origins
from stroke_ctp.reporting.summary import (
    calls_sentence,
    cross_validation_sentence,
    external_sentence,
    patients_sentence,
    threshold_origin,
)
from stroke_ctp.study.predictions import Ablation, Study

_INPUTS = {kind: made.__name__ for kind, made in kinds(fields(TrainSettings)["input"]).items()}


def known_facts(study: Study, folder: Path, background: Background) -> dict[str, str]:
    """Answers by the names that the checklists use."""
    main, settings = study.main, background.settings
    origin = origins(study, folder, background)
    scored = main.ensemble is not None
    return {
        "network": _network(background),
        **_making(main, background),
        "missing": _missing(study, folder),
        "endpoint": endpoint_text(main),
        "threshold_origin": threshold_origin(main),
        "external_goal": " and evaluation on an external cohort" if scored else "",
        "external": "external patients only for the final evaluation" if scored else "no external cohort was scored",
        "external_result": external_sentence(main).rstrip(".") or "no external cohort was scored",
        "input": _INPUTS.get(settings.get("input.kind", ""), UNRECORDED),
        "standardized": _standardized(background),
        "label_definition": _label_definitions(background),
        "folds": str(main.n_folds),
        "ensembling": f"Mean of the probabilities of the {main.n_folds} models, on external patients only"
        if scored
        else "None: no external cohort was scored",
        "fold_seed": str(settings.get("folds.seed", UNRECORDED)),
        "patients": patients_sentence(main).rstrip("."),
        "balance": f"{main.test['label'].sum()} of {len(main.test)} patients have a large core",
        "software": origin["Software"],
        "revision": origin["Revision"],
        "version": __version__,
        "training": _training(background),
        "models": ", ".join(model_name(name) for name in study.ablations),
        "internal": cross_validation_sentence(main).rstrip("."),
        "operating": calls_sentence(main).rstrip(".") or "undefined",
        "flow": _flow(background),
    }


def _network(background: Background) -> str:
    if background.architecture is None:
        return f"architecture {UNRECORDED}"
    pathways = " and ".join(f"{name} (kernel {k})" for name, k in background.architecture.kernels.items())
    return f"pretrained VGG19 per frame, temporal convolutions {pathways}, dense layers"


def _making(main: Ablation, background: Background) -> dict[str, str]:
    """How the main model came to be: what it is, where it started, when it stopped."""
    if not encoder_text(main):
        regression = f"{model_name(main.name)}: conventional perfusion analysis, a logistic regression per fold"
        return dict.fromkeys(("technology", "initial", "selection"), "No network was trained") | {
            "technology": f"No deep learning; {regression}"
        }
    seed = background.settings.get("seed", UNRECORDED)
    return {
        "technology": f"Deep learning: {_network(background)}",
        "initial": f"Encoder: {encoder_text(main)}; temporal network drawn at random, seed {seed}",
        "selection": "Per fold the epoch of the lowest validation loss",
    }


def _missing(study: Study, folder: Path) -> str:
    """Who was left out, and whose conventional core could not be measured."""
    excluded = "Scans that could not be used are excluded, with the reason"
    counts = {
        model_name(name): read_json(run / "metrics.json").get("not_measurable", 0)
        for name in study.ablations
        for run in sorted((folder / name).glob("fold-*"))[:1]
    }
    stands_in = ", ".join(f"{name}: {n} patients" for name, n in counts.items() if n)
    if not stands_in:
        return f"{excluded}; no value is imputed"
    return f"{excluded}; a conventional core that cannot be measured counts as the training folds' median ({stands_in})"


def _standardized(background: Background) -> str:
    given = background.settings.get("standardize_features")
    if given is None:
        return f"standardization of features {UNRECORDED}"
    return f"features {'standardized on the training patients of each fold' if given else 'as they come'}"


def _training(background: Background) -> str:
    """Hyperparameters as recorded."""
    names = {
        "learning_rate": "RMSprop, learning rate {:g}",
        "batch_size": "batch size {}",
        "trainer.max_epochs": "at most {} epochs",
        "patience": "stopped {} epochs after the lowest validation loss",
        "augmentation.max_angle": "augmentation by rotation up to ±{:g}°",
        "augmentation.max_shift": "shift up to ±{:g} pixels",
        "augmentation.flip_probability": "flip with probability {:g}",
    }
    found = [text.format(background.settings[key]) for key, text in names.items() if key in background.settings]
    return ", ".join(found) or f"settings {UNRECORDED}"


def _label_definitions(background: Background) -> str:
    patients = background.training.patients
    values = sorted(set(patients["label_definition"]) - {""}) if "label_definition" in patients else []
    return ", ".join(values) or "not given"


def _flow(background: Background) -> str:
    cohorts = {"Training cohort": background.training, "external test cohort": background.external}
    known = [flow_sentence(name, facts.counts).rstrip(".") for name, facts in cohorts.items() if not facts.unknown]
    return "; ".join(known) or "cohorts not known to the report"
