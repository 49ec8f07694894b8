"""The same work for many patients on several cores."""

import functools
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import joblib

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(function: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> Iterator[Result]:
    """Results in the order of the items, each as soon as it and those before it are there.

    Args:
        function: Applied to every item.
        items: One for each call.
        jobs: Processes.
    """
    pool = joblib.Parallel(n_jobs=jobs, return_as="generator")
    # A terminal sends Ctrl-C to every process of a command. It is this one's to act on: the workers inherit the
    # mask from the first instant of their lives, and are stopped by it without a traceback each.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        results = pool(joblib.delayed(function)(item) for item in items)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    yield from results


def shared_map(
    function: Callable[..., Result | None], items: Iterable[Item], jobs: int
) -> Iterator[tuple[Item, Result]]:
    """Items and their results, as soon as they are there, those last at which other machines are at work.

    Args:
        function: Applied to every item, with `wait`: whether to wait for others who are at the item, or to return None.
        items: One for each call.
        jobs: Processes.
    """
    todo = list(items)
    for wait in (False, True):
        others = []
        results = parallel_map(functools.partial(function, wait=wait), todo, jobs) if todo else []
        for item, result in zip(todo, results, strict=True):
            if result is None:
                others.append(item)
            else:
                yield item, result
        todo = others
