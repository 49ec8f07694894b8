"""Simulate raw scans of two cohorts, with their manifests: `python -m stroke_ctp.simulate out=DIR`."""

from collections.abc import Sequence

from omegaconf import DictConfig
from tqdm import tqdm

from stroke_ctp.common.files import claim, out_folder
from stroke_ctp.common.parallel import parallel_map
from stroke_ctp.common.settings import require_jobs, require_whole
from stroke_ctp.config.command_line import run
from stroke_ctp.phantom.recruitment import Recruit, external_cohort, training_cohort
from stroke_ctp.phantom.simulated_cohort import Row, SimulatedCohort


def simulate(config: DictConfig) -> None:
    """Write `DIR/{train,external}/manifest.csv` and the scans that they list."""
    out = out_folder(config.out)
    for key in ("n_train", "n_external", "seed"):
        require_whole(key, config[key], 0)
    jobs = require_jobs(config.jobs)
    claim(
        out,
        {key: config[key] for key in ("n_train", "n_external", "seed")},
        "choose another out=DIR or remove the folder",
    )
    for name, recruits in (
        ("train", training_cohort(config.n_train, config.seed)),
        ("external", external_cohort(config.n_external, config.seed)),
    ):
        cohort = SimulatedCohort(out / name)
        if cohort.manifest.exists():
            print(f"simulate: {name} cohort of {len(recruits)} patients is complete")
        elif recruits:
            cohort.write_manifest(_scan_all(recruits, cohort, jobs))
    print(out)


def _scan_all(recruits: Sequence[Recruit], cohort: SimulatedCohort, jobs: int) -> list[Row]:
    """Simulate every patient on all cores; the rows of the manifest in the patients' order."""
    results = parallel_map(cohort.write_patient, recruits, jobs)
    progress = tqdm(results, f"simulate {cohort.folder.name}", len(recruits), unit="patient", ncols=79)
    return [row for rows in progress for row in rows]


if __name__ == "__main__":
    run(simulate, "simulate")
