"""What readers call the models, and the order in which they are shown."""

from collections.abc import Iterable

_ALWAYS_SHOWN = {
    "full": "Full",
    "global": "Global alone",
    "local": "Local alone",
    "cbv": "CBV core",
    "rcbf": "rCBF core",
}
_OTHERS = {
    "cbv_scan": "CBV core, whole scan",
    "rcbf_scan": "rCBF core, whole scan",
}

ALWAYS_SHOWN = tuple(_ALWAYS_SHOWN)
"""Models that Table 2 lists even if they were not run, in this order."""


def model_name(model: str) -> str:
    """What a reader calls a model; a model that is not listed goes by its own name.

    >>> model_name("local")
    'Local alone'
    """
    return (_ALWAYS_SHOWN | _OTHERS).get(model, model)


def in_display_order(models: Iterable[str]) -> list[str]:
    """Models in the order in which they are shown: those of Table 2 first, others by name.

    >>> in_display_order({"my_model", "cbv", "full"})
    ['full', 'cbv', 'my_model']
    """
    given = set(models)
    return [model for model in ALWAYS_SHOWN if model in given] + sorted(given - set(ALWAYS_SHOWN))
