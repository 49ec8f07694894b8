"""Turn the scans of a manifest into a cohort of standard series.

python -m stroke_ctp.preprocess manifest=FILE out=DIR
python -m stroke_ctp.preprocess layout=isles2018 root=DIR out=DIR
"""

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from tqdm import tqdm

from stroke_ctp.cohort.core_volumes import add_core_volumes, check_label
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.layouts import write_layout_manifest
from stroke_ctp.cohort.manifest import ManifestPatient, read_manifest
from stroke_ctp.cohort.manifest_checks import check_scans
from stroke_ctp.cohort.patient_series import Result, finished_record, preprocess_patient
from stroke_ctp.cohort.store import Cohort, CohortFolder
from stroke_ctp.cohort.tables import excluded_rows, write_cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import claim, out_folder
from stroke_ctp.common.parallel import shared_map
from stroke_ctp.common.settings import require_jobs
from stroke_ctp.config.command_line import run
from stroke_ctp.reporting.contact_sheet import write_contact_sheet

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} patients [{elapsed}<{remaining}]"


def preprocess(config: DictConfig) -> None:
    """Preprocess all patients that are not finished, then write the tables and the contact sheet."""
    settings = {field.name: config[field.name] for field in fields(Rules)}
    # public data sets name no levels
    rules = Rules.of(settings | {"levels": config.levels or ("auto" if config.layout else "manifest")})
    jobs = require_jobs(config.jobs)
    check_label(config.label, config.volumes)
    out = out_folder(config.out)
    patients = read_manifest(_manifest(config, out), levels_required=rules.levels == "manifest")
    check_scans(patients)
    claim(out, asdict(rules), "choose another out, or remove the folder and run the command again")
    folder = CohortFolder(out)
    results = add_core_volumes(folder, _process(folder, patients, rules, jobs), config.label, config.volumes, jobs)
    if not any(record.included for _, record in results):
        folder.write_excluded(excluded_rows(results))
        reason, n = Counter(record.reason for _, record in results).most_common(1)[0]
        raise UserError(
            f"none of {len(patients)} patients can be included; {n} of them: {reason} (all in {folder.excluded})"
        )
    # One command at a time: the removal of leftovers would take another's partial files.
    with folder.lock_tables():
        counts = write_cohort(folder, results, rules)
        write_contact_sheet(Cohort(out))
    print(_summary(counts))
    print(f"{folder.contact_sheet}: look at it before training")
    print(folder.table)


def _manifest(config: DictConfig, out: Path) -> Path:
    """The given manifest, or that of a public data set, written to `out`."""
    if config.manifest is not None and config.layout is not None:
        raise UserError("manifest and layout exclude each other: a layout brings its own manifest; leave one out")
    if config.manifest is None and config.layout is None:
        raise UserError("manifest is required: add manifest=FILE; or layout=NAME and root=DIR for a public data set")
    if config.layout is None:
        return Path(str(config.manifest))
    if config.root is None:
        raise UserError(f"root is required: add root=DIR, the folder of the {config.layout} data set")
    manifest = out / f"{config.layout}.csv"  # manifest.csv may be the user's own
    write_layout_manifest(str(config.layout), Path(str(config.root)), manifest)
    return manifest


def _process(folder: CohortFolder, patients: Sequence[ManifestPatient], rules: Rules, jobs: int) -> list[Result]:
    """Make the series that are missing; the results of all patients."""
    records = {patient.number: finished_record(folder, patient, rules) for patient in patients}
    todo = [patient for patient in patients if records[patient.number] is None]
    done = len(patients) - len(todo)
    if todo:
        folder.invalidate()
        print(f"{len(todo)} of {len(patients)} patients to preprocess on {min(jobs, len(todo))} core(s)")
        task = functools.partial(preprocess_patient, folder=folder, rules=rules)
        results = shared_map(task, todo, min(jobs, len(todo)))
        for patient, record in tqdm(results, "preprocess", len(patients), initial=done, ncols=79, bar_format=_BAR):
            records[patient.number] = record
    return [(patient, record) for patient in patients if (record := records[patient.number]) is not None]


def _summary(counts: Mapping[str, Any]) -> str:
    stages = ", ".join(f"{n} {stage}" for stage, n in counts["excluded"].items())
    included = f"included {counts['included']} of {counts['patients']} patients"
    return f"{included}; excluded by {stages} (excluded.csv)" if stages else included


if __name__ == "__main__":
    run(preprocess, "preprocess")
