"""Results as DICOM objects, read back by pydicom and by highdicom, and NIfTI beside them, read by nibabel."""

from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import pydicom
import pytest
from dicom_files import classic, enhanced, save, save_all, uids

from stroke_ctp.common.errors import UserError
from stroke_ctp.scan.dicom.source_images import source_images
from stroke_ctp.scan.dicom.writer import DicomTarget, write_parametric_map, write_report, write_segmentation
from stroke_ctp.scan.read import read_scan
from stroke_ctp.scan.write_volume import write_like

SLICES = (1, 2)
SHAPE = (40, 48)
TIMES = np.repeat(1.5 * np.arange(6)[:, None], 4, axis=1)


def private(ds, *_):
    ds.ReferringPhysicianName, ds.InstitutionAddress = "Who^Dr", "Somewhere 1"
    ds.add_new((0x0011, 0x0010), "LO", "SECRET 1.0")
    ds.add_new((0x0011, 0x1001), "LO", "kept to ourselves")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan whose stored rows run from posterior to anterior."""
    hu = np.random.default_rng(0).normal(30, 5, (6, 4, *SHAPE))
    images = classic(hu, TIMES, axes=(1, 0, 0, 0, -1, 0), change=private)
    return save_all(tmp_path_factory.mktemp("scan"), images)


@pytest.fixture(scope="module")
def target(folder: Path) -> DicomTarget:
    scan = read_scan(folder)
    assert scan.placement is not None
    return DicomTarget(source_images(folder, SLICES), scan.placement, SLICES, scan.spacing)


@pytest.fixture(scope="module")
def written(target: DicomTarget, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results")
    write_parametric_map(out / "cbv.dcm", target, 9003, "CBV", "mL/100 mL", values(), (0.0, 4.0))
    masks = {"core": values() > 3, "penumbra": (values() > 2) & (values() <= 3)}
    write_segmentation(out / "lesion.dcm", target, 9002, masks)
    write_report(out / "report.dcm", target, 9001, {"Probability of a large core": (0.83, "")}, [], "study demo")
    return out


def values() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 5, (2, *SHAPE)).astype(np.float32)


def by_position(ds: pydicom.Dataset) -> list[tuple[list[float], np.ndarray]]:
    """Frames with their positions, from inferior to superior; a writer may store them in any order."""
    positions = [
        list(map(float, groups.PlanePositionSequence[0].ImagePositionPatient))
        for groups in ds.PerFrameFunctionalGroupsSequence
    ]
    return sorted(zip(positions, ds.pixel_array, strict=True), key=lambda frame: frame[0][2])


def test_a_map_keeps_its_values_and_lies_where_the_scans_slices_lie(written: Path):
    ds = pydicom.dcmread(written / "cbv.dcm")
    voi = ds.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence[0]
    assert (voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction) == (2, 4, "LINEAR_EXACT")
    positions, frames = zip(*by_position(ds), strict=True)
    np.testing.assert_array_equal(frames, values())
    unit = ds.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0].MeasurementUnitsCodeSequence[0]
    assert unit.CodeValue == "mL/(100.mL)"
    # Of the fixture: slices 5 mm apart from z = 40 mm; rows are stored from behind, ours begin in front.
    np.testing.assert_allclose(positions, [(-20, -30, 45), (-20, -30, 50)], atol=1e-3)
    shared = ds.SharedFunctionalGroupsSequence[0]
    assert list(shared.PlaneOrientationSequence[0].ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
    assert list(map(float, shared.PixelMeasuresSequence[0].PixelSpacing)) == [1.25, 1.25]


def test_highdicom_reads_core_and_penumbra_back(written: Path):
    found = hd.seg.segread(written / "lesion.dcm")
    masks = {1: values() > 3, 2: (values() > 2) & (values() <= 3)}
    assert [found.get_segment_description(n).segment_label for n in masks] == ["Ischemic core", "Penumbra"]
    for number, mask in masks.items():
        volume = found.get_volume(segment_numbers=[number], combine_segments=True).array
        assert np.array_equal(volume > 0, mask) or np.array_equal(volume[::-1] > 0, mask)


def test_highdicom_reads_the_answer_back(written: Path):
    report = hd.sr.srread(written / "report.dcm")
    (group,) = report.content.get_image_measurement_groups()
    (probability,) = group.get_measurements()
    assert probability.name.meaning == "Probability of a large core"
    assert probability.value == 0.83


@pytest.mark.parametrize("name", ["cbv.dcm", "lesion.dcm", "report.dcm"])
def test_an_object_refers_to_the_source_and_says_research(name: str, written: Path, folder: Path):
    ds, source = pydicom.dcmread(written / name), pydicom.dcmread(next(folder.iterdir()))
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName"):
        assert ds[keyword].value == source[keyword].value
    assert source.SeriesInstanceUID in str(ds)
    assert "Research use only" in ds.SeriesDescription
    assert ds.SeriesInstanceUID != source.SeriesInstanceUID


@pytest.mark.parametrize("name", ["cbv.dcm", "lesion.dcm", "report.dcm"])
def test_nothing_private_and_nobody_else_is_copied(name: str, written: Path):
    ds = pydicom.dcmread(written / name)
    for text in ("SECRET", "kept to ourselves", "Who^Dr", "General Hospital", "Somewhere"):
        assert text.encode() not in (written / name).read_bytes()
    assert not [element for element in ds.iterall() if element.tag.is_private]


def test_nifti_beside_it_puts_the_same_value_in_the_same_place(written: Path, folder: Path, tmp_path: Path):
    scan = read_scan(folder)
    volume = np.zeros(scan.hu.shape[1:], np.float32)
    volume[list(SLICES)] = values()
    write_like(tmp_path / "cbv.nii.gz", volume, folder, scan)
    image = nib.load(tmp_path / "cbv.nii.gz")
    ds = pydicom.dcmread(written / "cbv.dcm")
    position = ds.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient
    lps = np.add(list(map(float, position)), [7 * 1.25, 11 * 1.25, 0])  # column 7, row 11 of the second frame
    index = np.linalg.inv(image.affine) @ [-lps[0], -lps[1], lps[2], 1]
    assert image.get_fdata()[tuple(np.rint(index[:3]).astype(int))] == pytest.approx(ds.pixel_array[1, 11, 7])


def test_enhanced_images_are_refused_in_one_sentence(tmp_path: Path):
    """Where each shows one slice; another test has one that shows all."""
    hu, ids = np.random.default_rng(0).normal(30, 5, (6, 4, *SHAPE)), uids()
    for level in range(4):
        acquired = np.where(np.arange(4) == level, TIMES, np.nan)
        save(tmp_path / f"enhanced-{level}.dcm", enhanced(hu, acquired, ids=ids))
    with pytest.raises(UserError, match="CT images of one frame each"):
        source_images(tmp_path, SLICES)
