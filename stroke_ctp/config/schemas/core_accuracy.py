"""Settings of `python -m stroke_ctp.benchmarks.core_accuracy`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, File, Jobs


@dataclass(frozen=True, config=STRICT)
class CoreAccuracySettings:
    """Measure the core of simulated scans whose true core is known."""

    out: File = Path("outputs/core-accuracy.csv")
    """CSV file that receives one line per scan."""
    scans: Annotated[int, Field(ge=2)] = 64
    """Simulated scans, each of another patient."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Changes all scans."""
    jobs: Jobs = -1
    """Processes."""
