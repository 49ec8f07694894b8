"""The members of one model of a study, which score patients together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.patients import Patients
from stroke_ctp.common.files import digest
from stroke_ctp.model.explanation import Explains, Explanation
from stroke_ctp.model.protocol import FittedModel, Model, PredictsVolume
from stroke_ctp.study.members import fitted_model, model_of
from stroke_ctp.study.run_folder import RunRecord
from stroke_ctp.study.study_folder import StudyFolder


@dataclass(frozen=True)
class Scores:
    """What the members of a model say of some patients."""

    probability: Float[np.ndarray, "member patient"]
    """Of a large core; the mean over members is the ensemble's."""
    volumes: Float[np.ndarray, "member patient 3"] | None
    """Core volume and its 90 % interval [mL]; None if the model predicts no volumes."""
    measured: Bool[np.ndarray, " patient"]
    """Whether the model found anything to score; otherwise it takes the median of its training patients."""


@dataclass(frozen=True)
class Predictor:
    """Scores patients with every fold's fit of a model. Labels, a trainer and the training cohort are not needed.

    Example:
        >>> from stroke_ctp import Cohort, Predictor, StudyFolder
        >>> predictor = Predictor.load(StudyFolder("outputs", "stroke"), "full")
        >>> scores = predictor.score(Cohort("training"))
        >>> scores.probability.shape  # member, patient
        (3, 12)
        >>> scores.volumes is None  # the article's network predicts none
        True
    """

    model: Model
    members: tuple[FittedModel, ...]
    """One per seed and fold."""
    names: tuple[str, ...]
    """What they are called, as in an ensemble's predictions."""
    endpoint: Endpoint
    """What a probability is of."""
    rules: Rules
    """How the series of the training cohort were made."""
    tested_in: Mapping[str, tuple[int, ...]]
    """Members, one per seed, that did not see a patient of the training cohort: neither trained nor chose their epoch
    on the patient."""
    key: str
    """Digest of everything that determines a probability."""

    @classmethod
    def load(cls, study: StudyFolder, model: str) -> "Predictor":
        """The members of a model of a study.

        Raises:
            UserError: A fold is missing, a file is damaged, or the encoder's weights are not those of the training.
        """
        runs = list(study.complete_runs(model).values())
        records = [run.record() for run in runs]
        shared, tested_in = model_of(runs[0]), dict[str, tuple[int, ...]]()
        for number, record in enumerate(records):
            tested_in |= {patient: (*tested_in.get(patient, ()), number) for patient in record.patients.test}
        return cls(
            model=shared,
            members=tuple(fitted_model(shared, run) for run in runs),
            names=tuple(run.member for run in runs),
            endpoint=records[0].endpoint,
            rules=records[0].cohort.rules,
            tested_in=tested_in,
            key=members_key(records),
        )

    def score(self, patients: Patients) -> Scores:
        """Score patients with every member; what the members share is computed once.

        Patients are scored one by one: the result does not depend on who else is scored.
        """
        evidence = self.model.evidence(patients)
        probability = np.stack([member.score_evidence(evidence) for member in self.members])
        volumes = [member.volumes(evidence) for member in self.members if isinstance(member, PredictsVolume)]
        known = [one for one in volumes if one is not None]
        complete = np.stack(known) if len(known) == len(self.members) else None
        return Scores(probability, complete, _measured(evidence, len(patients)))

    def explain(self, patient: Patients, members: Iterable[int]) -> Explanation | None:
        """How some members came to their answer for one patient; None for a model that does not tell."""
        if not isinstance(self.model, Explains):
            return None
        return self.model.explain(patient, [self.members[member] for member in members])


def members_key(records: Sequence[RunRecord]) -> str:
    """Digest of everything that determines a probability of the members with these records."""
    return digest({"members": [record.digest for record in records]})


def _measured(evidence: Any, n: int) -> Bool[np.ndarray, " patient"]:
    """Which patients have evidence: numbers are NaN where a core cannot be measured, and features never are."""
    if not isinstance(evidence, np.ndarray):
        return np.ones(n, bool)
    return np.asarray(np.isfinite(evidence.reshape(n, -1)).all(axis=1))
