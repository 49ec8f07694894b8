"""Classify acute stroke patients by ischemic core volume from raw, slice-reduced CT perfusion.

The names below are loaded on first use, so that `import stroke_ctp` takes no time.

Example:
    >>> import stroke_ctp
    >>> stroke_ctp.read_scan("scan.nii.gz").hu.shape  # time, slice, height, width
    (32, 3, 136, 136)
"""

import sys

from stroke_ctp.common.interruption import end_quietly_while_loading

if sys.argv[:1] == ["-m"]:  # `python -m stroke_ctp.COMMAND`, which will load libraries for seconds
    end_quietly_while_loading()

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stroke_ctp.cohort.manifest import read_manifest as read_manifest
    from stroke_ctp.cohort.new_patients import NewPatients as NewPatients
    from stroke_ctp.cohort.standard_series import standard_series as standard_series
    from stroke_ctp.cohort.store import Cohort as Cohort
    from stroke_ctp.common.errors import Excluded as Excluded
    from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage as find_bolus_passage
    from stroke_ctp.hemodynamics.core_area import core_area as core_area
    from stroke_ctp.hemodynamics.maps import perfusion_maps as perfusion_maps
    from stroke_ctp.hemodynamics.scan_analysis import analyse_scan as analyse_scan
    from stroke_ctp.scan.ctp_scan import CTPScan as CTPScan
    from stroke_ctp.scan.read import read_scan as read_scan
    from stroke_ctp.study.predictor import Predictor as Predictor
    from stroke_ctp.study.study_folder import StudyFolder as StudyFolder


__version__ = "0.3.1"

_MODULES = {
    "CTPScan": "scan.ctp_scan",
    "Cohort": "cohort.store",
    "Excluded": "common.errors",
    "NewPatients": "cohort.new_patients",
    "Predictor": "study.predictor",
    "StudyFolder": "study.study_folder",
    "analyse_scan": "hemodynamics.scan_analysis",
    "core_area": "hemodynamics.core_area",
    "find_bolus_passage": "hemodynamics.bolus_passage",
    "perfusion_maps": "hemodynamics.maps",
    "read_manifest": "cohort.manifest",
    "read_scan": "scan.read",
    "standard_series": "cohort.standard_series",
}
__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
