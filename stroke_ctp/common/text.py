"""Words and lists of a sentence, and the width of a terminal."""

from collections.abc import Collection, Iterable

TERMINAL_WIDTH = 80
"""Columns of a terminal."""


def counted(n: int, noun: str) -> str:
    """A number and what is counted, in the plural unless there is one.

    >>> counted(1, "patient"), counted(2, "patient")
    ('1 patient', '2 patients')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def listed(values: Collection[str]) -> str:
    """`a, b and c`."""
    *others, last = values
    return f"{', '.join(others)} and {last}" if others else last


def one_of(values: Collection[str]) -> str:
    """`a, b or c`."""
    *others, last = values
    return f"{', '.join(others)} or {last}" if others else last


def some(values: Iterable[str], at_most: int = 5) -> str:
    """The first few of `values`, without repetition, and how many more there are; a set in its order."""
    ordered = sorted(values) if isinstance(values, set) else list(dict.fromkeys(values))
    more = len(ordered) - at_most
    return ", ".join(ordered[:at_most]) + (f" and {more} more" if more > 0 else "")


def printable(text: str) -> str:
    """A name with unprintable characters escaped: line breaks, control sequences of terminals.

    >>> printable("a\\nb")
    'a\\\\nb'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def within_a_sentence(title: str) -> str:
    """A title with its first letter in lower case, unless it begins with an abbreviation.

    >>> within_a_sentence("Too short"), within_a_sentence("CBV core")
    ('too short', 'CBV core')
    """
    return title if title[:2].isupper() else title[:1].lower() + title[1:]
