"""The members of one model, which score patients together: from a study, or from a bundle."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.patients import Patients
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import digest
from stroke_ctp.common.schemas import plain
from stroke_ctp.model.build import build_model
from stroke_ctp.model.explanation import Explains, Explanation
from stroke_ctp.model.protocol import FittedModel, Model, PredictsVolume
from stroke_ctp.model.provenance import CarriedWeights
from stroke_ctp.statistics.operating_points import USUAL_SENSITIVITY
from stroke_ctp.statistics.typical_range import Descriptors
from stroke_ctp.study.bundle_file import About, Bundle, read_bundle
from stroke_ctp.study.members import fitted_model, model_of
from stroke_ctp.study.predictions import read_folds
from stroke_ctp.study.reference import Reference
from stroke_ctp.study.run_folder import RunRecord
from stroke_ctp.study.study_folder import StudyFolder
from stroke_ctp.study.typical_patients import Cloud, TypicalPatients


@dataclass(frozen=True)
class Scores:
    """What the members of a model say of some patients."""

    probability: Float[np.ndarray, "member patient"]
    """Of a large core; the mean over members is the ensemble's."""
    volumes: Float[np.ndarray, "member patient 3"] | None
    """Core volume and its 90 % interval [mL]; None if the model predicts no volumes."""
    measured: Bool[np.ndarray, " patient"]
    """Whether the model found anything to score; otherwise it takes the median of its training patients."""
    descriptors: Descriptors | None
    """By which a patient is compared with those of the training; None if the model has none."""


@dataclass(frozen=True)
class Predictor:
    """Scores patients with every fold's fit of a model. Labels, a trainer and the training cohort are not needed.

    Example:
        >>> from stroke_ctp import Cohort, Predictor, StudyFolder
        >>> training = Cohort("training")
        >>> predictor = Predictor.load(StudyFolder("outputs", "stroke"), "full")
        >>> scores = predictor.score(training)
        >>> scores.probability.shape  # member, patient
        (3, 12)
        >>> scores.volumes is None  # the article's network predicts none
        True
        >>> members = {str(fold): scores.probability[fold, 0] for fold in range(3)}
        >>> 0 < predictor.reference.calibrated(members) < 1
        True
        >>> list(predictor.reference.classes(members))  # whether the core is large, at each operating point
        ['youden', 'sensitivity_0.9']
    """

    model: Model
    members: tuple[FittedModel, ...]
    """One per seed and fold."""
    about: About
    reference: Reference
    """Calibration and operating points."""
    typical: TypicalPatients | None
    """The range of the training cohort; None if it was not given."""
    tested_in: Mapping[str, tuple[int, ...]]
    """Members, one per seed, that did not see a patient of the training cohort: neither trained nor chose their epoch
    on the patient. A bundle does not tell who the patients are."""

    @classmethod
    def load(
        cls,
        study: StudyFolder,
        model: str,
        training: Cohort | None = None,
        encode: bool = False,
        sensitivity: float = USUAL_SENSITIVITY,
    ) -> "Predictor":
        """The members of a model of a study.

        Args:
            study: The study.
            model: Name of the model.
            training: Its training cohort, whose range tells patients that are not assessable.
            encode: Whether to encode the training cohort again if its features are no longer cached.
            sensitivity: Of the second operating point, on validation patients.

        Raises:
            UserError: A fold is missing, a file is damaged, or the encoder's weights are not those of the training.
        """
        complete = study.complete_runs(model)
        runs = list(complete.values())
        records = [run.record() for run in runs]
        shared = model_of(runs[0])
        members = tuple(fitted_model(shared, run) for run in runs)
        about = About(
            study.name,
            runs[0].settings(),
            records[0].endpoint,
            records[0].cohort,
            records[0].encoder,
            [run.member for run in runs],
            [record.digest for record in records],
        )
        tested_in = dict[str, tuple[int, ...]]()
        for number, record in enumerate(records):
            tested_in |= {patient: (*tested_in.get(patient, ()), number) for patient in record.patients.test}
        reference = Reference.of(read_folds(study, model, complete), sensitivity)
        typical = None if training is None else _typical(shared, members[0], training, encode)
        return cls(shared, members, about, reference, typical, tested_in)

    @classmethod
    def from_bundle(cls, path: str | Path) -> "Predictor":
        """The members in a bundle.

        Raises:
            UserError: The file is no intact bundle, or needs encoder weights that are not here.
        """
        bundle = read_bundle(Path(path))
        record = bundle.record
        about, carried, weights = record.about, record.carried, None
        if carried is not None:
            weights = CarriedWeights(carried.provenance, bundle.part("encoder"), carried.made_with)
        model = build_model(about.settings, weights)
        found, needed = model.encoder_provenance(), about.encoder
        if found != needed:
            assert found is not None
            assert needed is not None
            raise UserError(
                f"{path} needs the encoder weights {needed.sha256[:12]}…, but encoder.weights="
                f"{about.settings.encoder.weights} are {found.sha256[:12]}…; restore those weights, or export with "
                "embed_encoder=true"
            )
        members = (model.restore(one, bundle.part(f"member-{n}")) for n, one in enumerate(record.fitted))
        return cls(model, tuple(members), about, record.reference, _unpacked(bundle), {})

    @property
    def names(self) -> tuple[str, ...]:
        """What the members are called, as in an ensemble's predictions."""
        return tuple(self.about.names)

    @property
    def endpoint(self) -> Endpoint:
        """What a probability is of."""
        return self.about.endpoint

    @property
    def rules(self) -> Rules:
        """How the series of the training cohort were made."""
        return self.about.cohort.rules

    @cached_property
    def key(self) -> str:
        """Digest of everything that determines an answer."""
        limits = self.typical and (plain(self.typical.ranges), self.typical.cloud and self.typical.cloud.farthest)
        return digest({"members": self.about.members, "reference": plain(self.reference), "limits": limits})

    def score(self, patients: Patients) -> Scores:
        """Score patients with every member; what the members share is computed once.

        Patients are scored one by one: the result does not depend on who else is scored.
        """
        evidence = self.model.evidence(patients)
        probability = np.stack([member.score_evidence(evidence) for member in self.members])
        volumes = [member.volumes(evidence) for member in self.members if isinstance(member, PredictsVolume)]
        known = [one for one in volumes if one is not None]
        complete = np.stack(known) if len(known) == len(self.members) else None
        measured = _measured(evidence, len(patients))
        return Scores(probability, complete, measured, self.model.descriptors(evidence))

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


def _typical(model: Model, member: FittedModel, cohort: Cohort, encode: bool) -> TypicalPatients:
    """The range of the training cohort, in what the model sees as far as that is known or may be made anew."""
    evidence = member.known_evidence(cohort)
    if evidence is None and encode:
        evidence = model.evidence(cohort)
    return TypicalPatients.of(cohort, None if evidence is None else model.descriptors(evidence))


def _unpacked(bundle: Bundle) -> TypicalPatients:
    """The range of the training cohort in a bundle."""
    limits, arrays = bundle.record.typical, bundle.part("typical")
    cloud = None
    if limits.farthest is not None:
        cloud = Cloud(arrays["mean"].numpy(), arrays["precision"].numpy(), limits.farthest)
    return TypicalPatients(limits.ranges, cloud, frozenset(limits.known_series))
