"""How speed is measured here: things to be compared in turns, each part of the benchmark in a process of its own."""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import ParamSpec

from joblib.externals.loky import ProcessPoolExecutor

Given = ParamSpec("Given")


@dataclass(frozen=True)
class Timing:
    """What one part of the benchmark found."""

    name: str
    seconds: list[float]
    """Of every repetition."""
    compared_with: str | None = None
    reference_seconds: list[float] | None = None
    """Of what it is compared with, taken in turns with it."""
    peak_bytes: int | None = None
    """Of memory, of the process that was measured; None for that in which the measurement ran."""

    @property
    def ratios(self) -> list[float]:
        """Of every repetition to its reference; none without one."""
        if self.reference_seconds is None:
            return []
        return [here / there for here, there in zip(self.seconds, self.reference_seconds, strict=True)]


def in_turns(tasks: Sequence[Callable[[], object]], repeats: int) -> list[list[float]]:
    """Seconds that each task takes, in turns: what slows the machine for a while slows all of them."""
    rounds = [[seconds(task) for task in tasks] for _ in range(repeats)]
    return [list(column) for column in zip(*rounds, strict=True)]


def seconds(task: Callable[[], object]) -> float:
    """Wall time of one call [s]."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def in_own_process(measure: Callable[Given, list[Timing]], *args: Given.args, **kwargs: Given.kwargs) -> list[Timing]:
    """What `measure` finds in a process that does nothing else, with the peak of its memory where it tells none."""
    # joblib's processes do not import what the command has imported, which would count as theirs
    with ProcessPoolExecutor(1, env={"TQDM_DISABLE": "1"}) as pool:
        timings = pool.submit(measure, *args, **kwargs).result()
        peak = pool.submit(_peak_bytes).result()
    return [replace(timing, peak_bytes=timing.peak_bytes or peak) for timing in timings]


def _peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells on Linux, a process inherits from the one that started it
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def table(timings: Sequence[Timing]) -> str:
    """Medians, ratios with their spread, peak memory: a line each, within 80 columns."""
    lines = [f"{'':21s}{'time':>8s}  {'compared with':27s}{'ratio':>12s}{'memory':>9s}"]
    for timing in timings:
        there = timing.compared_with or ""
        if timing.reference_seconds:
            there += f" {spoken(median(timing.reference_seconds))}"
        ratio = ""
        if timing.ratios:
            middle = median(timing.ratios)
            ratio = f"{middle:.2f}" if middle >= 0.1 else f"{middle:.1g}"
            if len(timing.ratios) > 1:
                ratio += f" ±{max(abs(one - middle) for one in timing.ratios):.2f}"
        memory = "" if timing.peak_bytes is None else f"{timing.peak_bytes / 2**30:.1f} GiB"
        lines.append(f"{timing.name:21s}{spoken(median(timing.seconds)):>8s}  {there:27s}{ratio:>12s}{memory:>9s}")
    return "\n".join(line.rstrip() for line in lines)


def spoken(duration: float) -> str:
    """A duration in the unit that suits it."""
    if duration < 1:
        return f"{1000 * duration:.0f} ms"
    if duration < 120:
        return f"{duration:.1f} s"
    return f"{duration / 60:.0f} min" if duration < 7200 else f"{duration / 3600:.1f} h"
