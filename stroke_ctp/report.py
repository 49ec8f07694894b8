"""Tables and figures of a study: `python -m stroke_ctp.report name=NAME`."""

from omegaconf import DictConfig

from stroke_ctp.cli import run
from stroke_ctp.evaluation.report import write_report
from stroke_ctp.files import study_folder


def report(config: DictConfig) -> None:
    """Write `OUTPUTS/NAME/report`, print its tables and where it lies."""
    study = study_folder(config.outputs, config.name)
    print(f"report: reading the predictions in {study}\n")
    print(write_report(study))
    print(f"\n{study / 'report'}")


if __name__ == "__main__":
    run(report, "report")
