"""Results of single patients on disk, so that no command computes them twice."""

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import write_json
from stroke_ctp.common.locks import exclusive_lock
from stroke_ctp.common.records import parse_record, read_json

Record = TypeVar("Record")


@dataclass(frozen=True)
class PatientRecords:
    """A folder with one JSON file and one lock per patient."""

    folder: Path

    def lock(self, number: int, wait: bool) -> AbstractContextManager[bool]:
        """Lock a patient against other processes and machines; arguments and value of `locks.exclusive_lock`."""
        return exclusive_lock(self._path(number).with_suffix(".lock"), wait)

    def read(self, number: int, key: str, schema: type[Record]) -> Record | None:
        """The record written with this key; None if there is none, another one or a damaged one."""
        path = self._path(number)
        try:
            record = read_json(path)
            if record.pop("key", None) != key:
                return None
            return parse_record(json.dumps(record), schema, str(path), "")
        except UserError:
            return None

    def write(self, number: int, key: str, record: Mapping[str, Any]) -> None:
        """Write a record.

        Args:
            number: Of the patient.
            key: Hash of everything that determines the record.
            record: Content, as JSON takes it.
        """
        write_json(self._path(number), {"key": key, **record})

    def remove_others(self, numbers: Iterable[int]) -> None:
        """Remove the records of all other patients, and all locks."""
        kept = {self._path(number) for number in numbers}
        for path in {*self.folder.glob("[0-9]*.json"), *self.folder.glob("[0-9]*.lock")} - kept:
            path.unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.json"
