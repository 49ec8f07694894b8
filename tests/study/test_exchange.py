"""Files of a patient for viewers and archives: of one answer and one format at a time."""

import sys
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import pydicom
import pytest
from dicom_files import classic, enhanced, new_uid, save, save_all, uids
from patient_cases import QUALITY

from stroke_ctp.cohort.manifest import ManifestPatient, ManifestRow
from stroke_ctp.cohort.standard_series import StandardSeries
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.formats import MapFormat
from stroke_ctp.model.explanation import Explanation, Overlay
from stroke_ctp.study.exchange import ExchangeFolder, refuse_unwritable
from stroke_ctp.study.patient_findings import PatientFindings
from stroke_ctp.study.prediction_folder import PatientPrediction

N_SLICES, SHAPE = 6, (40, 48)
TIMES = np.repeat(1.5 * np.arange(6)[:, None], N_SLICES, axis=1)
ANSWER = PatientPrediction("", {"0": 0.75, "1": 1.0}, QUALITY)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_all(tmp_path_factory.mktemp("scan"), classic(frames(), TIMES))


def frames() -> np.ndarray:
    return np.random.default_rng(0).normal(30, 5, (6, N_SLICES, *SHAPE))


def findings(*names: str) -> PatientFindings:
    values = np.zeros((2, 128, 128), np.float32)
    values[:, 40:88, 40:88] = 3.0
    overlays = tuple(Overlay(name, name.upper(), "mL/100 mL", values, (0.0, 5.0)) for name in names)
    return PatientFindings(Explanation("", overlays, core=values > 2, penumbra=values > 9), None, "no bolus")


def write(
    folder: ExchangeFolder, scan: Path, key: str, form: MapFormat, *names: str, answer: PatientPrediction = ANSWER
) -> None:
    rows = (ManifestRow(scan.name, {}, None, None, None),)
    series = StandardSeries(np.zeros((2, 32, 128, 128)), None, QUALITY, [])
    write_rows(folder, scan.parent, rows, series, key, form, *names, answer=answer)


def write_rows(
    folder: ExchangeFolder,
    scans: Path,
    rows: tuple[ManifestRow, ...],
    series: StandardSeries,
    key: str,
    form: MapFormat,
    *names: str,
    answer: PatientPrediction = ANSWER,
) -> None:
    patient = ManifestPatient(1, "", scans, rows, "", {})
    folder.write(patient, key, series, findings(*names), answer, "study demo, model full", form)


def names(folder: ExchangeFolder) -> set[str]:
    return {path.name for path in folder.folder.iterdir()}


def test_another_format_is_written_and_a_lost_file_again(scan: Path, tmp_path: Path):
    folder = ExchangeFolder(tmp_path / "maps")
    assert not folder.has("a", "nifti")
    write(folder, scan, "a", "nifti", "cbv")
    assert folder.has("a", "nifti")
    assert not folder.has("a", "dicom")
    assert not folder.has("b", "nifti")
    write(folder, scan, "a", "dicom", "cbv")
    assert folder.has("a", "dicom")
    assert {"cbv.nii.gz", "cbv.dcm", "lesion.dcm", "report.dcm"} < names(folder)
    (folder.folder / "lesion.dcm").unlink()
    assert not folder.has("a", "dicom")


@pytest.mark.parametrize("content", ["", "{}", '{"key": "a", "files": []}', '{"key": 1, "form": "nifti", "files": 2}'])
def test_files_of_a_damaged_list_are_made_again(content: str, scan: Path, tmp_path: Path):
    folder = ExchangeFolder(tmp_path / "maps")
    write(folder, scan, "a", "nifti", "cbv")
    (folder.folder / "files.json").write_text(content)
    assert not folder.has("a", "nifti")
    write(folder, scan, "a", "nifti", "cbv")
    assert folder.has("a", "nifti")


def test_files_of_an_earlier_answer_are_removed_and_nothing_else(scan: Path, tmp_path: Path):
    folder = ExchangeFolder(tmp_path / "maps")
    write(folder, scan, "a", "dicom", "cbv", "delay")
    (folder.folder / "notes.txt").write_text("mine")
    write(folder, scan, "b", "nifti", "cbv")
    assert names(folder) == {"cbv.nii.gz", "core_mask.nii.gz", "penumbra_mask.nii.gz", "files.json", "notes.txt"}
    folder.remove_others("b")
    assert folder.has("b", "nifti")
    folder.remove_others(None)
    assert names(folder) == {"notes.txt"}


def test_images_that_cannot_be_referred_to_leave_nothing(tmp_path: Path):
    ids = uids()
    for level in range(N_SLICES):
        acquired = np.where(np.arange(N_SLICES) == level, TIMES, np.nan)
        save(tmp_path / f"scan/enhanced-{level}.dcm", enhanced(frames(), acquired, ids=ids))
    folder = ExchangeFolder(tmp_path / "maps")
    with pytest.raises(UserError, match="CT images of one frame each"):
        write(folder, tmp_path / "scan", "a", "dicom", "cbv")
    assert not folder.folder.exists()


def test_a_dicom_scan_gets_maps_lesion_and_report_on_its_levels(scan: Path, tmp_path: Path):
    folder = ExchangeFolder(tmp_path / "maps")
    write(folder, scan, "a", "dicom", "cbv")
    volume = nib.load(folder.folder / "cbv.nii.gz").get_fdata()
    assert [bool(volume[..., index].any()) for index in range(N_SLICES)] == [False, True, False, False, True, False]
    lesion = hd.seg.segread(folder.folder / "lesion.dcm")
    assert [lesion.get_segment_description(n).segment_label for n in (1, 2)] == ["Ischemic core", "Penumbra"]
    shown = pydicom.dcmread(folder.folder / "cbv.dcm").SharedFunctionalGroupsSequence[0].FrameVOILUTSequence[0]
    assert (shown.WindowCenter, shown.WindowWidth) == (2.5, 5)


def test_an_enhanced_image_gets_what_its_classic_twin_gets_with_references_to_its_frames(scan: Path, tmp_path: Path):
    save(tmp_path / "scan/enhanced.dcm", enhanced(frames(), TIMES))
    twin, folder = ExchangeFolder(tmp_path / "twin"), ExchangeFolder(tmp_path / "maps")
    write(twin, scan, "a", "dicom", "cbv")
    write(folder, tmp_path / "scan", "a", "dicom", "cbv")
    assert names(folder) == names(twin)
    expected, found = (pydicom.dcmread(one.folder / "cbv.dcm") for one in (twin, folder))
    np.testing.assert_array_equal(found.pixel_array, expected.pixel_array)
    groups = (one.PerFrameFunctionalGroupsSequence for one in (found, expected))
    for ours, theirs in zip(*groups, strict=True):
        place, twins = (one.PlanePositionSequence[0].ImagePositionPatient for one in (ours, theirs))
        assert list(place) == list(twins)
        images = ours.DerivationImageSequence[0].SourceImageSequence
        assert len(images) == len(TIMES)  # every frame of the slice
    lesion = hd.seg.segread(folder.folder / "lesion.dcm")
    assert lesion.get_volume(segment_numbers=[1], combine_segments=True).array.any()
    source = pydicom.dcmread(tmp_path / "scan/enhanced.dcm")
    assert source.SOPInstanceUID in str(pydicom.dcmread(folder.folder / "report.dcm"))


def test_levels_in_two_scans_lie_each_in_its_own(tmp_path: Path):
    ids = uids()
    for scan in ("low", "high"):
        save_all(tmp_path / scan, classic(frames(), TIMES, ids=ids | {"series": new_uid()}))
    series = StandardSeries(np.zeros((2, 32, 128, 128)), None, QUALITY, [], (1, 0))
    rows = tuple(ManifestRow(scan, {}, None, None, None) for scan in ("high", "low"))
    folder = ExchangeFolder(tmp_path / "maps")
    write_rows(folder, tmp_path, rows, series, "a", "dicom", "cbv")
    kinds = ("cbv.nii.gz", "core_mask.nii.gz", "penumbra_mask.nii.gz", "cbv.dcm", "lesion.dcm")
    assert names(folder) == {f"scan-{n}-{kind}" for n in (1, 2) for kind in kinds} | {"report.dcm", "files.json"}
    for number, (scan, index) in enumerate((("high", 4), ("low", 1)), 1):
        volume = nib.load(folder.folder / f"scan-{number}-cbv.nii.gz").get_fdata()
        assert [bool(volume[..., n].any()) for n in range(N_SLICES)] == [n == index for n in range(N_SLICES)]
        image, source = pydicom.dcmread(folder.folder / f"scan-{number}-cbv.dcm"), next((tmp_path / scan).iterdir())
        assert pydicom.dcmread(source).SeriesInstanceUID in str(image)
    objects = [pydicom.dcmread(path) for path in folder.folder.glob("*.dcm")]
    assert sorted(one.SeriesNumber for one in objects) == [9001, 9002, 9003, 9004, 9005]


def test_scans_of_several_studies_are_refused_as_dicom(tmp_path: Path):
    for scan in ("low", "high"):
        save_all(tmp_path / scan, classic(frames(), TIMES))
    series = StandardSeries(np.zeros((2, 32, 128, 128)), None, QUALITY, [], (0, 1))
    rows = tuple(ManifestRow(scan, {}, None, None, None) for scan in ("low", "high"))
    folder = ExchangeFolder(tmp_path / "maps")
    with pytest.raises(UserError, match="the scans of a patient in one study, got several"):
        write_rows(folder, tmp_path, rows, series, "a", "dicom", "cbv")
    assert not folder.folder.exists()


def test_the_report_says_what_the_page_says_with_the_reasons_of_no_answer(scan: Path, tmp_path: Path):
    folder = ExchangeFolder(tmp_path / "maps")
    volume = {"predicted_ml": 41.0, "low_ml": 20.0, "high_ml": 77.0}
    given = {"calibrated": 0.5, "volume": volume, "classes": {"youden": True}, "declined": ["noise: 9 HU", "no bolus"]}
    write(folder, scan, "a", "dicom", "cbv", answer=replace(ANSWER, **given))
    report = hd.sr.srread(folder.folder / "report.dcm")
    items = [entry.value for entry in report.iterall() if entry.keyword == "ContentSequence"]
    texts = [one for sequence in items for one in sequence if one.ValueType == "TEXT"]
    assert [(one.ConceptNameCodeSequence[0].CodeMeaning, one.TextValue) for one in texts][-3:] == [
        ("Size of the core", "not assessable"),
        ("Reason of no answer", "noise: 9 HU"),
        ("Reason of no answer", "no bolus"),
    ]
    (group,) = report.content.get_image_measurement_groups()
    assert [(one.name.meaning, one.value) for one in group.get_measurements()] == [
        ("Probability of a large core", 0.875),
        ("Calibrated probability of a large core", 0.5),
        ("Core volume", 41),
        ("Lower end of the 90 % interval of the core volume", 20),
        ("Upper end of the 90 % interval of the core volume", 77),
    ]


def test_dicom_objects_need_a_library_that_is_named_before_anybody_is_scored(
    scan: Path, monkeypatch: pytest.MonkeyPatch
):
    rows = (ManifestRow(scan.name, {}, None, None, None),)
    patients = [ManifestPatient(1, "", scan.parent, rows, "", {})]
    refuse_unwritable(patients, "dicom")
    monkeypatch.delitem(sys.modules, "stroke_ctp.scan.dicom.writer", raising=False)
    monkeypatch.delattr("stroke_ctp.scan.dicom.writer", raising=False)
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(UserError, match=r"format=dicom needs highdicom, .*pip install 'stroke_ctp\[dicom\]'"):
        refuse_unwritable(patients, "dicom")
    refuse_unwritable(patients, "nifti")


def test_without_a_lesion_there_are_maps_and_a_report_but_no_segmentation(scan: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(PatientFindings, "lesion", None)
    folder = ExchangeFolder(tmp_path / "maps")
    write(folder, scan, "a", "dicom", "cbv")
    assert {name for name in names(folder) if name.endswith(".dcm")} == {"cbv.dcm", "report.dcm"}
