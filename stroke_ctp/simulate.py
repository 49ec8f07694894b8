"""`python -m stroke_ctp.simulate`: raw scans of the embedded cohorts, and the manifests that list them."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool
from tqdm import tqdm

from stroke_ctp.common.files import claim, out_folder, whole
from stroke_ctp.common.parallel import parallel_map
from stroke_ctp.common.types import CTPScan
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.simulate import SimulateSettings
from stroke_ctp.phantom.acquisition import PIXEL_MM
from stroke_ctp.phantom.cohort import Recruit, Slab, external_cohort, training_cohort
from stroke_ctp.phantom.patient import BRAIN_GRID, DigitalPatient
from stroke_ctp.scan.nifti import write_mask, write_nifti

SEGMENTATION_LOG_SD = 0.2
"""How far the logarithm of a segmented volume lies from that of the true core."""


def simulate(settings: SimulateSettings) -> None:
    """Write `DIR/{train,external}/manifest.csv` and the scans that they list."""
    out = out_folder(settings.out)
    patients = {"n_train": settings.n_train, "n_external": settings.n_external, "seed": settings.seed}
    claim(out, patients, "choose another out=DIR or remove the folder")
    for cohort, recruits in (
        ("train", training_cohort(settings.n_train, settings.seed)),
        ("external", external_cohort(settings.n_external, settings.seed)),
    ):
        manifest = out / cohort / "manifest.csv"
        if manifest.exists():
            print(f"simulate: {cohort} cohort of {len(recruits)} patients is complete")
        elif recruits:
            write_manifest(manifest, _scan_all(recruits, manifest.parent, settings.jobs))
    print(out)


def write_manifest(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write the table that a user would bring."""
    table = pd.DataFrame(rows)
    table[["basal_ganglia", "supraganglionic"]] = table[["basal_ganglia", "supraganglionic"]].astype("Int64")
    with whole(path) as partial:
        table.to_csv(partial, index=False)


def _scan_all(recruits: Sequence[Recruit], folder: Path, jobs: int) -> list[dict[str, object]]:
    """Simulate every patient on all cores; the rows of the manifest in the patients' order."""
    results = parallel_map(functools.partial(scan_patient, folder=folder), recruits, jobs)
    progress = tqdm(results, f"simulate {folder.name}", len(recruits), unit="patient", ncols=79)
    return [row for rows in progress for row in rows]


def scan_patient(recruit: Recruit, folder: Path) -> list[dict[str, object]]:
    """Write the scans of one patient below `folder`, if they are not there yet; their rows of the manifest."""
    random = np.random.default_rng(recruit.seed)
    error = np.exp(SEGMENTATION_LOG_SD * random.normal()) if recruit.segmented else 1.0
    digital = DigitalPatient.draw(recruit.core_ml * error, random)
    core = digital.segmented_core(recruit.core_ml, random) if recruit.segmented else None
    rows: list[dict[str, object]] = []
    for number, slab in enumerate(recruit.slabs):
        stem = recruit.patient + ("AB"[number] if len(recruit.slabs) > 1 else "")
        row: dict[str, object] = {
            "scan": f"scans/{stem}.nii.gz",
            "patient": recruit.patient,
            "basal_ganglia": slab.basal_ganglia,
            "supraganglionic": slab.supraganglionic,
        }
        if not (folder / f"scans/{stem}.nii.gz").exists():
            _write_scan(folder / f"scans/{stem}.nii.gz", digital, recruit, number)
        if core is not None:
            row["core_mask"] = f"masks/{stem}.nii.gz"
            _write_segmentation(folder / f"masks/{stem}.nii.gz", core, recruit.slabs, number)
        rows.append(row)
    if core is None:
        rows[0]["core_ml"] = round(digital.core_ml(), 2)
    definition = "CBV<1.2 mL/100 mL" if core is None else "segmentation"
    return [row | {"label_definition": definition} for row in rows]


def _write_scan(path: Path, digital: DigitalPatient, recruit: Recruit, number: int) -> None:
    """Acquire one slab.

    Its random stream is its own, so that the others need not be made again, and not the patient's, to which
    NumPy would pad a slab's number of 0.
    """
    protocol = recruit.slabs[number].protocol
    hu = digital.scan(protocol, np.random.default_rng([*recruit.seed, number + 1]))
    distance = protocol.slices[1] - protocol.slices[0]
    first = -distance * (len(protocol.slices) - 1) / 2
    with whole(path) as partial:
        write_nifti(partial, CTPScan.simultaneous(hu, protocol.times, (distance, PIXEL_MM, PIXEL_MM), first))
        if recruit.fault == "truncated":
            content = partial.read_bytes()
            partial.write_bytes(content[: len(content) * 6 // 10])


def _write_segmentation(path: Path, core: Bool[np.ndarray, "z y x"], slabs: tuple[Slab, ...], number: int) -> None:
    """Write what of the core lies in one slab's share of the brain: below or above the middle of the gap."""
    share = np.ones(BRAIN_GRID.z.size, dtype=bool)
    if len(slabs) == 2:
        middle = (slabs[0].protocol.slices[-1] + slabs[1].protocol.slices[0]) / 2
        share = (BRAIN_GRID.z < middle) == (number == 0)
    voxel_mm = float(BRAIN_GRID.z[1] - BRAIN_GRID.z[0])
    write_mask(path, (core & share[:, None, None]).astype(np.uint8), (voxel_mm, voxel_mm, voxel_mm))


if __name__ == "__main__":
    run(simulate, SimulateSettings, "simulate")
