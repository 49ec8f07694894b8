"""Page, tables and figures of a study: `python -m stroke_ctp.report name=NAME`; of several: `name=NAME,NAME`."""

from omegaconf import DictConfig, ListConfig

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import study_folder
from stroke_ctp.config.command_line import run
from stroke_ctp.reporting.report import write_report
from stroke_ctp.reporting.study_background import background_of, settings_of
from stroke_ctp.reporting.study_comparison import write_comparison


def report(config: DictConfig) -> None:
    """Write `OUTPUTS/NAME/report`, print its tables and where it lies; of several studies, compare them."""
    if not isinstance(config.sensitivity, int | float) or not 0 < config.sensitivity <= 1:
        raise UserError(f"sensitivity must be a number above 0 and up to 1, got {config.sensitivity}")
    if not isinstance(config.partial, bool):
        raise UserError(f"partial must be true or false, got {config.partial}")
    names = list(config.name) if isinstance(config.name, ListConfig) else [config.name]
    studies = [study_folder(config.outputs, name) for name in names]
    if len(set(studies)) < len(studies):
        raise UserError(f"name must not hold a study twice, got {','.join(map(str, names))}")
    print(f"report: reading the predictions in {', '.join(map(str, studies))}\n")
    folder = studies[0] / "report"
    if len(studies) > 1:
        folder /= f"with-{'-'.join(study.name for study in studies[1:])}"
        print(write_comparison(studies, folder, [settings_of(study) for study in studies], config.partial))
    else:
        background = background_of(studies[0])
        print(write_report(studies[0], background, config.sensitivity, config.subgroup, config.partial))
    print(f"\n{folder / 'report.html'}")


if __name__ == "__main__":
    run(report, "report", lists=("name",))
