"""Whole scans: every way of writing one phantom down gives the same scan."""

import struct
from pathlib import Path

import numpy as np
import pytest
from dicom_files import VENDORS, classic, enhanced, new_uid, save, save_all, set_mid_scan_time, uids
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from stroke_ctp.common.errors import Excluded
from stroke_ctp.phantom.digital_patient import DigitalPatient
from stroke_ctp.phantom.scanner import SCANNER_PIXEL_MM, Protocol
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.dicom.reader import read_dicom
from stroke_ctp.scan.nifti import read_nifti, write_nifti

N_FRAMES, N_SLICES, INTERVAL_S = 10, 4, 2.0
SPACING = (5.0, SCANNER_PIXEL_MM, SCANNER_PIXEL_MM)
ORIGIN = (-119.25, -119.25, -7.5)
TIMES = np.repeat(np.arange(N_FRAMES)[:, None] * INTERVAL_S, N_SLICES, axis=1)


@pytest.fixture(scope="module")
def phantom() -> np.ndarray:
    """Frames of a bolus passing a head [HU], without noise."""
    digital = DigitalPatient.draw(30.0, np.random.default_rng(1))
    protocol = Protocol(tuple(5.0 * np.arange(N_SLICES)), 5.0, 2 * N_FRAMES, INTERVAL_S, noise=0.0)
    return np.rint(digital.scan(protocol, np.random.default_rng(2)))[6 : 6 + N_FRAMES]


@pytest.fixture(scope="module")
def from_nifti(phantom, tmp_path_factory) -> CTPScan:
    path = tmp_path_factory.mktemp("nifti") / "scan.nii"
    write_nifti(path, CTPScan.simultaneous(phantom, TIMES[:, 0], SPACING, first_slice_mm=ORIGIN[2]))
    return read_nifti(path)


def by_vendor(vendor):
    return lambda folder, hu: save_all(folder, classic(hu, TIMES, vendor, SPACING, origin=ORIGIN))


def in_one_enhanced_file(folder, hu):
    save(folder / "scan.dcm", enhanced(hu, TIMES, SPACING, ORIGIN))


def in_one_enhanced_file_per_time(folder, hu):
    ids = uids()
    for time in range(N_FRAMES):
        save(folder / f"{time}", enhanced(hu[time, None], TIMES[time, None], SPACING, ORIGIN, ids))


def shuffled_in_nested_folders(folder, hu):
    images = classic(hu, TIMES, "ge", SPACING, origin=ORIGIN)
    order = np.random.default_rng(3).permutation(len(images))
    for number, ds in zip(order, images.values(), strict=True):
        save(folder / "ABCD"[number % 4] / "export" / f"{number:08X}", ds)


def in_series(vendor, n_times, n_slices):
    """A new series after so many times and after so many slices."""

    def write(folder, hu):
        images = classic(hu, TIMES, vendor, SPACING, origin=ORIGIN)
        series = {}
        for (time, level), ds in images.items():
            ds.SeriesInstanceUID = series.setdefault((time // n_times, level // n_slices), new_uid())
        save_all(folder, images)

    return write


def in_turns(folder, hu):
    images = classic(hu, TIMES, "siemens", SPACING, origin=ORIGIN)
    series = new_uid(), new_uid()
    for (time, _), ds in images.items():
        ds.SeriesInstanceUID = series[time % 2]
    save_all(folder, images)


FORMS = {
    **{vendor: by_vendor(vendor) for vendor in VENDORS},
    "enhanced": in_one_enhanced_file,
    "enhanced per time": in_one_enhanced_file_per_time,
    "shuffled": shuffled_in_nested_folders,
    "two series, first and last times": in_series("siemens", 6, N_SLICES),
    "two series, lower and upper slices": in_series("ge", N_FRAMES, 2),
    "a series per time": in_series("canon", 1, N_SLICES),
    "a series per time, Philips": in_series("philips", 1, N_SLICES),
    "a series per slice": in_series("siemens", N_FRAMES, 1),
    "two series, taking turns": in_turns,
    "four series, by time and slices": in_series("ge", 5, 3),
}


@pytest.mark.parametrize("form", FORMS)
def test_however_a_scan_is_written_it_is_the_one_that_nifti_holds(tmp_path, phantom, from_nifti, form):
    FORMS[form](tmp_path, phantom)
    scan = read_dicom(tmp_path)
    np.testing.assert_array_equal(scan.hu, from_nifti.hu)
    np.testing.assert_allclose(scan.times, from_nifti.times, atol=1e-4)
    np.testing.assert_allclose(scan.spacing, from_nifti.spacing, rtol=1e-6)
    np.testing.assert_allclose(scan.positions, from_nifti.positions, atol=1e-4)
    assert not scan.superior_first
    assert scan.hu.dtype == np.float32


def test_a_shuttle_keeps_the_times_of_its_two_table_positions(tmp_path, phantom, from_nifti):
    upper = np.arange(N_SLICES) >= 2
    turn = (np.arange(N_FRAMES)[:, None] + upper) % 2 == 0
    save_all(tmp_path, classic(phantom, np.where(turn, TIMES, np.nan), "siemens", SPACING, origin=ORIGIN))
    scan = read_dicom(tmp_path)
    assert scan.hu.shape[0] == N_FRAMES // 2
    np.testing.assert_allclose(scan.times[:, 0], np.arange(0, N_FRAMES, 2) * INTERVAL_S, atol=1e-4)
    np.testing.assert_allclose(scan.times[:, 3] - scan.times[:, 0], INTERVAL_S, atol=1e-4)
    for level in range(N_SLICES):
        np.testing.assert_array_equal(scan.hu[:, level], phantom[int(level >= 2) :: 2, level])
    brain = (phantom[0] > 20) & (phantom[0] < 60)
    error, late = (np.abs(on_times(scan, TIMES[1:-1, 0] + lag) - from_nifti.hu[1:-1])[:, brain] for lag in (0, 2))
    assert error.mean() < 0.7  # a head that enhances by some HU and moves a little
    assert error.mean() < late.mean() / 2


def on_times(scan: CTPScan, times: np.ndarray) -> np.ndarray:
    """Frames of a scan at times that its slices share, linearly interpolated in each slice's own."""
    hu = np.empty((len(times), *scan.hu.shape[1:]))
    for level in range(scan.hu.shape[1]):
        at = np.interp(times, scan.times[:, level], np.arange(len(scan.times)))
        before = np.minimum(at.astype(int), len(scan.times) - 2)
        weight = (at - before)[:, None, None]
        hu[:, level] = (1 - weight) * scan.hu[before, level] + weight * scan.hu[before + 1, level]
    return hu


def test_a_frame_that_was_not_acquired_is_interpolated_in_its_slice_and_has_no_time(tmp_path):
    ramp = np.broadcast_to(np.arange(7.0)[:, None, None, None] * 10, (7, 3, 16, 16))
    times = np.repeat(np.array([0, 1, 2, 4, 5, 6, 7.0])[:, None], 3, axis=1)
    hu = ramp.copy()
    hu[3] = 40  # on the line between 20 at 2 s and 40 at 5 s it would be 33.3
    lost = times.copy()
    lost[3, 1] = lost[0, 2] = lost[6, 2] = np.nan
    save_all(tmp_path, classic(hu, lost, "canon"))
    scan = read_dicom(tmp_path)
    np.testing.assert_array_equal(np.isnan(scan.times), np.isnan(lost))
    np.testing.assert_allclose(scan.times[~np.isnan(lost)], lost[~np.isnan(lost)], atol=1e-4)
    np.testing.assert_allclose(scan.hu[3, 1], 20 + 20 * 2 / 3, atol=1e-3)
    np.testing.assert_allclose(scan.hu[0, 2], 10)  # the nearest frame's
    np.testing.assert_allclose(scan.hu[6, 2], 50)
    np.testing.assert_array_equal(scan.hu[:, 0], hu[:, 0])


def test_a_last_volume_that_was_cut_off_leaves_a_frame_without_a_time(tmp_path):
    times = TIMES[:6, :3].copy()
    times[5, 1:] = np.nan
    hu = np.random.default_rng(0).integers(0, 80, (6, 3, 16, 16)).astype(float)
    save_all(tmp_path, classic(hu, times, "ge"))
    scan = read_dicom(tmp_path)
    np.testing.assert_array_equal(np.isnan(scan.times), np.isnan(times))
    np.testing.assert_array_equal(scan.hu[:5], hu[:5])
    np.testing.assert_array_equal(scan.hu[5, 0], hu[5, 0])
    np.testing.assert_array_equal(scan.hu[5, 1], hu[4, 1])


@pytest.mark.parametrize("first", ["lower", "upper"])
def test_a_shuttle_that_stops_halfway_lacks_its_last_frames(tmp_path, first):
    slab = (np.arange(4) >= 2) == (first == "lower")
    times = np.arange(4)[:, None] * 3.0 + np.where(slab, 1.5, 0.0)
    times[3, slab] = np.nan
    hu = np.random.default_rng(0).integers(0, 80, (4, 4, 16, 16)).astype(float)
    save_all(tmp_path, classic(hu, times, "siemens"))
    np.testing.assert_allclose(read_dicom(tmp_path).times, times, atol=1e-4)


AXES = [(1, 0, 0, 0, 1, 0), (-1, 0, 0, 0, -1, 0), (-1, 0, 0, 0, 1, 0), (0, 1, 0, 1, 0, 0), (0, -1, 0, 1, 0, 0)]


@pytest.mark.parametrize("axes", AXES)
def test_patient_axes_do_not_depend_on_how_the_patient_lies(tmp_path, axes):
    hu = np.random.default_rng(0).integers(-100, 900, (2, 3, 18, 24)).astype(float)
    save_all(tmp_path, classic(hu, TIMES[:2, :3], "ge", (5.0, 0.75, 0.5), axes))
    scan = read_dicom(tmp_path)
    np.testing.assert_array_equal(scan.hu, hu)
    assert scan.spacing == (5.0, 0.75, 0.5)
    assert scan.first_slice_mm == pytest.approx(40)


@pytest.mark.parametrize(
    "clock", ["FrameReferenceDateTime", "FrameAcquisitionDateTime", "TemporalPositionTimeOffset", "AcquisitionTime"]
)
def test_an_enhanced_file_is_timed_by_any_clock_of_its_frames(tmp_path, clock):
    hu = np.random.default_rng(0).integers(-100, 900, (3, 2, 16, 16)).astype(float)
    save(tmp_path / "scan", enhanced(hu, TIMES[:3, :2], clock=clock))
    scan = read_dicom(tmp_path)
    np.testing.assert_array_equal(scan.hu, hu)
    np.testing.assert_allclose(scan.times, TIMES[:3, :2], atol=1e-4)


def without(*keywords):
    def change(ds, *_):
        for keyword in keywords:
            del ds[keyword]

    return change


def numbered_backwards(ds, *_):
    ds.InstanceNumber = 1000 - ds.InstanceNumber


CLOCKS = ("AcquisitionTime", "ContentTime")


@pytest.mark.parametrize(
    ("vendor", "change", "backwards"),
    [
        ("canon", without("InstanceNumber", "AcquisitionNumber"), False),
        ("canon", without(*CLOCKS), False),  # acquisition number
        ("siemens", without(*CLOCKS, "AcquisitionNumber"), False),  # instance number
        ("philips", without(*CLOCKS, "InstanceNumber"), False),  # file name
        ("ge", lambda ds, *at: (without(*CLOCKS)(ds, *at), numbered_backwards(ds, *at)), True),
        ("ge", numbered_backwards, False),  # times order before numbers
    ],
)
def test_the_manifests_interval_takes_the_headers_order(tmp_path, vendor, change, backwards):
    hu = np.random.default_rng(0).integers(0, 900, (12, 2, 16, 16)).astype(float)
    times = np.arange(12.0)[:, None] + [0.0, 0.25]
    save_all(tmp_path, classic(hu, times, vendor, change=change), name="IM{}")
    scan = read_dicom(tmp_path, frame_interval_s=2.8)
    np.testing.assert_array_equal(scan.hu, hu[::-1] if backwards else hu)
    np.testing.assert_allclose(scan.times, np.repeat(np.arange(12)[:, None] * 2.8, 2, axis=1))


def test_without_times_only_the_manifest_gives_the_interval(tmp_path):
    hu = np.random.default_rng(0).integers(0, 900, (3, 2, 16, 16)).astype(float)
    save_all(tmp_path, classic(hu, TIMES[:3, :2], "siemens", change=without("AcquisitionTime")))
    # Siemens' content time is when the image was reconstructed
    with pytest.raises(Excluded, match="give frame_interval_s") as excluded:
        read_dicom(tmp_path)
    assert excluded.value.stage == "timing"


def in_second_block(ds: Dataset, seconds: float) -> None:
    """Another vendor's elements come first, so that GE's block is (0019,11xx)."""
    set_mid_scan_time(ds, "DS", "0.0", creator="ELSCINT1")
    ds.add_new((0x0019, 0x0011), "LO", "GEMS_ACQU_01")
    ds.add_new((0x0019, 0x1124), "DS", f"{seconds:.3f}")


@pytest.mark.parametrize(
    "write",
    [
        lambda ds, seconds: set_mid_scan_time(ds, "UN", struct.pack("<d", seconds)),
        lambda ds, seconds: set_mid_scan_time(ds, "FD", seconds),
        lambda ds, seconds: set_mid_scan_time(ds, "DS", f"{seconds:.2f}"),
        lambda ds, seconds: set_mid_scan_time(ds, "UN", f"{seconds:.5f}".encode()[:8]),
        in_second_block,
    ],
    ids=["double of unknown type", "double", "decimal string", "decimal string of unknown type", "second block"],
)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_ge_cine_series_is_timed_by_the_middle_of_each_scan(tmp_path, write, syntax):
    def change(ds, time, level):
        ds.AcquisitionTime = ds.ContentTime = "102030"
        write(ds, 470.14 + 0.5 * time + 0.1 * level)

    hu = np.random.default_rng(0).integers(0, 900, (6, 2, 16, 16)).astype(float)
    save_all(tmp_path, classic(hu, TIMES[:6, :2], "ge", change=change), syntax=syntax)
    scan = read_dicom(tmp_path)
    np.testing.assert_array_equal(scan.hu, hu)
    np.testing.assert_allclose(scan.times, np.arange(6)[:, None] * 0.5 + [0, 0.1], atol=0.01)


def test_a_standard_clock_is_believed_before_the_private_one(tmp_path):
    hu = np.random.default_rng(0).integers(0, 900, (6, 2, 16, 16)).astype(float)

    def change(ds, time, _):
        set_mid_scan_time(ds, "DS", f"{900 - 7 * time}")

    save_all(tmp_path, classic(hu, TIMES[:6, :2], "ge", change=change))
    np.testing.assert_allclose(read_dicom(tmp_path).times, TIMES[:6, :2], atol=1e-4)


@pytest.mark.parametrize(
    ("creator", "vr", "value"),
    [
        ("SIEMENS CT VA0  COAD", "DS", "{:g}"),  # its (0019,1024) is the integration time of a reading
        ("GEMS_ACQU_01", "UN", b"\x00\x00\x00\x00\x00\x00\xf8\x7f"),  # not a number
        ("GEMS_ACQU_01", "UN", b"\x01\x02"),
        ("GEMS_ACQU_01", "LO", "{:g} s"),
    ],
)
def test_a_private_element_that_is_not_ges_or_no_number_tells_no_time(tmp_path, creator, vr, value):
    def change(ds, time, _):
        ds.AcquisitionTime = ds.ContentTime = "102030"
        set_mid_scan_time(ds, vr, value.format(time) if isinstance(value, str) else value, creator)

    hu = np.random.default_rng(0).integers(0, 900, (6, 2, 16, 16)).astype(float)
    save_all(tmp_path, classic(hu, TIMES[:6, :2], "ge", change=change))
    with pytest.raises(Excluded, match="give frame_interval_s"):
        read_dicom(tmp_path)


@pytest.mark.parametrize("dated", ["changes", "stays", "absent"])
def test_a_scan_runs_on_across_midnight(tmp_path, dated):
    def late(ds, time, level):
        seconds = 86400 - 5 + 2 * time + 0.1 * level
        ds.AcquisitionTime = f"{'235955' if seconds < 86400 else '000000'}"
        ds.AcquisitionTime = f"{int(seconds % 86400 // 3600):02d}{int(seconds % 3600 // 60):02d}{seconds % 60:06.3f}"
        ds.AcquisitionDate = "20240301" if dated == "changes" and seconds >= 86400 else "20240229"
        if dated == "absent":
            del ds.AcquisitionDate

    hu = np.random.default_rng(0).integers(0, 900, (6, 2, 16, 16)).astype(float)
    save_all(tmp_path, classic(hu, TIMES[:6, :2], "ge", change=late))
    scan = read_dicom(tmp_path)
    np.testing.assert_allclose(scan.times, np.arange(6)[:, None] * 2 + [0, 0.1], atol=1e-4)
    np.testing.assert_array_equal(scan.hu, hu)


def test_what_is_no_ct_image_is_passed_over(tmp_path):
    hu = np.random.default_rng(0).integers(0, 900, (3, 2, 16, 16)).astype(float)
    save_all(tmp_path, classic(hu, TIMES[:3, :2], "ge"))
    report, directory = (next(iter(classic(hu, TIMES[:1, :1]).values())) for _ in range(2))
    report.SOPClassUID, directory.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.67", "1.2.840.10008.1.3.10"
    save(tmp_path / "dose", report)
    save(tmp_path / "DICOMDIR", directory)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "random.dcm").write_bytes(np.random.default_rng(0).bytes(4000))
    (tmp_path / ".hidden").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    np.testing.assert_array_equal(read_dicom(tmp_path).hu, hu)


def test_a_file_from_before_preambles_is_read(tmp_path):
    hu = np.random.default_rng(0).integers(0, 900, (3, 2, 16, 16)).astype(float)
    for number, ds in enumerate(classic(hu, TIMES[:3, :2], "ge").values()):
        ds.save_as(tmp_path / str(number), implicit_vr=True, little_endian=True, enforce_file_format=False)
    np.testing.assert_array_equal(read_dicom(tmp_path).hu, hu)


def test_an_image_and_a_link_to_it_in_the_folder_count_once(tmp_path):
    hu = np.random.default_rng(0).integers(0, 900, (3, 2, 16, 16)).astype(float)
    save_all(tmp_path, classic(hu, TIMES[:3, :2], "ge"))
    (tmp_path / "again").symlink_to(Path("IM0003"))
    np.testing.assert_array_equal(read_dicom(tmp_path).hu, hu)


@pytest.mark.parametrize("same_instance", [True, False])
def test_images_copied_into_the_folder_count_once(tmp_path, same_instance):
    hu = np.random.default_rng(0).integers(0, 900, (4, 2, 16, 16)).astype(float)
    images = classic(hu, TIMES[:4, :2], "siemens")
    save_all(tmp_path, images)
    for number in (1, 4):
        ds = list(images.values())[number]
        if not same_instance:
            ds.SOPInstanceUID = new_uid()
        save(tmp_path / "copies" / str(number), ds)
    scan = read_dicom(tmp_path)
    np.testing.assert_array_equal(scan.hu, hu)
    assert not np.isnan(scan.times).any()
