"""The report of a study: a page, tables and figures in `outputs/NAME/report`."""

from pathlib import Path

from stroke_ctp.reporting.article import cells_frame, folds_frame, table1, table2
from stroke_ctp.reporting.background import Background
from stroke_ctp.reporting.publishing import Page, publish
from stroke_ctp.reporting.sections import sections
from stroke_ctp.reporting.summary import subtitle
from stroke_ctp.reporting.text import is_random, provenance, report_text
from stroke_ctp.study.predictions import Study, read_study

_MEANINGLESS = "Random encoder weights: these results mean nothing."


def write_report(folder: Path, background: Background | None = None) -> str:
    """Write page, tables and figures of the study `outputs/NAME` to its `report/`.

    Args:
        folder: Of the study.
        background: What is known beyond the predictions; by default nothing.

    Returns:
        Tables 1 and 2 with their provenance, as text of at most 80 columns.

    Raises:
        UserError: Nothing was run, folds are missing, the predictions break the contract, or the leakage audit fails.
    """
    background = background or Background()
    study = read_study(folder, background.partial)
    page = Page(
        title=f"Study {study.name}",
        subtitle=subtitle(study),
        sections=sections(study, folder, background),
        source=provenance(study).replace("\n", " "),
        warnings=warnings(study),
        latex=("table1", "table2"),
        frames={
            "table1": cells_frame(table1(study)),
            "table2": cells_frame(table2(study)),
            "folds": folds_frame(study),
        },
    )
    publish(page, folder / "report")
    return "\n\n".join([report_text(study), *page.warnings])


def warnings(study: Study) -> list[str]:
    """What makes a study less than it seems."""
    missing = [
        f"{one.name}: folds {', '.join(map(str, one.missing))}" for one in study.ablations.values() if one.missing
    ]
    partial = [f"Partial study, not run: {'; '.join(missing)}."] if missing else []
    return partial + ([_MEANINGLESS] if is_random(study) else [])
