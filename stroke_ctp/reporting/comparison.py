"""Several studies side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stroke_ctp.reporting.article import model_name
from stroke_ctp.reporting.background import Background
from stroke_ctp.reporting.discrimination import EXTERNAL, POOLED, arrays, difference, scored, with_holm
from stroke_ctp.reporting.figures import roc as roc_figures
from stroke_ctp.reporting.publishing import Page, Section, publish
from stroke_ctp.reporting.report import warnings
from stroke_ctp.reporting.tables import Row, Table
from stroke_ctp.reporting.text import aligned, provenance
from stroke_ctp.statistics.auc import fold_aucs, summarize
from stroke_ctp.statistics.delong import auc_estimate
from stroke_ctp.statistics.estimate import number_text
from stroke_ctp.study.leakage import audit
from stroke_ctp.study.predictions import Study, read_study

_STUDIES_CAPTION = """Mean (SD) ROC-AUC over the test folds, which is no interval; pooled AUC of all test patients and
AUC of the ensemble on the external cohort with DeLong's 95 % confidence intervals."""
_DIFFERENCES_CAPTION = """AUC of the first study less that of the other, same model, on the same patients: DeLong's
paired test, and percentiles of bootstrap samples; p-values are two-sided, and corrected after Holm for all comparisons
of this table."""
_SETTINGS_CAPTION = "Settings in which the studies differ."


def write_comparison(
    folders: Sequence[Path], out: Path, settings: Sequence[Mapping[str, Any]], partial: bool = False
) -> str:
    """Write page, tables and figures that compare studies.

    Args:
        folders: Of the studies; the first is what the others are compared with.
        out: Folder of the page.
        settings: Of each study, by dotted keys; may be empty.
        partial: Whether folds may be missing.

    Returns:
        The studies' AUCs, as text.

    Raises:
        UserError: A study cannot be read, or its leakage audit fails.
    """
    studies = [read_study(folder, partial) for folder in folders]
    for study in studies:
        audit(study, (), Background())
    overview = _overview(studies)
    publish(_page(studies, overview, settings), out)
    return "\n".join(aligned(overview.headings[:4], [row[:4] for row in overview.shown()]))


def _page(studies: Sequence[Study], overview: Table, settings: Sequence[Mapping[str, Any]]) -> Page:
    tables = [overview, _differences(studies), _settings(studies, settings)]
    mains = {f"{study.name}: {model_name(study.main.name)}": study.main for study in studies}
    pictures = [roc_figures.models(mains)]
    section = Section("comparison", "Comparison", tables=[t for t in tables if t], pictures=[p for p in pictures if p])
    return Page(
        title=f"Studies {', '.join(study.name for study in studies)}",
        subtitle="Compared by their predictions.",
        sections=[section],
        source=" ".join(provenance(study) for study in studies),
        warnings=[f"{study.name}: {warning}" for study in studies for warning in warnings(study)],
        latex=["studies"],
    )


def _overview(studies: Sequence[Study]) -> Table:
    rows: list[Row] = []
    for study in studies:
        for ablation in study.ablations.values():
            folds = summarize(fold_aucs(ablation.folds, "test", ablation.n_folds))
            mean = "undefined" if folds.mean is None else number_text(folds.mean, 3)
            spread = "" if folds.sd is None else f" ({number_text(folds.sd, 3)})"
            external = "not run" if ablation.ensemble is None else auc_estimate(*arrays(ablation.ensemble))
            rows.append(
                {
                    "Study": study.name,
                    "Model": model_name(ablation.name),
                    "Test folds, mean (SD)": mean + spread,
                    POOLED: auc_estimate(*arrays(ablation.test)),
                    EXTERNAL: external,
                    "n": len(ablation.test),
                }
            )
    return Table("studies", "ROC-AUC", _STUDIES_CAPTION, rows)


def _differences(studies: Sequence[Study]) -> Table | None:
    first, *others = studies
    rows: list[dict[str, object]] = []
    for other in others:
        for name in (name for name in first.ablations if name in other.ablations):
            theirs = dict(scored(other.ablations[name]))
            for cohort, ours in scored(first.ablations[name]):
                if cohort in theirs:
                    start = {"Against": other.name, "Model": model_name(name), "Patients": cohort}
                    rows.append({**start, **difference(ours, theirs[cohort])})
    if not rows:
        return None
    return Table("differences", f"{first.name} against the others", _DIFFERENCES_CAPTION, with_holm(rows))


def _settings(studies: Sequence[Study], settings: Sequence[Mapping[str, Any]]) -> Table | None:
    keys = {key: None for one in settings for key in one}
    differing = [key for key in keys if len({str(one.get(key)) for one in settings}) > 1]
    rows: list[Row] = [
        {"Setting": key}
        | {study.name: str(one.get(key, "not recorded")) for study, one in zip(studies, settings, strict=True)}
        for key in differing
    ]
    return Table("settings", "Settings", _SETTINGS_CAPTION, rows) if rows else None
