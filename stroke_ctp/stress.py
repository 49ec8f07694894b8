"""Stress curves of a study's models: `python -m stroke_ctp.stress name=NAME`."""

from textwrap import fill

from stroke_ctp.common.text import TERMINAL_WIDTH
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.stress import StressSettings
from stroke_ctp.reporting.figures.stress_curves import stress_picture
from stroke_ctp.reporting.figures.style import save
from stroke_ctp.reporting.stress_sentences import stress_paragraph
from stroke_ctp.robustness.axes import chosen_axes
from stroke_ctp.robustness.stress_folder import StressFolder
from stroke_ctp.robustness.stress_test import Plan, run_stress_test
from stroke_ctp.study.study_folder import StudyFolder


def stress(settings: StressSettings) -> None:
    """Try the models, write table and figure to `OUTPUTS/NAME/stress`, and say what they show."""
    study = StudyFolder(settings.outputs, settings.name)
    plan = Plan.of(settings.axes, chosen_axes(settings.axes, settings.levels), settings.patients, settings.seed)
    results = run_stress_test(study, settings.models, plan, settings.jobs)
    folder = StressFolder(study)
    files = save(stress_picture(results).drawn, folder.figure)
    for sentence in stress_paragraph(results):
        print(fill(sentence, TERMINAL_WIDTH))
    print(f"\n{folder.curves}\n{files[0]}")


if __name__ == "__main__":
    run(stress, StressSettings, "stress")
