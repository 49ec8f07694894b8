import pytest

from stroke_ctp.cohort.manifest import read_manifest
from stroke_ctp.cohort.manifest_checks import check_scans
from stroke_ctp.common.errors import UserError

HEADER = "scan,patient,basal_ganglia,supraganglionic"


def manifest(folder, text):
    path = folder / "manifest.csv"
    path.write_text(text)
    return path


def test_rows_of_a_patient_stay_together_in_the_manifests_order(tmp_path):
    text = (
        f"{HEADER},core_ml,core_mask,label_definition,frame_interval_s,age\n"
        "a1.nii,A,1,,10,,CBV<1.2,,71\n"
        "b.nii,B,0,4,,b_mask.nii,DWI,1.5,\n"
        "a2.nii,A,,3,5.5,,CBV<1.2,2,\n"
    )
    first, second = read_manifest(manifest(tmp_path, text))
    assert (first.number, first.patient, second.number, second.patient) == (1, "A", 2, "B")
    assert [row.levels for row in first.rows] == [{"basal_ganglia": 1}, {"supraganglionic": 3}]
    assert [row.core_ml for row in first.rows] == [10, 5.5]
    assert [row.frame_interval_s for row in first.rows] == [None, 2]
    assert first.carried == {"age": "71"}
    assert first.label_definition == "CBV<1.2"
    assert second.scans() == [tmp_path / "b.nii"]
    assert second.masks() == [tmp_path / "b_mask.nii"]


def test_what_one_row_says_of_a_patient_holds_for_the_patient(tmp_path):
    text = f"{HEADER},label_definition,origin,age\na1.nii,A,1,,,,\na2.nii,A,,3,DWI,simulated,71\n"
    (patient,) = read_manifest(manifest(tmp_path, text))
    assert (patient.label_definition, patient.carried) == ("DWI", {"origin": "simulated", "age": "71"})


def test_identifiers_stay_text_and_spreadsheets_marks_are_understood(tmp_path):
    path = tmp_path / "manifest.csv"
    text = f"{HEADER},,\r\na.nii, 007 ,1.0,4,,\r\n,,,,,\r\n"
    path.write_bytes(text.encode("utf-8-sig"))
    (patient,) = read_manifest(path)
    assert patient.carried == {}
    assert patient.patient == "007"
    assert patient.rows[0].levels == {"basal_ganglia": 1, "supraganglionic": 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as CSV"),
        (f"{HEADER},core_ml,core_ml\na,A,1,2,3,4\n", "must have different names, got 'core_ml' twice; remove one"),
        (f"{HEADER},age, age \na,A,1,2,3,4\n", "must have different names, got 'age' twice"),
        (f"{HEADER},core_ml\na,A,1,2,1_000\n", "core_ml must be a number .* got '1_000'"),
        (f"{HEADER},core_ml\na,A,1,2,٣\n", "core_ml must be a number .* got '٣'"),
        (f"{HEADER}\n", "has no rows"),
        ("scan,patient,basal_ganglia\na,A,1\n", "supraganglionic missing, found scan, patient"),
        (f"{HEADER}\na,A,1,2,3\n", "cannot be read as CSV"),
        (f"{HEADER}\na,A,1,2\nb,B,1,2,3\n", "cannot be read as CSV.*line 3"),
        (
            f"{HEADER},origin\na,A,1,2,phantom\n",
            "origin must be clinical or simulated or empty, got 'phantom'",
        ),
        (f"{HEADER}\na,A,x,2\n", r"basal_ganglia must be a number.*got 'x' \(line 2 of "),
        (f"{HEADER}\na,A,1,2\nb,B,1,2.5\n", r"supraganglionic must be the number of a slice.*2\.5 \(line 3"),
        (
            f"{HEADER}\na,A,1,2\nb,A,1,\n",
            "basal_ganglia must be given once per patient, patient A has it in 2",
        ),
        (
            f"{HEADER}\na,A,1,\na,A,,2\n",
            "scan must be given once per patient, patient A has a in several rows.*both levels",
        ),
        (
            f"{HEADER},core_mask\na,A,1,,m\nb,A,,2,m\n",
            "core_mask must be given once per patient, patient A has m in several",
        ),
        (
            f"{HEADER},mRS\na,A,1,,3\nb,A,,2,4\n",
            "mRS must be the same in all rows of a patient, patient A has 3 and 4 in",
        ),
        (f"{HEADER},label_definition\na,A,1,,DWI\nb,A,,2,CBF\n", "label_definition must be the same in all rows"),
        (f"{HEADER}\n,,,\n", "has no rows"),
        (HEADER.replace(",", ";") + ";core_ml\r\na;A;1;2;3,5\r\n", "must be separated by commas, got semicolons"),
        (HEADER.replace(",", "\t") + "\na\tA\t1\t2\n", "must be separated by commas, got tabs"),
        (f"{HEADER}\n,A,1,2\n", "scan must not be empty"),
        (f"{HEADER}\na,,1,2\n", "patient must not be empty"),
        (f'{HEADER},core_ml\na,A,1,2,"3,5"\n', "core_ml must be a number with a decimal point.*'3,5'"),
        (f"{HEADER},core_ml\na,A,1,2,nan\n", "core_ml must be a number"),
        (f"{HEADER},core_ml\na,A,1,2,-1\n", "core_ml must be ≥ 0 mL, got -1"),
        (f"{HEADER}\na,A,2,2\n", "basal_ganglia and supraganglionic must be two slices, got 2 for both"),
        (f"{HEADER},series\na,A,1,2,x\n", "has a column series, which cohorts reserve; rename it"),
        (f"{HEADER},frame_interval_s\na,A,1,2,fast\n", "frame_interval_s must be a number"),
        (f"{HEADER},frame_interval_s\na,A,1,2,0\n", "frame_interval_s must be > 0 s"),
    ],
)
def test_a_bad_manifest_is_refused_in_one_sentence(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as refused:
        read_manifest(manifest(tmp_path, text))
    assert "manifest.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ('scan,"pa\ntient",basal_ganglia,supraganglionic', "a,A,1,2"),
        (HEADER, '"a\nb",A,1,2'),
        (HEADER, 'a,"A\x1b[31m\nB",1,2'),
        (f"{HEADER},core_mask", '.,A,1,2,"a\nb"'),
        (HEADER, '"a\nb",A,1,\n"a\nb",A,,2'),
    ],
)
def test_line_breaks_and_control_characters_of_cells_are_escaped_in_the_sentence(tmp_path, header, row):
    with pytest.raises(UserError) as refused:
        check_scans(read_manifest(manifest(tmp_path, f"{header}\n{row}\n")))
    assert str(refused.value).isprintable()
    assert "\\n" in str(refused.value)


def test_a_manifest_that_is_not_there_or_not_text_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no manifest"):
        read_manifest(tmp_path / "manifest.csv")
    (tmp_path / "manifest.csv").write_bytes(f"{HEADER}\nMüller.nii,A,1,2\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"cannot be read as CSV in UTF-8.*save it as such"):
        read_manifest(tmp_path / "manifest.csv")


@pytest.mark.parametrize("column", ["scan", "core_mask"])
def test_a_name_longer_than_any_file_systems_is_a_file_that_is_not_there(tmp_path, column):
    name = {"scan": ".", "core_mask": ""} | {column: "n" * 999}
    text = f"{HEADER},core_mask\n{name['scan']},A,1,2,{name['core_mask']}\n"
    with pytest.raises(UserError, match=r"there is no (scan|file) \S*nnn\S* \(patient A\); correct the manifest"):
        check_scans(read_manifest(manifest(tmp_path, text)))


def test_a_manifest_whose_files_are_there_passes(tmp_path):
    (tmp_path / "mask.nii").touch()
    check_scans(read_manifest(manifest(tmp_path, f"{HEADER},core_mask\n.,A,1,2,mask.nii\n")))
