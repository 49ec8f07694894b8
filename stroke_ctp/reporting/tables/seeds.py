"""Trainings with several seeds: what makes them differ, and what another one would change."""

from collections.abc import Mapping

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.number_text import number_text
from stroke_ctp.reporting.results.model_aucs import ModelAucs
from stroke_ctp.reporting.tables.table import Row, Table

_CAPTION = """Trainings that differ in their seed alone. ROC-AUC: mean over seeds and test folds, with the corrected
resampled t interval (95 %) of the folds' means over seeds. Lowest, highest: mean over folds of a single seed. SD:
components of variance between seeds, between folds, and what is left. "Patients": the SD that the choice of a fold's
test patients alone gives its AUC (DeLong), part of the SD between folds. "Another seed": SD by which the mean over
folds changes if everything is trained again with another seed. A model that is fitted without random numbers has no
seeds."""


def seeds_table(models: Mapping[str, ModelAucs]) -> Table | None:
    """Models that were trained with several seeds; None if there are none."""
    rows = [_row(name, model) for name, model in models.items() if model.seeds is not None]
    return Table("seeds", "Several seeds", _CAPTION, rows) if rows else None


def _row(name: str, model: ModelAucs) -> Row:
    seeds = model.seeds
    assert seeds is not None, "several seeds were trained"
    found, means = seeds.variation, seeds.means.values()
    return {
        "Model": display_name(name),
        "Seeds": len(means),
        "ROC-AUC": found.mean.interval(within=(0.0, 1.0)),
        "Lowest": min(means),
        "Highest": max(means),
        "SD seeds": found.sd_seeds,
        "SD folds": found.sd_folds,
        "Patients": "undefined" if seeds.sd_patients is None else seeds.sd_patients,
        "SD rest": found.sd_rest,
        "Another seed": found.sd_of_change,
    }


def seeds_phrase(model: ModelAucs) -> str:
    """What repeating the trainings with another seed would change; empty after a single seed."""
    if model.seeds is None:
        return ""
    found, means = model.seeds.variation, model.seeds.means.values()
    parts = {"between seeds": found.sd_seeds, "between folds": found.sd_folds, "rest": found.sd_rest}
    return (
        f"{len(means)} seeds of all folds: mean ROC-AUC {number_text(min(means))} to {number_text(max(means))}; "
        f"SD {', '.join(f'{name} {number_text(sd)}' for name, sd in parts.items())}; another seed would change the "
        f"mean over folds by {number_text(found.sd_of_change)} (SD)"
    )
