"""Self-contained HTML pages: templates filled in, figures embedded, nothing fetched from anywhere."""

import base64
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import matplotlib
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

_ENVIRONMENT = Environment(
    loader=PackageLoader("stroke_ctp.reporting"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


_INTERVAL = re.compile(r"(−?[\d.]+) (\([−\d. to]+\))")
"""`0.72 (0.65 to 0.79)`, and nothing else: a sentence that holds such a number must break."""


def _prose(text: str) -> Markup:
    """Text in which backticks mark what is typed."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(p) if n % 2 else escape(p) for n, p in enumerate(parts))


def _unbroken(text: str) -> Markup:
    """A number and its interval, each without a break within it."""
    found = _INTERVAL.fullmatch(text)
    if not found:
        return _prose(text)
    return Markup('<span class="nowrap">{}</span> <span class="nowrap">{}</span>').format(*found.groups())


_ENVIRONMENT.filters |= {"unbroken": _unbroken, "prose": _prose}


def render(template: str, content: Mapping[str, Any]) -> str:
    """Fill in a template of `reporting/templates`; text is escaped, and a name that is missing is an error.

    Args:
        template: File name, such as `report.html`; a page extends `base.html` and fills its blocks `title` and `body`.
        content: Values by the names that the template uses.
    """
    return _ENVIRONMENT.get_template(template).render(content)


def embedded(figure: Figure, alternative: str) -> Markup:
    """An `<img>` that carries the figure itself.

    Args:
        figure: Is drawn at 200 dots per inch, on white: also a dark page shows it as print would.
        alternative: What the figure shows, in words, for readers who do not see it.
    """
    content = BytesIO()
    with matplotlib.rc_context({"savefig.facecolor": "white"}):
        figure.savefig(content, format="png", dpi=200, metadata={"Software": None})
    data = base64.b64encode(content.getvalue()).decode()
    width = round(figure.get_figwidth() * 96 * 1.15)
    return Markup('<img src="data:image/png;base64,{}" alt="{}" width="{}">').format(data, alternative, width)
