"""Parallel work on several cores."""

import functools
import os
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import TypeVar

import joblib
from tqdm import tqdm

from stroke_ctp.common.workers import serve

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[[Item], Result], items: Iterable[Item], jobs: int, in_order: bool = True
) -> Generator[Result, None, None]:
    """Yield results as they are ready; an error of one call ends the others.

    Args:
        function: Applied to every item.
        items: One for each call.
        jobs: Processes.
        in_order: Whether results come in the order of the items.
    """
    pool = joblib.Parallel(
        n_jobs=jobs,
        batch_size=1,  # items take different times
        pre_dispatch="all",  # otherwise threads dispatch while an error or Ctrl-C ends the workers
        return_as="generator" if in_order else "generator_unordered",
    )
    warnings.filterwarnings("ignore", ".*adjusting the input task iterator")  # after an error
    if jobs > 1:
        resource_tracker.ensure_running()  # its start unblocks Ctrl-C, so it comes first
    # A terminal sends Ctrl-C to every process of a command, a batch system SIGTERM. Only this process handles them:
    # workers inherit the mask and are stopped by this process, without a traceback each.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        results = pool(joblib.delayed(_called)(function, item, os.getpid()) for item in items)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    with _pool_ends_quietly():
        yield from results


def shared_map(
    function: Callable[..., Result | None], items: Iterable[Item], jobs: int
) -> Iterator[tuple[Item, Result]]:
    """Yield items with their results as they are ready; items locked by other processes come last.

    Args:
        function: Applied to every item with `wait`: whether to wait for another process at the item, or to return None.
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


def with_progress(results: Iterable[Item], title: str, unit: str, total: int, already_done: int = 0) -> Iterable[Item]:
    """The same results, counted by a progress bar.

    Args:
        results: As they are ready.
        title: Shown before the bar.
        unit: Plural of what is counted: `patients`.
        total: Number of results, with those of `already_done`.
        already_done: How many results earlier commands made.
    """
    text = f"{{desc}} {{percentage:3.0f}}%|{{bar}}| {{n_fmt}}/{{total_fmt}} {unit} [{{elapsed}}<{{remaining}}]"
    counted: Iterable[Item] = tqdm(results, title, total, initial=already_done, ncols=79, bar_format=text)
    return counted


def _called(function: Callable[[Item], Result], item: Item, parent: int) -> Result:
    if os.getpid() != parent:
        serve(parent)
    return function(item)


@contextmanager
def _pool_ends_quietly() -> Iterator[None]:
    """Hide errors of a pool's own thread when an error or Ctrl-C ends the pool."""
    usual = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if args.thread is None or args.thread.name != "ExecutorManagerThread":
            usual(args)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = usual
