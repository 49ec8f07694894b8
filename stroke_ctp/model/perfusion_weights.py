"""Weights of the perfusion network: the shipped ones, or those of a file that `python -m stroke_ctp.pretrain` wrote."""

import dataclasses
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import atomic_write, file_digest
from stroke_ctp.common.records import parse_record
from stroke_ctp.common.schemas import STRICT
from stroke_ctp.model.perfusion_network import PerfusionNetwork
from stroke_ctp.model.provenance import CarriedWeights, Provenance

SHIPPED = Path(__file__).parent / "weights" / "perfusion.safetensors"
SHIPPED_SHA256 = "4576ad54fafc1f005fe7a637a64dfb1e146c960ab139ed69dc6864f3a3bbe8fd"
SCHEMA = 1
"""Of the file; another network, or other input, gets another number."""
_RECORD = "stroke_ctp"
"""Key of the file's metadata; one only, because safetensors orders several at random."""
WAY_OUT = "use model.weights=shipped, or make weights with `python -m stroke_ctp.pretrain out=FILE`"


@dataclass(frozen=True, config=STRICT)
class _Metadata:
    """Record in a file of weights."""

    schema: int
    pretraining: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class PerfusionWeights:
    """A network with trained weights."""

    network: PerfusionNetwork
    provenance: Provenance
    pretraining: Mapping[str, Any]
    """Settings of the training: seed, patients, steps."""

    @classmethod
    def of(cls, carried: CarriedWeights) -> "PerfusionWeights":
        """A network with weights in memory.

        Raises:
            RuntimeError: They are of another network.
        """
        network = PerfusionNetwork()
        network.load_state_dict(carried.tensors)
        return cls(network.eval(), carried.provenance, carried.made_with)

    def carried(self) -> CarriedWeights:
        """The weights in memory."""
        return CarriedWeights(self.provenance, self.network.state_dict(), self.pretraining)


def write_weights(path: Path, network: PerfusionNetwork, pretraining: Mapping[str, Any]) -> None:
    """Write weights as safetensors, with the settings of their training in the metadata."""
    record = json.dumps({"schema": SCHEMA, "pretraining": dict(pretraining)}, sort_keys=True)
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    with atomic_write(path) as partial:
        save_file(tensors, partial, {_RECORD: record})


@cache
def read_weights(weights: str) -> PerfusionWeights:
    """The network with weights of a file, read once per process.

    Args:
        weights: shipped, or a file.

    Raises:
        UserError: There is no such file, it is damaged, or it holds weights of another network.
        OSError: It cannot be read, which says nothing about its content.
    """
    path = SHIPPED if weights == "shipped" else Path(weights)
    if not path.is_file():
        raise UserError(f"model.weights must be shipped or a file, got {weights}; {WAY_OUT}")
    found = file_digest(path)
    if weights == "shipped" and found != SHIPPED_SHA256:
        raise UserError(
            f"{path} is damaged (sha256 {found[:12]}…, expected {SHIPPED_SHA256[:12]}…); install the package again"
        )
    record, tensors = _content(path)
    if record.schema != SCHEMA:
        raise UserError(f"{path} must hold weights of schema {SCHEMA}, got {record.schema}; {WAY_OUT}")
    carried = CarriedWeights(Provenance(path.name, found), tensors, record.pretraining)
    try:
        return PerfusionWeights.of(carried)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path} holds weights of another network ({reason}); {WAY_OUT}") from None


def read_pretraining(path: Path) -> Mapping[str, Any]:
    """Settings of the training that wrote a file.

    Raises:
        UserError: The file holds no weights of a perfusion network.
        OSError: It cannot be read, which says nothing about its content.
    """
    return _content(path)[0].pretraining


def _content(path: Path) -> tuple[_Metadata, dict[str, Any]]:
    """Record and tensors of a file."""
    try:
        # safetensors says of a file without permission that it is missing
        with path.open("rb"), safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_RECORD)
            if text is None:
                raise UserError(f"{path} holds no weights of the perfusion network; {WAY_OUT}")
            record = parse_record(text, _Metadata, f"the record in {path}", WAY_OUT)
            return record, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except SafetensorError as error:
        raise UserError(f"{path} cannot be read ({error}); {WAY_OUT}") from None
