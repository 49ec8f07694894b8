"""A bundle on disk: one safetensors file, whose metadata are JSON. Only this module reads and writes it.

Nothing in it is executed. A digest over everything that it holds tells a changed file from an intact one.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from safetensors import SafetensorError, safe_open

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import atomic_write
from stroke_ctp.common.provenance import Machine
from stroke_ctp.common.schemas import STRICT, plain
from stroke_ctp.model.provenance import Provenance, Tensors
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.statistics.typical_range import Range
from stroke_ctp.study.reference import Reference
from stroke_ctp.study.run_folder import CohortReference

SCHEMA = 1
"""Of the file; what a former version cannot read gets another number."""
_RECORD = "stroke_ctp_bundle"
"""Key of the metadata; one only, because safetensors orders several at random."""
_WAY_OUT = "make one with `python -m stroke_ctp.export name=NAME out=FILE`"


@dataclass(frozen=True, config=STRICT)
class About:
    """What a model is: enough to build it, and to say what its probabilities are of."""

    study: str
    settings: TrainSettings
    """That all members share."""
    endpoint: Endpoint
    cohort: CohortReference
    """That the members were trained on, and how its series were made."""
    encoder: Provenance | None
    """Weights of the backbone; None for a model without one."""
    names: list[str]
    """What the members are called: by their fold, and their seed if it is not 0."""
    members: list[str]
    """Digest of each member's record."""


@dataclass(frozen=True, config=STRICT)
class Carried:
    """A frozen network that the bundle holds."""

    provenance: Provenance
    made_with: dict[str, Any]
    """What is recorded of its training."""


@dataclass(frozen=True, config=STRICT)
class Typical:
    """Limits of the training cohort, without the arrays."""

    ranges: dict[str, Range]
    farthest: float | None
    """None if no distance is judged."""
    known_series: list[str]


@dataclass(frozen=True, config=STRICT)
class BundleRecord:
    """The metadata."""

    about: About
    fitted: list[dict[str, Any]]
    """Anonymous record of each member."""
    carried: Carried | None
    reference: Reference
    typical: Typical
    made_by: Machine
    """Where the bundle was made, and with which versions."""
    card: str
    """Model card, in Markdown."""


@dataclasses.dataclass(frozen=True)
class Bundle:
    """Metadata and arrays."""

    record: BundleRecord
    tensors: Tensors

    def part(self, name: str) -> Tensors:
        """Arrays whose names begin with `name/`, without that."""
        return {key.removeprefix(f"{name}/"): one for key, one in self.tensors.items() if key.startswith(f"{name}/")}


def write_bundle(path: Path, record: BundleRecord, tensors: Tensors) -> None:
    """Write a bundle.

    Args:
        path: Of the file; it appears when it is complete.
        record: The metadata.
        tensors: Arrays by name.
    """
    from safetensors.torch import save_file

    content = plain(record)
    arrays = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"schema": SCHEMA, "digest": _digest(content, arrays), "content": content}
    with atomic_write(path) as partial:
        save_file(arrays, partial, {_RECORD: json.dumps(header, sort_keys=True, allow_nan=False)})


def read_bundle(path: Path) -> Bundle:
    """Read a bundle.

    Raises:
        UserError: There is no such file; it is cut short, was changed, is of a newer schema or of another kind.
        OSError: It cannot be read, which says nothing about its content.
    """
    if not path.is_file():
        raise UserError(f"there is no bundle {path}; {_WAY_OUT}")
    header, tensors = _parts(path)
    schema = header.get("schema")
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        way_out = "update stroke_ctp" if newer else "export the study again"
        raise UserError(f"{path} must be a bundle of schema {SCHEMA}, got {schema}; {way_out}")
    content = header.get("content")
    if not isinstance(content, dict) or header.get("digest") != _digest(content, tensors):
        raise UserError(f"{path} was changed after it was written; get it again, or export the study again")
    try:
        record = TypeAdapter(BundleRecord).validate_json(json.dumps(content))
    except (ValidationError, UserError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path} does not hold what a bundle holds ({reason}); export the study again") from None
    return Bundle(record, tensors)


def _parts(path: Path) -> tuple[dict[str, Any], Tensors]:
    """Metadata and arrays, not yet checked."""
    try:
        # safetensors says of a file without permission that it is missing
        with path.open("rb"), safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_RECORD])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except SafetensorError as error:
        raise UserError(f"{path} is no bundle, or is cut short ({error}); {_WAY_OUT}") from None
    except (KeyError, ValueError, RecursionError):
        raise UserError(f"{path} is no bundle; {_WAY_OUT}") from None
    if not isinstance(header, dict):
        raise UserError(f"{path} is no bundle; {_WAY_OUT}")
    return header, tensors


def _digest(content: Mapping[str, Any], tensors: Tensors) -> str:
    """SHA-256 over metadata and arrays."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for name in sorted(tensors):
        one = tensors[name]
        digest.update(f"{name} {one.dtype} {list(one.shape)}".encode())
        digest.update(one.numpy().tobytes())
    return digest.hexdigest()
