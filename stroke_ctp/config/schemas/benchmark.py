"""Settings of `python -m stroke_ctp.benchmark`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, Folder


@dataclass(frozen=True, config=STRICT)
class BenchmarkSettings:
    """Measure what each stage costs on this machine."""

    out: Folder = Path("outputs/benchmark")
    """Folder that receives benchmark.json and the plot of cost against patients."""
    repeats: Annotated[int, Field(ge=1)] = 5
    """Repetitions of every measurement."""
    short: bool = False
    """Small sizes, once: shows that it runs, not how fast."""
