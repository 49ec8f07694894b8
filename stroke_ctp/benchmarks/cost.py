"""What a study costs in time and disk, by its number of patients: extrapolated from measured steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from stroke_ctp.benchmarks.measuring import Timing


@dataclass(frozen=True)
class Cost:
    """Seconds of each step on one machine, and the size of the study."""

    preprocess_s: float
    """Per patient, with all cores at work."""
    encode_s: float
    """Per patient and draw."""
    epoch_s: float
    """Of one training, per patient of the cohort."""
    draws: int
    folds: int
    ablations: int
    epochs: int
    side_by_side: int
    """Trainings at a time."""

    def stages(self, n_patients: int) -> dict[str, float]:
        """Seconds of each stage of a study with the bank; as if no training ended early."""
        rounds = ceil(self._trainings / self.side_by_side)
        return {
            "preprocess": n_patients * self.preprocess_s,
            "encode": n_patients * self.draws * self.encode_s,
            "train": n_patients * rounds * self.epochs * self.epoch_s,
        }

    @property
    def _trainings(self) -> int:
        return self.folds * self.ablations

    def encoding_per_training(self, n_patients: int) -> float:
        """Seconds of a study in which every training encodes for itself: all draws to train on, one of others."""
        held_out = 2 / self.folds
        return self._encoding_within(n_patients, self.draws * (1 - held_out) + held_out)

    def encoding_per_epoch(self, n_patients: int) -> float:
        """Seconds of a study in which every epoch encodes a draw of its own, as the article's did; none for testing."""
        return self._encoding_within(n_patients, self.epochs * (1 - 1 / self.folds))

    def _encoding_within(self, n_patients: int, times: float) -> float:
        """Seconds of a study in which every training encodes as many frames as that times the whole cohort's."""
        stages = self.stages(n_patients)
        encode = n_patients * self._trainings * times * self.encode_s
        return stages["preprocess"] + stages["train"] + encode

    def rivals(self, numbers: Sequence[int]) -> dict[str, list[float]]:
        """Seconds of the same study without the bank, for each number of patients."""
        return {
            "every training encodes for itself": [self.encoding_per_training(n) for n in numbers],
            "every epoch encodes again": [self.encoding_per_epoch(n) for n in numbers],
        }

    def timings(self, n_patients: int) -> list[Timing]:
        """A study with the bank against those without it."""
        ours = [sum(self.stages(n_patients).values())]
        return [
            Timing("study with the bank", ours, "encoding per training", [self.encoding_per_training(n_patients)]),
            Timing("study with the bank", ours, "encoding per epoch", [self.encoding_per_epoch(n_patients)]),
        ]
