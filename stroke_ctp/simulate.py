"""Simulate raw scans of two cohorts, with their manifests: `python -m stroke_ctp.simulate out=DIR`."""

from collections.abc import Sequence
from dataclasses import asdict

from tqdm import tqdm

from stroke_ctp.common.files import claim, out_folder
from stroke_ctp.common.locks import only_command
from stroke_ctp.common.parallel import parallel_map
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.simulate import SimulateSettings
from stroke_ctp.phantom.recruitment import Recruit, external_cohort, training_cohort
from stroke_ctp.phantom.simulated_cohort import Row, SimulatedCohort


def simulate(settings: SimulateSettings) -> None:
    """Write `DIR/{train,external}/manifest.csv` and the scans that they list."""
    out = out_folder(settings.out)
    made_by = {name: value for name, value in asdict(settings).items() if name not in ("out", "jobs")}
    claim(out, made_by, "choose another out=DIR or remove the folder")
    for name, recruits in (
        ("train", training_cohort(settings.n_train, settings.seed, settings.duration_s)),
        ("external", external_cohort(settings.n_external, settings.seed, settings.duration_s)),
    ):
        cohort = SimulatedCohort(out / name, settings.label)
        if cohort.manifest.exists():
            print(f"simulate: {name} cohort of {len(recruits)} patients is complete")
        elif recruits:
            _make(cohort, recruits, settings.jobs)
    print(out)


def _make(cohort: SimulatedCohort, recruits: Sequence[Recruit], jobs: int) -> None:
    """Write the scans and the manifest, unless another command does so in the meantime."""
    with only_command(cohort.folder):
        if not cohort.manifest.exists():
            cohort.write_manifest(_scan_all(recruits, cohort, jobs))


def _scan_all(recruits: Sequence[Recruit], cohort: SimulatedCohort, jobs: int) -> list[Row]:
    """Simulate every patient on all cores; the rows of the manifest in the patients' order."""
    results = parallel_map(cohort.write_patient, recruits, jobs)
    progress = tqdm(results, f"simulate {cohort.folder.name}", len(recruits), unit="patient", ncols=79)
    return [row for rows in progress for row in rows]


if __name__ == "__main__":
    run(simulate, SimulateSettings, "simulate")
