import json
import shutil
import subprocess
import sys

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import validated
from stroke_ctp.config.composition import CONF
from stroke_ctp.config.schemas.simulate import SimulateSettings
from stroke_ctp.phantom.digital_patient import DigitalPatient
from stroke_ctp.phantom.recruitment import Recruit, ScanPlan, external_cohort, training_cohort
from stroke_ctp.phantom.scanner import Protocol
from stroke_ctp.phantom.simulated_cohort import SimulatedCohort
from stroke_ctp.simulate import simulate

SIZES = ("n_train=3", "n_external=2")
TINY = Protocol((0.0, 5.0), thickness=5.0, n_frames=4, interval=1.0, noise=3.0)
UPPER = Protocol((20.0, 25.0), thickness=5.0, n_frames=4, interval=1.0, noise=3.0)


def command(*arguments):
    line = [sys.executable, "-m", "stroke_ctp.simulate", *map(str, arguments)]
    return subprocess.run(line, cwd=CONF.parent, capture_output=True, text=True, timeout=300)


def config(out, **changes):
    return validated(SimulateSettings, {"out": str(out), "n_train": 1, "n_external": 0, "jobs": 1, **changes})


def files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def times(folder):
    return {path: (folder / path).stat().st_mtime_ns for path in files(folder)}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Both cohorts, as the command makes them."""
    out = tmp_path_factory.mktemp("simulate") / "cohorts"
    done = command(f"out={out}", *SIZES)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def manifests(simulated):
    return {name: pd.read_csv(simulated / name / "manifest.csv") for name in ("train", "external")}


def test_manifests_have_the_columns_that_a_user_would_bring(manifests):
    common = {"scan", "patient", "basal_ganglia", "supraganglionic", "label_definition", "origin"}
    common |= {"true_core_ml", "true_infarct_ml"}
    assert set(manifests["train"].columns) == common | {"core_ml"}
    assert set(manifests["external"].columns) == common | {"core_mask"}
    assert manifests["train"]["patient"].nunique() == 3  # too few for one that cannot be included
    assert manifests["external"]["patient"].nunique() == 5  # 40 more to every 23


def test_every_patient_has_each_level_once(manifests):
    for table in manifests.values():
        count = table.groupby("patient")[["basal_ganglia", "supraganglionic"]].count()
        assert (count == 1).all(axis=None)


def test_every_file_is_in_a_manifest_and_every_path_exists(simulated, manifests):
    named = {"settings.json"}
    for name, table in manifests.items():
        named.add(f"{name}/manifest.csv")
        named |= {f"{name}/{path}" for path in table["scan"]}
        named |= {f"{name}/{path}" for path in table.get("core_mask", [])}
    assert {str(path) for path in files(simulated)} == named


def test_scans_state_spacing_and_frame_interval_in_millimetres_and_seconds(simulated, manifests):
    for name, interval in (("train", 1.5), ("external", 1.0)):
        for row in manifests[name].to_dict("records"):
            image = nib.load(simulated / name / row["scan"])
            assert image.header.get_xyzt_units() == ("mm", "sec")
            distance = 5 if row["patient"] + "A" in row["scan"] or row["patient"] + "B" in row["scan"] else 10
            np.testing.assert_allclose(image.header.get_zooms(), (1.5, 1.5, distance, interval), rtol=1e-5)
            assert image.shape[:2] == (160, 160)
            assert image.shape[3] == 32 if name == "train" else 43 <= image.shape[3] <= 60
            for level in ("basal_ganglia", "supraganglionic"):
                assert np.isnan(row[level]) or 0 <= row[level] < image.shape[2]
            assert nib.aff2axcodes(image.affine) == ("L", "P", "S")


def test_scans_hold_a_head_in_hounsfield_units_that_takes_up_contrast(simulated, manifests):
    hu = nib.load(simulated / "train" / manifests["train"]["scan"][0]).get_fdata()
    assert hu[:5, :5].mean() == pytest.approx(-1000, abs=5)
    assert 600 < np.percentile(hu, 99.5) < 1300
    middle = hu[60:100, 60:100].mean(axis=(0, 1, 2))
    assert middle[:2].mean() == pytest.approx(29, abs=10)
    assert middle.max() - middle[:2].mean() > 1.5


def test_training_volumes_have_the_articles_median(manifests):
    assert manifests["train"]["core_ml"].median() == pytest.approx(32.4, abs=0.05)
    assert set(manifests["train"]["label_definition"]) == {"simulated core at the time of the scan"}


def test_external_masks_measure_what_was_aimed_at_on_both_sides_of_the_median(simulated, manifests):
    table = manifests["external"]
    measured = {}
    for row in table.to_dict("records"):
        mask = nib.load(simulated / "external" / row["core_mask"])
        volume = (mask.get_fdata() > 0).sum() * np.prod(mask.header.get_zooms()) / 1000
        measured[row["patient"]] = measured.get(row["patient"], 0) + volume
    recruits = {recruit.patient: recruit for recruit in external_cohort(2, 0)}
    for patient, volume in measured.items():
        assert volume == pytest.approx(min(recruits[patient].core_ml, 250), abs=2.5**3 / 1000) or volume > 180
    included = [volume for patient, volume in measured.items() if recruits[patient].fault is None]
    assert sorted(volume > 32.4 for volume in included) == [False, True]
    assert set(table["label_definition"]) == {"simulated core at the time of the scan, segmented"}


def test_the_label_chooses_which_truth_is_the_endpoint_and_leaves_scans_as_they_are(simulated, tmp_path):
    core, infarct = (SimulatedCohort(tmp_path / name, name) for name in ("core", "infarct"))
    (recruit,) = training_cohort(3, 0)[:1]
    (row,), (other,) = core.write_patient(recruit), infarct.write_patient(recruit)
    assert (row["core_ml"], other["core_ml"]) == (row["true_core_ml"], row["true_infarct_ml"])
    assert (other["true_core_ml"], other["true_infarct_ml"]) == (row["true_core_ml"], row["true_infarct_ml"])
    assert other["label_definition"] == "simulated final infarct"
    assert row["true_core_ml"] != row["true_infarct_ml"]
    scans = [(cohort.folder / row["scan"]).read_bytes() for cohort in (core, infarct)]
    assert scans[0] == scans[1] == (simulated / "train" / row["scan"]).read_bytes()


def test_an_external_patients_mask_shows_the_infarct_if_that_is_the_label(tmp_path):
    for recruit in external_cohort(2, 0)[:2]:
        rows = SimulatedCohort(tmp_path, "infarct").write_patient(recruit)
        masks = [nib.load(tmp_path / row["core_mask"]) for row in rows]
        volume = sum((m.get_fdata() > 0).sum() * np.prod(m.header.get_zooms()) for m in masks) / 1000
        assert volume == pytest.approx(rows[0]["true_infarct_ml"], abs=0.02)
        assert rows[0]["label_definition"] == "simulated final infarct, segmented"


def test_second_run_recomputes_nothing(simulated):
    before = times(simulated)
    done = command(f"out={simulated}", *SIZES)
    assert done.returncode == 0, done.stderr
    assert times(simulated) == before
    assert "complete" in done.stdout


def test_an_interrupted_run_makes_only_what_is_missing_and_the_same_bytes(simulated, tmp_path):
    out = tmp_path / "interrupted"
    shutil.copytree(simulated, out)
    lost = [out / "train/manifest.csv", out / "train/scans/T002.nii.gz"]
    lost += [out / "external/manifest.csv", next((out / "external/scans").glob("*B.nii.gz"))]
    for path in lost:
        path.unlink()
    before = times(out)
    simulate(config(out, n_train=3, n_external=2))
    assert files(out) == files(simulated)
    for path in files(out):
        assert (out / path).read_bytes() == (simulated / path).read_bytes(), path
    after = times(out)
    assert all(after[path] == before[path] for path in before if path.parent.name == "scans")


def test_one_seed_gives_the_same_bytes_in_any_process_and_another_seed_others(simulated, tmp_path):
    SimulatedCohort(tmp_path / "again").write_patient(training_cohort(3, 0)[0])
    SimulatedCohort(tmp_path / "other").write_patient(training_cohort(3, 1)[0])
    first = (simulated / "train/scans/T001.nii.gz").read_bytes()
    assert (tmp_path / "again/scans/T001.nii.gz").read_bytes() == first
    assert (tmp_path / "other/scans/T001.nii.gz").read_bytes() != first


def test_no_patients_make_no_scans(tmp_path):
    simulate(config(tmp_path / "empty", n_train=0))
    assert {str(path) for path in files(tmp_path / "empty")} == {"settings.json"}


def assert_refused(done, *words):
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("simulate: ")
    for word in words:
        assert word in done.stderr


def test_a_folder_made_with_other_settings_is_refused(simulated):
    before = times(simulated)
    assert_refused(command(f"out={simulated}", *SIZES, "seed=1"), "seed", "0 there", "1 here", "choose another out")
    with pytest.raises(UserError, match="n_train") as refusal:
        simulate(config(simulated, n_train=4, n_external=2))
    assert "seed" not in str(refusal.value)
    with pytest.raises(UserError, match="n_external"):
        simulate(config(simulated, n_train=3, n_external=1))
    assert times(simulated) == before
    assert json.loads((simulated / "settings.json").read_text()) == {
        "n_train": 3,
        "n_external": 2,
        "seed": 0,
        "label": "core",
        "duration_s": 48.0,
    }


def test_negative_numbers_of_patients_are_refused_before_anything_is_written(tmp_path):
    assert_refused(command(f"out={tmp_path / 'new'}", "n_train=-1"), "n_train", "≥ 0", "-1")
    with pytest.raises(UserError, match="n_external must be a whole number ≥ 0, got -2"):
        simulate(config(tmp_path / "new", n_external=-2))
    assert not (tmp_path / "new").exists()


def test_out_must_be_given():
    assert_refused(command(), "out is required")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_train", "many"),
        ("n_train", 2.5),
        ("n_train", None),
        ("n_external", "few"),
        ("seed", -1),
        ("seed", "abc"),
        ("label", "penumbra"),
        ("duration_s", 40),
        ("duration_s", 90),
        ("jobs", 0),
        ("jobs", "all"),
    ],
)
def test_values_of_the_wrong_kind_are_refused_with_the_key_named(tmp_path, key, value):
    with pytest.raises(UserError, match=key):
        simulate(config(tmp_path / "new", **{key: value}))
    assert not (tmp_path / "new").exists()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="out"):
        simulate(config(tmp_path / "file"))


def recruit(number=1, **changes):
    plain = {"patient": f"P{number}", "seed": (5, 1, number), "core_ml": 40.0, "slabs": (ScanPlan(TINY, (0, 1)),)}
    return Recruit(**{**plain, **changes})


@pytest.fixture
def drawn(monkeypatch):
    """Scans are noise alone; what every patient was drawn with, in turn, and the random streams of all."""
    spied = {"aims": [], "streams": []}
    one = DigitalPatient.draw(40.0, np.random.default_rng(0))

    def draw(_, core_ml, random):
        spied["aims"].append(core_ml)
        spied["streams"].append(str(random.bit_generator.state))
        return one

    def scan(_, protocol, random):
        spied["streams"].append(str(random.bit_generator.state))
        return random.normal(0, 100, (protocol.n_frames, len(protocol.slices), 32, 32))

    monkeypatch.setattr(DigitalPatient, "draw", classmethod(draw))
    monkeypatch.setattr(DigitalPatient, "scan", scan)
    return spied


@pytest.mark.usefixtures("drawn")
def test_a_truncated_scan_cannot_be_read(tmp_path):
    SimulatedCohort(tmp_path / "whole").write_patient(recruit())
    SimulatedCohort(tmp_path / "cut").write_patient(recruit(fault="truncated"))
    nib.load(tmp_path / "whole/scans/P1.nii.gz").get_fdata()
    with pytest.raises((OSError, EOFError)):
        nib.load(tmp_path / "cut/scans/P1.nii.gz").get_fdata()


@pytest.mark.usefixtures("drawn")
def test_two_slabs_share_the_segmented_core_between_them(tmp_path):
    slabs = (ScanPlan(TINY, (0, None)), ScanPlan(UPPER, (None, 0)))
    rows = SimulatedCohort(tmp_path).write_patient(recruit(core_ml=90.0, slabs=slabs, segmented=True))
    lower, upper = (nib.load(tmp_path / row["core_mask"]).get_fdata() > 0 for row in rows)
    assert lower.any()
    assert upper.any()
    assert np.nonzero(lower)[2].max() < np.nonzero(upper)[2].min()
    assert (lower.sum() + upper.sum()) * 2.5**3 / 1000 == pytest.approx(90, abs=2.5**3 / 1000)


def test_segmented_volumes_differ_from_true_ones_by_a_fifth(tmp_path, drawn):
    for number in range(1, 26):
        SimulatedCohort(tmp_path).write_patient(recruit(number, segmented=True))
    logs = np.log(np.array(drawn["aims"]) / 40)
    assert logs.std() == pytest.approx(0.2, abs=3 * 0.2 / np.sqrt(2 * 25))
    assert abs(logs.mean()) < 3 * 0.2 / np.sqrt(25)


def test_a_patient_and_each_of_their_scans_have_random_streams_of_their_own(tmp_path, drawn):
    """NumPy pads seeds with zeros: (5, 1, 7) and (5, 1, 7, 0) are one stream."""
    for number in (1, 2):
        SimulatedCohort(tmp_path).write_patient(
            recruit(number, slabs=(ScanPlan(TINY, (0, None)), ScanPlan(UPPER, (None, 0))))
        )
    assert len(drawn["streams"]) == 2 * 3
    assert len(set(drawn["streams"])) == 2 * 3
