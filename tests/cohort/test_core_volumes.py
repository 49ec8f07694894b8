"""Which measured core volumes become labels."""

from dataclasses import asdict
from pathlib import Path

import pytest

from stroke_ctp.cohort.cohort_folder import CohortFolder
from stroke_ctp.cohort.core_volumes import CoreVolumes, add_core_volumes, measure_core_volumes
from stroke_ctp.cohort.manifest import ManifestPatient, ManifestRow
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


def test_volumes_that_are_no_columns_still_make_the_label(tmp_path: Path) -> None:
    folder = CohortFolder(tmp_path)
    patient = ManifestPatient(1, "A", tmp_path, (), "", {})
    key = record_key(patient, {"analysis": repr(Analysis())})
    folder.core_volumes.write(1, key, asdict(CoreVolumes({"cbv": 31.0, "rcbf": 22.0}, "ok", "")))
    ((labelled, record),) = add_core_volumes(folder, [(patient, SeriesRecord(sha256="0"))], "cbv", False, 1)
    assert (labelled.carried, record.core_ml) == ({}, 31.0)


def test_a_patient_whom_another_command_measures_is_left_to_it(tmp_path: Path) -> None:
    folder, patient = CohortFolder(tmp_path), ManifestPatient(1, "A", tmp_path, (), "", {})
    with folder.core_volumes.lock(1, wait=False) as mine:
        assert mine
        assert measure_core_volumes(patient, folder=folder, wait=False) is None


def test_a_failed_measurement_of_a_scan_that_changed_meanwhile_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scan.nii").touch()
    folder = CohortFolder(tmp_path)
    patient = ManifestPatient(1, "A", tmp_path, (ManifestRow("scan.nii", {}, None, None, None),), "", {})

    def measured(*_: object) -> CoreVolumes:
        (tmp_path / "scan.nii").write_text("the copy has ended")
        return CoreVolumes(reason="it is cut short")

    monkeypatch.setattr("stroke_ctp.cohort.core_volumes._measured", measured)
    assert measure_core_volumes(patient, folder=folder, wait=True) == CoreVolumes(reason="it is cut short")
    assert folder.core_volumes.read(1, record_key(patient, {"analysis": repr(Analysis())}), CoreVolumes) is None
