import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stroke_ctp.cohort import patient_series
from stroke_ctp.cohort.cohort_folder import CohortFolder
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.manifest import read_manifest
from stroke_ctp.cohort.patient_series import finished_record, preprocess_patient
from stroke_ctp.common.errors import Excluded, UserError
from stroke_ctp.common.schemas import validated
from stroke_ctp.config.composition import CONF
from stroke_ctp.config.schemas.preprocess import PreprocessSettings
from stroke_ctp.preprocess import preprocess
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.nifti import write_mask, write_nifti

HEADER = "scan,patient,basal_ganglia,supraganglionic,core_ml,label_definition,mRS\n"


def write_scan(path, seed=0, n_frames=32):
    rng = np.random.default_rng(seed)
    y, x = np.indices((64, 64)) - 31.5
    radius = np.hypot(x / 25, y / 29)
    head = np.where(radius < 1, 900.0, -1000.0)
    head[radius < 0.85] = 35
    hu = head + rng.normal(0, 3, (n_frames, 3, 64, 64))
    write_nifti(path, CTPScan.simultaneous(hu.astype(np.float32), np.arange(n_frames) * 1.5, (5.0, 3.125, 3.125)))


@pytest.fixture
def manifest(tmp_path):
    """Three good patients, a short scan, an unreadable one, a truncated one and one without a level."""
    folder = tmp_path / "scans"
    for number in range(3):
        write_scan(folder / f"{number}.nii.gz", number)
    write_scan(folder / "short.nii.gz", n_frames=20)
    (folder / "text.nii.gz").write_text("no image")
    (folder / "cut.nii.gz").write_bytes((folder / "0.nii.gz").read_bytes()[:9999])
    path = folder / "manifest.csv"
    path.write_text(
        HEADER + "0.nii.gz,Ada,0,2,12.5,CBV<1.2,3\nshort.nii.gz,Ben,0,2,1,CBV<1.2,1\n"
        "1.nii.gz,Cleo,1,2,,,\ntext.nii.gz,Dan,0,2,1,,\n2.nii.gz,Eve,0,1,40,CBV<1.2,5\n"
        "cut.nii.gz,Fay,0,2,,,\n1.nii.gz,Gus,0,,,,\n"
    )
    return path


def config(manifest, out, **changes):
    return validated(PreprocessSettings, {"manifest": str(manifest), "out": str(out), "jobs": 1, **changes})


def command(*arguments, **options):
    line = [sys.executable, "-m", "stroke_ctp.preprocess", *map(str, arguments)]
    return subprocess.run(line, cwd=CONF.parent, capture_output=True, text=True, timeout=300, **options)


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_cohort_holds_what_the_contract_says(manifest, tmp_path, capsys):
    out = tmp_path / "cohort"
    preprocess(config(manifest, out))
    cohort = pd.read_csv(out / "cohort.csv", dtype={"mRS": str})
    assert list(cohort) == ["patient", "series", "core_ml", "label_definition", "mRS"]
    assert list(cohort.patient) == ["Ada", "Cleo", "Eve"]
    assert list(cohort.series) == ["00001.npy", "00003.npy", "00005.npy"]
    assert list(cohort.core_ml.fillna(-1)) == [12.5, -1, 40]
    for name in cohort.series:
        series = np.load(out / "series" / name)
        assert (series.shape, series.dtype) == ((2, 32, 128, 128), np.float16)
        assert np.median(series[:, :, 50:78, 50:78]) == pytest.approx(35, abs=1)
    excluded = pd.read_csv(out / "excluded.csv")
    assert list(excluded.patient) == ["Ben", "Dan", "Fay", "Gus"]
    assert list(excluded.stage) == ["timing", "reading", "reading", "level"]
    quality = pd.read_csv(out / "quality.csv")
    assert list(quality.patient) == list(cohort.patient)
    assert (quality.valid_frames == 32).all()
    summary = json.loads((out / "cohort.json").read_text())
    assert summary["counts"] == {
        "patients": 7, "included": 3, "excluded": {"reading": 2, "timing": 1, "level": 1}
    }  # fmt: skip
    assert summary["settings"] == asdict(Rules())
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3].startswith("included 3 of 7 patients; excluded by 2 reading, 1 timing, 1 level")
    assert lines[-2] == f"{out / 'contact_sheet.html'}: look at it before training"
    assert "Ada" in (out / "contact_sheet.html").read_text()
    assert lines[-1] == str(out / "cohort.csv")


def test_two_cohorts_of_one_manifest_have_one_hash_and_other_patients_another(manifest, tmp_path):
    hashes = []
    for name in ("one", "two", "three"):
        if name == "three":
            manifest.write_text(manifest.read_text().replace("12.5", "13"))
        preprocess(config(manifest, tmp_path / name))
        hashes.append(json.loads((tmp_path / name / "cohort.json").read_text())["hash"])
    assert hashes[0] == hashes[1] != hashes[2]
    assert contents(tmp_path / "one" / "series").keys() != {}


def test_a_second_run_computes_nothing_and_a_changed_scan_only_itself(manifest, tmp_path):
    out = tmp_path / "cohort"
    preprocess(config(manifest, out))
    before = contents(out)
    times = {path: path.stat().st_mtime_ns for path in out.glob("*/*")}
    preprocess(config(manifest, out))
    assert contents(out) == before
    assert {path: path.stat().st_mtime_ns for path in out.glob("*/*")} == times
    write_scan(manifest.parent / "2.nii.gz", seed=9)
    preprocess(config(manifest, out))
    changed = {path.name for path in out.glob("*/*") if path.stat().st_mtime_ns != times[path]}
    assert changed == {"00005.npy", "00005.json"}


def test_an_exclusion_is_looked_at_again_when_its_cause_may_be_gone(manifest, tmp_path, monkeypatch):
    (patient, *_) = read_manifest(manifest)
    folder = CohortFolder(tmp_path)
    preprocess_patient(patient, folder=folder, rules=Rules(), wait=False)
    assert finished_record(folder, patient, Rules()) is not None
    for module, name, value in (("os", "access", lambda *_: False), (patient_series.__name__, "__version__", "0.0")):
        with monkeypatch.context() as patch:  # nobody is refused a file as root
            patch.setattr(f"{module}.{name}", value)
            assert finished_record(folder, patient, Rules()) is None


def test_an_exclusion_is_not_recorded_if_a_file_changed_while_it_was_read(manifest, tmp_path, monkeypatch):
    (patient, *_) = read_manifest(manifest)
    folder = CohortFolder(tmp_path)

    def vanish(*_):
        (manifest.parent / "0.nii.gz").rename(tmp_path / "elsewhere")
        raise Excluded("reading", "file 0.nii.gz does not exist")

    monkeypatch.setattr(patient_series, "standard_series", vanish)
    assert not preprocess_patient(patient, folder=folder, rules=Rules(), wait=False).included
    (tmp_path / "elsewhere").rename(manifest.parent / "0.nii.gz")
    assert finished_record(folder, patient, Rules()) is None


def test_patients_that_left_the_manifest_leave_the_cohort(manifest, tmp_path):
    out = tmp_path / "cohort"
    preprocess(config(manifest, out))
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:3]))
    preprocess(config(manifest, out))
    assert [path.name for path in (out / "series").iterdir()] == ["00001.npy"]
    assert len(pd.read_csv(out / "cohort.csv")) == 1


def test_a_cohort_is_not_replaced_by_one_of_other_patients(manifest, tmp_path):
    out = tmp_path / "cohort"
    preprocess(config(manifest, out))
    before = contents(out)
    others = manifest.with_name("others.csv")
    others.write_text(HEADER + "0.nii.gz,Zoe,0,2,12.5,CBV<1.2,3\n")
    with pytest.raises(UserError, match="holds a cohort of 7 other patients; choose another out"):
        preprocess(config(others, out))
    assert contents(out) == before
    others.write_text(others.read_text() + "text.nii.gz,Dan,0,2,1,,\n")  # who is excluded
    preprocess(config(others, out))
    assert pd.read_csv(out / "cohort.csv")["patient"].tolist() == ["Zoe"]
    (out / "cohort.csv").write_text("")
    (out / "excluded.csv").unlink()
    preprocess(config(manifest, out))
    assert len(pd.read_csv(out / "cohort.csv")) == 3


def test_other_settings_are_refused_in_the_same_folder(manifest, tmp_path):
    preprocess(config(manifest, tmp_path / "cohort"))
    with pytest.raises(UserError, match=r"min_duration_s \(48\.0 there, 30\.0 here\)"):
        preprocess(config(manifest, tmp_path / "cohort", min_duration_s=30))


def test_a_shorter_limit_lets_the_short_scan_in(manifest, tmp_path):
    preprocess(config(manifest, tmp_path / "cohort", min_duration_s=30))
    quality = pd.read_csv(tmp_path / "cohort" / "quality.csv", index_col="patient")
    assert quality.valid_frames["Ben"] == 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"jobs": 0}, "jobs must be"),
        ({"jobs": "many"}, "jobs must be"),
        ({"max_interval_s": "long"}, "max_interval_s must be a number > 0, got 'long'"),
        ({"min_duration_s": -1}, "min_duration_s must be a number > 0, got -1"),
        ({"max_motion_mm": 0}, "max_motion_mm must be a number > 0, got 0"),
        ({"short_scan": "keep"}, "short_scan must be exclude or pad, got 'keep'"),
        ({"levels": "both"}, "levels must be manifest or auto, got 'both'"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_written(manifest, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        preprocess(config(manifest, tmp_path / "cohort", **changes))
    assert not (tmp_path / "cohort").exists()


def test_without_any_patient_the_most_frequent_reason_is_given(manifest, tmp_path):
    text = f"{HEADER}short.nii.gz,A,0,2,,,\nshort.nii.gz,B,0,2,,,\ncut.nii.gz,C,0,2,,,\n"
    manifest.write_text(text)
    with pytest.raises(UserError, match="none of 3 patients can be included; 2 of them: scan must last"):
        preprocess(config(manifest, tmp_path / "cohort"))
    assert not (tmp_path / "cohort" / "cohort.csv").exists()
    assert list(pd.read_csv(tmp_path / "cohort" / "excluded.csv").patient) == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ("gone.nii.gz,Hal,0,2,1,,", ["gone.nii.gz", "Hal", "correct the manifest"]),
        ("3d.nii.gz,Hal,0,2,1,,", ["3d.nii.gz", "Hal", "must be 4D", "64×64×3 voxels", "with a time axis"]),
        ("0.nii.gz,Hal,0,3,1,,", ["0.nii.gz", "Hal", "supraganglionic", "0 to 2", "got 3", "give one of these"]),
        ("0.nii.gz,Hal,-1,2,1,,", ["0.nii.gz", "Hal", "basal_ganglia", "0 to 2", "got -1"]),
    ],
)
def test_a_mistake_of_the_manifest_is_refused_before_anything_is_written(manifest, tmp_path, row, names):
    write_mask(manifest.parent / "3d.nii.gz", np.ones((3, 64, 64), np.uint8), (5.0, 3.125, 3.125))
    manifest.write_text(f"{manifest.read_text()}{row}\n")
    with pytest.raises(UserError) as refusal:
        preprocess(config(manifest, tmp_path / "cohort"))
    for name in names:
        assert name in str(refusal.value)
    assert not (tmp_path / "cohort").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["out=cohort"], "manifest is required"),
        (["out=cohort", "manifest=a.csv", "layout=isles2018"], "manifest and layout exclude each other"),
        (["out={tmp}", "manifest={tmp}/nothing.csv"], "there is no manifest"),
        (["out={tmp}", "manifest={tmp}/bad.csv"], "core_ml must be a number"),
    ],
)
def test_the_command_says_what_is_wrong_in_one_sentence(tmp_path, arguments, message):
    (tmp_path / "bad.csv").write_text(HEADER + "a.nii,A,0,1,much,,\n")
    done = command(*[argument.format(tmp=tmp_path) for argument in arguments])
    assert done.returncode != 0
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_interrupted_command_leaves_whole_files_and_continues(tmp_path):
    rows = []
    for number in range(60):
        rows.append(f"{number % 4}.nii.gz,P{number},0,2,{number},,\n")
    for number in range(4):
        write_scan(tmp_path / f"{number}.nii.gz", number)
    (tmp_path / "manifest.csv").write_text(HEADER + "".join(rows))
    arguments = [f"manifest={tmp_path}/manifest.csv", f"out={tmp_path}/cohort", "jobs=2"]
    line = [sys.executable, "-m", "stroke_ctp.preprocess", *arguments]
    process = subprocess.Popen(
        line,
        cwd=CONF.parent,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        # a shell's job in the background ignores Ctrl-C, and what it starts inherits that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(tmp_path / "cohort" / ".records", 4)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does on Ctrl-C
    stderr = process.communicate(timeout=300)[1].decode()
    assert process.returncode == 130
    assert "the same command continues" in stderr
    assert "Traceback" not in stderr
    done = {path.stem: path.stat().st_mtime_ns for path in (tmp_path / "cohort/.records").glob("0*.json")}
    assert 4 <= len(done) < 60
    for path in (tmp_path / "cohort" / "series").glob("0*.npy"):
        assert np.load(path).shape == (2, 32, 128, 128)
    finished = command(*arguments)
    assert finished.returncode == 0, finished.stderr
    after = {path.stem: path.stat().st_mtime_ns for path in (tmp_path / "cohort/.records").glob("0*.json")}
    assert {stem: after[stem] for stem in done} == done
    assert len(pd.read_csv(tmp_path / "cohort" / "cohort.csv")) == 60
    assert not list((tmp_path / "cohort").rglob(".partial-*"))


def wait_for(folder: Path, n_files: int) -> None:
    deadline = time.monotonic() + 120
    while len(list(folder.glob("0*.json"))) < n_files:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_damaged_series_is_made_again_by_the_same_command(manifest, tmp_path):
    preprocess(config(manifest, tmp_path / "out"))
    series = tmp_path / "out/series/00001.npy"
    made = series.read_bytes()
    for damaged in (made[:1000], made[:-1] + b"?"):
        series.write_bytes(damaged)
        preprocess(config(manifest, tmp_path / "out"))
        assert series.read_bytes() == made


def test_a_patient_that_another_machine_works_on_is_left_to_it_and_not_repeated(manifest, tmp_path, monkeypatch):
    patient = read_manifest(manifest)[0]
    folder = CohortFolder(tmp_path)
    with folder.records.lock(patient.number, wait=False) as locked:
        assert locked
        assert preprocess_patient(patient, folder=folder, rules=Rules(), wait=False) is None
        assert finished_record(folder, patient, Rules()) is None
    theirs = preprocess_patient(patient, folder=folder, rules=Rules(), wait=False)
    monkeypatch.setattr(patient_series, "standard_series", None)  # would fail if it were called again
    assert preprocess_patient(patient, folder=folder, rules=Rules(), wait=True) == theirs


def test_two_commands_on_one_folder_share_the_patients_and_both_end_with_the_whole_cohort(manifest, tmp_path):
    out, alone = tmp_path / "out", tmp_path / "alone"
    command = [sys.executable, "-m", "stroke_ctp.preprocess", f"manifest={manifest}", f"out={out}", "jobs=1"]
    both = [
        subprocess.Popen(command, cwd=CONF.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said, complaints = zip(*(process.communicate(timeout=120) for process in both), strict=True)
    assert [process.returncode for process in both] == [0, 0], complaints
    preprocess(config(manifest, alone))
    for name in ("cohort.csv", "excluded.csv", "cohort.json"):
        assert (out / name).read_bytes() == (alone / name).read_bytes()
    assert all("included 3 of 7 patients" in words for words in said)
