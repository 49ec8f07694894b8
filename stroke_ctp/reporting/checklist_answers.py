"""What a run knows about itself, as answers to the items of reporting checklists."""

from collections.abc import Mapping, Sequence

from stroke_ctp import __version__
from stroke_ctp.common.text import counted
from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.cohort_answers import cohort_answers
from stroke_ctp.reporting.figures.flowchart import flow_phrase
from stroke_ctp.reporting.model_text import encoder_text, endpoint_text, threshold_origin
from stroke_ctp.reporting.results.model_aucs import ModelAucs
from stroke_ctp.reporting.results.study_results import StudyResults
from stroke_ctp.reporting.study_background import StudyBackground
from stroke_ctp.reporting.summary_sentences import (
    cross_validation_phrase,
    external_phrase,
    members_phrase,
    operating_point_phrase,
    patients_phrase,
)
from stroke_ctp.reporting.tables.provenance import revisions, software
from stroke_ctp.study.audit.evidence import AuditEvidence
from stroke_ctp.study.predictions import ModelPredictions
from stroke_ctp.study.training_summary import TrainingSummary


def checklist_answers(
    results: StudyResults, runs: Sequence[TrainingSummary], background: StudyBackground
) -> dict[str, str]:
    """Answers by the names that the checklists use."""
    main, aucs = results.main.predictions, results.main.aucs
    return {
        **_model(main, background),
        **_evaluation(aucs),
        **cohort_answers(results, background.evidence),
        "missing": _missing(runs),
        "endpoint": endpoint_text(main.record.endpoint),
        "threshold_origin": threshold_origin(main),
        "input": str(background.settings["input.kind"]),
        "standardized": _standardized(background.settings),
        "folds": str(main.n_folds),
        "fold_seed": str(background.settings["folds.seed"]),
        "software": software(runs),
        "revision": revisions(runs),
        "version": __version__,
        "training": _training(main, background.settings),
        "full_model": _full_model(main),
        "models": ", ".join(display_name(name) for name in results.models),
        "operating": operating_point_phrase(results.main.youden) or "undefined",
        "flow": _flow(background.evidence),
    }


def _evaluation(aucs: ModelAucs) -> dict[str, str]:
    """Patients and AUCs, and the role of external patients."""
    test = aucs.test.patients
    not_scored = "no external cohort was scored"
    scored = aucs.external is not None
    ensemble = f"probabilities by the mean, calls by the majority of {members_phrase(aucs.predictions)}"
    return {
        "patients": patients_phrase(aucs),
        "balance": f"{test.n_large} of {len(test)} patients have a large core",
        "internal": cross_validation_phrase(aucs),
        "external": "external patients only for the final evaluation" if scored else not_scored,
        "external_goal": " and evaluation on an external cohort" if scored else "",
        "external_result": external_phrase(aucs) or not_scored,
        "ensembling": f"External patients only: {ensemble}" if scored else f"None: {not_scored}",
        "scoring": f"external patients: {ensemble}" if scored else not_scored,
    }


def _model(main: ModelPredictions, background: StudyBackground) -> dict[str, str]:
    """Kind of the main model, its initial weights, and the choice of its final ones."""
    if main.record.fitted.get("weights"):
        return {
            "technology": "Deep learning: a frozen network, trained on simulated patients; a regression per fold",
            "initial": f"Network: {encoder_text(main)}, not trained further",
            "selection": "No epoch is chosen: the network is frozen, and the regression has one solution",
        }
    if not _has_trained_network(main):
        regression = f"{display_name(main.name)}: conventional perfusion analysis, a logistic regression per fold"
        return dict.fromkeys(("technology", "initial", "selection"), "No network was trained") | {
            "technology": f"No deep learning; {regression}"
        }
    seeds = ", ".join(map(str, main.seeds))
    return {
        "technology": f"Deep learning: {_network(background)}",
        "initial": f"Encoder: {encoder_text(main)}; temporal network initialized at random, seed {seeds}",
        "selection": "The epoch with the lowest validation loss, in each fold",
    }


def _has_trained_network(main: ModelPredictions) -> bool:
    """Whether the folds trained a network; the perfusion network is frozen."""
    return main.record.encoder is not None


def _network(background: StudyBackground) -> str:
    assert background.architecture is not None, "a network was trained"
    pathways = " and ".join(f"{name} (kernel {k})" for name, k in background.architecture.kernels.items())
    return f"pretrained VGG19 per frame, temporal convolutions {pathways}, dense layers"


def _missing(runs: Sequence[TrainingSummary]) -> str:
    """How missing data are handled: excluded scans, and patients who could not be measured."""
    excluded = "Scans that could not be used are excluded, with the reason"
    counts: dict[str, int] = {}
    for run in runs:
        counts.setdefault(run.model, run.not_measurable)  # the same in all folds
    imputed = ", ".join(f"{display_name(name)}: {counted(n, 'patient')}" for name, n in counts.items() if n)
    if not imputed:
        return f"{excluded}; no value is imputed"
    return f"{excluded}; a patient who cannot be measured gets the training folds' median measurement ({imputed})"


def _standardized(settings: Mapping[str, object]) -> str:
    given = settings["standardize_features"]
    return f"features {'standardized on the training patients of each fold' if given else 'not standardized'}"


def _training(main: ModelPredictions, settings: Mapping[str, object]) -> str:
    """Hyperparameters of a network; a regression has none."""
    if not _has_trained_network(main):
        return "Logistic regression on the training patients of each fold; no augmentation, no epochs"
    names = {
        "learning_rate": "RMSprop, learning rate {:g}",
        "batch_size": "batch size {}",
        "trainer.max_epochs": "at most {} epochs",
        "patience": "stopped {} epochs after the lowest validation loss",
        "augmentation.max_angle": "augmentation by rotation up to ±{:g}°",
        "augmentation.max_shift": "shift up to ±{:g} pixels",
        "augmentation.flip_probability": "flip with probability {:g}",
    }
    return ", ".join(text.format(settings[key]) for key, text in names.items())


def _full_model(main: ModelPredictions) -> str:
    """Which files hold the fitted model."""
    return f"{'Weights: best.ckpt' if _has_trained_network(main) else 'Fitted values: metrics.json'} of every fold"


def _flow(evidence: AuditEvidence) -> str:
    cohorts = {"Training cohort": evidence.training, "external test cohort": evidence.external}
    known = [flow_phrase(name, cohort.counts) for name, cohort in cohorts.items() if not cohort.unknown]
    return "; ".join(known) or "the report does not know the cohorts"
