"""Turn the scans of a manifest into a cohort of standard series.

python -m stroke_ctp.preprocess manifest=FILE out=DIR
python -m stroke_ctp.preprocess layout=isles2018 root=DIR out=DIR
"""

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stroke_ctp.cohort.cohort_folder import CohortFolder
from stroke_ctp.cohort.core_volumes import add_core_volumes
from stroke_ctp.cohort.inclusion import Rules, is_too_short
from stroke_ctp.cohort.layouts import MOSTLY_SHORT, write_layout_manifest
from stroke_ctp.cohort.manifest import ManifestPatient, read_manifest
from stroke_ctp.cohort.manifest_checks import check_scans
from stroke_ctp.cohort.patient_series import Result, finished_record, preprocess_patient
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.cohort.tables import excluded_rows, write_cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import claim, out_folder
from stroke_ctp.common.parallel import shared_map, with_progress
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.preprocess import PreprocessSettings
from stroke_ctp.reporting.contact_sheet import write_contact_sheet


def preprocess(settings: PreprocessSettings) -> None:
    """Process all patients that are not done yet, then write the tables and the contact sheet."""
    rules, out = settings.rules, out_folder(settings.out)
    patients = read_manifest(_manifest(settings, out), levels_required=rules.levels == "manifest")
    check_scans(patients)
    claim(out, asdict(rules), "choose another out, or remove the folder to make it again")
    folder = CohortFolder(out)
    folder.refuse_others([patient.patient for patient in patients])
    results = _process(folder, patients, rules, settings.jobs)
    if settings.layout in MOSTLY_SHORT and rules.short_scan == "exclude":
        print(_padding_proposed(results, rules))
    results = add_core_volumes(folder, results, settings.label, settings.volumes, settings.jobs)
    if not any(record.included for _, record in results):
        folder.invalidate()
        folder.write_excluded(excluded_rows(results))
        reason, n = Counter(record.reason for _, record in results).most_common(1)[0]
        raise UserError(
            f"none of {len(patients)} patients can be included; {n} of them: {reason} (all in {folder.excluded})"
        )
    # One command at a time: the removal of earlier series would take those of another command's patients.
    with folder.lock_tables():
        counts = write_cohort(folder, results, rules)
        write_contact_sheet(Cohort(out))
    print(_summary(counts))
    print(f"{folder.contact_sheet}: look at it before training")
    print(folder.table)


def _manifest(settings: PreprocessSettings, out: Path) -> Path:
    """The manifest that was given, or the one of a public data set, written to `out`."""
    if settings.manifest is not None:
        return settings.manifest
    assert settings.layout is not None
    assert settings.root is not None
    manifest = out / f"{settings.layout}.csv"  # a manifest.csv may be the user's own
    write_layout_manifest(settings.layout, settings.root, manifest)
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
        for patient, made in with_progress(results, "preprocess", "patients", len(patients), done):
            records[patient.number] = made
    return [(patient, record) for patient in patients if (record := records[patient.number]) is not None]


def _padding_proposed(results: Sequence[Result], rules: Rules) -> str:
    """What the rule on duration costs a set of short scans, and the way round it."""
    n = sum(is_too_short(record.reason) for _, record in results)
    return (
        f"scans of {n} of {len(results)} patients last less than {rules.min_duration_s:g} s, as is usual in this set; "
        "add short_scan=pad and a new out=DIR to include them"
    )


def _summary(counts: Mapping[str, Any]) -> str:
    stages = ", ".join(f"{n} {stage}" for stage, n in counts["excluded"].items())
    included = f"included {counts['included']} of {counts['patients']} patients"
    return f"{included}; excluded by {stages} (excluded.csv)" if stages else included


if __name__ == "__main__":
    run(preprocess, PreprocessSettings, "preprocess")
