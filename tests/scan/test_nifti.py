import nibabel as nib
import numpy as np
import pytest
from heads import save_nifti

from stroke_ctp.scan.inclusion import Excluded
from stroke_ctp.scan.nifti import mask_volume_ml, read_nifti, write_mask, write_nifti
from stroke_ctp.types import CTPScan


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
    ],
)
def test_what_is_not_a_scan_is_excluded_by_name(tmp_path, name, reason):
    with pytest.raises(Excluded, match=reason) as excluded:
        read_nifti(damaged(tmp_path / name, name))
    assert excluded.value.stage == "reading"
    assert name in excluded.value.reason
    assert str(tmp_path) not in excluded.value.reason
