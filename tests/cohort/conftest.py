from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stroke_ctp.common.files import write_json

WriteCohort = Callable[..., Path]


@pytest.fixture
def write_cohort(tmp_path: Path) -> WriteCohort:
    """A function that writes a cohort: columns of its table, and series by file name."""

    def write(columns: Mapping[str, Sequence[Any]], series: Mapping[str, np.ndarray] | None = None) -> Path:
        folder = tmp_path / "cohort"
        (folder / "series").mkdir(parents=True, exist_ok=True)
        n = len(next(iter(columns.values())))
        made = {"patient": [f"p{row}" for row in range(n)], "series": ["s.npy"] * n}
        pd.DataFrame(made | dict(columns)).to_csv(folder / "cohort.csv", index=False)
        write_json(folder / "cohort.json", {"hash": "c0ffee"})
        for name, values in (series or {}).items():
            np.save(folder / "series" / name, values)
        return folder

    return write
