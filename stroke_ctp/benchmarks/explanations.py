"""How much of what a model shows as its evidence lies in the true core and in the true penumbra.

python -m stroke_ctp.benchmarks.explanations name=stroke models=full,perfusion

Evidence is the first map of a model's explanation where it speaks for a large core: the positive contributions of the
article's network, or the probability of core of the perfusion network. Evidence that is spread at random over the
tissue lies in the core as often as the tissue does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stroke_ctp.benchmarks.markdown import table
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.new_patients import NewPatients
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.parallel import parallel_map, with_progress
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.explanations import ExplanationsSettings
from stroke_ctp.model.explanation import Explains
from stroke_ctp.model.registry import name_apart
from stroke_ctp.reporting.number_text import number_text
from stroke_ctp.robustness.axes import REFERENCE
from stroke_ctp.robustness.stress_patient import StressPatient, TrueImage
from stroke_ctp.study.predictor import Predictor
from stroke_ctp.study.study_folder import StudyFolder

_HEADS = (
    "model",
    "core: of its evidence",
    "of the tissue",
    "penumbra: of its evidence",
    "of the tissue",
    "in air, bone and CSF",
)


@dataclass(frozen=True)
class _Case:
    """A patient as the models see it, and what is true."""

    series: np.ndarray
    tissue: TrueImage
    core: TrueImage
    penumbra: TrueImage


def explanations(settings: ExplanationsSettings) -> None:
    """Print a table in Markdown: mean shares over the patients with a core at the two levels."""
    study = StudyFolder(settings.outputs, settings.name)
    predictors = {model: Predictor.load(study, model) for model in settings.models}
    for model, predictor in predictors.items():
        if not isinstance(predictor.model, Explains):
            raise _silent(model)
    rules = next(iter(predictors.values())).rules
    scanned = parallel_map(_Scan(settings.seed, rules), range(settings.patients), settings.jobs)
    cases = [case for case in with_progress(scanned, "scan", "patients", settings.patients) if case.core.any()]
    lines = [_line(model, [_shares(one, predictor, model) for one in cases]) for model, predictor in predictors.items()]
    print(f"{len(cases)} of {settings.patients} patients have a core at the levels\n\n{table(_HEADS, lines)}")


@dataclass(frozen=True)
class _Scan:
    """Scans one patient; a class, so that it can be sent to other processes."""

    seed: int
    rules: Rules

    def __call__(self, number: int) -> _Case:
        patient = StressPatient.draw(self.seed, number)
        return _Case(patient.series(REFERENCE, self.rules).hu, *patient.lesion())


def _shares(case: _Case, predictor: Predictor, model: str) -> dict[str, float]:
    """Shares of the evidence, and of the tissue."""
    explanation = predictor.explain(NewPatients.of(case.series), range(len(predictor.members)))
    if explanation is None:
        raise _silent(model)
    evidence = np.nan_to_num(np.maximum(explanation.overlays[0].values, 0))
    inside = {name: getattr(case, name) for name in ("core", "penumbra")}
    found = {name: float((evidence * mask).sum() / evidence.sum()) for name, mask in inside.items()}
    expected = {f"{name}_tissue": float(mask.sum() / case.tissue.sum()) for name, mask in inside.items()}
    outside = float((evidence * (1 - case.tissue)).sum() / evidence.sum())
    return {**found, **expected, "outside": outside}


def _silent(model: str) -> UserError:
    return UserError(f"models must show what they go by, {model} does not; leave it out")


def _line(model: str, shares: Sequence[dict[str, float]]) -> list[str]:
    means = pd.DataFrame(shares).mean()
    columns = ("core", "core_tissue", "penumbra", "penumbra_tissue", "outside")
    return [name_apart(model), *(f"{number_text(100 * float(means[column]), 0)} %" for column in columns)]


if __name__ == "__main__":
    run(explanations, ExplanationsSettings, "benchmarks.explanations")
