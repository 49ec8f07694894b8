"""`python -m stroke_ctp.perfusion` and `preprocess label=cbv` as a user types them, on heads whose lesion is known."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from dicom_files import classic, save_all
from heads import save_nifti
from perfused_head import ARTERIES, CORE, CORE_MM, PENUMBRA_MM, PIXEL_MM, disc, head

from stroke_ctp.common.errors import Excluded
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.perfusion import PerfusionSettings
from stroke_ctp.config.schemas.preprocess import PreprocessSettings
from stroke_ctp.hemodynamics.output import COLUMNS, NETWORK_COLUMNS
from stroke_ctp.hemodynamics.scan_analysis import register_scan
from stroke_ctp.perfusion import perfusion
from stroke_ctp.preprocess import preprocess

SPACING = (10.0, *PIXEL_MM)
TRUE_ML = 3 * np.pi * CORE_MM**2 * 10 / 1000
COMMANDS = {"perfusion": (perfusion, PerfusionSettings), "preprocess": (preprocess, PreprocessSettings)}
THIN_SLAB = ("motion out of the planes of 3 slices cannot be corrected; in the planes the head moved by 0.0 mm",)
NETWORK_FILES = ("core", "hypoperfused", "core_probability", "hypoperfused_probability", "cbv", "cbf", "delay")
MAPS = ("cbf", "cbv", "mtt", "tmax", "ttp", "core_cbv", "core_rcbf", "penumbra")


@dataclass
class Result:
    """What a command that has ended leaves in a terminal."""

    returncode: int
    stdout: str
    stderr: str


def call(name: str, *arguments: object) -> Result:
    """Run a command in this process, which has everything loaded."""
    out, err, code = io.StringIO(), io.StringIO(), None
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [name, *map(str, arguments)])
            run(*COMMANDS[name], name)
    except SystemExit as stopped:
        code = stopped.code
    sentence = code if isinstance(code, str) else ""
    return Result(1 if sentence else int(code or 0), out.getvalue(), err.getvalue() + sentence)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A patient with an occlusion, the same stored along other axes, and one without contrast."""
    folder = tmp_path_factory.mktemp("scans")
    frames, _ = head()
    save_nifti(folder / "stroke.nii.gz", frames, SPACING)
    save_nifti(folder / "turned.nii.gz", frames, SPACING, axes="RAI")
    save_nifti(folder / "empty.nii.gz", head(dose=0.0)[0], SPACING)
    save_nifti(folder / "late.nii.gz", head(start=30.0)[0], SPACING)
    save_nifti(folder / "nine.nii.gz", frames[:9], SPACING)
    save_nifti(folder / "still.nii.gz", frames[:1], SPACING)
    table = pd.DataFrame(
        {
            "scan": ["stroke.nii.gz", "turned.nii.gz", "empty.nii.gz"],
            "patient": ["A", "B", "C"],
            "basal_ganglia": [0, 2, 0],
            "supraganglionic": [2, 0, 2],
            "core_ml": ["", "31.5", ""],
            "label_definition": ["", "DWI", ""],
        }
    )
    table.to_csv(folder / "manifest.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def single(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("single") / "maps"
    result = call("perfusion", f"scan={scans / 'stroke.nii.gz'}", f"out={out}")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == str(out / "volumes.csv")
    return out


@pytest.fixture(scope="module")
def several(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("several") / "maps"
    result = call("perfusion", f"manifest={scans / 'manifest.csv'}", f"out={out}", "jobs=1")
    assert result.returncode == 0, result.stderr
    assert "reliability: 2 ok, 0 caution, 1 unusable\n  C: unusable: the brain's mean must rise" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    return out


def test_volumes_are_near_those_of_the_head_that_was_scanned(single: Path) -> None:
    row = pd.read_csv(single / "volumes.csv").iloc[0]
    assert 0.8 * TRUE_ML < row["core_cbv_ml"] < TRUE_ML  # smoothing takes from the edge
    # Penumbra has 0.32 of the healthy CBF, so near to the threshold that noise adds what smoothing takes.
    assert row["core_rcbf_ml"] == pytest.approx(TRUE_ML, rel=0.05)
    assert row["mismatch_cbv"] == pytest.approx(row["hypoperfused_ml"] / row["core_cbv_ml"], rel=1e-3)


@pytest.mark.parametrize("name", MAPS)
def test_every_map_lies_on_the_scan(single: Path, scans: Path, name: str) -> None:
    scan, volume = nib.load(scans / "stroke.nii.gz"), nib.load(single / f"{name}.nii.gz")
    assert volume.shape == scan.shape[:3]
    np.testing.assert_allclose(volume.affine, scan.affine, atol=1e-4)


def test_masks_and_volumes_agree(single: Path) -> None:
    row = pd.read_csv(single / "volumes.csv").iloc[0]
    mask = nib.load(single / "core_cbv.nii.gz")
    voxel_ml = np.prod(mask.header.get_zooms()) / 1000
    assert np.asarray(mask.dataobj).sum() * voxel_ml == pytest.approx(row["core_cbv_ml"], abs=0.01)


def test_a_scan_stored_along_other_axes_has_the_same_maps_in_space(several: Path) -> None:
    one, other = (nib.as_closest_canonical(nib.load(several / n / "cbv.nii.gz")) for n in ("00001", "00002"))
    np.testing.assert_allclose(one.get_fdata(), other.get_fdata(), atol=0.05)


def test_a_dicom_folder_has_the_volumes_of_the_nifti_file(single: Path, tmp_path: Path) -> None:
    frames, times = head()[0], np.arange(len(head()[0])) * 1.5
    save_all(tmp_path / "scan", classic(frames, np.repeat(times[:, None], frames.shape[1], axis=1), "ge", SPACING))
    assert call("perfusion", f"scan={tmp_path / 'scan'}", f"out={tmp_path / 'maps'}").returncode == 0
    dicom, nifti = (pd.read_csv(folder / "volumes.csv").iloc[0] for folder in (tmp_path / "maps", single))
    assert dicom["core_cbv_ml"] == pytest.approx(nifti["core_cbv_ml"], rel=0.05)
    cbv = nib.load(tmp_path / "maps" / "cbv.nii.gz")
    np.testing.assert_allclose(cbv.header.get_zooms(), SPACING[::-1], rtol=1e-5)


def test_the_vessels_are_recorded_and_drawn(single: Path) -> None:
    record = json.loads((single / "perfusion.json").read_text())
    _, rows, columns = np.array(record["artery"]["slice_row_column"]).T
    assert np.logical_or.reduce([disc(place, 3.5)[rows, columns] for place in ARTERIES[:3]]).all()
    assert len(record["artery"]["enhancement_hu"]) == 32
    assert (single / "vessels.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_record_has_what_the_table_has_and_every_concern_alone(single: Path) -> None:
    record = json.loads((single / "perfusion.json").read_text())
    row = pd.read_csv(single / "volumes.csv").iloc[0]
    assert record["reliability"] == row["reliability"] == "ok"
    assert record["concerns"] == [{"level": "ok", "reason": reason} for reason in THIN_SLAB]
    for name, value in (record["readouts"] | record["quality"]).items():
        assert row[name] == value or (pd.isna(row[name]) and value is None), name


def test_a_scan_of_few_slices_is_ok_but_says_what_motion_cannot_be_corrected(single: Path) -> None:
    assert pd.read_csv(single / "volumes.csv").loc[0, "reason"] == THIN_SLAB[0]


def test_the_summary_is_drawn(single: Path) -> None:
    assert (single / "summary.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_truncated_scan_is_told(tmp_path: Path) -> None:
    save_nifti(tmp_path / "cut.nii.gz", head(n_frames=20)[0], SPACING)
    said = call("perfusion", f"scan={tmp_path / 'cut.nii.gz'}", f"out={tmp_path / 'maps'}").stdout
    row = pd.read_csv(tmp_path / "maps" / "volumes.csv").iloc[0]
    assert row["reliability"] != "ok"
    assert row["late_tissue_missing_s"] > 5
    assert "before the bolus has left" in row["reason"]
    assert " ".join(said.split()).count("before the bolus has left") == 1


def test_every_column_is_documented() -> None:
    page = (Path(__file__).parents[1] / "docs" / "perfusion-maps.md").read_text()
    assert [name for name in (*COLUMNS, *NETWORK_COLUMNS) if f"`{name}`" not in page] == []


def test_the_table_says_of_whom_there_are_no_maps_and_why(several: Path) -> None:
    table = pd.read_csv(several / "volumes.csv", dtype={"folder": str}).set_index("patient")
    assert table["folder"].tolist() == ["00001", "00002", "00003"]
    assert table["reliability"].tolist() == ["ok", "ok", "unusable"]
    assert "no bolus in this scan" in table.loc["C", "reason"]
    assert table.loc["C", "core_cbv_ml":].isna().all()
    assert [path.name for path in (several / "00003").iterdir()] == ["summary.png"]  # a page with the reason


def test_no_scan_of_a_manifest_ends_the_others(scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One scan is missing, one has no bolus, one meets a defect of the package: all stand in the table."""

    def register(path: Path, *settings: object) -> object:
        if path.name == "turned.nii.gz":
            raise ZeroDivisionError("float division by zero")
        return register_scan(path, *settings)

    monkeypatch.setattr("stroke_ctp.perfusion.register_scan", register)
    names = ["missing.nii.gz", "turned.nii.gz", "empty.nii.gz", "still.nii.gz", "stroke.nii.gz"]
    manifest = tmp_path / "manifest.csv"
    pd.DataFrame({"scan": [scans / name for name in names], "patient": list("ABCDE")}).to_csv(manifest, index=False)
    result = call("perfusion", f"manifest={manifest}", f"out={tmp_path / 'maps'}", "jobs=1")
    assert result.returncode == 1
    assert "1 of 5 scans met an unexpected error, the others are done: unexpected ZeroDivisionError" in result.stderr
    table = pd.read_csv(tmp_path / "maps" / "volumes.csv").set_index("patient")
    assert table.stage.tolist()[:4] == ["reading", "defect", "perfusion", "reading"]
    assert "there is no scan missing.nii.gz" in table.loc["A", "reason"]
    assert "ZeroDivisionError in test_perfusion.py" in table.loc["B", "reason"]
    assert table.loc["E", "core_cbv_ml"] > 20
    assert table.loc["E", "tissue_share"] > 0.8
    assert abs(table.loc["E", "tissue_asymmetry"]) < 0.05


def test_a_full_disk_ends_the_command_with_its_sentence(scans: Path, tmp_path: Path, monkeypatch) -> None:
    def write(path: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("stroke_ctp.hemodynamics.output.write_like", write)
    manifest = tmp_path / "manifest.csv"
    pd.DataFrame({"scan": [scans / "stroke.nii.gz"], "patient": ["A"]}).to_csv(manifest, index=False)
    result = call("perfusion", f"manifest={manifest}", f"out={tmp_path / 'maps'}", "jobs=1")
    assert result.returncode == 1
    assert "/maps/00001/cbf.nii.gz cannot be used: no space left on device; allow it, make room" in result.stderr
    assert "unexpected" not in result.stderr


def test_a_manifest_of_which_nothing_can_be_measured_has_its_reasons_in_the_table(scans: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    pd.DataFrame({"scan": [scans / "empty.nii.gz"], "patient": ["A"]}).to_csv(manifest, index=False)
    result = call("perfusion", f"manifest={manifest}", f"out={tmp_path / 'maps'}", "jobs=1")
    assert result.returncode == 1
    assert "none of 1 scans can be measured; first: the brain's mean must rise" in result.stderr
    assert pd.read_csv(tmp_path / "maps" / "volumes.csv").stage.tolist() == ["perfusion"]


def test_a_second_run_measures_only_what_is_missing(several: Path, scans: Path) -> None:
    shutil.rmtree(several / "00002")
    kept = {path: path.stat().st_mtime_ns for path in (several / "00001").iterdir()}
    assert call("perfusion", f"manifest={scans / 'manifest.csv'}", f"out={several}", "jobs=1").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (several / "00001").iterdir()} == kept
    assert (several / "00002" / "cbv.nii.gz").exists()


def test_the_table_of_a_second_run_is_byte_by_byte_that_of_the_first(several: Path, scans: Path) -> None:
    first = (several / "volumes.csv").read_bytes()
    assert call("perfusion", f"manifest={scans / 'manifest.csv'}", f"out={several}", "jobs=1").returncode == 0
    assert (several / "volumes.csv").read_bytes() == first


def test_a_folder_holds_nothing_of_a_scan_that_had_its_place_before(scans: Path, tmp_path: Path) -> None:
    manifest, out = tmp_path / "manifest.csv", tmp_path / "maps"

    def measure(*rows: tuple[str, str]) -> None:
        pd.DataFrame(rows, columns=["patient", "scan"]).assign(scan=lambda t: [scans / n for n in t.scan]).to_csv(
            manifest, index=False
        )
        assert call("perfusion", f"manifest={manifest}", f"out={out}", "jobs=1").returncode == 0

    measure(("A", "stroke.nii.gz"), ("B", "stroke.nii.gz"))
    first = {path.name: path.read_bytes() for path in (out / "00001").iterdir()}
    (out / "00002" / "notes.txt").write_text("of a reader")
    measure(("C", "empty.nii.gz"), ("A", "stroke.nii.gz"), ("D", "empty.nii.gz"))
    assert [path.name for path in (out / "00001").iterdir()] == ["summary.png"]
    second = {path.name: path.read_bytes() for path in (out / "00002").iterdir()}
    assert second.pop("notes.txt") == b"of a reader"
    assert second == first  # its pictures name A, no longer B
    measure(("A", "stroke.nii.gz"))
    assert {path.name: path.read_bytes() for path in (out / "00001").iterdir()} == first
    assert [path.name for path in out.glob("[0-9]*")] == ["00001", "00002"]
    assert [path.name for path in (out / "00002").iterdir()] == ["notes.txt"]


def test_a_scan_that_cannot_be_measured_leaves_the_results_of_another_alone(single: Path, scans: Path) -> None:
    before = {path: path.read_bytes() for path in single.rglob("*") if path.is_file()}
    assert call("perfusion", f"scan={scans / 'empty.nii.gz'}", f"out={single}").returncode == 1
    assert {path: path.read_bytes() for path in single.rglob("*") if path.is_file()} == before


@pytest.fixture(scope="module")
def learned(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a stroke, the same along other axes, a scan without contrast, and one that ends before any artery falls."""
    names = ["stroke.nii.gz", "turned.nii.gz", "empty.nii.gz", "late.nii.gz", "still.nii.gz"]
    folder = tmp_path_factory.mktemp("learned")
    pd.DataFrame({"scan": [scans / n for n in names], "patient": list("ABCDE")}).to_csv(folder / "m.csv", index=False)
    result = call("perfusion", f"manifest={folder / 'm.csv'}", f"out={folder / 'maps'}", "jobs=1", "method=network")
    assert result.returncode == 0, result.stderr
    assert "\nreliability: 2 ok, 0 caution, 3 unusable" in result.stdout
    assert "\nnetwork reliability: 2 ok, 1 caution, 2 unusable" in result.stdout
    return folder / "maps"


def test_the_network_finds_the_lesion_of_the_head_that_was_scanned(learned: Path) -> None:
    """A head of other shape, tissue and vessels than those that the network was trained on."""
    row = pd.read_csv(learned / "volumes.csv").iloc[0]
    assert row["network_core_ml"] == pytest.approx(TRUE_ML, rel=0.35)
    assert row["network_hypoperfused_ml"] == pytest.approx(TRUE_ML * (PENUMBRA_MM / CORE_MM) ** 2, rel=0.25)
    core = np.asarray(nib.load(learned / "00001" / "network_core.nii.gz").dataobj) > 0
    x, y = (np.arange(136) - 67.5)[:, None] * PIXEL_MM[0], (np.arange(136) - 67.5) * PIXEL_MM[0]
    true = (np.hypot(x - CORE[1], y - CORE[0]) < CORE_MM)[:, :, None].repeat(3, axis=2)
    assert 2 * (core & true).sum() / (core.sum() + true.sum()) > 0.8


def test_masks_and_volumes_of_the_network_agree_and_maps_lie_on_the_scan(learned: Path, scans: Path) -> None:
    row, scan = pd.read_csv(learned / "volumes.csv").iloc[0], nib.load(scans / "stroke.nii.gz")
    volumes = {name: nib.load(learned / "00001" / f"network_{name}.nii.gz") for name in NETWORK_FILES}
    for volume in volumes.values():
        assert volume.shape == scan.shape[:3]
        np.testing.assert_allclose(volume.affine, scan.affine, atol=1e-4)
    voxel_ml = np.prod(SPACING) / 1000
    totals = {name: np.asarray(volume.dataobj).sum(dtype=float) * voxel_ml for name, volume in volumes.items()}
    assert totals["core"] == pytest.approx(row["network_core_ml"], abs=0.01)
    assert totals["core_probability"] == pytest.approx(row["network_expected_core_ml"], abs=0.01)
    assert totals["hypoperfused"] - totals["core"] == pytest.approx(row["network_mismatch_ml"], abs=0.01)


def test_the_network_maps_a_scan_stored_along_other_axes_alike(learned: Path) -> None:
    one, other = (
        nib.as_closest_canonical(nib.load(learned / n / "network_core_probability.nii.gz")) for n in ("00001", "00002")
    )
    np.testing.assert_allclose(one.get_fdata(), other.get_fdata(), atol=1e-3)


def test_a_scan_without_an_artery_is_mapped_by_the_network_with_caution_and_one_without_bolus_is_not(
    learned: Path,
) -> None:
    table = pd.read_csv(learned / "volumes.csv").set_index("patient")
    late = table.loc["D"]
    assert (late["stage"], late["reliability"], late["network_reliability"]) == ("perfusion", "unusable", "caution")
    assert "was not trained for this scan: contrast does not arrive within 22 s" in late["network_reason"]
    assert late["network_core_ml"] >= 0
    assert np.isnan(late["core_cbv_ml"])
    assert (learned / "00004" / "network.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert not (learned / "00004" / "cbv.nii.gz").exists()
    for name, words in (("C", "no bolus in this scan"), ("E", "must be 4D")):
        assert table.loc[name, "network_reliability"] == "unusable"
        assert words in table.loc[name, "network_reason"]
        assert np.isnan(table.loc[name, "network_core_ml"])


def test_a_scan_that_the_network_alone_cannot_map_keeps_its_deconvolution(
    scans: Path, single: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found_nothing(*_: object) -> None:
        raise Excluded("perfusion", "no brain was found in this scan")

    monkeypatch.setattr("stroke_ctp.model.scan_maps.learned_analysis", found_nothing)
    result = call("perfusion", f"scan={scans / 'stroke.nii.gz'}", f"out={tmp_path / 'maps'}", "method=network")
    assert result.returncode == 0, result.stderr
    one, other = (pd.read_csv(folder / "volumes.csv").iloc[0] for folder in (tmp_path / "maps", single))
    pd.testing.assert_series_equal(one[list(COLUMNS[3:])], other[list(COLUMNS[3:])])
    assert (one["network_reliability"], one["network_reason"]) == ("unusable", "no brain was found in this scan")


def test_deconvolution_is_the_same_with_and_without_the_network(learned: Path, single: Path) -> None:
    one, other = (pd.read_csv(folder / "volumes.csv")[list(COLUMNS[3:])].iloc[0] for folder in (learned, single))
    pd.testing.assert_series_equal(one, other)


def test_the_network_is_asked_for_in_a_folder_of_its_own(single: Path, scans: Path) -> None:
    result = call("perfusion", f"scan={scans / 'stroke.nii.gz'}", f"out={single}", "method=network")
    assert result.returncode == 1
    assert "method (deconvolution there, network here)" in result.stderr


def test_a_second_run_with_the_network_measures_nothing_again(learned: Path) -> None:
    before = (learned / "volumes.csv").read_text()
    kept = {path: path.stat().st_mtime_ns for path in learned.glob("0000[14]/*")}
    manifest = f"manifest={learned.parent / 'm.csv'}"
    assert call("perfusion", manifest, f"out={learned}", "jobs=1", "method=network").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in learned.glob("0000[14]/*")} == kept
    assert (learned / "volumes.csv").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["scan=nowhere.nii.gz"], ["nowhere.nii.gz", "scan="]),
        ([], ["scan=PATH", "manifest=FILE"]),
        (["scan="], ["scan=PATH", "manifest=FILE", "neither"]),
        (["scan=a.nii.gz", "manifest=b.csv"], ["scan=PATH", "manifest=FILE", "scan and manifest"]),
        (["manifest={scans}/manifest.csv", "frame_interval_s=2"], ["frame_interval_s", "scan=PATH", "column"]),
        (["scan={scans}/empty.nii.gz"], ["no bolus", "empty.nii.gz"]),
        (["scan={scans}/empty.nii.gz", "method=network"], ["no bolus", "empty.nii.gz"]),
        (["scan={scans}/late.nii.gz"], ["the scan ended too early", "late.nii.gz"]),
        (["scan={scans}/nine.nii.gz"], ["≥ 10 frames, got 9", "nine.nii.gz"]),
        (["scan={scans}/still.nii.gz"], ["must be 4D", "still.nii.gz"]),
        (["scan={scans}/manifest.csv"], ["manifest.csv", "one of these as scan"]),
        (["scan={scans}/stroke.nii.gz", "frame_interval_s=-1"], ["frame_interval_s", "-1"]),
        (["manifest={scans}/manifest.csv", "jobs=0"], ["jobs", "0"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_sentence_about_what_was_given_and_leaves_nothing(
    scans: Path, tmp_path: Path, arguments: list[str], names: list[str]
) -> None:
    given = [argument.format(scans=scans) for argument in arguments]
    result = call("perfusion", *given, f"out={tmp_path / 'out'}")
    assert result.returncode == 1
    sentence = result.stderr.strip().splitlines()[-1]
    assert sentence.startswith("perfusion: ")
    assert "Traceback" not in result.stderr
    for name in names:
        assert name in sentence
    # who gave no manifest is not told to mend one
    assert any("manifest" in word for word in [*arguments, *names]) or "manifest" not in sentence
    assert not list(tmp_path.iterdir())


def test_what_others_have_put_into_the_folder_stays_when_nothing_can_be_measured(scans: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("notes")
    assert call("perfusion", f"scan={scans / 'empty.nii.gz'}", f"out={tmp_path}").returncode == 1
    assert (tmp_path / "mine.txt").read_text() == "notes"


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("analysis.calibration=arterial", ["calibration", "arterial", "venous"]),
        ("analysis.deconvolution.method=svd", ["deconvolution.method", "svd", "oscillation"]),
        ("analysis.smoothing_mm=much", ["smoothing_mm", "much"]),
        ("method=svd", ["method", "svd", "network"]),
    ],
)
def test_settings_of_another_kind_are_refused_by_name(
    scans: Path, tmp_path: Path, setting: str, names: list[str]
) -> None:
    """In a process of its own: here types are checked before the package sees them."""
    words = ["-m", "stroke_ctp.perfusion", f"scan={scans / 'stroke.nii.gz'}", f"out={tmp_path / 'out'}", setting]
    result = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    for name in names:
        assert name in result.stderr
    assert not (tmp_path / "out").exists()


def test_other_settings_in_the_same_folder_are_refused(single: Path, scans: Path) -> None:
    result = call("perfusion", f"scan={scans / 'stroke.nii.gz'}", f"out={single}", "analysis.calibration=venous")
    assert result.returncode == 1
    assert "analysis.calibration (reference there, venous here)" in result.stderr


def test_label_cbv_fills_what_the_manifest_lacks_and_excludes_whom_it_cannot_measure(
    scans: Path, single: Path, tmp_path: Path
) -> None:
    line = (f"manifest={scans / 'manifest.csv'}", f"out={tmp_path / 'cohort'}", "jobs=1")
    assert call("preprocess", *line, "label=cbv", "volumes=true").returncode == 0
    cohort = pd.read_csv(tmp_path / "cohort" / "cohort.csv").set_index("patient")
    excluded = pd.read_csv(tmp_path / "cohort" / "excluded.csv")
    measured = pd.read_csv(single / "volumes.csv").iloc[0]
    assert cohort.loc["A", "core_ml"] == measured["core_cbv_ml"]
    assert cohort.loc["A", "label_definition"] == "CBV<1.2 mL/100 mL, measured on the scan by stroke_ctp"
    assert cohort.loc["B", ["core_ml", "label_definition"]].tolist() == [31.5, "DWI"]
    assert cohort.loc["A", "scan_rcbf_ml"] == measured["core_rcbf_ml"]
    assert excluded[["patient", "stage"]].to_numpy().tolist() == [["C", "perfusion"]]
    assert "no bolus" in excluded.loc[0, "reason"]

    assert call("preprocess", *line).returncode == 0  # the same command without them takes them back
    cohort = pd.read_csv(tmp_path / "cohort" / "cohort.csv").set_index("patient")
    assert list(cohort.index) == ["A", "B", "C"]
    assert np.isnan(cohort.loc["A", "core_ml"])


def test_an_unknown_label_is_refused(scans: Path, tmp_path: Path) -> None:
    result = call("preprocess", f"manifest={scans / 'manifest.csv'}", f"out={tmp_path}/cohort", "label=dwi")
    assert result.returncode == 1
    assert "label must be cbv or rcbf or null, got 'dwi'" in result.stderr
