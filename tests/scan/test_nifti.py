import errno
import gzip
import os
import struct

import nibabel as nib
import numpy as np
import pytest
from heads import save_nifti

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan import nifti_integrity
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.nifti import mask_volume_ml, read_nifti, write_mask, write_nifti
from stroke_ctp.scan.read import read_scan


def marked_frames():
    frames = np.zeros((4, 3, 12, 10), dtype=np.int16)
    frames[:, 2, 1, 0] = 700  # most superior slice, anterior, at the patient's right
    frames[2, 0, 11, 9] = 300
    return frames


@pytest.mark.parametrize("axes", ["LPS", "RAS", "LAS", "RPI", "LPI", "PLS", "ARI"])
def test_patient_axes_do_not_depend_on_the_order_on_disk(tmp_path, axes):
    path = save_nifti(tmp_path / "scan.nii.gz", marked_frames(), (5.0, 0.9, 0.8), axes)
    scan = read_nifti(path)
    np.testing.assert_array_equal(scan.hu, marked_frames())
    np.testing.assert_allclose(scan.spacing, (5.0, 0.9, 0.8), rtol=1e-6)
    on_disk = np.asarray(nib.load(path).dataobj)[..., 0]
    file_index = int(np.argwhere(on_disk == 700)[0, 2])
    assert scan.slice_index(file_index) == 2


@pytest.mark.parametrize(("step", "unit", "interval"), [(1.5, "sec", 1.5), (2800, "msec", 2.8), (5e5, "usec", 0.5)])
def test_frame_interval_is_read_in_the_headers_unit(tmp_path, step, unit, interval):
    path = save_nifti(tmp_path / "scan.nii", marked_frames(), step=step, unit=unit)
    np.testing.assert_allclose(read_nifti(path).times[:, 1], np.arange(4) * interval, rtol=1e-6)


@pytest.mark.parametrize("unit", ["unknown", "hz"])
def test_without_a_unit_of_time_only_the_manifest_gives_the_interval(tmp_path, unit):
    path = save_nifti(tmp_path / "scan.nii", marked_frames(), step=1.0, unit=unit)
    with pytest.raises(Excluded, match=r"scan\.nii gives no frame interval.*frame_interval_s"):
        read_nifti(path)
    np.testing.assert_allclose(read_nifti(path, 2.0).times[:, 0], [0, 2, 4, 6])


def test_slope_and_intercept_give_hounsfield_units(tmp_path):
    image = nib.Nifti1Image(np.full((4, 4, 2, 3), 10350, np.int16), np.diag([1, 1, 5, 1]))
    image.header.set_slope_inter(0.1, -1000)
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, tmp_path / "scan.nii")
    np.testing.assert_allclose(read_nifti(tmp_path / "scan.nii").hu, 35, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_any_voxel_type_is_read(tmp_path, dtype):
    path = save_nifti(tmp_path / "scan.nii", (marked_frames() // 10).astype(dtype))
    np.testing.assert_array_equal(read_nifti(path).hu, marked_frames() // 10)


def test_a_singleton_axis_before_time_is_dropped(tmp_path):
    array = np.arange(4 * 5 * 2 * 6, dtype=np.int32).reshape(4, 5, 2, 1, 6)
    nib.save(nib.Nifti1Image(array, np.diag([-1, -1, 5, 1])), tmp_path / "scan.nii")
    scan = read_nifti(tmp_path / "scan.nii", frame_interval_s=1.0)
    np.testing.assert_array_equal(scan.hu, array[:, :, :, 0].transpose(3, 2, 1, 0))


@pytest.mark.parametrize("superior_first", [False, True])
def test_a_written_scan_says_where_and_when_it_is(tmp_path, superior_first):
    scan = CTPScan.simultaneous(
        marked_frames().astype(np.float32), np.arange(4) * 1.5, (5.0, 0.75, 0.5), 12.0, superior_first
    )
    write_nifti(tmp_path / "scan.nii.gz", scan)
    image = nib.load(tmp_path / "scan.nii.gz")
    assert image.header.get_xyzt_units() == ("mm", "sec")
    assert image.header.get_zooms() == (0.5, 0.75, 5.0, 1.5)
    assert image.get_data_dtype() == np.int16
    assert nib.aff2axcodes(image.affine) == ("L", "P", "I" if superior_first else "S")
    file_slice = 0 if superior_first else 2
    assert np.asarray(image.dataobj)[0, 1, file_slice, 0] == 700
    again = read_nifti(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(again.hu, scan.hu)
    assert again.superior_first == superior_first
    np.testing.assert_allclose(again.positions, [12, 17, 22])
    assert image.affine[2, 3] == (22 if superior_first else 12)
    assert [path.name for path in tmp_path.iterdir()] == ["scan.nii.gz"]


def test_irregular_times_are_not_written(tmp_path):
    scan = CTPScan.simultaneous(marked_frames().astype(np.float32), np.array([0, 1, 3, 4.0]), (5.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="regular"):
        write_nifti(tmp_path / "scan.nii", scan)


def test_a_mask_lies_on_its_scan_and_has_its_volume(tmp_path):
    mask = np.zeros((3, 12, 10), np.uint8)
    mask[1, 2:7, 3:9] = 1  # 30 voxels
    write_mask(tmp_path / "mask.nii.gz", mask, (5.0, 0.75, 0.5))
    assert mask_volume_ml(tmp_path / "mask.nii.gz") == pytest.approx(30 * 5 * 0.75 * 0.5 / 1000)
    scan = CTPScan.simultaneous(marked_frames().astype(np.float32), np.arange(4) * 1.5, (5.0, 0.75, 0.5), -5.0)
    write_nifti(tmp_path / "scan.nii.gz", scan)
    affines = [nib.load(tmp_path / name).affine for name in ("mask.nii.gz", "scan.nii.gz")]
    np.testing.assert_allclose(*affines)


def damaged(path, kind):
    if kind == "truncated.nii.gz" or kind == "truncated.nii":
        save_nifti(path, np.random.default_rng(0).integers(0, 99, (4, 3, 32, 32)).astype(np.int16))
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    elif kind == "text.nii":
        path.write_text("not an image\n" * 100)
    elif kind == "flat.nii":
        nib.save(nib.Nifti1Image(np.zeros((8, 8, 4), np.int16), np.eye(4)), path)
    elif kind == "single.nii":
        save_nifti(path, marked_frames()[:1])
    elif kind == "sagittal.nii":
        save_nifti(path, marked_frames(), axes="PSL")
    elif kind == "complex.nii":
        nib.save(nib.Nifti1Image(marked_frames().T.astype(np.complex64), np.eye(4)), path)
    elif kind == "corrupt.nii.gz":
        save_nifti(path, np.random.default_rng(0).integers(0, 99, (4, 3, 32, 32)).astype(np.int16))
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("truncated.nii", "cannot be read: damaged"),
        ("truncated.nii.gz", "cannot be read: damaged"),
        ("corrupt.nii.gz", "cannot be read: damaged"),
        ("text.nii", "cannot be read: damaged or not NIfTI"),
        ("absent.nii", "does not exist"),
        ("flat.nii", "must be 4D with one time axis, got 8×8×4 voxels"),
        ("single.nii", "must be 4D with one time axis"),
        ("sagittal.nii", "slices must be axial"),
        ("complex.nii", "voxels must be single real numbers, got vectors or complex"),
    ],
)
def test_what_is_not_a_scan_is_excluded_by_name(tmp_path, name, reason):
    with pytest.raises(Excluded, match=reason) as excluded:
        read_nifti(damaged(tmp_path / name, name))
    assert excluded.value.stage == "reading"
    assert name in excluded.value.reason
    assert str(tmp_path) not in excluded.value.reason


def stored(path, offset, *values):
    """Overwrite single-precision fields of a header."""
    content = bytearray(path.read_bytes())
    content[offset : offset + 4 * len(values)] = np.array(values, "<f4").tobytes()
    path.write_bytes(content)


PIXDIM, SCALE = 80, 112
"""Where the header keeps voxel size, slope and intercept (nifti1.h)."""


@pytest.mark.parametrize("size_mm", [(0, 1, 5), (1, -1, 5), (1, 1, np.nan), (1, 1, np.inf)])
def test_voxels_without_a_size_are_refused_in_scans_and_masks(tmp_path, size_mm):
    path = save_nifti(tmp_path / "scan.nii", marked_frames())
    stored(path, PIXDIM, *size_mm)
    for read in (read_nifti, mask_volume_ml):
        with pytest.raises(Excluded, match=r"voxels must be > 0 mm, got .* \(scan\.nii\)"):
            read(path)


@pytest.mark.parametrize(("scale", "hu"), [((0, 0), 700), ((np.nan, 0), 700), ((2, -1024), 376), ((1, np.nan), 700)])
def test_a_slope_of_nothing_leaves_the_values_as_they_are(tmp_path, scale, hu):
    path = save_nifti(tmp_path / "scan.nii", marked_frames())
    stored(path, SCALE, *scale)
    assert read_nifti(path).hu.max() == hu


@pytest.mark.parametrize("step", [0.0, -1.5, np.nan])
def test_a_time_step_of_nothing_is_none(tmp_path, step):
    path = save_nifti(tmp_path / "scan.nii", marked_frames())
    stored(path, PIXDIM + 12, step)
    with pytest.raises(Excluded, match="gives no frame interval"):
        read_nifti(path)


def test_a_big_endian_file_is_read(tmp_path):
    image = nib.load(save_nifti(tmp_path / "scan.nii", marked_frames()))
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), None, image.header.as_byteswapped(">")), tmp_path / "big.nii")
    np.testing.assert_array_equal(read_nifti(tmp_path / "big.nii").hu, marked_frames())
    np.testing.assert_allclose(read_nifti(tmp_path / "big.nii").times[:, 0], np.arange(4) * 1.5)


@pytest.mark.parametrize("name", ["SCAN.NII", "SCAN.NII.GZ"])
def test_capitals_name_the_same_format(tmp_path, name):
    save_nifti(tmp_path / name.lower(), marked_frames()).rename(tmp_path / name)
    np.testing.assert_array_equal(read_scan(tmp_path / name).hu, marked_frames())


def test_nifti_2_is_refused_as_such(tmp_path):
    nib.save(nib.Nifti2Image(marked_frames().transpose(3, 2, 1, 0), np.eye(4)), tmp_path / "scan.nii")
    with pytest.raises(Excluded, match=r"must be NIfTI-1, got NIfTI-2 .*convert it"):
        read_nifti(tmp_path / "scan.nii")


@pytest.mark.parametrize(("qform", "sform"), [(1, 1), (1, 0), (0, 2), (0, 0)])
def test_a_file_that_does_not_say_how_the_patient_lies_is_known_as_such(tmp_path, qform, sform):
    image = nib.load(save_nifti(tmp_path / "saved.nii", marked_frames()))
    image.set_qform(image.affine, qform)
    image.set_sform(image.affine, sform)
    nib.save(image, tmp_path / "scan.nii")
    scan = read_nifti(tmp_path / "scan.nii")
    assert scan.oriented == bool(qform or sform)
    np.testing.assert_array_equal(scan.hu, marked_frames())


def test_where_qform_and_sform_differ_the_sform_counts(tmp_path):
    image = nib.load(save_nifti(tmp_path / "saved.nii", marked_frames()))
    image.set_qform(np.diag([1.5625, 1.5625, 5, 1]), 1)
    nib.save(image, tmp_path / "scan.nii")
    np.testing.assert_array_equal(read_nifti(tmp_path / "scan.nii").hu, marked_frames())


def test_itk_tells_the_terminal_nothing(tmp_path, capfd):
    path = save_nifti(tmp_path / "scan.nii", marked_frames())
    stored(path, PIXDIM, 3.0)  # unlike the sform
    read_nifti(path)
    assert "".join(capfd.readouterr()) == ""


def test_a_file_that_may_not_be_opened_is_named(tmp_path, monkeypatch):
    path = save_nifti(tmp_path / "scan.nii.gz", marked_frames())

    def denied(*_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("gzip.open", denied)  # the tests may run as root, whom permissions do not stop
    with pytest.raises(Excluded, match=r"file scan\.nii\.gz cannot be opened; give yourself read permission"):
        read_nifti(path)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), MemoryError()])
def test_a_failure_of_the_machine_is_no_finding_about_a_file(tmp_path, monkeypatch, error):
    path = save_nifti(tmp_path / "scan.nii.gz", marked_frames())

    def fail(*_):
        raise error

    monkeypatch.setattr("gzip.open", fail)
    with pytest.raises(type(error)) as raised:
        read_nifti(path)
    assert getattr(raised.value, "filename", str(path)) == str(path)


def test_bytes_behind_the_voxels_may_hold_anything(tmp_path, monkeypatch):
    path = save_nifti(tmp_path / "scan.nii", marked_frames().astype(np.float32))
    size = path.stat().st_size - 352
    chunk = size // 3 + 16  # the third one ends 48 bytes behind the voxels
    monkeypatch.setattr(nifti_integrity, "_CHUNK_BYTES", chunk)
    path.write_bytes(path.read_bytes() + b"\xff" * chunk)
    assert np.isfinite(read_nifti(path).hu).all()


DIM, OFFSET, SFORM = 40, 108, 280


@pytest.mark.parametrize("packed", [False, True])
def test_a_small_file_that_declares_more_than_memory_holds_is_refused_by_its_header(tmp_path, packed):
    path = save_nifti(tmp_path / "scan.nii", marked_frames())
    content = bytearray(path.read_bytes())
    struct.pack_into("<5h", content, DIM, 4, 32767, 32767, 32767, 32767)
    path = tmp_path / f"scan.nii{'.gz' * packed}"
    path.write_bytes(gzip.compress(content) if packed else content)
    for read in (read_nifti, mask_volume_ml):
        with pytest.raises(Excluded, match=r"must have ≤ 2\.1e\+09 voxels, got 32767×32767×32767×32767 \(scan\.nii"):
            read(path)


def test_a_file_that_unpacks_to_far_more_than_it_declares_is_not_unpacked_to_its_end(tmp_path):
    content = save_nifti(tmp_path / "scan.nii", marked_frames()).read_bytes()
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(content + bytes(8 << 20)))
    with pytest.raises(Excluded, match="damaged or not NIfTI"):
        read_nifti(tmp_path / "scan.nii.gz")


@pytest.mark.parametrize(
    ("place", "value"),
    [(OFFSET, 1e18), (OFFSET, np.nan), (OFFSET, 8.0), (SCALE, np.inf), (SFORM, np.nan), (SFORM, np.inf)],
)
def test_numbers_with_which_nothing_can_be_computed_are_damage_and_itk_is_not_asked(tmp_path, capfd, place, value):
    path = save_nifti(tmp_path / "scan.nii", marked_frames())
    stored(path, place, value)
    with pytest.raises(Excluded, match="damaged or not NIfTI"):
        read_nifti(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["mask.nii", "mask.nii.gz"])
def test_a_path_need_not_be_utf_8(tmp_path, name):
    """ITK would end the process."""
    path = tmp_path / os.fsdecode(b"caf\xe9") / name
    write_mask(path, np.ones((2, 4, 4), np.uint8), (5.0, 10.0, 10.0))
    assert mask_volume_ml(path) == pytest.approx(2 * 16 * 0.5)
    assert nifti_integrity.read_header(path).GetSize() == (4, 4, 2)
    assert [one.name for one in path.parent.iterdir()] == [name]


def test_a_folder_with_the_name_of_a_file_is_refused(tmp_path):
    (tmp_path / "scan.nii").mkdir()
    with pytest.raises(Excluded, match=r"scan scan\.nii must be a file, got a folder of that name"):
        read_scan(tmp_path / "scan.nii")
