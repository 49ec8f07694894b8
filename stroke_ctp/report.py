"""Tables and figures of a study: `python -m stroke_ctp.report name=NAME`."""

from pathlib import Path

from omegaconf import DictConfig

from stroke_ctp.cli import run
from stroke_ctp.evaluation.report import write_report


def report(config: DictConfig) -> None:
    """Write `OUTPUTS/NAME/report`, print its tables and where it lies."""
    study = Path(config.outputs) / str(config.name)
    print(f"report: reading the predictions in {study}\n")
    print(write_report(study))
    print(f"\n{study / 'report'}")


if __name__ == "__main__":
    run(report, "report")
