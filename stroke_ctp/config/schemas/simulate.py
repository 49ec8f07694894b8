"""Settings of `python -m stroke_ctp.simulate`."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, Folder, Jobs


@dataclass(frozen=True, config=STRICT)
class SimulateSettings:
    """Write simulated raw scans and the manifests that list them."""

    out: Folder
    """Folder that receives train/ and external/."""
    n_train: Annotated[int, Field(ge=0)] = 217
    """Training patients that can be included; 17 in every 217 more cannot."""
    n_external: Annotated[int, Field(ge=0)] = 23
    """External patients that can be included; 40 in every 23 more cannot."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the patients."""
    label: Literal["core", "infarct"] = "core"
    """Truth that core_ml or core_mask holds: core at the time of the scan, or final infarct; both are in true_*_ml."""
    duration_s: Annotated[float, Field(ge=48, le=75)] = 48.0
    """Duration of a scan that can be included, in the external cohort of the shortest [s]."""
    jobs: Jobs = -1
    """Processes."""
