"""Settings of `python -m stroke_ctp.simulate`."""

from typing import Annotated

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
    jobs: Jobs = -1
    """Processes."""
