"""The table of patients, as a clinical article has it."""

from collections.abc import Mapping

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.reporting.number_text import number_text
from stroke_ctp.reporting.results.characteristics import Summary, characteristics
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.study.audit.evidence import CohortEvidence

_CAPTION = """Included patients, all and by class: median (quartiles) or number (share of the patients in whom it is
known). Columns that the manifest carries, such as age, come first."""
_NOT_GIVEN = "not given"


def characteristics_table(cohorts: Mapping[str, CohortEvidence], endpoint: Endpoint) -> Table | None:
    """Characteristics of the patients; None if no cohort is known.

    Args:
        cohorts: By their name.
        endpoint: It divides the patients of each cohort into classes.
    """
    found = characteristics(cohorts, endpoint)
    groups = list(dict.fromkeys(group for one in found for group in one.summaries))
    if not found:
        return None
    sizes = {group: next(one.summaries[group].total for one in found if group in one.summaries) for group in groups}
    first: Row = {"Characteristic": "Patients", **{group: (str(sizes[group]),) for group in groups}}
    rows = [
        {
            "Characteristic": f"{one.group}: {one.name}" if one.group else one.name,
            **{group: _parts(one.summaries.get(group)) for group in groups},
        }
        for one in found
    ]
    return Table("characteristics", "Characteristics of the patients", _CAPTION, [first, *rows])


def _parts(summary: Summary | None) -> tuple[str, ...]:
    if summary is None or summary.n == 0:
        return (_NOT_GIVEN,)
    if summary.quartiles is not None:
        low, middle, high = (number_text(value, 1) for value in summary.quartiles)
        missing = (f"known in {summary.n}",) if summary.n < summary.total else ()
        return (middle, f"({low} to {high})", *missing)
    assert summary.count is not None
    return (str(summary.count), f"({number_text(100 * summary.count / summary.n, 0)} %)")
