"""Stress curves of a study's models: `python -m stroke_ctp.stress name=NAME`."""

from textwrap import fill

from stroke_ctp.common.text import TERMINAL_WIDTH
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.stress import StressSettings
from stroke_ctp.reporting.figures.stress_curves import stress_picture
from stroke_ctp.reporting.figures.stress_declines import declines_picture
from stroke_ctp.reporting.figures.style import save
from stroke_ctp.reporting.stress_sentences import stress_paragraph
from stroke_ctp.robustness.axes import chosen_axes
from stroke_ctp.robustness.stress_folder import StressFolder
from stroke_ctp.robustness.stress_test import Plan, run_stress_test
from stroke_ctp.robustness.stressed_models import StressedModels
from stroke_ctp.study.run_folder import Elsewhere
from stroke_ctp.study.study_folder import StudyFolder


def stress(settings: StressSettings) -> None:
    """Try the models, write table and figure to `OUTPUTS/NAME/stress`, and say what they show."""
    elsewhere = Elsewhere.of_training(settings.cohort, settings.bank)
    study = StudyFolder(settings.outputs, settings.name, elsewhere)
    plan = Plan.of(settings.axes, chosen_axes(settings.axes, settings.levels), settings.patients, settings.seed)
    subjects = StressedModels.of(study, settings.models)
    for note in subjects.notes:
        print(fill(note, TERMINAL_WIDTH))
    results = run_stress_test(subjects, plan, settings.jobs)
    folder = StressFolder(study)
    files = save(stress_picture(results).drawn, folder.figure)
    declines = declines_picture(results)
    if declines is None:
        folder.remove_declines()
    else:
        files += save(declines.drawn, folder.declines)
    for sentence in stress_paragraph(results):
        print(fill(sentence, TERMINAL_WIDTH))
    print(f"\n{folder.curves}", *(file for file in files if file.suffix == ".png"), sep="\n")


if __name__ == "__main__":
    run(stress, StressSettings, "stress")
