"""Settings of `python -m stroke_ctp.export`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import STRICT, File, Folder, Text
from stroke_ctp.model.settings import OUTPUTS
from stroke_ctp.statistics.operating_points import USUAL_SENSITIVITY


@dataclass(frozen=True, config=STRICT)
class ExportSettings:
    """Pack a trained model into one file that scores new patients anywhere."""

    out: File
    """File that receives the model, such as stroke.safetensors."""
    name: Text = "stroke"
    """Name of the study whose folds are trained."""
    outputs: Folder = OUTPUTS
    """Folder of all studies."""
    model: Text = "full"
    """Model of the study."""
    cohort: Folder | None = None
    """Training cohort of the study, if it lies outside OUTPUTS."""
    bank: Folder | None = None
    """Folder of the feature cache, if it is not OUTPUTS/bank."""
    format: Literal["bundle", "onnx"] = "bundle"
    """bundle: everything that `predict` needs; onnx: the networks alone, for programs without PyTorch."""
    embed_encoder: bool = False
    """Carry the backbone's weights (80 MB); otherwise they are known by their hash, and fetched where they are used."""
    sensitivity: Annotated[float, Field(gt=0, le=1)] = USUAL_SENSITIVITY
    """Sensitivity on validation patients of the second operating point."""

    @model_validator(mode="after")
    def _is_file(self) -> "ExportSettings":
        if self.out.is_dir():
            raise UserError(f"out must be a file, got the folder {self.out}; add a file's name")
        return self

    @model_validator(mode="after")
    def _of_bundle(self) -> "ExportSettings":
        given = {
            "cohort": self.cohort is not None,
            "bank": self.bank is not None,
            "embed_encoder": self.embed_encoder,
            "sensitivity": self.sensitivity != USUAL_SENSITIVITY,
        }
        unused = next((key for key, is_given in given.items() if is_given), None)
        if self.format == "onnx" and unused is not None:
            raise UserError(f"{unused} is for format=bundle, format=onnx writes the networks alone; leave it out")
        return self
