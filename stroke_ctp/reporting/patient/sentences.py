"""The answer for one patient in words."""

from collections.abc import Iterator

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.text import counted
from stroke_ctp.reporting.model_text import endpoint_text
from stroke_ctp.reporting.number_text import number_text
from stroke_ctp.study.out_of_fold import OutOfFold
from stroke_ctp.study.prediction_folder import PatientPrediction
from stroke_ctp.study.reference import point_title

_NEAREST = 20
"""Patients with whom a new one is compared; of a small cohort a third."""
_FEWEST = 5
"""A share of fewer patients tells nothing."""


def answer_sentence(prediction: PatientPrediction, endpoint: Endpoint) -> str:
    """Whether the patient is assessable, the probability, and how far the members agree."""
    assert prediction.probability is not None
    scores = prediction.members.values()
    declined = f"Not assessable: {'; '.join(prediction.declined)}. " if prediction.declined else ""
    text = (
        f"{declined}The probability of a large core ({endpoint_text(endpoint)}) is "
        f"{number_text(prediction.probability)}"
    )
    if prediction.calibrated is not None:
        text += f", calibrated {number_text(prediction.calibrated)}"
    if len(scores) == 1:
        return f"{text}, by the member that had not seen this patient."
    return f"{text}; the {len(scores)} members give {number_text(min(scores))} to {number_text(max(scores))}."


def class_sentences(prediction: PatientPrediction) -> Iterator[str]:
    """The class by operating point, and a warning of a patient whom the members know."""
    if prediction.in_training:
        yield "The members were trained on this very series: the probability is too certain."
    for point, is_large in prediction.classes.items():
        if is_large is not None:
            yield f"At {point_title(point)} the core is called {'large' if is_large else 'small'}."


def volume_sentence(prediction: PatientPrediction) -> str:
    """The predicted volume with its interval; empty for a model that predicts none."""
    if prediction.volume is None:
        return ""
    return "Its predicted volume is {:.0f} mL (90 % interval {:.0f} to {:.0f} mL).".format(*prediction.volume.values())


def confidence_sentences(prediction: PatientPrediction, reference: OutOfFold) -> Iterator[str]:
    """What became of patients with such a probability; nothing for one who would be among them."""
    assert prediction.probability is not None
    if prediction.out_of_fold:
        return
    n = min(_NEAREST, len(reference.probability) // 3)
    if n >= _FEWEST:
        low, high, large = reference.nearest(prediction.probability, n)
        yield (
            f"Of the {n} training patients with the nearest probabilities ({number_text(low)} to {number_text(high)}), "
            f"each scored by the member that had not seen the patient, {large} had a large core."
        )


def scale_sentence(prediction: PatientPrediction, reference: OutOfFold) -> str:
    """What the scale of probabilities shows."""
    assert prediction.probability is not None
    total, large = len(reference.label), int(reference.label.sum())
    return (
        f"Probability of this patient ({number_text(prediction.probability)}, thick line) and by each member (thin "
        f"lines) over those of {counted(total, 'training patient')} by the members that had not seen them: {large} "
        f"with a large core above the line, {total - large} with a small one below."
    )


def origin_sentences(reference: OutOfFold, is_simulated: bool) -> Iterator[str]:
    """Which patients are simulated."""
    total = len(reference.label)
    if is_simulated:
        yield "This patient is simulated."
    if reference.simulated:
        share = "All" if reference.simulated == total else f"{reference.simulated} of the"
        yield f"{share} {total} training patients are simulated: nothing here tells how well this works on real ones."
