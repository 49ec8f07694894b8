"""The report that compares several studies."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.caveats import Caveats, caveats
from stroke_ctp.reporting.console import aligned, provenance_text
from stroke_ctp.reporting.figures import roc as roc_figures
from stroke_ctp.reporting.figures.sample_size import sample_size
from stroke_ctp.reporting.figures.style import Picture
from stroke_ctp.reporting.model_text import PRIMARY_NAMES
from stroke_ctp.reporting.number_text import mean_sd_parts
from stroke_ctp.reporting.page import Page, ReportFolder, Section, write_page
from stroke_ctp.reporting.report import warnings
from stroke_ctp.reporting.results.comparisons import Pair, comparisons
from stroke_ctp.reporting.results.model_aucs import ModelAucs, model_aucs
from stroke_ctp.reporting.study_background import shared_settings
from stroke_ctp.reporting.tables.discrimination import comparison_caption, comparison_cells
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.study.audit.evidence import AuditEvidence
from stroke_ctp.study.audit.leakage_audit import audit
from stroke_ctp.study.incorporation import Incorporation
from stroke_ctp.study.predictions import Study, read_study
from stroke_ctp.study.study_folder import StudyFolder

_STUDIES_CAPTION = """Mean (SD) ROC-AUC over the test folds, and the same mean with the corrected resampled t interval
(95 %); AUC of the ensemble on the external cohort, with DeLong's interval."""
_DIFFERENCES_CAPTION = "AUC of the first study minus that of the other, same model, same patients and folds. "
_SETTINGS_CAPTION = "Settings in which the studies differ."

Aucs = Mapping[str, Mapping[str, ModelAucs]]
"""AUCs of every study's models, by the names of study and model."""


def write_comparison(
    folders: Sequence[StudyFolder], out: Path, margin: float, main: str | None = None, partial: bool = False
) -> str:
    """Write page, tables and figures that compare studies.

    Args:
        folders: The studies; the first one is compared with each other one.
        out: Folder of the page.
        margin: Difference of the AUC up to which models are regarded as equally good.
        main: The model whose curves are drawn; None for the full one, or else the first.
        partial: Whether folds may be missing.

    Returns:
        The studies' AUCs, as text.

    Raises:
        UserError: A study cannot be read, or its leakage audit fails.
    """
    studies = [read_study(folder, partial, main) for folder in folders]
    for study in studies:
        audit(study, (), AuditEvidence())
    settings = {folder.name: shared_settings(folder) for folder in folders}
    aucs = {study.name: {name: model_aucs(one) for name, one in study.models.items()} for study in studies}
    overview, differing = _overview(aucs), _settings(settings)
    pictures = [sample_size(_sample_sizes(aucs))] if _differing(settings) == ["folds.subset"] else []
    tables = [overview, _differences(aucs, margin), differing]
    page = _page(studies, aucs, tables, [picture for picture in pictures if picture])
    write_page(page, ReportFolder(out))
    return "\n".join(aligned(overview.headings[:4], [row[:4] for row in overview.shown()]))


def _page(studies: Sequence[Study], aucs: Aucs, tables: Sequence[Table | None], pictures: Sequence[Picture]) -> Page:
    mains = {f"{one.name}: {display_name(one.main.name)}": aucs[one.name][one.main.name] for one in studies}
    curves = roc_figures.models(mains)
    pictures = [*pictures, *([curves] if curves else [])]
    section = Section("comparison", "Comparison", tables=[t for t in tables if t], pictures=pictures)
    return Page(
        title=f"Studies {', '.join(study.name for study in studies)}",
        subtitle="Compared by their predictions.",
        sections=[section],
        caveats=_common(studies),
        source=" ".join(provenance_text(study) for study in studies),
        warnings=[f"{study.name}: {warning}" for study in studies for warning in warnings(study)],
        latex=["studies"],
    )


def _common(studies: Sequence[Study]) -> Caveats:
    """Caveats of several studies, each with the name of its study; an origin that all share stands once."""
    every = {study.name: caveats(study) for study in studies}
    origins = {name: one.origin for name, one in every.items() if one.origin}
    same = len(origins) == len(every) and len(set(origins.values())) == 1
    origin = next(iter(origins.values())) if same else "; ".join(f"{name}: {text}" for name, text in origins.items())
    incorporated: dict[str, dict[str, Incorporation]] = {}
    for study, one in every.items():
        for model, cohorts in one.incorporated.items():
            named = {f"{study}: {cohort}": how for cohort, how in cohorts.items()}
            incorporated.setdefault(model, {}).update(named)
    return Caveats(origin, incorporated)


def _sample_sizes(aucs: Aucs) -> dict[str, list[tuple[float, Estimate]]]:
    """Training patients per fold and AUC of every model, by its name, from the smallest study to the largest."""
    curves: dict[str, list[tuple[float, Estimate]]] = {}
    for models in aucs.values():
        for name, model in models.items():
            curves.setdefault(display_name(name), []).append((model.predictions.n_train, model.test_folds.interval))
    return {name: sorted(points, key=lambda point: point[0]) for name, points in curves.items()}


def _overview(aucs: Aucs) -> Table:
    rows: list[Row] = []
    for study, models in aucs.items():
        for name, model in models.items():
            folds, external = model.test_folds.summary, model.external
            rows.append(
                {
                    "Study": study,
                    "Model": display_name(name),
                    "Test folds, mean (SD)": mean_sd_parts(folds.mean, folds.sd, decimals=3),
                    "95 % interval": model.test_folds.interval,
                    PRIMARY_NAMES["external"]: "not run" if external is None else external.delong,
                    "n": len(model.test.patients),
                    "Training patients per fold": round(model.predictions.n_train),
                }
            )
    return Table("studies", "ROC-AUC", _STUDIES_CAPTION, rows)


def _differences(aucs: Aucs, margin: float) -> Table | None:
    """The first study against each other one, in the models that both have; None if they share no model."""
    (first, models), *others = aucs.items()
    pairs = [
        Pair(name, other, ours.patients, theirs.patients)
        for other, other_models in others
        for name in models
        if name in other_models
        for ours, theirs in zip(models[name].cohorts, other_models[name].cohorts, strict=False)
    ]
    rows = [
        {"Against": one.against, "Model": display_name(one.model), **comparison_cells(one)}
        for one in comparisons(pairs, margin)
    ]
    return (
        Table("differences", f"{first} against the others", _DIFFERENCES_CAPTION + comparison_caption(margin), rows)
        if rows
        else None
    )


def _settings(settings: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """Settings in which the studies differ, by the name of the study; None if there are none."""
    rows: list[Row] = [
        {"Setting": key} | {study: str(one.get(key, "–")) for study, one in settings.items()}
        for key in _differing(settings)
    ]
    return Table("settings", "Settings", _SETTINGS_CAPTION, rows) if rows else None


def _differing(settings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of the settings in which the studies differ."""
    keys = {key: None for one in settings.values() for key in one}
    return [key for key in keys if len({str(one.get(key)) for one in settings.values()}) > 1]
