"""What is not a scan, in all its kinds: excluded with one sentence, which names a file and nobody."""

import errno
import logging
import os
import re
import traceback
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from dicom_files import classic, enhanced, save, save_all, set_mid_scan_time, set_pixels
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.dicom.reader import read_dicom

HU = np.random.default_rng(0).integers(0, 900, (3, 3, 16, 16)).astype(float)
TIMES = np.repeat(np.arange(3)[:, None] * 1.5, 3, axis=1)
LAST = (2, 2)
"""Time and slice of the image that is damaged: IM0008."""


def plant(ds):
    """A person in every attribute that may hold one, and in some that may not."""
    ds.PatientName = "Planted^Jane"
    ds.PatientID = "PLANTED-4711"
    ds.SeriesDescription = ds.StudyDescription = ds.InstitutionName = "Planted"
    ds.ProtocolName = ds.OperatorsName = ds.ReferringPhysicianName = "Planted^Joe"
    ds["AcquisitionNumber"]._value = "Planted"
    ds["KVP"]._value = "Planted"
    ds["SliceThickness"]._value = "planted"


def planted(hu=HU, times=TIMES, change=None, **settings):
    """Images of a scan, each first planted and then changed."""

    def both(ds, time, level):
        plant(ds)
        if change is not None:
            change(ds, time, level)

    return classic(hu, times, change=both, **settings)


def scan(folder, change=None, only_last=True, **settings):
    """Write a scan, its last or all images changed."""

    def apply(ds, time, level):
        if change is not None and (not only_last or (time, level) == LAST):
            change(ds)

    return save_all(folder, planted(change=apply, **settings))


def with_value(keyword, value):
    return lambda folder: scan(folder, lambda ds: setattr(ds, keyword, value))


def with_text(keyword, text):
    """A value that pydicom itself would not write."""

    def change(ds):
        ds[keyword]._value = text

    return lambda folder: scan(folder, change)


def without(*keywords, only_last=True):
    def change(ds):
        for keyword in keywords:
            del ds[keyword]

    return lambda folder: scan(folder, change, only_last)


def with_size(rows, columns):
    def change(ds):
        set_pixels(ds, np.zeros((rows, columns)))

    return lambda folder: scan(folder, change)


def cut(share):
    def write(folder):
        path = scan(folder) / "IM0008"
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return write


def holding(content):
    def write(folder):
        scan(folder)
        (folder / "IM0009").write_bytes(content)

    return write


def without_slice(level):
    def write(folder):
        hu, times = np.repeat(HU, 2, axis=1), np.repeat(TIMES, 2, axis=1)
        times[:, level] = np.nan
        save_all(folder, planted(hu, times))

    return write


def with_syntax(uid):
    def write(folder):
        path = scan(folder) / "IM0008"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = dcmread(path)
        ds.file_meta.TransferSyntaxUID = UID(uid)
        if not UID(uid).is_private:
            ds.PixelData = encapsulate([ds.PixelData])
        ds.save_as(path, implicit_vr=False, little_endian=True)

    return write


def linked_out(folder):
    (folder.parent / "elsewhere").mkdir()
    scan(folder.parent / "elsewhere")
    scan(folder)
    (folder / "IM0009").symlink_to(folder.parent / "elsewhere" / "IM0000")


def linked_to(name):
    def write(folder):
        scan(folder)
        (folder / "IM0009").symlink_to(name)

    return write


def decimal(ds):
    ds.FloatPixelData = np.zeros((16, 16), np.float32).tobytes()
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 32, 32, 31
    del ds.PixelData


def of_two_patients(folder):
    scan(folder / "a")
    scan(folder / "b", lambda ds: setattr(ds, "PatientID", "4712"), only_last=False)


def in_an_unreadable_enhanced_file(change):
    def write(folder):
        ds = enhanced(HU, TIMES)
        change(ds)
        save(folder / "scan", ds)

    return write


def drop_groups(ds):
    del ds.PerFrameFunctionalGroupsSequence[3:]


def drop_position(ds):
    del ds.PerFrameFunctionalGroupsSequence[5].PlanePositionSequence


def halve_pixels(ds):
    ds.PixelData = ds.PixelData[: len(ds.PixelData) // 2]


def lone(folder):
    times = TIMES.copy()
    times[1:, 2] = np.nan
    save_all(folder, planted(HU, times))


def short_of_a_frame(folder):
    """Nothing tells the times of the frames, and one slice has fewer."""

    def change(ds, *_):
        del ds.AcquisitionTime, ds.ContentTime, ds.AcquisitionNumber

    times = TIMES.copy()
    times[2, 2] = np.nan
    save_all(folder, planted(HU, times, change=change))


def coronal(folder):
    def change(ds, _, level):
        ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 0, -1], [-20, 5 * level, 30]

    save_all(folder, planted(HU, TIMES, change=change))


def wandering(ds):
    x, y, z = ds.ImagePositionPatient
    ds.ImagePositionPatient = [float(x) + 4, y, z]


KINDS = {
    "empty folder": (lambda folder: folder.mkdir(), "reading", "must hold CT images, got none in 0 files"),
    "no folder": (Path.exists, "reading", "does not exist; correct its path"),
    "only text": (lambda folder: holding_only(folder, b"notes"), "reading", "must hold CT images, got none in 1"),
    "empty file": (holding(b""), "reading", "file IM0009 is empty"),
    "half a preamble's header": (holding(bytes(128) + b"DICM\x02\x00"), "reading", "IM0009.*header is damaged"),
    "junk after the magic": (
        holding(bytes(128) + b"DICM" + np.random.default_rng(1).bytes(999)),
        "reading",
        "IM0009.*header is damaged",
    ),
    "header cut off": (cut(0.3), "reading", "must be .* got none .file IM0008"),
    "pixels cut off": (cut(0.9), "reading", "pixels of file IM0008 cannot be decoded as Explicit VR.*: truncated"),
    "pixels short by one": (
        cut(0.9999),
        "reading",
        "pixels of file IM0008 cannot be decoded as Explicit VR.*: truncated",
    ),
    "no pixels": (without("PixelData"), "reading", "pixels of file IM0008"),
    "link out of the folder": (linked_out, "reading", "file IM0009 must be in the scan's folder, got a link"),
    "link to nothing": (linked_to("absent"), "reading", "file IM0009 must be in the scan's folder, got a link"),
    "links in a circle": (linked_to("IM0009"), "reading", "file IM0009 must be in the scan's folder, got a link"),
    "decimal pixels": (lambda folder: scan(folder, decimal), "reading", "pixels of file IM0008 cannot be decoded"),
    "two patients": (of_two_patients, "reading", r"one patient, got several \(in a/IM0000 and in b/IM0000\)"),
    "one volume": (lambda folder: save_all(folder, planted(HU[:1], TIMES[:1])), "reading", "repeat its slices.* 3 im"),
    "one image": (
        lambda folder: save_all(folder, planted(HU[:1, :1], TIMES[:1, :1])),
        "reading",
        "repeat its slices in time .4D., got 1 images",
    ),
    "slice with one frame": (
        lone,
        "reading",
        "must have two or more frames, got one in the slice of IM0002",
    ),
    "missing slice": (without_slice(3), "reading", "evenly spaced, got 10 mm from slice 2 .file IM0002. to the next"),
    "no position": (without("ImagePositionPatient"), "reading", "ImagePositionPatient must be 3 numbers, got none"),
    "no orientation": (without("ImageOrientationPatient"), "reading", "ImageOrientationPatient must be 6 .* none"),
    "no pixel spacing": (without("PixelSpacing"), "reading", "PixelSpacing must be 2 numbers, got none"),
    "no rows": (without("Rows"), "reading", "Rows must be 1 number, got none"),
    "pixel spacing of zero": (
        with_value("PixelSpacing", [0, 1.25]),
        "reading",
        r"PixelSpacing must be > 0 mm, got 0\\1",
    ),
    "negative pixel spacing": (with_value("PixelSpacing", [1.25, -1.25]), "reading", r"must be > 0 mm, got 1.25\\-1"),
    "pixel spacing not a number": (with_text("PixelSpacing", ["nan", "1.25"]), "reading", "PixelSpacing must be 2 num"),
    "other pixel spacing": (with_value("PixelSpacing", [1.25, 1.3]), "reading", "must have the same pixel spacing"),
    "enormous pixel spacing": (with_value("PixelSpacing", [1e9, 1e9]), "reading", "PixelSpacing .* up to 10, got 1e"),
    "text in the position": (with_text("ImagePositionPatient", ["1", "abc", "2"]), "reading", "3 numbers, got text"),
    "two of three coordinates": (
        with_value("ImagePositionPatient", [1, 2]),
        "reading",
        r"must be 3 numbers .* got 1\\2",
    ),
    "endless position": (with_text("ImagePositionPatient", ["1", "2", "1e999"]), "reading", "3 numbers up to"),
    "skewed orientation": (
        with_value("ImageOrientationPatient", [1, 0, 0, 0.5, 0.5, 0]),
        "reading",
        "perpendicular unit vectors",
    ),
    "other orientation": (
        with_value("ImageOrientationPatient", [1, 0, 0, 0, 0.8, 0.6]),
        "reading",
        "must have the same orientation, got others in IM0008",
    ),
    "coronal slices": (coronal, "reading", "slices must be axial, got another orientation"),
    "other rows": (with_size(20, 16), "reading", "must have the same rows and columns, got others in IM0008"),
    "wandering field of view": (
        lambda folder: scan(folder, wandering),
        "reading",
        "one in-plane position, got positions 4 mm apart",
    ),
    "rows of a thumbnail": (with_size(4, 4), "reading", "Rows and Columns must be 16 to 4096, got 4×4"),
    "rows beyond the pixels": (with_value("Rows", 4000), "reading", "same rows and columns, got others in IM0008"),
    "no slope": (without("RescaleSlope", only_last=False), "intensity", "RescaleSlope must .* got none"),
    "no intercept": (without("RescaleIntercept"), "intensity", "RescaleIntercept must .* got none"),
    "slope of zero": (with_value("RescaleSlope", 0), "intensity", "RescaleSlope must be > 0, got 0"),
    "enormous slope": (with_value("RescaleSlope", 1e300), "reading", "RescaleSlope must be 1 number up to 1000"),
    "text as the intercept": (with_text("RescaleIntercept", "air"), "reading", "RescaleIntercept .* got text"),
    "value in the highest bits": (with_value("HighBit", 15), "reading", "lowest of 8, 16 or 32 bits, got 12 elsewhere"),
    "unreadable codec": (with_syntax("1.2.840.10008.1.2.4.201"), "reading", r"syntax.*High-Throughput.*uncompressed"),
    "codec that is not what it says": (
        with_syntax("1.2.840.10008.1.2.4.51"),
        "reading",
        r"IM0008 cannot be decoded as JPEG Extended.*uncompressed",
    ),
    "codec of nobody": (with_syntax("1.2.3.4.5.6.7"), "reading", r"syntax that can be decoded, got 1\.2\.3\.4"),
    "a table in place of slope and intercept": (
        lambda folder: scan(folder, lambda ds: setattr(ds, "ModalityLUTSequence", [Dataset()])),
        "intensity",
        "rescaled by slope and intercept, got a Modality LUT .file IM0008",
    ),
    "a private time that is no number": (
        lambda folder: scan(folder, lambda ds: set_mid_scan_time(ds, "SQ", [Dataset()]), False, vendor="ge cine"),
        "timing",
        "give frame_interval_s",
    ),
    "no times": (without("AcquisitionTime", only_last=False), "timing", "give frame_interval_s"),
    "one image without a time": (without("AcquisitionTime"), "timing", "give frame_interval_s"),
    "text as times": (
        lambda folder: scan(folder, lambda ds: ds["AcquisitionTime"].__setattr__("_value", "noon"), False),
        "timing",
        "give frame_interval_s",
    ),
    "frames without groups": (in_an_unreadable_enhanced_file(drop_groups), "reading", "each of its 9 frames, got 3"),
    "frame without a place": (
        in_an_unreadable_enhanced_file(drop_position),
        "reading",
        "Position.* got none .file scan",
    ),
    "half of the frames' pixels": (in_an_unreadable_enhanced_file(halve_pixels), "reading", "pixels of file scan"),
}


def holding_only(folder, content):
    folder.mkdir()
    (folder / "IM0000").write_bytes(content)


@pytest.fixture
def told(caplog, capfd):
    """All that a reader has said, but for what it raised."""
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield lambda: caplog.text + "".join(capfd.readouterr()) + "".join(str(warning.message) for warning in warned)


def quietly(write, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom says what it thinks of such values when it writes them
        write(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_a_scan_is_excluded_with_a_reason_that_names_nobody(tmp_path, kind, told):
    write, stage, reason = KINDS[kind]
    quietly(write, tmp_path / "scan")
    with pytest.raises(Excluded) as excluded:
        read_dicom(tmp_path / "scan")
    assert excluded.value.stage == stage
    assert re.search(reason, excluded.value.reason), excluded.value.reason
    assert "\n" not in excluded.value.reason
    assert str(tmp_path) not in excluded.value.reason
    assert told() == ""
    assert "planted" not in "".join(traceback.format_exception(excluded.value)).lower()


def test_an_intact_scan_is_read_in_silence(tmp_path, told):
    quietly(scan, tmp_path)
    np.testing.assert_array_equal(read_dicom(tmp_path).hu, HU)
    assert told() == ""


def test_without_the_readers_care_headers_would_be_quoted(tmp_path):
    quietly(scan, tmp_path)
    with pytest.warns(UserWarning, match="Planted"):
        _ = dcmread(tmp_path / "IM0000").AcquisitionNumber


def test_a_reason_can_be_written_down_whatever_a_file_is_called(tmp_path):
    scan(tmp_path)
    name = os.fsdecode(b"M\xfcller\nIM1")  # Latin 1
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(Excluded, match="is empty") as excluded:
        read_dicom(tmp_path)
    assert excluded.value.reason.encode().decode().isprintable()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_may_not_be_opened_is_named(tmp_path, monkeypatch, kind):
    scan(tmp_path / "images")
    if kind == "folder":  # the tests may run as root, whom permissions do not stop
        listing = os.scandir

        def refuse(path):
            if str(path).endswith("images"):
                raise PermissionError(13, "Permission denied", str(path))
            return listing(path)

        monkeypatch.setattr(os, "scandir", refuse)
    else:
        monkeypatch.setattr("stroke_ctp.scan.dicom.ct_files.is_dicom", denied)
    with pytest.raises(Excluded, match=r"images(/IM0000)? cannot be opened; give yourself read permission"):
        read_dicom(tmp_path)


def denied(path):
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "Too many open files"), MemoryError()])
@pytest.mark.parametrize("reader", ["ct_files.is_dicom", "pixels.iter_pixels", "reader.np.empty"])
def test_a_failure_of_the_machine_is_no_finding_about_a_file(tmp_path, monkeypatch, reader, error):
    scan(tmp_path)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(f"stroke_ctp.scan.dicom.{reader}", fail)
    with pytest.raises(type(error)):
        read_dicom(tmp_path)


def test_a_pipe_in_the_folder_does_not_hold_it_up(tmp_path):
    scan(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert read_dicom(tmp_path).hu.shape == (3, 3, 16, 16)


def test_a_broken_series_as_large_as_the_scan_is_not_passed_over(tmp_path):
    scan(tmp_path / "a")
    scan(tmp_path / "b", lambda ds: delattr(ds, "PixelSpacing"), only_last=False)
    with pytest.raises(Excluded, match=r"PixelSpacing must be 2 numbers, got none \(file b/IM0000"):
        read_dicom(tmp_path)


@pytest.mark.parametrize("seed", range(20))
def test_damage_anywhere_in_a_file_ends_in_a_scan_or_an_exclusion(tmp_path, seed):
    random = np.random.default_rng(seed)
    if seed % 4:
        save_all(tmp_path, classic(HU[:2, :2], TIMES[:2, :2]))
    else:
        save(tmp_path / "IM0002", enhanced(HU[:2, :2], TIMES[:2, :2]))
    path = tmp_path / "IM0002"
    content = path.read_bytes()
    for _ in range(5):
        damaged = bytearray(content)
        at, length = int(random.integers(130, 1200)), int(random.integers(1, 20))
        damaged[at : at + length] = random.bytes(int(random.integers(0, 20)))
        path.write_bytes(damaged)
        with suppress(Excluded):
            found = read_dicom(tmp_path)
            assert found.hu.shape[:2] == found.times.shape


def test_frames_without_times_are_ordered_only_if_all_slices_have_as_many(tmp_path):
    short_of_a_frame(tmp_path)
    with pytest.raises(Excluded, match=r"same number of frames if the headers hold no times, got 2 to 3") as excluded:
        read_dicom(tmp_path, frame_interval_s=1.5)
    assert excluded.value.stage == "timing"
