"""Page, tables and figures of a study: `python -m stroke_ctp.report name=NAME`; of several: `name=NAME,NAME`."""

from pathlib import Path

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.locks import only_command
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.report import ReportSettings
from stroke_ctp.reporting.page import ReportFolder
from stroke_ctp.reporting.report import write_report
from stroke_ctp.reporting.study_comparison import write_comparison
from stroke_ctp.study.run_folder import Elsewhere
from stroke_ctp.study.study_folder import StudyFolder


def report(settings: ReportSettings) -> None:
    """Write `OUTPUTS/NAME/report` and print its tables and path; compare several studies."""
    if len(set(settings.name)) < len(settings.name):
        raise UserError(f"name lists a study twice, got {','.join(settings.name)}")
    elsewhere = Elsewhere(settings.bank, tuple(map(Path, settings.cohorts)))
    studies = [StudyFolder(settings.outputs, name, elsewhere) for name in settings.name]
    print(f"report: reading the predictions in {', '.join(str(study.path) for study in studies)}\n")
    first, *others = studies
    out = first.report / f"with-{'-'.join(study.name for study in others)}" if others else first.report
    with only_command(out):
        if others:
            print(write_comparison(studies, out, settings.margin, settings.main, settings.partial))
        else:
            asked = {key: getattr(settings, key) for key in ("sensitivity", "margin", "subgroup", "partial", "main")}
            print(write_report(first, **asked))
    print(f"\n{ReportFolder(out).page}")


if __name__ == "__main__":
    run(report, ReportSettings, "report")
