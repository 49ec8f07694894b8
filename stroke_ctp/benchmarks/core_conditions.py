"""`python -m stroke_ctp.benchmarks.core_conditions`: the same patients, scanned with one condition changed at a time.

`docs/core-accuracy.md` shows the table.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from stroke_ctp.benchmarks.markdown import row
from stroke_ctp.benchmarks.scan_conditions import ScanConditions
from stroke_ctp.benchmarks.simulated_scans import measured_scan
from stroke_ctp.reporting.number_text import number_text

N_PATIENTS = 2
ORDINARY = ScanConditions(
    number=1,
    white_hu=28.0,
    hypodensity_hu=0.0,
    interval_s=1.5,
    duration_s=60.0,
    noise_hu=2.5,
    core_ml=80.0,
    dose=1.0,
    moving=False,
    slices=4,
    thickness_mm=10.0,
    lowest_mm=-5.0,
)
"""What is not changed."""
_SEED = 11
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    **{f"white matter of {hu:g} HU": {"white_hu": hu} for hu in (22.0, 20.0)},
    "hypodensity of 8 HU": {"hypodensity_hu": 8.0},
    "frames every 3 s": {"interval_s": 3.0},
    **{f"scan of {seconds:g} s": {"duration_s": seconds} for seconds in (36.0, 30.0)},
    "noise of 6 HU": {"noise_hu": 6.0},
}
"""Their names and values."""
_MEASURED = {"cbv_ml": "true_ml", "rcbf_ml": "true_ml", "hypoperfused_ml": "true_hypoperfused_ml"}
"""Columns of `measured_scan`, and those of their truth."""


def rows(n_patients: int = N_PATIENTS) -> Iterator[str]:
    """Markdown: measured over true volume of all patients together, how many are measured and have a flag."""
    yield row("change", "core by CBV", "core by CBF", "Tmax > 6 s", "measured", "with a flag")
    yield row(*["---"] * 6)
    for name, change in CHANGES.items():
        patients = [replace(ORDINARY, number=number, **change) for number in range(1, n_patients + 1)]
        found = pd.DataFrame([measured_scan(patient, _SEED) for patient in patients])
        yield row(name, *_cells(found))


def _cells(found: pd.DataFrame) -> Iterator[str]:
    measured = found[found["reliability"].notna()]
    for column, true in _MEASURED.items():
        share = float(measured[column].sum() / measured[true].sum())
        yield f"{number_text(100 * share, 0)} %"
    yield f"{len(measured)} of {len(found)}"
    yield str(int(measured["reliability"].ne("ok").sum()))


if __name__ == "__main__":
    for line in rows():
        print(line, flush=True)
