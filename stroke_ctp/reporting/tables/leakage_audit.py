"""The leakage audit as a table."""

from collections.abc import Sequence

from stroke_ctp.reporting.tables.table import Table
from stroke_ctp.study.leakage_audit import Finding

_CAPTION = """Checks that passed were computed from the files of this study; a check that fails stops the report. "By
construction": the files cannot show it; the software does it so, and its tests verify that."""


def audit_table(findings: Sequence[Finding]) -> Table:
    """All checks with their outcome."""
    rows = [{"Check": f.check, "Verdict": str(f.verdict), "Detail": f.detail} for f in findings]
    return Table("leakage_audit", "Leakage audit", _CAPTION, rows)
