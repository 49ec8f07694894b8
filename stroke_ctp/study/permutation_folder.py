"""What trainings on permuted classes gave, on disk. Only this module names their files."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import claim, claim_file, digest, read_json, refuse_others, write_json
from stroke_ctp.study.run_folder import RunFolder

_WAY_OUT = "remove the folder and run permute again"


class PermutationFolder:
    """The only reader and writer of `OUTPUTS/NAME/MODEL/permutations`: one file per permutation."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def claim(self, runs: Sequence[RunFolder]) -> None:
        """Record of which trainings the permuted ones are repetitions, before any of them.

        Raises:
            UserError: The folder was made for others.
        """
        claim(self.path, _repeated(runs), _WAY_OUT)

    def is_done(self, number: int) -> bool:
        """Whether a permutation is complete."""
        return self._file(number).exists()

    def write(self, number: int, aucs: Sequence[float]) -> None:
        """Write the AUC of every test fold under a permutation."""
        write_json(self._file(number), {"test": list(aucs)})

    def aucs(self, runs: Sequence[RunFolder]) -> Float[np.ndarray, "permutation fold"] | None:
        """AUC of every test fold under every permutation; None if there is none.

        Args:
            runs: The trainings that were to be repeated.

        Raises:
            UserError: The folder was made for others, or a file is damaged.
        """
        files = sorted(self.path.glob("[0-9]*.json"))
        if not files or not claim_file(self.path).exists():
            return None
        refuse_others(self.path, _repeated(runs), _WAY_OUT)
        rows = [read_json(file).get("test") for file in files]
        for file, row in zip(files, rows, strict=True):
            if not isinstance(row, list) or len(row) != len(runs) or not all(map(_is_auc, row)):
                raise UserError(
                    f"{file} must hold {len(runs)} AUCs from 0 to 1, got {row}; remove it and rerun permute"
                )
        return np.array(rows, float)

    def _file(self, number: int) -> Path:
        return self.path / f"{number:05d}.json"


def _is_auc(value: object) -> bool:
    return isinstance(value, float) and 0 <= value <= 1


def _repeated(runs: Sequence[RunFolder]) -> dict[str, object]:
    """What determines the trainings of all folds of one seed, except their classes."""
    record = runs[0].record()
    weights = record.fitted.get("weights") or (record.encoder and asdict(record.encoder))
    return {"settings": record.settings, "seed": record.seed, "weights": digest({"weights": weights})}
