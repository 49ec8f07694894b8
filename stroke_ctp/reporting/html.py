"""Self-contained HTML pages: figures are embedded, and nothing is fetched from elsewhere."""

import base64
from collections.abc import Mapping, Sequence
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


def _prose(text: str) -> Markup:
    """Text in which backticks mark code."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(p) if n % 2 else escape(p) for n, p in enumerate(parts))


def _cell(parts: Sequence[str]) -> Markup:
    """A cell of a table: one text, or several parts that each stay on one line."""
    if len(parts) == 1:
        return _prose(parts[0])
    return Markup(" ").join(Markup('<span class="nowrap">{}</span>').format(part) for part in parts)


_ENVIRONMENT.filters |= {"cell": _cell, "prose": _prose}


def render(template: str, content: Mapping[str, Any]) -> str:
    """Render a template of `reporting/templates`; text is escaped, and a missing name is an error.

    Args:
        template: File name, such as `report.html`; a page extends `base.html` and fills its blocks `title` and `body`.
        content: Values by the names that the template uses.
    """
    return _ENVIRONMENT.get_template(template).render(content)


def embedded(figure: Figure, alternative: str) -> Markup:
    """An `<img>` element that contains the figure.

    Args:
        figure: Rendered at 200 dots per inch on white, also on a dark page.
        alternative: Alternative text: what the figure shows.
    """
    content = BytesIO()
    with matplotlib.rc_context({"savefig.facecolor": "white"}):
        figure.savefig(content, format="png", dpi=200, metadata={"Software": None})
    data = base64.b64encode(content.getvalue()).decode()
    width = round(figure.get_figwidth() * 96 * 1.15)
    return Markup('<img src="data:image/png;base64,{}" alt="{}" width="{}">').format(data, alternative, width)
