"""Which of the series of a folder is the perfusion scan."""

import numpy as np
import pytest
from dicom_files import classic, new_uid, save_all, uids

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.dicom.reader import read_dicom

IDS = uids()


def hu(n_frames, n_slices, seed=0):
    return np.random.default_rng(seed).integers(0, 900, (n_frames, n_slices, 16, 16)).astype(float)


def times(n_frames, n_slices, start_s=0.0, interval_s=1.5):
    return np.repeat(start_s + np.arange(n_frames)[:, None] * interval_s, n_slices, axis=1)


def series(folder, name, n_frames=5, n_slices=2, start_s=0.0, seed=0, vendor="siemens", change=None, **placement):
    """One series of the examination."""
    ids = IDS | {"series": new_uid()}
    when = times(n_frames, n_slices, start_s)
    images = classic(hu(n_frames, n_slices, seed), when, vendor, ids=ids, change=change, **placement)
    save_all(folder / name, images)


def setting(**values):
    def change(ds, *_):
        for keyword, value in values.items():
            setattr(ds, keyword, value)

    return change


def map_of(quantity):
    return setting(RescaleType=quantity, ConvolutionKernel="map")


THIN = {"spacing": (1.0, 1.25, 1.25), "change": setting(SliceThickness=1.0)}
OTHERS = {
    "localizer": {"n_frames": 1, "n_slices": 1, "change": setting(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])},
    "sideways localizer": {
        "n_frames": 1,
        "n_slices": 2,
        "change": setting(ImageOrientationPatient=[0, 1, 0, 0, 0, -1], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    },
    "native CT": {"n_frames": 1, "n_slices": 5, "start_s": -200},
    "angiography": {"n_frames": 1, "n_slices": 12, "start_s": 100, **THIN},
    "multi-phase angiography": {"n_frames": 3, "n_slices": 8, "start_s": 100, **THIN},
    "bolus tracking": {"n_frames": 12, "n_slices": 1, "change": setting(SliceThickness=10.0)},
    "map": {"n_frames": 1, "start_s": 300},
    "maps in one series": {"n_frames": 5, "start_s": 300, "change": map_of("MLMIN100ML")},
    "screen without a place": {
        "n_frames": 1,
        "n_slices": 1,
        "change": lambda ds, *_: ds.__delitem__("ImagePositionPatient"),
    },
}


@pytest.mark.parametrize("other", OTHERS)
def test_the_series_that_repeats_its_slices_is_taken(tmp_path, other):
    series(tmp_path, "perfusion", seed=1)
    series(tmp_path, "a", seed=2, **OTHERS[other])
    np.testing.assert_array_equal(read_dicom(tmp_path).hu, hu(5, 2, seed=1))


def test_it_is_found_among_all_that_an_archive_sends(tmp_path):
    for number, other in enumerate(OTHERS.values()):
        series(tmp_path, f"s{number}", seed=2, **other)
    series(tmp_path, "s04b", seed=1)
    np.testing.assert_array_equal(read_dicom(tmp_path).hu, hu(5, 2, seed=1))


SECONDS = {
    "thin slices of the same data": THIN,
    "another kernel": {"change": setting(ConvolutionKernel="H50f")},
    "a second bolus": {"start_s": 300},
    "the same again, reconstructed later": {"change": setting(ContentTime="150000")},
    "the next slab with its own bolus": {"start_s": 300, "origin": (-20.0, -30.0, 50.0)},
    "slices just above those of the first": {"start_s": 3.0, "origin": (-20.0, -30.0, 41.0)},
    "another table": {"change": setting(FrameOfReferenceUID=new_uid())},
}


@pytest.mark.parametrize("second", SECONDS)
def test_two_perfusion_series_are_named_for_the_manifest_to_choose(tmp_path, second):
    series(tmp_path, "first", seed=1)
    series(tmp_path, "second", seed=2, **SECONDS[second])
    with pytest.raises(
        Excluded, match=r"got 2: first/IM0000 .*second/IM0000 .*give one of these files as scan"
    ) as excluded:
        read_dicom(tmp_path)
    assert excluded.value.stage == "reading"


@pytest.mark.parametrize("second", SECONDS)
def test_one_of_its_files_chooses_a_series(tmp_path, second):
    for name, seed, settings in (("a", 1, {}), ("b", 2, SECONDS[second])):
        series(tmp_path / name, ".", seed=seed, **settings)
        for path in (tmp_path / name).glob("IM*"):
            path.rename(tmp_path / f"{name}{path.name}")
        (tmp_path / name).rmdir()
    for name, seed in (("aIM0003", 1), ("bIM0000", 2)):
        np.testing.assert_array_equal(read_dicom(tmp_path / name).hu, hu(5, 2, seed=seed))


def test_reconstructions_that_only_their_creation_tells_apart_are_not_strung_together(tmp_path):
    series(tmp_path, "first", seed=1)
    series(tmp_path, "second", seed=2, change=setting(Manufacturer="Philips", ContentTime="102100"))
    with pytest.raises(Excluded, match="got 2: first/IM0000"):
        read_dicom(tmp_path)


def test_a_volume_reconstructed_twice_is_no_perfusion(tmp_path):
    series(tmp_path, "first", n_frames=1)
    series(tmp_path, "second", n_frames=1)
    with pytest.raises(Excluded, match="must repeat its slices in time"):
        read_dicom(tmp_path)


def test_two_reconstructions_in_one_series_are_told_apart(tmp_path):
    both = uids()
    for name, seed, kvp in (("low", 1, "80"), ("high", 2, "140")):
        images = classic(hu(5, 2, seed), times(5, 2), "siemens", ids=both, change=setting(KVP=kvp))
        save_all(tmp_path, images, name + "{:02d}")
    with pytest.raises(Excluded, match=r"got 2: high00 .*, low00"):
        read_dicom(tmp_path)
    np.testing.assert_array_equal(read_dicom(tmp_path / "low05").hu, hu(5, 2, seed=1))


def test_a_file_that_is_no_image_chooses_nothing(tmp_path):
    series(tmp_path, ".")
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.raises(Excluded, match=r"must be a NIfTI file .*, a CT image or a folder of them, got notes\.txt"):
        read_dicom(tmp_path / "notes.txt")


def test_a_localizer_chooses_nothing(tmp_path):
    series(tmp_path, ".")
    series(tmp_path, "other", **OTHERS["localizer"])
    (tmp_path / "other" / "IM0000").rename(tmp_path / "localizer")
    with pytest.raises(Excluded, match=r"must be a CT image or a folder of them, got localizer; give one of these"):
        read_dicom(tmp_path / "localizer")
