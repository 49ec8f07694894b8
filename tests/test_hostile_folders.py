"""Cohorts and DICOM series of which one file was damaged are read, or refused in one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cohorts import write_noise_cohort
from dicom_files import classic, save_all
from hostile import Edit, answer, edited, edits, fixed
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.scan.read import read_scan


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_noise_cohort(
        tmp_path_factory.mktemp("hostile") / "cohort", {"core_ml": [1.0, 80.0], "note": ["a", "b"]}
    )


@fixed
@given(name=st.sampled_from(["cohort.csv", "cohort.json", "series/00000.npy"]), changes=edits)
def test_a_cohort_with_an_edited_file_is_read_or_refused(cohort: Path, name: str, changes: list[Edit]):
    path = cohort / name
    original = path.read_bytes()
    path.write_bytes(edited(original, changes, within=2000))
    try:
        answer(lambda: _all_of(Cohort(cohort)))
        if name.startswith("series") and path.read_bytes() != original:
            assert answer(lambda: Cohort(cohort).series(0)) is None
    finally:
        path.write_bytes(original)


def _all_of(cohort: Cohort) -> list[Any]:
    """What a command reads of a cohort."""
    return [cohort.rules, cohort.description, Endpoint.of(cohort).labels(cohort), cohort.series(0)]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hostile")
    hu = np.arange(3 * 2 * 8 * 8).reshape(3, 2, 8, 8) % 80
    files = classic(hu, np.repeat([[0.0], [1.5], [3.0]], 2, axis=1))
    syntaxes = {"plain": ExplicitVRLittleEndian, "deflated": DeflatedExplicitVRLittleEndian}
    return {name: save_all(folder / name, files, syntax=syntax) for name, syntax in syntaxes.items()}


@fixed
@given(kind=st.sampled_from(["plain", "deflated"]), number=st.integers(0, 5), changes=edits)
def test_dicom_images_of_which_one_was_edited_are_read_or_refused(
    images: dict[str, Path], kind: str, number: int, changes: list[Edit]
):
    path = images[kind] / f"IM{number:04d}"
    original = path.read_bytes()
    path.write_bytes(edited(original, changes))
    try:
        scan = answer(lambda: read_scan(images[kind]))
        assert scan is None or (scan.hu.ndim == 4 and np.isfinite(scan.times).all())
    finally:
        path.write_bytes(original)
