"""Public data sets, as trees that their published tables describe."""

import csv
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import gdcm
import nibabel as nib
import numpy as np
import pandas as pd
import pydicom
import pytest
from dicom_files import classic, recode, save_all
from heads import head
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from stroke_ctp.cohort.layouts import write_layout_manifest
from stroke_ctp.common.errors import Excluded, UserError
from stroke_ctp.common.schemas import validated
from stroke_ctp.config.composition import CONF
from stroke_ctp.config.schemas.preprocess import PreprocessSettings
from stroke_ctp.preprocess import preprocess
from stroke_ctp.scan.dicom.vendor_maps import low_volume_ml

CASES = Path(__file__).parent / "isles2018_training_cases.csv"
"""The 94 real training scans: OpenPerfusion's published case tables (Apache-2.0)."""


def cases():
    with CASES.open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def save(path: Path, array: np.ndarray, zooms: tuple[float, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(array, np.diag([-zooms[0], -zooms[1], zooms[2], 1.0]))
    image.header["pixdim"][4] = 1.0  # and no unit of time, as published
    nib.save(image, path)


@pytest.fixture(scope="session")
def isles2018(tmp_path_factory) -> Path:
    """The training split: real slice and frame counts, lesions of the real volume, 24 pixels instead of 256."""
    root = tmp_path_factory.mktemp("isles2018")
    size, pixel_mm, slice_mm = 24, 250 / 24, 5.0
    still = head(size, 250.0)
    rng = np.random.default_rng(0)
    for case in cases():
        n_slices, n_frames, number = int(case["nz"]), int(case["nt"]), int(case["case"])
        folder = root / "TRAINING" / f"case_{number}"
        hu = still.T[:, :, None, None] + rng.normal(0, 2, (size, size, n_slices, n_frames))
        if number % 3 == 0:
            hu = hu[:, :, :, None]  # as published, some have a singleton axis
        name = f"SMIR.Brain.XX.O.CT_4DPWI.{case['smir_4dpwi_id']}"
        save(folder / name / f"{name}.nii", hu.astype(np.int32), (pixel_mm, pixel_mm, slice_mm))
        ot = f"SMIR.Brain.XX.O.OT.{345000 + 7 * number}"
        save(folder / ot / f"{ot}.nii", *small_mask(float(case["dwi_lesion_ml"])))
        description = f"ISLES 2018 - TRAIN - {case['patient']}_{case['slab']} - CT"
        (folder / name / f"{name}.json").write_text(json.dumps({"description": description}))
    return root


def small_mask(volume_ml: float) -> tuple[np.ndarray, tuple[float, float, float]]:
    """A segmentation of a volume to within half a voxel of 8 mm³."""
    mask = np.zeros((64, 64, 24), np.uint8)
    mask.ravel()[: round(volume_ml * 1000 / 8)] = 1
    return mask, (2.0, 2.0, 2.0)


def manifest(layout: str, root: Path, folder: Path) -> pd.DataFrame:
    write_layout_manifest(layout, root, folder / "manifest.csv")
    return pd.read_csv(folder / "manifest.csv")


def test_isles_2018_lists_its_94_scans_of_63_patients_slabs_together(isles2018, tmp_path):
    table = manifest("isles2018", isles2018, tmp_path)
    assert (len(table), table.patient.nunique()) == (94, 63)
    assert (table.patient.value_counts() == 2).sum() == 31
    assert list(table.patient) == [case["patient"] for case in cases()]
    assert (table.frame_interval_s == 1).all()
    assert table.label_definition.str.contains("DWI").all()
    for column in ("scan", "core_mask"):
        assert all((tmp_path / path).is_file() for path in table[column])
        assert not any(Path(path).is_absolute() for path in table[column])


def test_isles_2018_gives_the_articles_23_patients_12_of_them_large(isles2018, tmp_path):
    # the tree's heads show no ventricles: it is the timing that decides here
    command = ["-m", "stroke_ctp.preprocess", "layout=isles2018", "min_level_confidence=0", "jobs=1"]
    arguments = [f"root={isles2018}", f"out={tmp_path / 'cohort'}"]
    own = make(tmp_path / "cohort") / "manifest.csv"
    own.write_text("mine")
    done = subprocess.run(
        [sys.executable, *command, *arguments], cwd=CONF.parent, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    cohort = pd.read_csv(tmp_path / "cohort" / "cohort.csv")
    assert len(cohort) == 23
    assert own.read_text() == "mine"
    assert len(pd.read_csv(tmp_path / "cohort" / "isles2018.csv")) == 94
    assert (cohort.core_ml > 32.4).sum() == 12
    by_patient = pd.DataFrame(cases()).astype({"dwi_lesion_ml": float}).groupby("patient").dwi_lesion_ml.sum()
    np.testing.assert_allclose(cohort.core_ml, by_patient[cohort.patient], atol=0.008)
    excluded = pd.read_csv(tmp_path / "cohort" / "excluded.csv")
    assert len(excluded) == 40
    assert (excluded.stage == "timing").all()
    quality = pd.read_csv(tmp_path / "cohort" / "quality.csv")
    assert set(quality.levels_chosen_by) == {"ventricles"}


def test_a_split_of_isles_2018_can_be_named_and_the_test_split_has_no_label(isles2018, tmp_path):
    source = next((isles2018 / "TRAINING" / "case_1").glob("*4DPWI*"))
    case = tmp_path / "TESTING" / "case_1"
    case.mkdir(parents=True)
    os.link(source / f"{source.name}.nii", make(case / source.name) / f"{source.name}.nii")
    (case / source.name / "a.json").write_text(json.dumps({"description": "ISLES 2018 - TEST - Test_01_A - CT"}))
    table = manifest("isles2018", tmp_path / "TESTING", tmp_path)
    assert list(table.patient) == ["Test_01"]
    assert table[["core_mask", "label_definition"]].isna().all(axis=None)


def make(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("raw", "patient", "session"),
    [("raw_data", "sub-stroke0001", "ses-0"), ("rawdata", "sub-strokecase0001", "ses-000")],
)
def test_isles_2024_is_found_under_both_spellings(tmp_path, raw, patient, session):
    root = tmp_path / "data"
    scan = make(root / raw / patient / f"{session}1") / f"{patient}_{session}1_ctp.nii.gz"
    masks = make(root / "derivatives" / patient / f"{session}2")
    native, moved = (masks / f"{patient}_{session}2{space}_lesion-msk.nii.gz" for space in ("", "_space-ncct"))
    for path in (scan, native, moved):
        path.touch()
    table = manifest("isles2024", root, tmp_path)
    assert (tmp_path / table.scan[0]).resolve() == scan
    assert (tmp_path / table.core_mask[0]).resolve() == native
    assert table.patient[0] == patient
    assert "2–9 days" in table.label_definition[0]


def cbv_slice(path: Path, values: np.ndarray) -> None:
    """A slice of a map with slope 0.01, as published."""
    header = pydicom.Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, generate_uid()
    header.Rows, header.Columns = values.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, 0
    header.RescaleSlope, header.RescaleIntercept = "0.01", "0"
    header.PixelSpacing, header.SliceThickness = ["0.5", "0.5"], "5"
    header.PixelData = np.round(values * 100).astype(np.uint16).tobytes()
    header.save_as(path, enforce_file_format=True)


def test_unitobrain_is_the_raw_series_with_the_volume_of_low_cbv(tmp_path):
    root = make(tmp_path / "data")
    for name in ("MOL-001", "MOL-001_Registered", "MOL-002", "MOL-010"):
        make(root / name)
    maps = make(root / "MOL-001_Registered_Filtered_3mm_20HU_Maps" / "NLR_CBV")
    values = np.zeros((20, 20))
    values[:10], values[:2, :5], values[5, 5] = 3.0, 0.8, 1.2  # ten pixels below 1.2 in each slice
    for number in (3, 4):
        cbv_slice(maps / f"NLR_CBV{number:05d}.dcm", values)
    table = manifest("unitobrain", root, tmp_path)
    assert list(table.patient) == ["MOL-001", "MOL-002", "MOL-010"]
    assert table.core_ml[0] == pytest.approx(20 * 0.5 * 0.5 * 5 / 1000, abs=1e-3)
    assert "1.2 mL/100 mL" in table.label_definition[0]
    assert table.core_ml[1:].isna().all()


def unitobrain_map(root: Path) -> Path:
    """The map of the only patient, of 100 voxels of 1.25 µL below the limit."""
    make(root / "MOL-001")
    folder = make(root / "MOL-001_Registered_Filtered_3mm_20HU_Maps" / "NLR_CBV")
    cbv_slice(folder / "NLR_CBV00003.dcm", np.where(np.arange(400).reshape(20, 20) < 100, 0.8, 3.0))
    return folder / "NLR_CBV00003.dcm"


def test_a_compressed_map_has_the_volume_of_an_uncompressed_one(tmp_path):
    recode(unitobrain_map(tmp_path), gdcm.TransferSyntax.JPEG2000Lossless)
    assert manifest("unitobrain", tmp_path, make(tmp_path / "out")).core_ml[0] == pytest.approx(0.125)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.unlink(), r"NLR_CBV must hold the map's slices \(\*\.dcm\), got none; complete the data"),
        (lambda path: path.write_bytes(b"no image"), r"NLR_CBV00003\.dcm cannot be read as a slice of a map"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), r"NLR_CBV00003\.dcm cannot be read as a slice"),
    ],
)
def test_a_damaged_or_missing_map_is_named(tmp_path, damage, reason):
    damage(unitobrain_map(tmp_path))
    with pytest.raises(UserError, match=reason):
        write_layout_manifest("unitobrain", tmp_path, tmp_path / "out" / "manifest.csv")


@pytest.mark.parametrize(
    ("failure", "raised", "said"),
    [
        (PermissionError(13, "Permission denied"), PermissionError, "Permission denied"),
        (FileNotFoundError(2, "No such file"), FileNotFoundError, "No such file"),
        (OSError(errno.EMFILE, "Too many open files"), OSError, "Too many open files"),
        (Excluded("reading", "file a must unpack to ≤ 512 MiB"), UserError, "^file a must unpack to ≤ 512 MiB$"),
        (ValueError("odd"), UserError, r"1\.dcm cannot be read as a slice of a map; copy it again$"),
    ],
)
def test_what_keeps_a_map_from_being_read_is_not_called_damage(tmp_path, monkeypatch, failure, raised, said):
    cbv_slice(tmp_path / "1.dcm", np.zeros((2, 2)))

    def fail(_):
        raise failure

    monkeypatch.setattr(pydicom, "dcmread", fail)
    with pytest.raises(raised, match=said):
        low_volume_ml(tmp_path, 1.2)


def test_unitobrain_counts_whom_48_s_exclude_and_proposes_padding(tmp_path, capsys):
    """Two patients of 44 s, timed as GE's cine series are, and one of 48 s."""
    root = make(tmp_path / "data")
    for number, n_frames in enumerate((22, 22, 24), start=1):
        times = np.repeat(np.arange(n_frames)[:, None] * 2.0, 2, axis=1)
        hu = np.broadcast_to(head(32), (n_frames, 2, 32, 32))
        save_all(root / f"MOL-{number:03d}", classic(hu, times, "ge cine", (10.0, 6.25, 6.25)))

    def included(out, **changes):
        fields = {"layout": "unitobrain", "root": str(root), "out": str(tmp_path / out), "jobs": 1, **changes}
        fields["min_level_confidence"] = 0.0  # these heads show no ventricles
        preprocess(validated(PreprocessSettings, fields))
        return list(pd.read_csv(tmp_path / out / "cohort.csv").patient)

    assert included("excluding") == ["MOL-003"]
    assert "2 of 3 patients last less than 48 s" in (printed := capsys.readouterr().out)
    assert "short_scan=pad" in printed
    assert included("padding", short_scan="pad") == [f"MOL-{number:03d}" for number in range(1, 4)]
    assert "last less than" not in capsys.readouterr().out


def without_json(root: Path) -> None:
    next(root.rglob("*.json")).unlink()


def out_of_root(root: Path) -> None:
    scan = next(root.rglob("*4DPWI*.nii"))
    scan.rename(root.parent / "elsewhere.nii")
    scan.symlink_to(root.parent / "elsewhere.nii")


def without_scan(root: Path) -> None:
    next(root.rglob("*4DPWI*.nii")).unlink()


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        (without_json, ["case_7", "names the patient"]),
        (out_of_root, ["link that leads out of"]),
        (without_scan, ["case_7", "must hold one", "got 0"]),
    ],
)
def test_an_incomplete_data_set_is_refused_by_name_and_nothing_is_written(tmp_path, damage, names):
    folder = make(tmp_path / "data" / "TRAINING" / "case_7" / "SMIR.Brain.XX.O.CT_4DPWI.1")
    (folder / f"{folder.name}.nii").touch()
    (folder / f"{folder.name}.json").write_text(json.dumps({"description": "ISLES 2018 - TRAIN - Train_07_A - CT"}))
    damage(tmp_path / "data")
    with pytest.raises(UserError) as refusal:
        write_layout_manifest("isles2018", tmp_path / "data", tmp_path / "out" / "manifest.csv")
    for name in names:
        assert name in str(refusal.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("other", ["no JSON", json.dumps({"description": "a screen"})])
def test_a_json_file_that_names_nobody_is_passed_over(tmp_path, other):
    case = make(tmp_path / "TRAINING" / "case_7")
    for number, content in ((1, other), (2, json.dumps({"description": "ISLES 2018 - TRAIN - Train_07_A - CT"}))):
        (make(case / f"SMIR.Brain.XX.O.CT.{number}") / "description.json").write_text(content)
    scan = make(case / "SMIR.Brain.XX.O.CT_4DPWI.3")
    (scan / f"{scan.name}.nii").touch()
    ot = make(case / "SMIR.Brain.XX.O.OT.4")
    save(ot / f"{ot.name}.nii", *small_mask(3.0))
    assert list(manifest("isles2018", tmp_path, make(tmp_path / "out")).patient) == ["Train_07"]


@pytest.mark.parametrize(
    ("layout", "root", "message"),
    [
        ("isles2020", ".", "layout must be one of isles2018, isles2024, unitobrain, got 'isles2020'"),
        ("isles2018", "nowhere", "there is no folder .*nowhere"),
        ("isles2018", ".", "holds no scan of layout=isles2018"),
    ],
)
def test_an_unknown_layout_or_folder_is_refused(tmp_path, layout, root, message):
    with pytest.raises(UserError, match=message):
        write_layout_manifest(layout, tmp_path / root, tmp_path / "manifest.csv")
