"""What `python -m stroke_ctp.perfusion` writes. Only this module names its files."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stroke_ctp.common.errors import Excluded, UserError
from stroke_ctp.common.files import atomic_write, digest, unclaim_unused, write_json
from stroke_ctp.common.records import read_record
from stroke_ctp.hemodynamics.learned_analysis import LearnedAnalysis, LearnedReadouts
from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS
from stroke_ctp.hemodynamics.measurement_quality import MeasurementQuality
from stroke_ctp.hemodynamics.readouts import Readouts
from stroke_ctp.hemodynamics.reliability import Reliability
from stroke_ctp.hemodynamics.scan_analysis import ScanAnalysis
from stroke_ctp.hemodynamics.vessel_selection import Vessel
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.read import scan_files
from stroke_ctp.scan.write_volume import write_like

_MAPS = ("cbf", "cbv", "mtt", "tmax", "ttp")
_NETWORK_MAPS = {
    "core": "network_core_probability",
    "hypoperfused": "network_hypoperfused_probability",
    "cbv": "network_cbv",
    "cbf": "network_cbf",
    "delay": "network_delay",
}
"""Files of the network's maps, by the name of the map."""
_MASKS = (*(f"core_{name}" for name in DEFINITIONS), "penumbra", "network_core", "network_hypoperfused")
COLUMNS = (
    *("patient", "scan", "folder", "reliability", "stage", "reason"),
    *(field.name for schema in (Readouts, MeasurementQuality) for field in fields(schema)),
)
"""Of `volumes.csv`."""
NETWORK_COLUMNS = ("network_reliability", "network_reason", *(field.name for field in fields(LearnedReadouts)))
"""The columns that `method=network` adds."""


Numbers = dict[str, int | float | bool | str | None]


@dataclass(frozen=True)
class _Record:
    """What a later command reads of `perfusion.json`."""

    key: str
    reliability: str
    reason: str
    stage: str | None = None
    readouts: Numbers = field(default_factory=dict)
    quality: Numbers = field(default_factory=dict)
    network: dict[str, Any] | None = None


class PerfusionFolder:
    """The results of all scans: one folder each, and a table of volumes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = folder / "volumes.csv"

    def scan(self, number: int) -> "ScanFolder":
        """Folder of one of several scans, counted from 1."""
        return ScanFolder(self.folder / f"{number:05d}")

    def only_scan(self) -> "ScanFolder":
        """Folder of the only scan: this one."""
        return ScanFolder(self.folder)

    def remove_others(self, n: int) -> None:
        """Remove the results of scans beyond the first `n`, of an earlier manifest."""
        for folder in self.folder.glob("[0-9]" * 5):
            if int(folder.name) > n:
                ScanFolder(folder).clear()
                with suppress(OSError):  # something else is in it
                    folder.rmdir()

    def write_table(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> None:
        """Write `volumes.csv`: reliability, readouts and quality of every scan, or why there are none."""
        with atomic_write(self.table) as partial:
            pd.DataFrame(list(rows), columns=list(columns)).to_csv(partial, index=False)

    def unclaim_unused(self) -> None:
        """Leave the folder to others if it holds no result."""
        unclaim_unused(self.folder)


@dataclass(frozen=True)
class ScanFolder:
    """Maps, masks, pictures and numbers of one scan. The record `perfusion.json` is written last."""

    folder: Path

    @property
    def vessels(self) -> Path:
        """Picture of artery and vein."""
        return self.folder / "vessels.png"

    @property
    def summary(self) -> Path:
        """Picture of everything that was measured."""
        return self.folder / "summary.png"

    @property
    def network_summary(self) -> Path:
        """Picture of what the network finds."""
        return self.folder / "network.png"

    @property
    def _record(self) -> Path:
        return self.folder / "perfusion.json"

    def finished_row(self, key: str) -> dict[str, Any] | None:
        """Row of the table from an earlier analysis of the same scan; None without one, or with a damaged record."""
        try:
            record = read_record(self._record, _Record, "")
        except UserError:
            return None
        known = {name: value for name, value in asdict(record).items() if value is not None}
        return _row(known) if record.key == key else None

    def clear(self) -> None:
        """Remove the results of an earlier scan, the record first."""
        volumes = [self.folder / f"{name}.nii.gz" for name in (*_MAPS, *_NETWORK_MAPS.values(), *_MASKS)]
        for path in (self._record, self.vessels, self.summary, self.network_summary, *volumes):
            path.unlink(missing_ok=True)

    def write_maps(self, measured: ScanAnalysis, source: Path) -> None:
        """Write maps and masks that lie on the scan in any viewer.

        Args:
            measured: The analysed scan.
            source: File or folder that the scan was read from.
        """
        volumes = {name: getattr(measured.maps, name) for name in _MAPS}
        masks = {f"core_{name}": core for name, core in measured.lesion.core.items()}
        masks["penumbra"] = measured.lesion.penumbra
        volumes |= {name: mask.astype(np.uint8) for name, mask in masks.items()}
        self._write(volumes, source, measured.scan)

    def write_network_maps(self, learned: LearnedAnalysis, source: Path) -> None:
        """Write the network's maps and masks likewise; arguments as of `write_maps`."""
        volumes = {file: getattr(learned.maps, name) for name, file in _NETWORK_MAPS.items()}
        for name in ("core", "hypoperfused"):
            volumes[f"network_{name}"] = getattr(learned.lesion, name).astype(np.uint8)
        self._write(volumes, source, learned.scan)

    def write_record(
        self, key: str, measured: ScanAnalysis | Excluded, learned: LearnedAnalysis | Excluded | None = None
    ) -> dict[str, Any]:
        """Record that everything else is written; the scan's row of the table.

        Args:
            key: From `scan_key`.
            measured: By deconvolution, or why it cannot be.
            learned: By the network, or why it cannot be; None if it was not asked for.
        """
        record = {"key": key, **(_unmeasured(measured) if isinstance(measured, Excluded) else _measured(measured))}
        if learned is not None:
            record["network"] = _unlearned(learned) if isinstance(learned, Excluded) else _learned(learned)
        write_json(self._record, record)
        return _row(record)

    def _write(self, volumes: Mapping[str, np.ndarray], source: Path, scan: CTPScan) -> None:
        for name, volume in volumes.items():
            write_like(self.folder / f"{name}.nii.gz", volume, source, scan)


def _measured(measured: ScanAnalysis) -> dict[str, Any]:
    reliability = measured.reliability
    return {
        **_judged(reliability),
        "readouts": asdict(measured.readouts) | {"defuse3_eligible": measured.defuse3_eligible},
        "quality": asdict(measured.quality),
        **_provenance(measured),
    }


def _unmeasured(finding: Excluded) -> dict[str, Any]:
    return {"reliability": "unusable", "stage": finding.stage, "reason": finding.reason}


def _learned(learned: LearnedAnalysis) -> dict[str, Any]:
    return {
        **_judged(learned.reliability),
        "readouts": asdict(learned.lesion.readouts),
        "quality": asdict(learned.quality),
    }


def _unlearned(finding: Excluded) -> dict[str, Any]:
    return {"reliability": "unusable", "reason": finding.reason}


def _judged(reliability: Reliability) -> dict[str, Any]:
    return {
        "reliability": reliability.level,
        "concerns": [asdict(concern) for concern in reliability.concerns],
        "reason": reliability.reasons,
    }


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a scan's record adds to the table."""
    row = {name: record[name] for name in ("reliability", "stage", "reason") if name in record}
    row |= record.get("readouts", {}) | record.get("quality", {})
    if network := record.get("network"):
        row |= {f"network_{name}": network[name] for name in ("reliability", "reason")} | network.get("readouts", {})
    return row


def scan_key(title: str, scan: Path, frame_interval_s: float | None) -> str:
    """Hash of what determines maps and pictures of a scan.

    Args:
        title: Of the pictures.
        scan: Whose files count by size and time of change.
        frame_interval_s: Where the manifest gives it [s].
    """
    files = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in scan_files(scan)]
    return digest({"title": title, "scan": files, "interval": frame_interval_s})


def _provenance(measured: ScanAnalysis) -> Mapping[str, Any]:
    passage, scan = measured.passage, measured.scan

    def described(vessel: Vessel) -> dict[str, Any]:
        voxels = [[scan.slice_index(int(index)), int(row), int(column)] for index, row, column in vessel.voxels]
        return {"slice_row_column": voxels, "enhancement_hu": [round(float(hu), 2) for hu in vessel.curve]}

    return {
        "baseline_frames": passage.n_baseline,
        "artery": described(passage.artery),
        "vein": None if passage.vein is None else described(passage.vein),
        "midline": asdict(passage.midline),
    }
