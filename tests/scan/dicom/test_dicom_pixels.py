import gdcm
import numpy as np
import pytest
from dicom_files import classic, recode, save_all, set_pixels, store
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from stroke_ctp.scan.dicom.reader import read_dicom

TIMES = np.repeat(np.arange(3)[:, None] * 1.5, 2, axis=1)


def frames() -> np.ndarray:
    """Smooth noise with the extremes of 12 bits."""
    steps = np.random.default_rng(0).integers(-9, 10, (3, 2, 32, 40))
    hu = np.clip(np.cumsum(steps, axis=-1), -1000, 1500).astype(float)
    hu[0, 0, 0, :2] = -1024, 3071
    return hu


@pytest.mark.parametrize("vendor", ["ge", "siemens"])  # signed 16 bits, unsigned 12
@pytest.mark.parametrize(
    "syntax",
    [
        "JPEGLosslessProcess14_1",
        "JPEGLosslessProcess14",
        "JPEGLSLossless",
        "JPEG2000Lossless",
        "RLELossless",
        "DeflatedExplicitVRLittleEndian",
        "ExplicitVRBigEndian",
        "ImplicitVRLittleEndian",
    ],
)
def test_every_lossless_transfer_syntax_gives_the_same_values(tmp_path, vendor, syntax):
    save_all(tmp_path, classic(frames(), TIMES, vendor))
    for path in tmp_path.iterdir():
        recode(path, getattr(gdcm.TransferSyntax, syntax))
    np.testing.assert_array_equal(read_dicom(tmp_path).hu, frames())


def test_slope_and_intercept_of_each_image_are_its_own(tmp_path):
    def rescaled(ds, time, level):
        store(ds, signed=True, bits=16, intercept=-1000 + time, slope=0.1 * (level + 1))
        set_pixels(ds, hu[time, level])

    hu = frames().clip(-1000, 2000)
    save_all(tmp_path, classic(hu, TIMES, change=rescaled))
    np.testing.assert_allclose(read_dicom(tmp_path).hu, hu, atol=0.101)


def test_bits_above_the_value_are_no_part_of_it(tmp_path):
    def overlaid(ds, *_):
        stored = np.frombuffer(ds.PixelData, np.uint16)
        ds.PixelData = (stored | 0xA000).tobytes()
        ds["PixelData"].VR = "OW"

    save_all(tmp_path, classic(frames(), TIMES, "siemens", change=overlaid))
    np.testing.assert_array_equal(read_dicom(tmp_path).hu, frames())


def test_twelve_bits_keep_their_sign(tmp_path):
    def signed(ds, time, level):
        store(ds, signed=True, bits=12, intercept=0)
        set_pixels(ds, frames()[time, level].clip(-1024, 2047))
        stored = np.frombuffer(ds.PixelData, np.uint16)
        ds.PixelData = (stored & 0x0FFF).tobytes()
        ds["PixelData"].VR = "OW"

    save_all(tmp_path, classic(frames(), TIMES, change=signed))
    np.testing.assert_array_equal(read_dicom(tmp_path).hu, frames().clip(-1024, 2047))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize(("padding", "vr"), [(-2000, "SS"), (63536, "US")])
def test_padding_is_air(tmp_path, syntax, padding, vr):
    def padded(ds, *_):
        stored = np.frombuffer(ds.PixelData, np.int16).copy()
        stored[:40] = -2000
        ds.PixelData = stored.tobytes()
        ds.add_new("PixelPaddingValue", vr, padding)
        ds["PixelData"].VR = "OW"

    save_all(tmp_path, classic(frames(), TIMES, "ge", change=padded), syntax=syntax)
    scan = read_dicom(tmp_path)
    assert np.all(scan.hu[:, :, 0] == -1000)
    np.testing.assert_array_equal(scan.hu[:, :, 1:], frames()[:, :, 1:])


def test_a_range_of_padding_is_air(tmp_path):
    def padded(ds, *_):
        ds.add_new("PixelPaddingValue", "US", 0)
        ds.add_new("PixelPaddingRangeLimit", "US", 24)

    hu = frames()
    hu[0, 0, 0, :3] = -1024, -1000, -999
    save_all(tmp_path, classic(hu, TIMES, "siemens", change=padded))
    assert read_dicom(tmp_path).hu[0, 0, 0, :3].tolist() == [-1000, -1000, -999]


def test_which_values_a_viewer_shows_dark_changes_none(tmp_path):
    def inverted(ds, *_):
        ds.PhotometricInterpretation = "MONOCHROME1"

    save_all(tmp_path, classic(frames(), TIMES, change=inverted))
    np.testing.assert_array_equal(read_dicom(tmp_path).hu, frames())
