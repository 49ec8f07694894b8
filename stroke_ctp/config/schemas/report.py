"""Settings of `python -m stroke_ctp.report`."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, Folder, Text, Texts
from stroke_ctp.model.settings import OUTPUTS
from stroke_ctp.statistics.operating_points import USUAL_SENSITIVITY


@dataclass(frozen=True, config=STRICT)
class ReportSettings:
    """Write page, tables and figures of a study, or compare several."""

    name: Texts
    """Name of the study; several, separated by commas, are compared."""
    outputs: Folder = OUTPUTS
    """Folder of all studies; the report goes to OUTPUTS/NAME/report."""
    bank: Folder | None = None
    """Folder of the feature cache, if it is not OUTPUTS/bank."""
    cohorts: Texts = ()
    """Folders of the study's cohorts that are outside OUTPUTS, separated by commas; the audit reads no others there."""
    main: Text | None = None
    """Model that headline, comparisons, operating points and calibration are about; null: the article's, if it was
    run."""
    subgroup: Text | None = None
    """Column of the manifest whose groups are compared."""
    sensitivity: Annotated[float, Field(gt=0, le=1)] = USUAL_SENSITIVITY
    """Sensitivity on validation patients of the second operating point."""
    margin: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Difference of the AUC up to which models are regarded as equally good."""
    partial: bool = False
    """Show a study with missing folds, as partial."""
