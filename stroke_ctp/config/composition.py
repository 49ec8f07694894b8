"""What Hydra composes: defaults of the settings classes, and the groups and experiments of `conf/`."""

from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from stroke_ctp.common.schemas import fields, kinds, plain

_PACKAGE = Path(__file__).parents[1]
CONF = next(path for path in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if path.is_dir())
"""The configuration: inside an installed package, beside the package in a checkout."""


def register(name: str, schema: type) -> None:
    """Make the defaults of a command's settings known to Hydra, as `NAME_settings` and one group for each choice."""
    store = ConfigStore.instance()
    store.store(name=f"{name}_settings", node=defaults(schema))
    for group, field in fields(schema).items():
        for kind, part in kinds(field).items():
            store.store(group=group, name=kind, node=defaults(part) | {"kind": kind})


def defaults(schema: type) -> dict[str, Any]:
    """Defaults of a settings class as plain values; ??? stands for what must be given. Choices have groups instead."""
    chosen = {name: field for name, field in fields(schema).items() if not kinds(field)}
    given = {name: field.default for name, field in chosen.items() if not field.is_required()}
    return dict.fromkeys(chosen, "???") | plain(given)


def groups(name: str, schema: type) -> dict[str, list[str]]:
    """Groups of a command, and the choices of each."""
    entries = OmegaConf.load(CONF / f"{name}.yaml").defaults
    named = [str(group) for entry in entries if isinstance(entry, DictConfig) for group in entry]
    chosen = [group for group in named if not group.startswith("override ")]
    registered = {group: list(kinds(field)) for group, field in fields(schema).items() if kinds(field)}
    files = {group: sorted(path.stem for path in (CONF / group).glob("*.yaml")) for group in chosen}
    return files | registered | {"hydra/launcher": ["basic", "parallel", "slurm"]}
