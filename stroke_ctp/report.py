"""Page, tables and figures of a study: `python -m stroke_ctp.report name=NAME`; of several: `name=NAME,NAME`."""

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import study_folder
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.report import ReportSettings
from stroke_ctp.reporting.comparison import write_comparison
from stroke_ctp.reporting.gather_background import background_of, settings_of
from stroke_ctp.reporting.report import write_report


def report(settings: ReportSettings) -> None:
    """Write `OUTPUTS/NAME/report`, print its tables and where it lies; of several studies, compare them."""
    studies = [study_folder(settings.outputs, name) for name in settings.name]
    if len(set(studies)) < len(studies):
        raise UserError(f"name must not hold a study twice, got {','.join(settings.name)}")
    print(f"report: reading the predictions in {', '.join(map(str, studies))}\n")
    folder = studies[0] / "report"
    if len(studies) > 1:
        folder /= f"with-{'-'.join(study.name for study in studies[1:])}"
        print(write_comparison(studies, folder, [settings_of(study) for study in studies], settings.partial))
    else:
        background = background_of(studies[0], settings.sensitivity, settings.subgroup, settings.partial)
        print(write_report(studies[0], background))
    print(f"\n{folder / 'report.html'}")


if __name__ == "__main__":
    run(report, ReportSettings, "report")
