"""A study on disk: its settings, the runs of its models, and their ensembles."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import claim, claim_file, differing, refuse_others
from stroke_ctp.common.records import read_json
from stroke_ctp.common.schemas import nearest
from stroke_ctp.common.text import some
from stroke_ctp.model.registry import REGISTRY, in_order, training_choice
from stroke_ctp.model.settings import CACHE_NAME, OUTPUTS
from stroke_ctp.study.ensemble_folder import EnsembleFolder
from stroke_ctp.study.permutation_folder import PermutationFolder
from stroke_ctp.study.run_folder import Elsewhere, RunFolder

_WAY_OUT = "choose another name=NAME"
_RESTORE = "remove what is there, and repeat a command that trained a fold: it writes the file again"


class RunKey(NamedTuple):
    """What tells the runs of a model apart."""

    seed: int
    fold: int


class StudyFolder:
    """The only reader and writer of `OUTPUTS/NAME`.

    `settings.json` holds what all runs share, `MODEL/settings.json` what distinguishes a model. The folder of a run is
    `MODEL/fold-K`, of another seed than 0 `MODEL/seed-S/fold-K`, that of an ensemble `MODEL/ensemble`, that of
    trainings on permuted classes `MODEL/permutations`, that of the report `report`.

    Example:
        >>> from stroke_ctp import StudyFolder
        >>> study = StudyFolder("outputs", "stroke")
        >>> study.models(), [key.fold for key in study.complete_runs("full")]
        (['full'], [0, 1, 2])
    """

    def __init__(self, outputs: str | Path, name: str, elsewhere: Elsewhere = Elsewhere()) -> None:  # noqa: B008
        """Name a study; nothing is read or written yet.

        Args:
            outputs: Folder of all studies.
            name: Of the study.
            elsewhere: What of it lies outside that folder.

        Raises:
            UserError: The name is not that of a folder, or it is the feature cache's.
        """
        if not name or name != Path(name).name or name.startswith(".") or name == CACHE_NAME:
            raise UserError(f"name must be a plain folder name other than {CACHE_NAME}, got {name!r}")
        self.path, self.name, self.elsewhere = Path(outputs) / name, name, elsewhere

    @property
    def report(self) -> Path:
        """Folder of the report."""
        return self.path / "report"

    def settings(self) -> dict[str, Any]:
        """What all runs share because it determines their results; a command that trains restores it.

        Raises:
            UserError: The file is missing or damaged.
        """
        return read_json(claim_file(self.path), _RESTORE)

    def refuse_other_settings(self, settings: Mapping[str, Any]) -> None:
        """Refuse a study that was made with other settings.

        Raises:
            UserError: Names the settings that differ.
        """
        refuse_others(self.path, settings, _WAY_OUT)

    def claim(self, settings: Mapping[str, Any], model: str, identity: Mapping[str, Any]) -> None:
        """Record the settings of the study and of a model, before anything is written into it.

        Raises:
            UserError: Other settings are recorded; names those that differ.
        """
        self.restore_settings(settings)
        claim(self.path / model, identity, _WAY_OUT)

    def restore_settings(self, settings: Mapping[str, Any]) -> None:
        """Record the settings of the study, also again where their file was removed; errors as of `claim`."""
        claim(self.path, settings, _WAY_OUT)

    def models(self) -> list[str]:
        """Names of the models of which a fold was begun, in the order in which they are shown."""
        begun = {path.parent.name for path in self.path.glob("*/fold-*") if path.is_dir()}
        return in_order(begun | {path.parents[1].name for path in self.path.glob("*/seed-*/fold-*") if path.is_dir()})

    def run(self, model: str, fold: int, seed: int = 0) -> RunFolder:
        """One fold of one model."""
        of_seed = self.path / model / f"seed-{seed}" if seed else self.path / model
        return RunFolder(of_seed / f"fold-{fold}", self.elsewhere)

    def ensemble(self, model: str) -> EnsembleFolder:
        """The ensemble of a model."""
        return EnsembleFolder(self.path / model / "ensemble")

    def permutations(self, model: str) -> PermutationFolder:
        """What trainings of a model on permuted classes gave."""
        return PermutationFolder(self.path / model / "permutations")

    def runs_of_first_seed(self, model: str) -> list[RunFolder]:
        """All folds of the lowest seed of a model; errors as of `complete_runs`."""
        runs = self.complete_runs(model)
        return [run for key, run in runs.items() if key.seed == min(runs).seed]

    def complete_runs(self, model: str, partial: bool = False) -> dict[RunKey, RunFolder]:
        """The runs of a model, all folds of every seed of which a fold is complete; `partial`: folds may be missing.

        Raises:
            UserError: Folds are missing, with the command that trains them, or runs differ in what they must share.
        """
        found = self._complete(model)
        train = f"{self.train_command} {training_choice(model)}"
        if not found:
            known = {*self.models(), *REGISTRY}
            if model not in known:
                near = nearest(model, known) or f"; it has {', '.join(self.models()) or 'none'}"
                raise UserError(f"{self.path} has no model {model}{near}")
            raise UserError(f"no fold of {self.path / model} is complete; run `{train} fold=0..9`")
        first = found[min(found)].record()
        seed, missing = next(iter(missing_folds(found, first.n_folds).items()), (0, []))
        if missing and not partial:
            size = "" if first.n_folds == 10 else f" folds.n={first.n_folds}"
            where, choice = (f" of seed {seed}", f" seed={seed}") if seed else ("", "")
            raise UserError(
                f"{self.path / model} must have all folds 0 to {first.n_folds - 1}{where}, "
                f"missing {some(map(str, missing), first.n_folds)}; "
                f"run `{train}{choice} fold={','.join(map(str, missing))}{size}`"
            )
        runs = {key: found[key] for key in sorted(found) if key.fold < first.n_folds}
        for run in runs.values():
            require_same(run.record().shared, first.shared, run.path)
        return runs

    def _complete(self, model: str) -> dict[RunKey, RunFolder]:
        paths = [*(self.path / model).glob("fold-*"), *(self.path / model).glob("seed-*/fold-*")]
        runs = [RunFolder(path, self.elsewhere) for path in paths if re.fullmatch(r"fold-\d+", path.name)]
        found = {RunKey(run.seed, run.fold): run for run in runs if run.is_complete}
        return {key: run for key, run in found.items() if run.path == self.run(model, key.fold, key.seed).path}

    @property
    def train_command(self) -> str:
        """Start of the command that trains a model of this study, for messages."""
        outputs = "" if self.path.parent == OUTPUTS else f" outputs={self.path.parent}"
        return f"python -m stroke_ctp.train cohort=DIR{outputs} name={self.name}"


def missing_folds(runs: Iterable[RunKey], n_folds: int) -> dict[int, list[int]]:
    """Folds that were not run, by seed; only of seeds that have a run.

    >>> missing_folds([RunKey(0, 0), RunKey(0, 1), RunKey(4, 1)], 2)
    {4: [0]}
    """
    keys = set(runs)
    seeds = sorted({key.seed for key in keys})
    missing = {seed: [fold for fold in range(n_folds) if (seed, fold) not in keys] for seed in seeds}
    return {seed: folds for seed, folds in missing.items() if folds}


def require_same(
    settings: Mapping[str, Any],
    first: Mapping[str, Any],
    where: Path,
    way_out: str = "train one of them again under another name",
) -> None:
    """Refuse runs whose numbers do not belong in one table.

    Args:
        settings: What one run, or one model, has in common with the others.
        first: The same of the first one.
        where: Folder of the run or model, for the message.
        way_out: What the user can do about it.

    Raises:
        UserError: Names what differs.
    """
    differ = differing(settings, first)
    if differ:
        raise UserError(f"{where} differs from the first run in {where.parent}: {', '.join(differ)}; {way_out}")
