"""Settings of `python -m stroke_ctp.perfusion`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import STRICT, Folder, Jobs, OptionalFile
from stroke_ctp.hemodynamics.maps import Analysis


@dataclass(frozen=True, config=STRICT)
class PerfusionSettings:
    """Write perfusion maps, masks, volumes and pictures of scans."""

    out: Folder
    """Folder that receives them."""
    scan: OptionalFile = None
    """4D NIfTI file or DICOM folder."""
    manifest: OptionalFile = None
    """CSV file, one row per scan, instead of scan."""
    frame_interval_s: Annotated[float, Field(gt=0)] | None = None
    """Time between frames of scan=PATH instead of its header's; a manifest has a column for it [s]."""
    jobs: Jobs = -1
    """Processes."""
    method: Literal["deconvolution", "network"] = "deconvolution"
    """How perfusion is found: deconvolution, which analysis sets; network adds maps, masks and volumes of the
    perfusion network, also for scans that deconvolution cannot measure."""
    analysis: Analysis = Analysis()
    """How a scan is deconvolved."""

    @model_validator(mode="after")
    def _one_source(self) -> "PerfusionSettings":
        if (self.scan is None) == (self.manifest is None):
            got = "neither" if self.scan is None else "scan and manifest"
            raise UserError(f"give either scan=PATH or manifest=FILE, got {got}")
        if self.manifest is not None and self.frame_interval_s is not None:
            raise UserError("frame_interval_s is that of scan=PATH; give it as a column of the manifest instead")
        return self
