"""Time that a study takes, by the number of its patients."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from stroke_ctp.reporting.figures.style import BLUE, DASHES, GREEN, GREY, ORANGE, PAGE, figure, legend_above

_HOUR = 3600.0


def cost_figure(
    n_patients: Sequence[int], stages: Sequence[Mapping[str, float]], rivals: Mapping[str, Sequence[float]]
) -> Figure:
    """Hours of a study's stages, stacked, and of other ways to carry out the same study.

    Args:
        n_patients: Numbers of patients.
        stages: Duration of each stage [s], for each number of patients.
        rivals: Duration of each other way [s], for each number of patients.
    """
    with figure(PAGE, 0.5 * PAGE) as drawn:
        axes = drawn.subplots()
        below = [0.0] * len(n_patients)
        for name, colour in zip(stages[0], (GREY, ORANGE, BLUE), strict=True):
            above = [low + stage[name] / _HOUR for low, stage in zip(below, stages, strict=True)]
            axes.fill_between(n_patients, below, above, color=colour, alpha=0.5, linewidth=0, label=name)
            below = above
        axes.plot(n_patients, below, color="black", linewidth=1, label="study with the bank")
        for (name, seconds), dash in zip(rivals.items(), DASHES[1:], strict=False):
            axes.plot(n_patients, [s / _HOUR for s in seconds], color=GREEN, linewidth=1, linestyle=dash, label=name)
        axes.set(xscale="log", yscale="log", xlabel="Patients", ylabel="Time [h]")
        axes.set_xticks(n_patients, [f"{n:,}" for n in n_patients], minor=False)
        axes.minorticks_off()
        axes.margins(x=0)
        legend_above(drawn, axes)
    return drawn
