"""The same work for many items on several cores."""

import functools
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import joblib

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[[Item], Result], items: Iterable[Item], jobs: int, in_order: bool = True
) -> Generator[Result, None, None]:
    """Results as soon as they are there; an error of one call ends the others.

    Args:
        function: Applied to every item.
        items: One for each call.
        jobs: Processes.
        in_order: Whether a result waits for those of the items before it.
    """
    pool = joblib.Parallel(
        n_jobs=jobs,
        batch_size=1,  # an item that took no time says nothing about the next
        pre_dispatch="all",  # or its threads go on dispatching while an error or Ctrl-C ends the workers
        return_as="generator" if in_order else "generator_unordered",
    )
    warnings.filterwarnings("ignore", ".*adjusting the input task iterator")  # of results that an error made useless
    # A terminal sends Ctrl-C to every process of a command. It is this one's to act on: the workers inherit the
    # mask from the first instant of their lives, and are stopped by it without a traceback each.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        results = pool(joblib.delayed(function)(item) for item in items)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    with _pool_ends_quietly():
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


@contextmanager
def _pool_ends_quietly() -> Iterator[None]:
    """Where an error or Ctrl-C ends a pool, its own thread may stumble over items that are no longer there."""
    usual = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if args.thread is None or args.thread.name != "ExecutorManagerThread":
            usual(args)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = usual
