"""From a predictor to its bundle."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from stroke_ctp.common.provenance import machine
from stroke_ctp.model.provenance import CarriedWeights
from stroke_ctp.model.settings import PerfusionSettings, TrainSettings
from stroke_ctp.model.weights import NAMED
from stroke_ctp.study.bundle_file import About, BundleRecord, Carried, Typical, write_bundle
from stroke_ctp.study.predictor import Predictor
from stroke_ctp.study.typical_patients import TypicalPatients


def save_bundle(path: Path, predictor: Predictor, card: str, embed_encoder: bool = False) -> None:
    """Write a predictor into one file, without names of patients and without paths of this machine.

    Args:
        path: Of the file.
        predictor: With the range of its training cohort.
        card: Model card, in Markdown.
        embed_encoder: Whether to carry the weights of the backbone (80 MB) where a name tells them; otherwise they are
            known by their hash. Those of a file, and the perfusion network, are always carried.
    """
    limits = predictor.typical
    assert limits is not None, "a bundle carries the range of the training cohort"
    carried = predictor.model.carried_weights() if embed_encoder or not _is_named(predictor.about) else None
    record = BundleRecord(
        about=_portable(predictor.about, carried),
        fitted=[member.anonymous_record() for member in predictor.members],
        carried=None if carried is None else Carried(carried.provenance, dict(carried.made_with)),
        reference=predictor.reference,
        typical=Typical(
            dict(limits.ranges),
            None if limits.cloud is None else limits.cloud.farthest,
            sorted(limits.known_series),
        ),
        made_by=machine(),
        card=card,
    )
    write_bundle(path, record, _tensors(predictor, limits, carried))


def _is_named(about: About) -> bool:
    """Whether the weights that the members share can be obtained anywhere by their name."""
    return about.encoder is not None and about.settings.encoder.weights in NAMED


def _tensors(predictor: Predictor, limits: TypicalPatients, carried: CarriedWeights | None) -> dict[str, Tensor]:
    """All arrays by name; what members share is copied, because safetensors refuses to share memory."""
    members = {
        f"member-{number}/{name}": tensor
        for number, member in enumerate(predictor.members)
        for name, tensor in member.fitted_weights().items()
    }
    encoder = {} if carried is None else {f"encoder/{name}": tensor for name, tensor in carried.tensors.items()}
    cloud = limits.cloud
    typical = {} if cloud is None else {"typical/mean": cloud.mean, "typical/precision": cloud.precision}
    arrays = {name: torch.from_numpy(array) for name, array in typical.items()}
    return {name: tensor.detach().clone() for name, tensor in (members | encoder | arrays).items()}


def _portable(about: About, carried: CarriedWeights | None) -> About:
    """The same without paths of this machine."""
    settings, usual = about.settings, TrainSettings(fold=0)
    changed = replace(
        settings,
        fold=0,
        name=about.study,
        cohort=usual.cohort,
        outputs=usual.outputs,
        bank=replace(settings.bank, folder=None),
        trainer=replace(settings.trainer, accelerator="auto"),
    )
    if about.encoder is None:
        changed = replace(changed, encoder=usual.encoder)
    if carried is not None and isinstance(settings.model, PerfusionSettings):
        changed = replace(changed, model=replace(settings.model, weights=carried.provenance.weights))
    elif carried is not None:
        changed = replace(changed, encoder=replace(settings.encoder, weights=carried.provenance.weights))
    return replace(about, settings=changed)
