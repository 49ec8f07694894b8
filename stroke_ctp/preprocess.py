"""Turn the scans of a manifest into a cohort of standard series.

python -m stroke_ctp.preprocess manifest=FILE out=DIR
"""

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from joblib import cpu_count
from omegaconf import DictConfig
from tqdm import tqdm

from stroke_ctp.cli import run
from stroke_ctp.errors import UserError
from stroke_ctp.files import claim
from stroke_ctp.labels import check_label, with_volumes
from stroke_ctp.parallel import parallel_map
from stroke_ctp.scan.cohort_tables import remove_leftovers, write_cohort
from stroke_ctp.scan.headers import check_scans
from stroke_ctp.scan.manifest import ManifestPatient, read_manifest
from stroke_ctp.scan.records import Record, make_record, valid_record

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} patients [{elapsed}<{remaining}]"


def preprocess(config: DictConfig) -> None:
    """Compose, process all patients that are not done yet, write the tables."""
    settings = {key: _positive(config, key) for key in ("max_interval_s", "min_duration_s")}
    jobs = _cores(config.jobs)
    check_label(config.label, config.volumes)
    out = Path(str(config.out))
    if out.exists() and not out.is_dir():
        raise UserError(f"out must be a folder, got the file {out}; choose another out")
    patients = read_manifest(Path(str(config.manifest)))
    check_scans(patients)
    claim(out, settings, "choose another out, or remove the folder to make it anew")
    records = _process(out, patients, settings, jobs)
    pairs = with_volumes(out, list(zip(patients, records, strict=True)), config.label, config.volumes, jobs)
    patients, records = [patient for patient, _ in pairs], [record for _, record in pairs]
    if all("reason" in record for record in records):
        reason, n = Counter(record["reason"] for record in records).most_common(1)[0]
        raise UserError(f"none of {len(patients)} patients can be included; {n} of them: {reason}")
    counts = write_cohort(out, patients, records, settings)
    remove_leftovers(out, patients, records)
    print(_summary(counts))
    print(out / "cohort.csv")


def _process(out: Path, patients: Sequence[ManifestPatient], settings: Mapping[str, Any], jobs: int) -> list[Record]:
    records = {patient.number: valid_record(out, patient, settings) for patient in patients}
    todo = [patient for patient in patients if records[patient.number] is None]
    done = len(patients) - len(todo)
    if todo:
        # Until the tables fit the series again, this is no cohort.
        (out / "cohort.json").unlink(missing_ok=True)
        print(f"{len(todo)} of {len(patients)} patients to preprocess on {min(jobs, len(todo))} core(s)")
        results = parallel_map(functools.partial(make_record, out, settings=settings), todo, min(jobs, len(todo)))
        for record in tqdm(results, "preprocess", len(patients), initial=done, ncols=79, bar_format=_BAR):
            records[record["number"]] = record
    return [record for record in records.values() if record is not None]


def _positive(config: DictConfig, key: str) -> float:
    value = config[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise UserError(f"{key} must be a number of seconds > 0, got {value!r}")
    return float(value)


def _cores(jobs: Any) -> int:
    if jobs == -1:
        return int(cpu_count())
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise UserError(f"jobs must be a number of processes ≥ 1, or -1 for one per core, got {jobs!r}")
    return jobs


def _summary(counts: Mapping[str, Any]) -> str:
    stages = ", ".join(f"{n} {stage}" for stage, n in counts["excluded"].items())
    included = f"included {counts['included']} of {counts['patients']} patients"
    return f"{included}; excluded by {stages} (excluded.csv)" if stages else included


if __name__ == "__main__":
    run(preprocess, "preprocess")
