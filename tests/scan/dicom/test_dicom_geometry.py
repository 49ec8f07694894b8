import nibabel as nib
import numpy as np
import pytest
from dicom_files import classic, save_all, set_pixels

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.dicom.geometry import even_slices
from stroke_ctp.scan.dicom.reader import read_dicom
from stroke_ctp.scan.write_volume import write_like

TIMES = np.repeat(np.arange(3)[:, None] * 1.5, 5, axis=1)
PIXEL_MM, SLICE_MM, SIZE = 1.25, 5.0, 64
SPACING = (SLICE_MM, PIXEL_MM, PIXEL_MM)


def tilted(angle_deg: float):
    """Images of a rod along the normal of slices that the gantry tilts; the table moves along S."""
    angle = np.deg2rad(angle_deg)
    across, down = np.array([1, 0, 0]), np.array([0, np.cos(angle), -np.sin(angle)])
    half = (SIZE - 1) / 2 * PIXEL_MM

    def change(ds, _, level):
        centre = np.array([0, 0, SLICE_MM * (level - 2)])
        first = centre - half * (across + down)
        ds.ImageOrientationPatient = [float(x) for x in (*across, *down)]
        ds.ImagePositionPatient = [round(float(x), 5) for x in first]
        rows = (np.arange(SIZE) * PIXEL_MM - half) + centre @ down  # from the rod, which passes the origin
        columns = np.arange(SIZE) * PIXEL_MM - half
        set_pixels(ds, 40 + 900 * np.exp(-((rows / 8) ** 2)[:, None] - (columns / 8) ** 2))

    return change


@pytest.mark.parametrize("angle", [-30, -12, 8, 25])
def test_what_runs_along_the_normal_of_a_tilted_gantry_stands_upright(tmp_path, angle):
    hu = np.zeros((3, 5, SIZE, SIZE))
    save_all(tmp_path, classic(hu, TIMES, "ge", SPACING, change=tilted(angle)))
    scan = read_dicom(tmp_path)
    assert scan.spacing == pytest.approx((SLICE_MM * np.cos(np.deg2rad(angle)), PIXEL_MM, PIXEL_MM))
    rod = np.clip(scan.hu[0] - 60, 0, None)
    rows = (rod.sum(axis=2) @ np.arange(SIZE)) / rod.sum(axis=(1, 2))
    np.testing.assert_allclose(rows, (SIZE - 1) / 2, atol=0.1)
    inner = np.s_[8:-8, 8:-8]
    np.testing.assert_allclose(scan.hu[0, 0][inner], scan.hu[0, 2][inner], atol=10)  # linear interpolation
    assert scan.hu[0, 0 if angle > 0 else 4, 0, 0] == -1000  # air where nothing was acquired


def test_a_displacement_that_does_not_matter_leaves_the_pixels_alone(tmp_path):
    def nearly_upright(ds, _, level):
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, float(y) + 0.02 * level, z]

    hu = np.random.default_rng(0).integers(0, 900, (3, 5, 16, 16)).astype(float)
    save_all(tmp_path, classic(hu, TIMES, "ge", SPACING, change=nearly_upright))
    np.testing.assert_array_equal(read_dicom(tmp_path).hu, hu)


def test_a_tilt_that_no_gantry_has_is_refused_with_its_angle(tmp_path):
    hu = np.zeros((3, 5, SIZE, SIZE))
    save_all(tmp_path, classic(hu, TIMES, "ge", SPACING, change=tilted(38)))
    with pytest.raises(Excluded, match=r"gantry tilt of 31°, got 38°"):
        read_dicom(tmp_path)


@pytest.mark.parametrize("jitter_mm", [0.05, 0.2, 0.8])
def test_a_table_that_does_not_return_exactly_has_the_same_slices(tmp_path, jitter_mm):
    random = np.random.default_rng(0)

    def jittering(ds, *_):
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y, round(float(z) + float(random.uniform(-0.5, 0.5)) * jitter_mm, 3)]

    hu = random.integers(0, 900, (3, 5, 16, 16)).astype(float)
    save_all(tmp_path, classic(hu, TIMES, "siemens", SPACING, change=jittering))
    scan = read_dicom(tmp_path)
    np.testing.assert_array_equal(scan.hu, hu)
    assert scan.spacing[0] == pytest.approx(SLICE_MM, abs=jitter_mm / 2)


def test_thin_slices_are_not_taken_for_jitter():
    depth = np.tile(np.arange(16) * 0.5, 3)
    np.testing.assert_array_equal(even_slices(depth), np.tile(np.arange(16), 3))


def test_a_missing_slice_is_no_jitter_either():
    assert even_slices(np.tile([0.0, 0.5, 1.0, 2.0, 2.5], 3)) is None
    assert even_slices(np.tile([0.0, 5, 10, 25, 30], 3)) is None


def placed_by_the_standard(ds, row, column):
    """Where a stored pixel lies [mm, LPS]: DICOM PS3.3, equation C.7.6.2.1-1."""
    across, down = np.reshape(np.array(ds.ImageOrientationPatient, float), (2, 3))
    row_mm, column_mm = map(float, ds.PixelSpacing)
    return np.array(ds.ImagePositionPatient, float) + across * column_mm * column + down * row_mm * row


def turned(angle_deg: float):
    """Slices that stand oblique without a tilt: the volume was reformatted along the orbits."""
    angle = np.deg2rad(angle_deg)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])

    def change(ds, *_):
        vectors = np.reshape(np.array(ds.ImageOrientationPatient, float), (2, 3)) @ turn.T
        ds.ImageOrientationPatient = [round(float(x), 9) for x in vectors.ravel()]
        ds.ImagePositionPatient = [round(float(x), 6) for x in turn @ np.array(ds.ImagePositionPatient, float)]

    return change


@pytest.mark.parametrize("angle", [0.0, 17.0])
@pytest.mark.parametrize("axes", [(1, 0, 0, 0, 1, 0), (-1, 0, 0, 0, -1, 0), (0, 1, 0, 1, 0, 0), (0, -1, 0, 1, 0, 0)])
def test_a_volume_made_of_a_scan_lies_where_the_images_say_that_each_voxel_lies(tmp_path, axes, angle):
    spacing = (5.0, 0.9, 1.3)
    hu = np.arange(3 * 5 * 16 * 20).reshape(3, 5, 16, 20) % 960.0  # no value twice in a slice
    images = classic(hu, TIMES, "ge", spacing, axes, (-71.5, 33.25, 512.0), change=turned(angle))
    save_all(tmp_path / "scan", images)
    scan = read_dicom(tmp_path / "scan")
    write_like(tmp_path / "map.nii.gz", np.ascontiguousarray(scan.hu[0]), tmp_path / "scan", scan)
    volume = nib.load(tmp_path / "map.nii.gz")
    voxels = np.asarray(volume.dataobj)
    for level in range(5):
        ds = images[0, level]
        stored = ds.pixel_array + float(ds.RescaleIntercept)
        for row, column in ((0, 0), (3, 1), (stored.shape[0] - 1, stored.shape[1] - 1)):
            ras = placed_by_the_standard(ds, row, column) * (-1, -1, 1)
            index = np.linalg.solve(volume.affine, [*ras, 1])[:3]
            np.testing.assert_allclose(index, np.rint(index), atol=1e-3)
            assert voxels[tuple(np.rint(index).astype(int))] == stored[row, column]


def test_direction_cosines_that_a_header_has_rounded_are_squared_again(tmp_path):
    def rounded(ds, *_):
        ds.ImageOrientationPatient = [1, 0, 0, 0, 0.94, -0.34]

    save_all(tmp_path, classic(np.zeros((3, 5, 16, 16)), TIMES, "ge", SPACING, change=rounded))
    direction = read_dicom(tmp_path).placement.direction
    np.testing.assert_allclose(direction.T @ direction, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(direction[:, 1], [0, 0.94, -0.34], atol=1e-3)


def test_the_axis_of_a_volume_of_a_tilted_gantry_goes_through_the_middle_slice(tmp_path):
    save_all(tmp_path, classic(np.zeros((3, 5, SIZE, SIZE)), TIMES, "ge", SPACING, change=tilted(20)))
    placement = read_dicom(tmp_path).placement
    centre = np.array([(SIZE - 1) / 2 * PIXEL_MM] * 2 + [2 * SLICE_MM * np.cos(np.deg2rad(20))])
    np.testing.assert_allclose(placement.origin + placement.direction @ centre, 0, atol=1e-3)  # the rod's own
