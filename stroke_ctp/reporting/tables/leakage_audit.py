"""The leakage audit as a table."""

from collections.abc import Sequence

from stroke_ctp.reporting.tables.table import Table
from stroke_ctp.study.audit.findings import Finding, Verdict

_CAPTION = "Computed from the files of this study. A check that fails stops the report."
_LEFT_CAPTION = """What was not checked in this study, and what is outside the audit of any study, with the reasons.
Nothing here counts as passed."""


def audit_table(findings: Sequence[Finding]) -> Table:
    """The checks that passed, with what was examined."""
    rows = [{"Check": f.check, "Verdict": str(f.verdict), "Detail": f.detail} for f in findings if _passed(f)]
    return Table("leakage_audit", "Leakage audit", _CAPTION, rows, about_patients=False)


def unchecked_table(findings: Sequence[Finding]) -> Table:
    """What was not checked."""
    rows = [{"Check": f.check, "Verdict": str(f.verdict), "Reason": f.detail} for f in findings if not _passed(f)]
    return Table("not_checked", "Not checked", _LEFT_CAPTION, rows, about_patients=False)


def _passed(finding: Finding) -> bool:
    return finding.verdict is Verdict.PASSED
