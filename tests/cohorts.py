"""Cohorts on disk, for tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stroke_ctp.common.files import write_json


def write_cohort(
    folder: Path, columns: Mapping[str, Sequence[Any]], series: Mapping[str, np.ndarray] | None = None
) -> Path:
    """Write a cohort: columns of its table, and series by file name; return its folder."""
    (folder / "series").mkdir(parents=True, exist_ok=True)
    n = len(next(iter(columns.values())))
    made = {"patient": [f"p{row}" for row in range(n)], "series": ["s.npy"] * n}
    pd.DataFrame(made | dict(columns)).to_csv(folder / "cohort.csv", index=False)
    write_json(folder / "cohort.json", {"hash": "c0ffee"})
    for name, values in (series or {}).items():
        np.save(folder / "series" / name, values)
    return folder
