"""Settings of `python -m stroke_ctp.preprocess`."""

import dataclasses
from typing import Literal

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import STRICT, Folder, Jobs, OptionalFile


@dataclass(frozen=True, config=STRICT, kw_only=True)
class PreprocessSettings(Rules):
    """Turn the scans of a manifest, or of a public data set, into a cohort of standard series."""

    out: Folder
    """Folder that receives the cohort."""
    manifest: OptionalFile = None
    """CSV file, one row per scan."""
    layout: Literal["isles2018", "isles2024", "unitobrain"] | None = None
    """Public data set, instead of a manifest; its levels are always proposed."""
    root: Folder | None = None
    """Folder of the public data set."""
    jobs: Jobs = -1
    """Processes."""
    label: Literal["cbv", "rcbf"] | None = None
    """Core definition by which perfusion analysis fills core_ml where the manifest has none."""
    volumes: bool = False
    """Add core volumes of whole scans as columns, for model=cbv_scan and rcbf_scan."""

    @model_validator(mode="after")
    def _one_source(self) -> "PreprocessSettings":
        if self.manifest is not None and self.layout is not None:
            raise UserError("manifest and layout exclude each other: a layout has its own manifest; leave one out")
        if self.manifest is None and self.layout is None:
            raise UserError(
                "manifest is required: add manifest=FILE; or layout=NAME and root=DIR for a public data set"
            )
        if self.layout is not None and self.root is None:
            raise UserError(f"root is required: add root=DIR, the folder of the {self.layout} data set")
        return self

    @property
    def rules(self) -> Rules:
        """Which scans are included; public data sets name no levels."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(Rules)}
        return Rules(**given | ({"levels": "auto"} if self.layout else {}))
