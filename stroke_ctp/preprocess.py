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

from tqdm import tqdm

from stroke_ctp.cohort.layouts import write_layout_manifest
from stroke_ctp.cohort.manifest import ManifestPatient, read_manifest
from stroke_ctp.cohort.manifest_checks import check_scans
from stroke_ctp.cohort.records import Record, make_record, valid_record
from stroke_ctp.cohort.tables import remove_leftovers, write_cohort, write_excluded
from stroke_ctp.cohort.volumes import with_volumes
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import at_work, claim, out_folder
from stroke_ctp.common.parallel import shared_map
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.preprocess import PreprocessSettings
from stroke_ctp.reporting.contact_sheet import NAME, write_contact_sheet
from stroke_ctp.scan.inclusion import Rules

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} patients [{elapsed}<{remaining}]"


def preprocess(settings: PreprocessSettings) -> None:
    """Process all patients that are not done yet, write the tables."""
    rules, jobs, out = settings.rules, settings.jobs, out_folder(settings.out)
    patients = read_manifest(_manifest(settings, out), levels_required=rules.levels == "manifest")
    check_scans(patients)
    claim(out, asdict(rules), "choose another out, or remove the folder to make it anew")
    records = _process(out, patients, rules, jobs)
    pairs = with_volumes(out, list(zip(patients, records, strict=True)), settings.label, settings.volumes, jobs)
    patients, records = [patient for patient, _ in pairs], [record for _, record in pairs]
    if all("reason" in record for record in records):
        reason, n = Counter(record["reason"] for record in records).most_common(1)[0]
        table = write_excluded(out, patients, records)
        raise UserError(f"none of {len(patients)} patients can be included; {n} of them: {reason} (all in {table})")
    # One command at a time: what another is writing here would be taken for what it has left.
    with at_work(out / ".tables.lock", wait=True):
        counts = write_cohort(out, patients, records, rules)
        remove_leftovers(out, patients, records)
        write_contact_sheet(out)
    print(_summary(counts))
    print(f"{out / NAME}: look at it before training")
    print(out / "cohort.csv")


def _manifest(settings: PreprocessSettings, out: Path) -> Path:
    """The manifest that was given, or the one of a public data set, written to `out`."""
    if settings.manifest is not None:
        return settings.manifest
    assert settings.layout is not None
    assert settings.root is not None
    manifest = out / f"{settings.layout}.csv"  # a manifest.csv may be the user's own
    write_layout_manifest(settings.layout, settings.root, manifest)
    return manifest


def _process(out: Path, patients: Sequence[ManifestPatient], rules: Rules, jobs: int) -> list[Record]:
    records = {patient.number: valid_record(out, patient, rules) for patient in patients}
    todo = [patient for patient in patients if records[patient.number] is None]
    done = len(patients) - len(todo)
    if todo:
        # Until the tables fit the series again, this is no cohort.
        (out / "cohort.json").unlink(missing_ok=True)
        print(f"{len(todo)} of {len(patients)} patients to preprocess on {min(jobs, len(todo))} core(s)")
        results = shared_map(functools.partial(make_record, out=out, rules=rules), todo, min(jobs, len(todo)))
        for patient, record in tqdm(results, "preprocess", len(patients), initial=done, ncols=79, bar_format=_BAR):
            records[patient.number] = record
    return [record for record in records.values() if record is not None]


def _summary(counts: Mapping[str, Any]) -> str:
    stages = ", ".join(f"{n} {stage}" for stage, n in counts["excluded"].items())
    included = f"included {counts['included']} of {counts['patients']} patients"
    return f"{included}; excluded by {stages} (excluded.csv)" if stages else included


if __name__ == "__main__":
    run(preprocess, PreprocessSettings, "preprocess")
