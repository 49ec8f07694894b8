"""The report of a study: tables and figures in `outputs/NAME/report`."""

from pathlib import Path

import pandas as pd

from stroke_ctp.evaluation.auc import fold_aucs, roc_auc, summarize
from stroke_ctp.evaluation.figures import draw_external, draw_folds
from stroke_ctp.evaluation.predictions import Study, read_study
from stroke_ctp.evaluation.tables import cells_frame, folds_frame, table1, table2
from stroke_ctp.evaluation.text import is_random, provenance, report_text
from stroke_ctp.files import whole


def write_report(folder: Path) -> str:
    """Write the tables and figures of the study `outputs/NAME` to its `report/`.

    Returns:
        Tables 1 and 2 with their provenance, as text of at most 80 columns.

    Raises:
        UserError: Nothing was run, folds are missing, or the predictions break the contract.
    """
    study = read_study(folder)
    _write_tables(study, folder / "report" / "tables")
    _write_figures(study, folder / "report" / "figures")
    return report_text(study)


def _write_tables(study: Study, folder: Path) -> None:
    tables: dict[str, pd.DataFrame] = {
        "table1": cells_frame(table1(study)),
        "table2": cells_frame(table2(study)),
        "folds": folds_frame(study),
    }
    for name, table in tables.items():
        with whole(folder / f"{name}.csv") as partial:
            table.to_csv(partial, index=False)


def _write_figures(study: Study, folder: Path) -> None:
    """Figures of the full model; one that cannot be drawn any more is removed from beside the new tables."""
    full = study.ablations.get("full")
    source = provenance(study).replace("\n", " ")
    warning = "Random encoder weights: this result means nothing" if is_random(study) else ""
    for suffix in (".png", ".pdf"):
        figure3, external = folder / f"figure3{suffix}", folder / f"external{suffix}"
        drawn = set()
        if full is not None:
            summary = summarize(fold_aucs(full.folds, "test", full.n_folds))
            if summary.mean is not None:
                draw_folds(figure3, full.folds, summary, source, warning)
                drawn.add(figure3)
            if full.external is not None:
                auc = roc_auc(full.external[full.external["fold"] == "mean"])
                if auc.value is not None:
                    draw_external(external, full.external, auc, source, warning)
                    drawn.add(external)
        for path in {figure3, external} - drawn:
            path.unlink(missing_ok=True)
