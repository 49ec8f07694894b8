"""Manifests of public data sets, from their folder layouts.

Facts that no header states (frame interval, definition of the label) are declared here, with their source, and written
to the manifest. Nothing is guessed from a scan.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from stroke_ctp.cohort.manifest import COLUMNS
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import atomic_write
from stroke_ctp.common.records import read_json
from stroke_ctp.hemodynamics.lesion_definitions import CORE_CBV
from stroke_ctp.scan.dicom.vendor_maps import low_volume_ml

Row = dict[str, str | float | None]
"""A line of a manifest, with absolute paths."""

_ISLES_2018_SPLITS = ("TRAINING", "TESTING")


def isles2018(root: Path) -> Iterator[Row]:
    """ISLES 2018 (Zenodo 17736412; Cereda et al., JCBFM 2016; Hakim et al., Stroke 2021).

    Headers give no usable frame interval; it is 1 s. The label is the lesion segmented on DWI acquired within three
    hours; the test split has no label.
    """
    split = root if root.name in _ISLES_2018_SPLITS else root / "TRAINING"
    for case in sorted(split.glob("case_*"), key=_number):
        scans = sorted(case.glob("SMIR.Brain.XX.O.*_4DPWI.*/SMIR.Brain.XX.O.*_4DPWI.*.nii"))
        if len(scans) != 1:
            raise UserError(f"{case} must hold one SMIR.Brain.XX.O.*_4DPWI.*.nii, got {len(scans)}; complete the data")
        masks = sorted(case.glob("SMIR.Brain.XX.O.OT.*/SMIR.Brain.XX.O.OT.*.nii"))
        yield {
            "scan": str(scans[0]),
            "patient": _isles_2018_patient(case),
            "core_mask": str(masks[0]) if masks else None,
            "label_definition": "lesion on DWI within 3 h of CTP" if masks else None,
            "frame_interval_s": 1.0,
        }


def isles2024(root: Path) -> Iterator[Row]:
    """ISLES'24 (Zenodo 16748089; Riedel et al., arXiv 2408.11142).

    Scans are sampled at 1 s, regardless of the unit in their headers. The label is the final infarct on MRI after two
    to nine days, not the acute core.
    """
    raw = next((root / name for name in ("raw_data", "rawdata") if (root / name).is_dir()), root / "raw_data")
    for scan in sorted(raw.glob("sub-*/ses-*1/*_ctp.nii*")):
        patient = scan.parents[1].name
        derived = root / "derivatives" / patient
        masks = sorted(derived.glob("ses-*2/*_lesion-msk.nii*"), key=lambda path: ("space-" in path.name, path.name))
        yield {
            "scan": str(scan),
            "patient": patient,
            "core_mask": str(masks[0]) if masks else None,
            "label_definition": "final infarct on MRI after 2–9 days" if masks else None,
            "frame_interval_s": 1.0,
        }


def unitobrain(root: Path) -> Iterator[Row]:
    """UniToBrain (Zenodo 5109415; Perazzo et al., IEEE DataPort 10.21227/x8ea-vh16).

    The raw series, with times in the headers. The label is measured on the CBV map of the data set.
    """
    for folder in sorted(root.glob("MOL-*"), key=_number):
        if folder.is_dir() and re.fullmatch(r"MOL-\d+", folder.name):
            maps = root / f"{folder.name}_Registered_Filtered_3mm_20HU_Maps" / "NLR_CBV"
            volume = low_volume_ml(maps, CORE_CBV) if maps.is_dir() else None
            yield {
                "scan": str(folder),
                "patient": folder.name,
                "core_ml": volume,
                "label_definition": None if volume is None else f"0 < CBV < {CORE_CBV:g} mL/100 mL on the map provided",
            }


LAYOUTS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "isles2018": isles2018,
    "isles2024": isles2024,
    "unitobrain": unitobrain,
}
"""Adapters by the name that `preprocess layout=…` takes."""
MOSTLY_SHORT = frozenset({"unitobrain"})
"""Sets whose usual scan is shorter than the article's 48 s: UniToBrain's has 89 frames at 0.5 s."""


def write_layout_manifest(layout: str, root: Path, manifest: Path) -> None:
    """Write the manifest of a public data set, paths relative to the manifest.

    Args:
        layout: One of `LAYOUTS`.
        root: Folder of the data set.
        manifest: File to be written.

    Raises:
        UserError: Unknown layout, missing folder, no scan of this layout in it, or a link that leads out of it.
    """
    if layout not in LAYOUTS:
        raise UserError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    if not root.is_dir():
        raise UserError(f"there is no folder {root}; give the folder of the data set with root=…")
    rows = list(LAYOUTS[layout](root))
    if not rows:
        raise UserError(f"{root} holds no scan of layout={layout}; give the folder that the data set was unpacked to")
    for row in rows:
        for column in ("scan", "core_mask"):
            if row.get(column):
                row[column] = _relative(Path(str(row[column])), root, manifest.parent)
    with atomic_write(manifest) as partial:
        pd.DataFrame(rows, columns=COLUMNS).to_csv(partial, index=False, lineterminator="\n")


def _relative(path: Path, root: Path, folder: Path) -> str:
    if not path.resolve().is_relative_to(root.resolve()):
        raise UserError(f"{path} is a link that leads out of {root}; put the data there")
    return os.path.relpath(path.absolute(), folder.absolute())


def _number(path: Path) -> tuple[int, str]:
    digits = re.search(r"(\d+)$", path.name)
    return (int(digits[1]) if digits else 0, path.name)


def _isles_2018_patient(case: Path) -> str:
    """Patient of a case, without the slab's letter: "ISLES 2018 - TRAIN - Train_01_A - CT" is Train_01."""
    for path in sorted(case.glob("SMIR.Brain.XX.O.*/*.json")):
        try:
            found = re.search(r"(Train|Test)_(\d+)", str(read_json(path).get("description")))
        except UserError:  # no JSON
            continue
        if found:
            return found[0]
    raise UserError(
        f"{case} has no .json with a description that names the patient: slabs of one brain could fall on both sides "
        "of a split; complete the data, or write a manifest"
    )
