"""The mark in a page that tells a later command what the page was made of."""

import re
from pathlib import Path

from markupsafe import Markup


def page_comment(mark: str) -> Markup:
    """The mark as a comment of HTML."""
    return Markup("<!-- made of {} -->").format(mark)


def page_mark(path: Path) -> str | None:
    """What a page was made of; None without a page, and for a page without a mark."""
    found = re.search("<!-- made of (.*) -->", path.read_text("utf-8", "replace")) if path.exists() else None
    return None if found is None else found[1]
