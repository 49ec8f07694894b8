"""All models by name: what a reader calls them, and the order in which they are shown.

A new model needs an entry here, a class that offers `protocol.Model`, a settings class that `TrainSettings.model`
lists, and a branch in `model/build.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.text import within_a_sentence
from stroke_ctp.model.settings import OTHER_MODELS


@dataclass(frozen=True)
class ModelEntry:
    """How a model is presented."""

    display_name: str
    apart: str = ""
    """Its name on a page of its own, if `display_name` needs the article's other pathways beside it."""
    in_article: bool = False
    """Whether the article reports it."""
    in_table2: bool = True
    """Whether Table 2 has a column for it even if it was not run."""


REGISTRY = {
    "full": ModelEntry("Full", "Article's network", in_article=True),
    "global": ModelEntry("Global alone", "Article's network, global pathway alone", in_article=True),
    "local": ModelEntry("Local alone", "Article's network, local pathway alone", in_article=True),
    "perfusion": ModelEntry("Perfusion network", in_table2=False),
    "cbv": ModelEntry("CBV core"),
    "rcbf": ModelEntry("rCBF core"),
    "cbv_scan": ModelEntry("CBV core, whole scan", in_table2=False),
    "rcbf_scan": ModelEntry("rCBF core, whole scan", in_table2=False),
}
"""Models by the name of their folder in a study, in the order of tables and figures."""

IN_TABLE_2 = tuple(name for name, entry in REGISTRY.items() if entry.in_table2)
"""Models that have a column in Table 2 even if they were not run."""
WHOLE_SCAN = {"cbv_scan": "scan_cbv_ml", "rcbf_scan": "scan_rcbf_ml"}
"""Models that use the core of the whole scan, and the column that `preprocess volumes=true` adds for each. The others
measure the core at the two levels, by the definition of the same name."""


def display_name(model: str) -> str:
    """What a reader calls a model; an unknown one goes by its own name.

    >>> display_name("local")
    'Local alone'
    """
    return REGISTRY[model].display_name if model in REGISTRY else model


def name_apart(model: str) -> str:
    """What a reader calls a model that stands alone, or beside models of other kinds.

    >>> name_apart("full"), name_apart("cbv")
    ("Article's network", 'CBV core')
    """
    entry = REGISTRY.get(model)
    return entry.apart if entry is not None and entry.apart else display_name(model)


def name_in_text(model: str) -> str:
    """What a sentence calls a model; an unknown one by its own name.

    >>> name_in_text("full"), name_in_text("cbv")
    ("the article's network", 'the CBV core')
    """
    return f"the {within_a_sentence(name_apart(model))}" if model in REGISTRY else model


def in_order(models: Iterable[str]) -> list[str]:
    """Models in the order in which they are shown; unknown ones last, by name.

    >>> in_order(["my_model", "cbv", "full"])
    ['full', 'cbv', 'my_model']
    """
    given = set(models)
    return [name for name in REGISTRY if name in given] + sorted(given - set(REGISTRY))


def training_choice(model: str) -> str:
    """What to add to `python -m stroke_ctp.train` to fit a model."""
    if model in OTHER_MODELS:
        return f"model={model}"
    return f"ablation={model}" if model in REGISTRY else f"ablation.name={model}"


def refuse_whole_scan(option: str, models: Iterable[str]) -> None:
    """Refuse models that measure the whole scan where there are only two levels.

    Args:
        option: That names the models.
        models: Their names.

    Raises:
        UserError: One of them measures the whole scan.
    """
    whole = next((model for model in models if model in WHOLE_SCAN), None)
    if whole is not None:
        raise UserError(f"{option} must measure the two levels, {whole} measures the whole scan; choose another one")
