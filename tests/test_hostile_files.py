"""Files that were damaged in any way end in one sentence, or are read as they were: never in another error.

Hypothesis edits intact files.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from heads import save_nifti
from hostile import Edit, answer, edited, edits, fixed
from hypothesis import example, given
from hypothesis import strategies as st
from studies import OXFORD, write_model

from stroke_ctp.cohort.manifest import COLUMNS, read_manifest
from stroke_ctp.common.arrays import is_intact, mapped_array, write_sealed
from stroke_ctp.common.records import read_json
from stroke_ctp.common.schemas import plain, validated
from stroke_ctp.model.checkpoints import read_weights
from stroke_ctp.scan.nifti import read_nifti
from stroke_ctp.study.run_folder import RunFolder
from stroke_ctp.study.study_folder import StudyFolder

# Libraries that other tests load may flush subnormal numbers to zero.
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_subnormal=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
"""What JSON holds, and NaN and infinity, which it should not."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def run(folder: Path) -> RunFolder:
    study = StudyFolder(folder, "s")
    write_model(study, "full", 0, OXFORD)
    return study.run("full", 1)


@pytest.fixture(scope="module")
def array(folder: Path) -> tuple[Path, bytes]:
    path = folder / "array.npy"
    write_sealed(path, (3, 4), [np.arange(12).reshape(3, 4)], np.float32)
    return path, path.read_bytes()


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> tuple[Path, bytes]:
    path = folder / "best.ckpt"
    torch.save({"state_dict": {"a.weight": torch.arange(300.0), "a.bias": torch.ones(2)}, "epoch": 3}, path)
    return path, path.read_bytes()


@pytest.fixture(scope="module")
def scan(folder: Path) -> tuple[Path, bytes]:
    path = save_nifti(folder / "scan.nii", np.arange(4 * 3 * 8 * 8, dtype=np.int16).reshape(4, 3, 8, 8))
    return path, path.read_bytes()


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every container of a JSON value, with each of its keys."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    return [(node, key) for key in keys] + [place for key in keys for place in _places(node[key])]


@fixed
@given(name=st.sampled_from(["metrics.json", "run.json", "settings.json"]), place=st.integers(0), value=values)
@example(name="metrics.json", place=2, value=10**28)
@example(name="settings.json", place=0, value={"_target_": "os.system", "command": "true"})
def test_a_record_with_any_value_anywhere_is_read_or_refused(run: RunFolder, name: str, place: int, value: Any):
    found = _read_with(run, name, place, value)
    assert found is None or validated(type(found), plain(found)) == found


@pytest.mark.parametrize("name", ["metrics.json", "run.json", "settings.json"])
def test_a_call_in_the_place_of_any_value_is_refused(run: RunFolder, name: str):
    for place in range(len(_places(json.loads((run.path / name).read_bytes())))):
        assert _read_with(run, name, place, {"_target_": "os.system", "_args_": ["true"]}) is None


def _read_with(run: RunFolder, name: str, place: int, value: Any) -> Any:
    """What is read from a file of a run with a value in another place; None where it is refused."""
    read = {"metrics.json": run.record, "run.json": run.provenance, "settings.json": run.settings}[name]
    path = run.path / name
    original = path.read_bytes()
    content = json.loads(original)
    places = _places(content)
    node, key = places[place % len(places)]
    node[key] = value
    path.write_bytes(json.dumps(content).encode())
    try:
        return answer(read)
    finally:
        path.write_bytes(original)


@fixed
@given(changes=edits)
def test_json_of_any_bytes_is_read_or_refused(run: RunFolder, changes: list[Edit]):
    path = run.path / "metrics.json"
    original = path.read_bytes()
    path.write_bytes(edited(original, changes))
    try:
        answer(run.record)
        found = answer(lambda: read_json(path))
        assert found is None or json.dumps(found, allow_nan=False)
    finally:
        path.write_bytes(original)


@fixed
@given(changes=edits)
def test_an_array_whose_header_was_edited_is_the_same_or_refused(array: tuple[Path, bytes], changes: list[Edit]):
    path, original = array
    path.write_bytes(edited(original, changes, within=128))
    found = answer(lambda: mapped_array(path, (3, 4), np.float32, "make it again"))
    if found is not None and path.read_bytes()[128:] == original[128:]:
        np.testing.assert_array_equal(found, np.arange(12).reshape(3, 4))


@fixed
@given(changes=edits)
def test_a_sealed_array_is_intact_only_with_all_its_bytes(array: tuple[Path, bytes], changes: list[Edit]):
    path, original = array
    path.write_bytes(edited(original, changes))
    assert is_intact(path) == (path.read_bytes() == original)


@fixed
@given(changes=edits)
def test_a_damaged_checkpoint_gives_its_tensors_or_is_refused(checkpoint: tuple[Path, bytes], changes: list[Edit]):
    path, original = checkpoint
    path.write_bytes(edited(original, changes))
    found = answer(lambda: read_weights(path))
    if found is not None:
        state, epoch = found
        assert epoch == 3
        assert torch.equal(state["a.weight"], torch.arange(300.0))
        assert torch.equal(state["a.bias"], torch.ones(2))


@fixed
@given(changes=edits)
def test_a_scan_whose_header_was_edited_is_read_or_refused(scan: tuple[Path, bytes], changes: list[Edit]):
    path, original = scan
    path.write_bytes(edited(original, changes, within=352))
    found = answer(lambda: read_nifti(path))
    assert found is None or (found.hu.ndim == 4 and min(found.spacing) > 0 and np.isfinite(found.times).all())


REQUIRED = ["scan", "patient", "basal_ganglia", "supraganglionic"]
cells = st.sampled_from(["", "0", "2", "1.5", "-1", "1e400", "nan", "a.nii", "..", "=1+1"]) | st.text(max_size=5)


@fixed
@given(
    more=st.lists(st.sampled_from(COLUMNS) | st.text(max_size=5), max_size=5),
    rows=st.lists(st.lists(cells, max_size=9), max_size=4),
)
@example(more=["scan"], rows=[["a", "A", "0", "2", "b"]])
def test_a_manifest_of_any_cells_is_read_or_refused(folder: Path, more: list[str], rows: list[list[str]]):
    path = folder / "manifest.csv"
    lines = [",".join(row) for row in ([*REQUIRED, *more], *rows)]
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    for patient in answer(lambda: read_manifest(path)) or []:
        assert patient.patient
        assert all(row.scan for row in patient.rows)
