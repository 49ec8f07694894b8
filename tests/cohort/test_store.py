import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stroke_ctp.cohort import cohort_folder
from stroke_ctp.cohort.cohort_folder import CohortFolder, CohortTables
from stroke_ctp.cohort.patients import Patients
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.geometry import SERIES_SHAPE


@pytest.fixture
def folder(write_cohort) -> Path:
    ramp = (np.arange(np.prod(SERIES_SHAPE)) % 2048.0).reshape(SERIES_SHAPE)
    return write_cohort({"core_ml": [1.0, 2.0]}, {"s.npy": ramp})


def test_a_cohort_gives_back_what_was_written(write_cohort):
    series = {f"{name}.npy": np.full(SERIES_SHAPE, value, np.float16) for name, value in (("a", 3), ("b", 4))}
    cohort = Cohort(
        write_cohort({"patient": ["007", "x"], "core_ml": [1.5, 2.0], "series": ["a.npy", "b.npy"]}, series)
    )
    assert len(cohort) == 2
    assert cohort.patients == ["007", "x"]  # a number with leading zeros is still an identifier
    assert cohort.column("core_ml").tolist() == [1.5, 2.0]
    assert (cohort.series(0) == 3).all()
    assert (cohort.series(1) == 4).all()


def test_a_cohort_knows_which_patients_are_simulated_and_how_labels_were_obtained(write_cohort):
    columns = {"origin": ["simulated", "", "clinical"], "label_definition": ["DWI", "DWI", ""]}
    cohort = Cohort(write_cohort(columns, {"s.npy": np.zeros(SERIES_SHAPE)}))
    assert (cohort.n_simulated, cohort.label_definitions) == (1, {"DWI": 2, "": 1})
    silent = Cohort(write_cohort({"core_ml": [1.0, 2.0]}))
    assert (silent.n_simulated, silent.label_definitions) == (0, {"": 2})


def test_a_cohort_whose_tables_are_not_all_written_is_incomplete(folder: Path, monkeypatch: pytest.MonkeyPatch):
    files = CohortFolder(folder)
    monkeypatch.setattr(cohort_folder, "_write_text", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        files.write_tables(CohortTables([{"patient": "other", "series": "s.npy"}]), [""], {})
    with pytest.raises(UserError, match=r"cohort\.json is missing; preprocess again"):
        _ = Cohort(folder).description


def test_a_folder_that_is_not_there_is_named_with_the_command_that_makes_it(tmp_path: Path):
    with pytest.raises(
        UserError, match=r"nowhere holds no cohort .*stroke_ctp\.preprocess.*out=.*nowhere`.*`make cohort`"
    ):
        Cohort(tmp_path / "nowhere")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/cohort\.csv cannot be read") as caught:
        Cohort(tmp_path / "file")
    assert str(caught.value).endswith("/file is a file; give the folder of a cohort")


def test_a_table_that_may_not_be_opened_is_not_called_damaged(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path, **_: object):  # the tests may run as root, whom permissions do not stop
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(pd, "read_csv", refuse)
    with pytest.raises(PermissionError):
        Cohort(folder)


def test_a_table_that_is_gone_is_called_missing(folder: Path):
    cohort = Cohort(folder)
    (folder / "quality.csv").unlink()
    with pytest.raises(UserError, match=r"quality\.csv is missing; preprocess again$"):
        _ = cohort.quality


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"patient,series\np0,s.npy\np1,s.npy,,,,,7\n",
        b'patient,series\n"p0,s.npy\n',
        b"\xff\xfe\x00pa",
    ],
)
def test_a_damaged_table_is_named(folder: Path, content: bytes):
    (folder / "cohort.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"cohort\.csv .*preprocess again"):
        Cohort(folder)


@pytest.mark.parametrize(("header", "missing"), [("patient,core_ml", "series"), ("id,core_ml", "patient, series")])
def test_a_table_without_a_needed_column_names_it(folder: Path, header: str, missing: str):
    (folder / "cohort.csv").write_text(f"{header}\na,1\n")
    with pytest.raises(UserError, match=rf"has no column {missing};"):
        Cohort(folder)


def test_a_table_without_patients_is_refused(folder: Path):
    (folder / "cohort.csv").write_text("patient,series\n")
    with pytest.raises(UserError, match="lists no patient"):
        Cohort(folder)


def test_a_patient_listed_twice_is_named(write_cohort):
    with pytest.raises(UserError, match="lists patient b twice"):
        Cohort(write_cohort({"patient": ["a", "b", "b"]}))


def test_a_line_break_in_the_name_of_a_patient_is_escaped_in_the_sentence(write_cohort):
    with pytest.raises(UserError, match=r"lists patient a\\nb twice"):
        Cohort(write_cohort({"patient": ["a\nb", "a\nb"]}))


def test_a_cohort_without_its_description_is_refused(folder: Path):
    (folder / "cohort.json").unlink()
    with pytest.raises(UserError, match=r"cohort\.json is missing; preprocess again"):
        _ = Cohort(folder).hash


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_description_is_named(folder: Path, content: str):
    (folder / "cohort.json").write_text(content)
    with pytest.raises(UserError, match=r"cohort\.json is damaged"):
        _ = Cohort(folder).hash


def test_a_description_without_its_hash_is_refused(folder: Path):
    (folder / "cohort.json").write_text("{}")
    with pytest.raises(UserError, match=r"cohort\.json"):
        _ = Cohort(folder).hash


def test_a_missing_series_is_named(folder: Path):
    (folder / "series" / "s.npy").unlink()
    with pytest.raises(UserError, match=r"series/s\.npy cannot be read .*preprocess again"):
        Cohort(folder).series(1)


@pytest.mark.parametrize(
    "keep",
    [
        1000,
        40,
        0,
    ],
)
def test_a_series_that_is_cut_short_is_named(folder: Path, keep: int):
    path = folder / "series" / "s.npy"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"series/s\.npy cannot be read .*preprocess again"):
        Cohort(folder).series(0)


def test_a_series_of_another_shape_is_refused_with_both_shapes(folder: Path):
    np.save(folder / "series" / "s.npy", np.zeros((2, 30, 128, 128), np.float32))
    with pytest.raises(UserError, match=r"the shape \(2, 32, 128, 128\) and .* got the shape \(2, 30, 128, 128\) and"):
        Cohort(folder).series(0)


def test_a_series_with_one_changed_bit_is_named_with_its_patient(folder: Path):
    path = folder / "series" / "s.npy"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    sentence = r"series/s\.npy, the series of patient p0, is not the one that was made; preprocess again$"
    with pytest.raises(UserError, match=sentence):
        Cohort(folder).series(0)


def test_a_series_that_was_exchanged_for_another_patients_is_named(write_cohort):
    ones = {f"{name}.npy": np.full(SERIES_SHAPE, value) for name, value in (("a", 3.0), ("b", 4.0))}
    folder = write_cohort({"series": list(ones)}, ones)
    (folder / "series" / "a.npy").write_bytes((folder / "series" / "b.npy").read_bytes())
    cohort = Cohort(folder)
    assert cohort.series(1).max() == 4
    with pytest.raises(UserError, match=r"a\.npy, the series of patient p0, is not the one that was made"):
        cohort.series(0)


@pytest.mark.parametrize("name", ["/etc/passwd", "../series/s.npy", "..", "sub/s.npy", ""])
def test_a_series_outside_the_cohort_is_refused_before_it_is_opened(folder: Path, name: str):
    table = folder / "cohort.csv"
    table.write_text(table.read_text().replace("s.npy", name, 1))
    with pytest.raises(UserError, match=r"series of .*cohort\.csv must be names of files in its folder series, got"):
        Cohort(folder)


def test_a_table_that_is_edited_makes_another_cohort(folder: Path):
    before = Cohort(folder).hash
    assert Cohort(folder).hash == before
    table = folder / "cohort.csv"
    table.write_text(table.read_text().replace("2", "3"))
    assert Cohort(folder).hash != before


def test_a_patient_may_be_called_na(write_cohort):
    assert Cohort(write_cohort({"patient": ["NA", "null"]})).patients == ["NA", "null"]


def test_measurements_are_numbers_and_an_empty_cell_is_not_a_number(write_cohort):
    cohort = Cohort(write_cohort({"scan_cbv_ml": [7.5, None, 0.0], "side": ["left", "right", "left"]}))
    np.testing.assert_array_equal(cohort.measurements("scan_cbv_ml"), [7.5, np.nan, 0.0])
    assert cohort.measurements("scan_rcbf_ml") is None


def test_a_measurement_that_is_text_is_named(write_cohort):
    cohort = Cohort(write_cohort({"scan_cbv_ml": ["7.5", "", "high"]}))
    with pytest.raises(UserError, match=r"patient p2 of .*cohort\.csv must have a number or nothing.*got 'high'"):
        cohort.measurements("scan_cbv_ml")


def test_a_cohort_offers_what_a_model_needs_of_patients(folder: Path):
    assert isinstance(Cohort(folder), Patients)


def test_series_are_found_from_another_directory_and_messages_show_the_path_as_it_was_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(folder.parent)
    cohort = Cohort("cohort")
    expected = np.array(cohort.series(0))
    (folder.parent / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(cohort)).series(0), expected)
    for damage in (np.zeros(3), None):
        (folder / "series" / "s.npy").unlink()
        if damage is not None:
            np.save(folder / "series" / "s.npy", damage)
        with pytest.raises(UserError, match=r"^cohort/series/s\.npy "):
            cohort.series(0)


def test_tables_that_are_written_again_unchanged_leave_every_file_as_it_is(folder: Path):
    tables = CohortTables([{"patient": "a", "series": "s.npy"}])
    CohortFolder(folder).write_tables(tables, [""], {})
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.*")}
    CohortFolder(folder).write_tables(tables, [""], {})
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.*")} == before
