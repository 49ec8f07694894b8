"""The tables of a cohort: who is in it, who is not and why, and how good the series are."""

import hashlib
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import SimpleITK as sitk  # noqa: N813

import stroke_ctp
from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.cohort.records import Record, record_path, series_path
from stroke_ctp.common.files import whole, write_json
from stroke_ctp.scan.inclusion import Rules


def write_cohort(
    out: Path, patients: Sequence[ManifestPatient], records: Sequence[Record], rules: Rules
) -> dict[str, Any]:
    """Write `cohort.csv`, `excluded.csv`, `quality.csv`, `motion.csv` and, last, `cohort.json`.

    Args:
        out: Folder of the cohort, with the series of all included patients.
        patients: All patients of the manifest.
        records: What was made of each.
        rules: How the series were made.

    Returns:
        Counts for the flowchart: patients, included, excluded by stage.
    """
    pairs = list(zip(patients, records, strict=True))
    included = [(patient, record) for patient, record in pairs if "reason" not in record]
    excluded = [(patient, record) for patient, record in pairs if "reason" in record]
    _write_csv(out / "cohort.csv", [_cohort_row(patient, record) for patient, record in included])
    _write_csv(out / "quality.csv", [{"patient": p.patient, **r["quality"]} for p, r in included])
    motion = [{"patient": p.patient, **row} for p, r in included for row in r["motion"]]
    _write_csv(out / "motion.csv", motion)
    write_excluded(out, patients, records)
    stages = Counter(record["stage"] for _, record in excluded)
    counts = {"patients": len(pairs), "included": len(included), "excluded": dict(stages.most_common())}
    digest = _content_hash(out / "cohort.csv", [record for _, record in included])
    content = {"settings": asdict(rules), "versions": _versions(), "counts": counts, "hash": digest}
    write_json(out / "cohort.json", content)
    return counts


def write_excluded(out: Path, patients: Sequence[ManifestPatient], records: Sequence[Record]) -> Path:
    """Write `excluded.csv`, who is not in the cohort and why; the path of it."""
    pairs = [(p, r) for p, r in zip(patients, records, strict=True) if "reason" in r]
    reasons = [{"patient": p.patient, "stage": r["stage"], "reason": r["reason"]} for p, r in pairs]
    _write_csv(out / "excluded.csv", reasons, columns=["patient", "stage", "reason"])
    return out / "excluded.csv"


def remove_leftovers(out: Path, patients: Sequence[ManifestPatient], records: Sequence[Record]) -> None:
    """Remove what interrupted runs and earlier manifests left: our own partial files, series and records."""
    kept = {series_path(out, p) for p, r in zip(patients, records, strict=True) if "reason" not in r}
    kept |= {record_path(out, patient) for patient in patients}
    made = [*out.glob("series/[0-9]*.npy"), *out.glob(".records/[0-9]*.json")]
    made += out.glob(".records/[0-9]*.lock")
    partial = [
        path for folder in ("series", ".records", ".perfusion", ".") for path in out.glob(f"{folder}/.partial-*")
    ]
    for path in {*made, *partial} - kept:
        path.unlink(missing_ok=True)


def _cohort_row(patient: ManifestPatient, record: Record) -> dict[str, Any]:
    return {
        "patient": patient.patient,
        "series": f"{patient.number:05d}.npy",
        "core_ml": record["core_ml"],
        "label_definition": patient.label_definition,
        **patient.carried,
    }


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: list[str] | None = None) -> None:
    with whole(path) as partial:
        pd.DataFrame(rows, columns=columns).to_csv(partial, index=False, lineterminator="\n")


def _content_hash(table: Path, records: Sequence[Record]) -> str:
    """SHA-256 over the table and the SHA-256 of every series in its order."""
    content = hashlib.sha256(table.read_bytes())
    for record in records:
        content.update(record["sha256"].encode())
    return content.hexdigest()


def _versions() -> dict[str, str]:
    return {
        "stroke_ctp": stroke_ctp.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "SimpleITK": sitk.Version_VersionString(),
    }
