"""Which measured core volumes become labels."""

from dataclasses import asdict
from pathlib import Path

import pytest

from stroke_ctp.cohort.cohort_folder import CohortFolder
from stroke_ctp.cohort.core_volumes import CoreVolumes, add_core_volumes
from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.cohort.patient_series import SeriesRecord, record_key
from stroke_ctp.hemodynamics.maps import Analysis


def completed(tmp_path: Path, found: CoreVolumes, label: str | None) -> tuple[ManifestPatient, SeriesRecord]:
    """An included patient without a core volume, whose scan an earlier command has measured."""
    folder = CohortFolder(tmp_path)
    patient = ManifestPatient(1, "A", tmp_path, (), "", {})
    folder.core_volumes.write(1, record_key(patient, {"analysis": repr(Analysis())}), asdict(found))
    (result,) = add_core_volumes(folder, [(patient, SeriesRecord(sha256="0"))], label, True, 1)
    return result


@pytest.mark.parametrize("level", ["ok", "caution"])
def test_a_measured_volume_becomes_the_label(tmp_path: Path, level: str) -> None:
    found = CoreVolumes({"cbv": 31.0, "rcbf": 22.0}, level, "why")
    patient, record = completed(tmp_path, found, "rcbf")
    assert record.included
    assert record.core_ml == 22.0
    assert patient.label_definition == "CBF<30% of the other hemisphere, measured on the scan by stroke_ctp"


def test_an_unusable_measurement_gives_no_label_but_its_columns(tmp_path: Path) -> None:
    found = CoreVolumes({"cbv": 31.0, "rcbf": 22.0}, "unusable", "noise counts as core")
    patient, record = completed(tmp_path, found, "cbv")
    assert (record.stage, record.core_ml) == ("perfusion", None)
    assert record.reason == "noise counts as core; give core_ml in the manifest"
    assert patient.label_definition == ""

    patient, record = completed(tmp_path, found, None)
    assert record.included
    assert patient.carried == {"scan_cbv_ml": "31.0", "scan_rcbf_ml": "22.0"}


def test_who_cannot_be_measured_is_excluded_with_the_way_out(tmp_path: Path) -> None:
    _, record = completed(tmp_path, CoreVolumes(reason="no bolus in this scan"), "cbv")
    assert record.stage == "perfusion"
    assert record.reason == "no bolus in this scan; give core_ml in the manifest"
