from pathlib import Path

import pandas as pd

from stroke_ctp.cohort.cohort_folder import CohortFolder
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.cohort.patient_series import SeriesRecord
from stroke_ctp.cohort.tables import write_cohort


def _patients(folder: Path, names: str) -> list[str]:
    results = [
        (ManifestPatient(number, name, folder, (), "", {}), SeriesRecord(core_ml=1.0, sha256=name))
        for number, name in enumerate(names, start=1)
    ]
    write_cohort(CohortFolder(folder), results, Rules())
    table = pd.read_csv(folder / "cohort.csv")
    assert [names[int(series.removesuffix(".npy")) - 1] for series in table["series"]] == list(table["patient"])
    return list(table["patient"])


def test_patients_of_a_cohort_are_in_one_order_whatever_the_manifests(tmp_path: Path):
    assert _patients(tmp_path / "one", "ABCD") == _patients(tmp_path / "other", "CADB") == list("ABCD")
