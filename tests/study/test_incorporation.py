"""Incorporation: a score that comes from the same measurement as the label is flagged, and no other."""

import pytest

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.origin import TRUE_CORE
from stroke_ctp.hemodynamics.lesion_definitions import MEASURED
from stroke_ctp.study.incorporation import incorporation

MEDIAN = Endpoint("core_ml", "median", 32.4)


@pytest.mark.parametrize(
    ("model", "label", "extent"),
    [
        ("cbv_scan", MEASURED["cbv"], "is the label itself"),
        ("rcbf_scan", MEASURED["rcbf"], "is the label itself"),
        ("cbv", MEASURED["cbv"], "is a part of the label"),
        ("rcbf", MEASURED["cbv"], "shares its errors with the label"),
        ("cbv", TRUE_CORE, "resembles the label"),
        ("perfusion", TRUE_CORE, "was trained on such labels"),
        ("perfusion", MEASURED["cbv"], "was trained on cores by the label's definition"),
        ("perfusion", "rCBV below 60 %", "was trained on cores by the quantity that defines the label"),
        ("cbv_scan", "0 < CBV < 1.2 mL/100 mL on the map provided", "measures what defines the label"),
        ("rcbf", "rCBF < 30 %, RAPID", "measures what defines the label"),
    ],
)
def test_a_score_from_the_measurement_that_gave_the_label_is_flagged(model: str, label: str, extent: str):
    found = incorporation(model, MEDIAN, ["DWI", label])
    assert found is not None
    assert found.extent == extent


@pytest.mark.parametrize(
    ("model", "label"),
    [
        ("full", MEASURED["cbv"]),
        ("rcbf", TRUE_CORE),
        ("cbv", "DWI"),
        ("cbv", "segmentation"),
        ("rcbf_scan", ""),
        ("perfusion", "segmentation"),
        ("perfusion", MEASURED["rcbf"]),
    ],
)
def test_a_score_from_another_measurement_is_not_flagged(model: str, label: str):
    assert incorporation(model, MEDIAN, [label]) is None


def test_an_endpoint_other_than_core_volume_is_flagged_only_if_it_is_a_measured_core():
    assert incorporation("cbv", Endpoint("mrs", 2, 2.0), [MEASURED["cbv"]]) is None
    own = incorporation("cbv_scan", Endpoint("scan_cbv_ml", "median", 30.0), ["DWI"])
    other = incorporation("rcbf", Endpoint("scan_cbv_ml", "median", 30.0), ["DWI"])
    learned = incorporation("perfusion", Endpoint("scan_cbv_ml", "median", 30.0), ["DWI"])
    assert own is not None
    assert learned is not None
    assert learned.extent == "was trained on cores by the label's definition"
    assert incorporation("perfusion", Endpoint("scan_rcbf_ml", "median", 30.0), ["DWI"]) is None
    assert other is not None
    assert (own.extent, other.extent) == ("is the label itself", "shares its errors with the label")
