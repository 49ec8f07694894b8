"""Broken scans of every kind in one manifest: each gets its reason, and everybody else goes through."""

import gzip
import os
import subprocess
import sys
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from dicom_files import classic, save_all
from heads import head, save_nifti
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from stroke_ctp.config.composition import CONF

SPACING = (5.0, 3.125, 3.125)
HU = np.broadcast_to(head(64), (32, 3, 64, 64)).astype(np.float32)
TIMES = np.repeat(np.arange(32)[:, None] * 1.5, 3, axis=1)


def nifti(path: Path, hu: np.ndarray = HU, **header) -> None:
    save_nifti(path, hu, SPACING, **header)


def truncated(path: Path) -> None:
    nifti(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def wrong_magic(path: Path) -> None:
    nifti(path)
    content = bytearray(path.read_bytes())
    content[344:348] = b"abc\0"
    path.write_bytes(content)


def wrong_gzip_checksum(path: Path) -> None:
    nifti(path)
    content = bytearray(path.read_bytes())
    content[-8] ^= 0xFF
    path.write_bytes(content)


def no_gzip(path: Path) -> None:
    nifti(path.with_suffix(""))
    path.with_suffix("").rename(path)


def with_value(value: float):
    def write(path: Path) -> None:
        hu = HU.copy()
        hu[3, 1, 5, 5] = value
        nifti(path, hu)

    return write


def with_header(**fields):
    def write(path: Path) -> None:
        nifti(path)
        image = nib.load(path, mmap=False)
        data = np.asarray(image.dataobj)
        for key, (index, value) in fields.items():
            image.header[key][index] = value
        nib.Nifti1Image(data, None, image.header).to_filename(path)

    return write


def stored(**fields):
    """Fields of the header as bytes, which nibabel itself would not write: voxel size 80, its fourth, time, 92."""
    offsets = {"pixel": 80, "slice_": 88, "step": 92}

    def write(path: Path) -> None:
        nifti(path)
        content = bytearray(path.read_bytes())
        for field, value in fields.items():
            content[offsets[field] : offsets[field] + 4] = np.float32(value).tobytes()
        path.write_bytes(content)

    return write


def nifti_2(path: Path) -> None:
    nib.save(nib.Nifti2Image(HU.transpose(3, 2, 1, 0), np.diag([-3.125, -3.125, 5, 1])), path)


def mixed_case(path: Path) -> None:
    nifti(path.with_name("mixed.nii"))
    path.with_name("mixed.nii").rename(path)


def colours(path: Path) -> None:
    values = np.zeros((8, 8, 3, 32), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.Nifti1Image(values, np.diag([1, 1, 5, 1])).to_filename(path)


def sheared(path: Path) -> None:
    nifti(path)
    image = nib.load(path, mmap=False)
    affine = image.affine.copy()
    affine[0, 2] = 2.0
    nib.Nifti1Image(np.asarray(image.dataobj), affine, image.header).to_filename(path)


def dicom(hu: np.ndarray = HU, times: np.ndarray = TIMES, **keywords):
    def write(path: Path) -> None:
        save_all(path, classic(hu, times, "siemens", SPACING, **keywords))

    return write


def dicom_changed(change, only=()):
    """All images changed, or those of some times and slices."""

    def apply(ds, time: int, level: int) -> None:
        if not only or (time, level) in only:
            change(ds)

    return dicom(change=apply)


def dicom_of_no_codec(path: Path) -> None:
    dicom()(path)
    file = sorted(path.iterdir())[7]
    ds = dcmread(file)
    ds.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.201")
    ds.PixelData = encapsulate([ds.PixelData])
    ds.save_as(file, implicit_vr=False, little_endian=True)


def dicom_without_a_slice(path: Path) -> None:
    hu, times = np.repeat(HU, 2, axis=1), np.repeat(TIMES, 2, axis=1)
    times[:, 3] = np.nan
    dicom(hu, times)(path)


def setting(keyword: str, value):
    return lambda ds: setattr(ds, keyword, value)


def as_text(keyword: str):
    def change(ds) -> None:
        ds[keyword]._value = "twelve"  # which pydicom itself would not write

    return change


def dicom_without_last_byte(path: Path) -> None:
    dicom()(path)
    file = sorted(path.iterdir())[7]
    file.write_bytes(file.read_bytes()[:-50])


def dicom_leading_out(path: Path) -> None:
    dicom()(path)
    file = sorted(path.iterdir())[0]
    file.rename(path.parent / "outside.dcm")
    file.symlink_to(path.parent / "outside.dcm")


def text_folder(path: Path) -> None:
    path.mkdir()
    (path / "readme.txt").write_text("no image")


BROKEN = {
    "cut.nii": (truncated, "reading", "cannot be read"),
    "cut.nii.gz": (truncated, "reading", "cannot be read"),
    "magic.nii": (wrong_magic, "reading", "cannot be read"),
    "checksum.nii.gz": (wrong_gzip_checksum, "reading", "cannot be read"),
    "plain.nii.gz": (no_gzip, "reading", "cannot be read"),
    "empty.nii": (lambda path: path.touch(), "reading", "cannot be read"),
    "text.nii": (lambda path: path.write_text("no image"), "reading", "cannot be read"),
    "packed_text.nii.gz": (lambda path: path.write_bytes(gzip.compress(b"no image")), "reading", "cannot be read"),
    "nan.nii": (with_value(np.nan), "intensity", "finite"),
    "infinite.nii": (with_value(np.inf), "intensity", "finite"),
    "zero.nii": (lambda path: nifti(path, 0 * HU), "intensity", "must differ by ≥ 50 HU, got 0 to 0"),
    "stored.nii": (lambda path: nifti(path, HU + 1024), "intensity", "must measure -100 to 200 HU"),
    "scaled.nii": (lambda path: nifti(path, HU / 1000), "intensity", "must differ by ≥ 50 HU"),
    "sagittal.nii": (lambda path: nifti(path, axes="PSL"), "reading", "must be axial"),
    "sheared.nii": (sheared, "reading", "not orthogonal"),
    "colours.nii": (colours, "reading", "single real numbers"),
    "no_time.nii": (with_header(pixdim=(4, 0.0)), "timing", "no frame interval"),
    "no_unit.nii": (lambda path: nifti(path, unit="unknown"), "timing", "no frame interval in a unit of time"),
    "short.nii": (lambda path: nifti(path, HU[:20]), "timing", "must last ≥ 48 s"),
    "coarse.nii": (lambda path: nifti(path, HU, step=3.5), "timing", "must be ≤ 3 s"),
    "short": (dicom(HU[:20], TIMES[:20]), "timing", "must last ≥ 48 s"),
    "gap": (dicom(times=np.where(TIMES > 20, TIMES + 4, TIMES)), "timing", "must be ≤ 3 s"),
    "one_frame": (dicom(HU[:1], TIMES[:1]), "reading", ""),
    "cut": (dicom_without_last_byte, "reading", ""),
    "link": (dicom_leading_out, "reading", "link"),
    "text": (text_folder, "reading", ""),
    "pixel.nii": (stored(pixel=-3.125), "reading", "voxels must be > 0 mm, got -3.125 × 3.125 × 5"),
    "slice.nii": (stored(slice_=0), "reading", "voxels must be > 0 mm"),
    "backwards.nii": (stored(step=-1.5), "timing", "no frame interval"),
    "milliseconds.nii": (lambda path: nifti(path, unit="msec"), "timing", "32 frames × 0.0015 s"),
    "second.nii": (nifti_2, "reading", "got NIfTI-2"),
    "Mixed.Nii": (mixed_case, "reading", "must be a NIfTI file (.nii or .nii.gz)"),
    "photo.jpg": (lambda path: path.write_bytes(b"\xff\xd8\xff"), "reading", "must be a NIfTI file (.nii or .nii.gz)"),
    "two": (dicom_changed(setting("PatientID", "4712"), [(3, 1)]), "reading", "must show one patient"),
    "missing": (dicom_without_a_slice, "reading", "evenly spaced, got 10 mm"),
    "codec": (dicom_of_no_codec, "reading", "transfer syntax that can be decoded"),
    "rows": (dicom_changed(setting("Rows", 32), [(3, 1)]), "reading", "same rows and columns"),
    "number": (dicom_changed(as_text("RescaleIntercept"), [(3, 1)]), "reading", "1 number, got text"),
    "slope": (dicom_changed(setting("RescaleSlope", 0)), "intensity", "RescaleSlope must be > 0, got 0"),
    "spacing": (dicom_changed(setting("PixelSpacing", [3, -3])), "reading", "PixelSpacing must be > 0 mm"),
    "stopped": (dicom_changed(setting("AcquisitionTime", "101010")), "timing", "no time in the headers"),
    "coronal": (dicom_changed(setting("ImageOrientationPatient", [1, 0, 0, 0, 0, -1])), "reading", "must be axial"),
    "folder.nii": (lambda path: path.mkdir(), "reading", "must be a file"),
}
GOOD = {"good.nii": nifti, "good": dicom()}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    """What the command makes of all of them together."""
    folder = tmp_path_factory.mktemp("scans")
    rows = ["scan,patient,basal_ganglia,supraganglionic,core_ml"]
    for name, write in {**{name: write for name, (write, _, _) in BROKEN.items()}, **GOOD}.items():
        with warnings.catch_warnings(action="ignore"):  # pydicom says what it thinks of such values
            write(folder / name)
        rows.append(f"{name},P-{name},0,2,1")
    (folder / "loop").mkdir()
    os.symlink(folder / "good", folder / "good" / "loop")  # leads nowhere new
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    command = [sys.executable, "-m", "stroke_ctp.preprocess", f"manifest={folder}/manifest.csv", f"out={folder}/cohort"]
    done = subprocess.run(command, cwd=CONF.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return folder / "cohort"


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_scan_is_excluded_with_its_stage_and_reason(cohort: Path, name: str):
    excluded = pd.read_csv(cohort / "excluded.csv", index_col="patient")
    _, stage, reason = BROKEN[name]
    assert excluded.stage[f"P-{name}"] == stage
    assert reason in excluded.reason[f"P-{name}"]
    assert "\n" not in excluded.reason[f"P-{name}"]


def test_no_whole_path_and_nobody_is_told(cohort: Path):
    told = (cohort / "excluded.csv").read_text() + "".join(path.read_text() for path in cohort.glob(".records/*"))
    for name in (str(cohort.parent), "Doe", "Jane", "MRN-4711", "General Hospital"):
        assert name not in told


def test_the_other_patients_go_through(cohort: Path):
    included = pd.read_csv(cohort / "cohort.csv")
    assert list(included.patient) == sorted(f"P-{name}" for name in GOOD)
    series = [np.load(cohort / "series" / name) for name in included["series"]]
    np.testing.assert_allclose(series[0].astype(float), series[1].astype(float), atol=1.0)
