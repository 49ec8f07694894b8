from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dicom_files import classic, save_all
from heads import head, save_nifti

from stroke_ctp.cohort.inclusion import Rules, check_timing
from stroke_ctp.cohort.manifest import ManifestPatient, ManifestRow
from stroke_ctp.cohort.standard_series import core_volume_ml, standard_series
from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.nifti import write_mask


def frames(n_frames=32, n_slices=3):
    """Heads whose slices and times can be told apart by their brain: 30 + 2 × slice + 0.1 × frame HU."""
    still = head(64)
    brain = still == 32
    shape = (n_frames, n_slices, 64, 64)
    hu = np.broadcast_to(still, shape).copy()
    for time, slice_ in np.ndindex(shape[:2]):
        hu[time, slice_, brain] = 30 + 2 * slice_ + 0.1 * time
    return hu.astype(np.float32)


def patient(folder: Path, *rows: ManifestRow) -> ManifestPatient:
    return ManifestPatient(1, "A", folder, rows, "", {})


def row(scan="scan.nii", levels=None, core_ml=None, core_mask=None, frame_interval_s=None):
    levels = {"basal_ganglia": 0, "supraganglionic": 2} if levels is None else levels
    return ManifestRow(scan, levels, core_ml, core_mask, frame_interval_s)


def save(folder, hu, name="scan.nii", **header):
    save_nifti(folder / name, hu, (5.0, 3.125, 3.125), **header)


def brain_hu(series):
    return np.median(series[..., 70:80, 50:60], axis=(-2, -1))


def test_the_series_holds_the_levels_of_the_manifest_at_standard_times(tmp_path):
    save(tmp_path, frames())
    series = standard_series(patient(tmp_path, row()))
    expected = 30 + 2 * np.array([[0], [2]]) + 0.1 * np.arange(32)
    np.testing.assert_allclose(brain_hu(series.hu), expected, atol=0.02)
    assert series.core_ml is None
    assert series.quality["frames_acquired"] == 32
    assert series.quality["valid_frames"] == 32
    assert series.quality["frame_interval_s"] == 1.5
    assert series.quality["max_translation_mm"] == 0


def test_the_manifest_counts_slices_as_the_file_does(tmp_path):
    save(tmp_path, frames(), axes="LPI")
    series = standard_series(patient(tmp_path, row(levels={"basal_ganglia": 2, "supraganglionic": 0})))
    np.testing.assert_allclose(brain_hu(series.hu)[:, 0], [30, 34], atol=0.02)


def test_where_no_header_states_the_orientation_nobody_knows_which_level_lies_below(tmp_path):
    save(tmp_path, frames())
    image = nib.load(tmp_path / "scan.nii")
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    nib.save(image, tmp_path / "silent.nii")
    for lower, upper in ((0, 2), (2, 0)):
        levels = {"basal_ganglia": lower, "supraganglionic": upper}
        series = standard_series(patient(tmp_path, row("silent.nii", levels)))
        assert series.quality["orientation"] == "assumed"
        assert series.quality["basal_ganglia_slice"] == lower


def test_two_slabs_are_one_patient_and_their_volumes_add_up(tmp_path):
    save(tmp_path, frames(), "low.nii")
    save(tmp_path, frames(60), "high.nii", step=1.0)
    mask = np.zeros((3, 64, 64), np.uint8)
    mask[1, 10:20, 10:20] = 1
    write_mask(tmp_path / "mask.nii", mask, (5.0, 3.125, 3.125))
    slabs = patient(
        tmp_path,
        row("low.nii", {"basal_ganglia": 1}, core_ml=10.0),
        row("high.nii", {"supraganglionic": 2}, core_mask="mask.nii"),
    )
    series = standard_series(slabs)
    expected = [32 + 0.1 * np.arange(32), 34 + 0.15 * np.arange(32)]
    np.testing.assert_allclose(brain_hu(series.hu), expected, atol=0.02)
    assert series.core_ml == pytest.approx(10 + 100 * 5 * 3.125**2 / 1000)
    assert series.quality["frame_interval_s"] == 1.5
    assert series.scans == (0, 1)
    assert standard_series(patient(tmp_path, *reversed(slabs.rows))).scans == (1, 0)


def test_a_stated_volume_is_taken_before_a_mask(tmp_path):
    assert core_volume_ml(patient(tmp_path, row(core_ml=7.0, core_mask="absent.nii"))) == 7


def test_a_scan_of_exactly_48_s_at_3_s_is_included(tmp_path):
    save(tmp_path, frames(16), step=3.0)
    assert standard_series(patient(tmp_path, row())).quality["valid_frames"] == 31


def altered(**changes):
    hu = frames(4)
    for change, value in changes.items():
        hu = {
            "nan": lambda hu, at: np.where(np.indices(hu.shape)[0] == at, np.nan, hu),
            "constant": lambda hu, value: np.full_like(hu, value),
            "plus": lambda hu, offset: hu + offset,
        }[change](hu, value)
    return np.repeat(hu, 8, axis=0).astype(np.float32)


LEVELS = {"basal_ganglia": 0, "supraganglionic": 2}


@pytest.mark.parametrize(
    ("hu", "header", "levels", "stage", "reason"),
    [
        (frames(31), {}, LEVELS, "timing", "must last ≥ 48 s, got 31 frames × 1.5 s = 46.5 s"),
        (frames(32), {"step": 1.0}, LEVELS, "timing", "must last ≥ 48 s, got 32 frames × 1 s"),
        (frames(16), {"step": 4.2}, LEVELS, "timing", "frame interval must be ≤ 3 s .* got 4.2 s"),
        (frames(32), {"unit": "unknown"}, LEVELS, "timing", "no frame interval in a unit of time"),
        (frames(32), {"step": 0.0}, LEVELS, "timing", "no frame interval"),
        (frames(32), {}, {"basal_ganglia": 0}, "level", "supraganglionic is missing"),
        (frames(32), {}, {**LEVELS, "supraganglionic": 3}, "level", "from 0 to 2, got 3"),
        (frames(32), {}, {**LEVELS, "basal_ganglia": -1}, "level", "from 0 to 2, got -1"),
        (frames(32), {}, {"basal_ganglia": 2, "supraganglionic": 0}, "level", "must lie below .* got slices 2 and 0"),
        (frames(32), {"axes": "LPI"}, LEVELS, "level", "got slices 0 and 2, which lie the other way round"),
        (altered(nan=2), {}, LEVELS, "intensity", "finite"),
        (altered(constant=0), {}, LEVELS, "intensity", "must differ by ≥ 50 HU, got 0 to 0"),
        (altered(plus=1024), {}, LEVELS, "intensity", "must measure -100 to 200 HU, got 105"),
    ],
)
def test_what_cannot_comply_is_excluded_with_its_stage_and_reason(tmp_path, hu, header, levels, stage, reason):
    save(tmp_path, hu, **header)
    with pytest.raises(Excluded, match=reason) as excluded:
        standard_series(patient(tmp_path, row(levels=levels)))
    assert excluded.value.stage == stage


def test_a_missing_mask_excludes_the_patient_by_file_name(tmp_path):
    save(tmp_path, frames())
    with pytest.raises(Excluded, match=r"mask\.nii does not exist"):
        standard_series(patient(tmp_path, row(core_mask="mask.nii")))


def at(interval_s: float, n_frames: int = 32, n_slices: int = 3) -> np.ndarray:
    return np.repeat(np.arange(n_frames)[:, None] * interval_s, n_slices, axis=1)


def as_dicom(folder: Path, hu: np.ndarray, times: np.ndarray, vendor: str = "siemens") -> None:
    save_all(folder / "scan", classic(hu, times, vendor, (5.0, 3.125, 3.125)))


def dicom_row(**changes):
    return row("scan", **changes)


def test_a_dicom_folder_gives_the_series_of_the_nifti_file(tmp_path):
    save(tmp_path, frames())
    as_dicom(tmp_path, frames(), at(1.5))
    expected = standard_series(patient(tmp_path, row()))
    series = standard_series(patient(tmp_path, dicom_row()))
    np.testing.assert_allclose(series.hu, expected.hu, atol=0.51)  # DICOM stores whole HU here
    assert series.quality["frames_acquired"] == 32


def test_a_shuttle_gives_the_standard_times_within_interpolation_error(tmp_path):
    times = at(1.5) + np.array([0.0, 0.75, 0.75])
    rise = np.rint(10 * np.sin(times / 15) ** 2)[:, :, None, None] * (head(64) == 32)
    as_dicom(tmp_path, head(64) + rise, times)
    series = standard_series(patient(tmp_path, dicom_row()))
    standard = np.arange(32) * 1.5
    np.testing.assert_allclose(brain_hu(series.hu)[0], 32 + np.rint(10 * np.sin(standard / 15) ** 2), atol=0.02)
    inner = standard >= 0.75
    np.testing.assert_allclose(brain_hu(series.hu)[1, inner], 32 + 10 * np.sin(standard[inner] / 15) ** 2, atol=1.0)


def test_a_frame_that_is_missing_in_one_slice_is_bridged_and_a_longer_gap_excludes(tmp_path):
    times = at(1.5)
    times[10, 2] = np.nan
    as_dicom(tmp_path, frames(), times)
    series = standard_series(patient(tmp_path, dicom_row()))
    np.testing.assert_allclose(brain_hu(series.hu)[1], 34 + 0.1 * np.arange(32), atol=0.55)
    assert series.quality["frames_acquired"] == 31
    assert [r["time_s"] for r in series.motion if r["level"] == "supraganglionic"][10] is None
    with pytest.raises(Excluded, match=r"frame interval must be ≤ 2 s .* got 3 s"):
        standard_series(patient(tmp_path, dicom_row()), Rules(max_interval_s=2.0))


def test_sparse_frames_after_the_standard_series_do_not_exclude(tmp_path):
    times = np.concatenate([np.arange(32) * 1.5, 46.5 + 15 * np.arange(1, 6)])
    as_dicom(tmp_path, frames(37), np.repeat(times[:, None], 3, axis=1))
    series = standard_series(patient(tmp_path, dicom_row()))
    np.testing.assert_allclose(brain_hu(series.hu)[0], 30 + 0.1 * np.arange(32), atol=0.51)
    assert (series.quality["frames_acquired"], series.quality["frame_interval_s"]) == (37, 1.5)
    times[31:] += 5
    as_dicom(tmp_path / "gap", frames(37), np.repeat(times[:, None], 3, axis=1))
    with pytest.raises(Excluded, match=r"frame interval must be ≤ 3 s .* got 6\.5 s"):
        standard_series(patient(tmp_path / "gap", dicom_row()))


def test_a_slice_that_begins_too_late_excludes(tmp_path):
    as_dicom(tmp_path, frames(), at(1.5) + np.array([0.0, 0.0, 4.5]))
    with pytest.raises(Excluded, match=r"frame interval must be ≤ 3 s .* got 4\.5 s"):
        standard_series(patient(tmp_path, dicom_row()))


def test_a_head_in_a_field_of_view_of_500_mm_is_one(tmp_path):
    hu = np.broadcast_to(head(160, 500.0), (32, 3, 160, 160)).astype(np.float32)
    save_nifti(tmp_path / "scan.nii", hu, (5.0, 3.125, 3.125))
    np.testing.assert_allclose(brain_hu(standard_series(patient(tmp_path, row())).hu), 32, atol=0.1)


def test_a_short_scan_is_padded_on_request_and_says_how_far_it_goes(tmp_path):
    save(tmp_path, frames(24))
    series = standard_series(patient(tmp_path, row()), Rules(short_scan="pad"))
    assert series.quality["valid_frames"] == 24
    np.testing.assert_array_equal(series.hu[:, 24:], np.repeat(series.hu[:, 23:24], 8, axis=1))


def jerked(frame: int, n_jerked: int) -> np.ndarray:
    """A head that is 12 mm away for some frames."""
    hu = frames()
    moved = head(64, shift_mm=(12.0, 0.0))
    hu[frame : frame + n_jerked] = moved
    return hu


def test_frames_in_which_the_head_moved_too_far_are_dropped_and_bridged(tmp_path):
    save(tmp_path, jerked(9, 1))
    rules = Rules(max_motion_mm=10.0)
    series = standard_series(patient(tmp_path, row()), rules)
    np.testing.assert_allclose(brain_hu(series.hu)[0], 30 + 0.1 * np.arange(32), atol=0.02)
    assert series.quality["frames_dropped"] == 2
    used = [(r["frame"], r["used"]) for r in series.motion if r["level"] == "basal_ganglia"]
    assert [frame for frame, was_used in used if not was_used] == [9]
    assert standard_series(patient(tmp_path, row())).quality["frames_dropped"] == 0


def test_too_many_frames_of_motion_exclude(tmp_path):
    save(tmp_path, jerked(9, 3))
    with pytest.raises(Excluded, match=r"head must move ≤ 10 mm, in 3 of 32 frames .* 6 s cannot be bridged") as caught:
        standard_series(patient(tmp_path, row()), Rules(max_motion_mm=10.0))
    assert caught.value.stage == "motion"


def test_levels_are_proposed_where_the_manifest_is_silent_and_the_rule_is_told(tmp_path):
    save(tmp_path, frames(n_slices=6))
    given = standard_series(patient(tmp_path, row(levels={"basal_ganglia": 1})), Rules(levels="auto")).quality
    assert given["levels_chosen_by"] == "the given level"
    assert (given["basal_ganglia_slice"], given["supraganglionic_slice"]) == (1, 5)
    assert standard_series(patient(tmp_path, row()), Rules(levels="auto")).quality["levels_chosen_by"] == "manifest"


def test_a_ge_cine_series_gives_the_series_of_its_nifti_twin(tmp_path):
    """Its frames differ in GE's private time alone."""
    hu, times = np.rint(frames(30, 2)), np.repeat(np.arange(30)[:, None] * 1.5, 2, axis=1)
    rules, levels = Rules(short_scan="pad"), {"basal_ganglia": 0, "supraganglionic": 1}
    save(tmp_path, hu)
    save_all(tmp_path / "cine", classic(hu, times, "ge cine", (5.0, 3.125, 3.125)))
    twin, cine = (standard_series(patient(tmp_path, row(scan, levels)), rules) for scan in ("scan.nii", "cine"))
    np.testing.assert_allclose(cine.hu, twin.hu, atol=1e-3)
    assert cine.quality == pytest.approx(twin.quality | {"orientation": "header"}, nan_ok=True)


def test_levels_that_are_not_seen_exclude_unless_every_proposal_is_wanted(tmp_path):
    """All six slices are the same and show no ventricle: none is higher than another to the eye."""
    hu = frames(n_slices=6)
    save(tmp_path, np.where((hu > 0) & (hu < 25), 32.0, hu))
    with pytest.raises(Excluded, match=r"confidence of ≥ 80%, got \d+%.*min_level_confidence=…") as caught:
        standard_series(patient(tmp_path, row(levels={})), Rules(levels="auto"))
    assert caught.value.stage == "level"
    assert "levels=[i,j] to predict" in caught.value.reason
    wanted = standard_series(patient(tmp_path, row(levels={})), Rules(levels="auto", min_level_confidence=0.0)).quality
    assert wanted["basal_ganglia_slice"] < wanted["supraganglionic_slice"]
    assert wanted["levels_confidence"] < 0.8


@pytest.mark.parametrize("times", [[0.0], [0.0, 1.5, 1.5, 3.0], [0.0, 3.0, 1.5]])
def test_frames_that_do_not_follow_each_other_in_time_are_no_scan(times):
    with pytest.raises(Excluded, match=r"two or more frames at increasing times \(scan\.nii\); leave it out") as found:
        check_timing(np.array(times), "scan.nii", Rules())
    assert found.value.stage == "timing"
