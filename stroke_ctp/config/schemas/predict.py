"""Settings of `python -m stroke_ctp.predict`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.formats import MapFormat
from stroke_ctp.common.schemas import STRICT, Folder, Jobs, OptionalFile, Rule, Text
from stroke_ctp.model.settings import OUTPUTS

Slices = Annotated[
    tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] | Literal["auto"],
    Rule("auto, or the slices of basal ganglia and supraganglionic level, counted from 0: [2,4]"),
]


@dataclass(frozen=True, config=STRICT)
class PredictSettings:
    """Score new patients with the members of a trained model and with their mean."""

    out: Folder
    """Folder that receives the predictions."""
    name: Text = "stroke"
    """Name of the study whose folds are trained."""
    outputs: Folder = OUTPUTS
    """Folder of all studies."""
    model: Text = "full"
    """Model of the study."""
    scan: OptionalFile = None
    """4D NIfTI file or DICOM folder of one patient."""
    manifest: OptionalFile = None
    """CSV file, one row per scan, instead of scan; labels are not needed."""
    levels: Slices = "auto"
    """Slices of both levels in scan=PATH; auto proposes them. A manifest has columns for them, and those that it does
    not give are proposed."""
    frame_interval_s: Annotated[float, Field(gt=0)] | None = None
    """Time between frames of scan=PATH instead of its header's; a manifest has a column for it [s]."""
    out_of_fold: bool = False
    """Score patients of the training cohort, each by the member that was tested on it."""
    bundle: OptionalFile = None
    """File of `python -m stroke_ctp.export`, instead of name and model."""
    cohort: Folder | None = None
    """Training cohort of the study, if it lies outside OUTPUTS: it tells which patients are not assessable."""
    bank: Folder | None = None
    """Folder of the feature cache, if it is not OUTPUTS/bank."""
    error: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    """Largest share of patients of either class who may get the wrong answer: those for whom that cannot be kept are
    declined. By default nobody is declined for being between the classes."""
    page: bool | None = None
    """Write a page for each patient that is scored, which also explains the answer; null: only with scan=PATH."""
    format: MapFormat = "none"
    """Write maps, core and penumbra in the scan's geometry: nifti, or dicom for Parametric Maps, a Segmentation and a
    Structured Report that refer to a DICOM scan, with NIfTI beside them."""
    jobs: Jobs = -1
    """Processes that read scans."""

    @model_validator(mode="after")
    def _one_model(self) -> "PredictSettings":
        if self.bundle is not None and (self.name, self.model) != (PredictSettings.name, PredictSettings.model):
            raise UserError(f"bundle={self.bundle} holds a study's model; leave out name and model")
        if self.bundle is not None and (self.cohort is not None or self.bank is not None):
            extra = "cohort" if self.cohort is not None else "bank"
            raise UserError(f"bundle={self.bundle} holds the range of its training cohort; leave out {extra}")
        if self.bundle is not None and self.out_of_fold:
            raise UserError("out_of_fold=true needs name=NAME: a bundle does not tell who its training patients are")
        return self

    @model_validator(mode="after")
    def _one_source(self) -> "PredictSettings":
        if (self.scan is None) == (self.manifest is None):
            got = "neither" if self.scan is None else "scan and manifest"
            raise UserError(f"give either scan=PATH or manifest=FILE, got {got}")
        if self.manifest is not None and (self.levels != "auto" or self.frame_interval_s is not None):
            key = "levels" if self.levels != "auto" else "frame_interval_s"
            raise UserError(f"{key} is that of scan=PATH; give it in the columns of the manifest instead")
        if self.levels != "auto" and self.levels[0] == self.levels[1]:
            raise UserError(f"levels must be two slices, got {self.levels[0]} for both")
        return self
