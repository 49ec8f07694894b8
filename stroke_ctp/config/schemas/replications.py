"""Settings of `python -m stroke_ctp.benchmarks.replications`."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, Folder, Rule, Text, several
from stroke_ctp.model.settings import OUTPUTS


@dataclass(frozen=True, config=STRICT)
class ReplicationsSettings:
    """Compare the perfusion network with the better conventional core in studies of independent cohorts."""

    names: Annotated[
        tuple[Text, ...],
        Field(strict=False, min_length=2),
        BeforeValidator(several),
        Rule("names of two studies or more: names=A,B"),
    ]
    """Studies, each of another cohort, with model=perfusion,cbv,rcbf."""
    outputs: Folder = OUTPUTS
    """Folder of all studies."""
