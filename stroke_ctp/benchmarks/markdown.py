"""Tables in Markdown, as the pages of `docs/` show them."""

from collections.abc import Iterable, Sequence


def row(*cells: str) -> str:
    """A line of a table.

    >>> row("all", "64")
    '| all | 64 |'
    """
    return f"| {' | '.join(cells)} |"


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table with its heads."""
    return "\n".join(row(*line) for line in (heads, ["---"] * len(heads), *lines))
