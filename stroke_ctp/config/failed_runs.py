"""Runs of a sweep that failed: the others go on, and the command names all failures at its end."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FailedRun:
    """What a run returns in place of its result, also across processes."""

    run: str
    """What distinguishes it, as on the command line: fold=3."""
    reason: str

    def __str__(self) -> str:
        return f"{self.run} failed: {self.reason}"


class FailedRuns:
    """Those of this command."""

    def __init__(self) -> None:
        self._failed: list[FailedRun] = []

    def add(self, returned: object) -> None:
        """Take what a run has returned."""
        if isinstance(returned, FailedRun):
            self._failed.append(returned)

    def take(self, n_runs: int) -> str:
        """One sentence about all failures, which are forgotten; empty without one.

        Args:
            n_runs: Number of runs of the command.
        """
        failed, self._failed = self._failed, []
        reasons = dict.fromkeys(one.reason for one in failed)
        if len(failed) == n_runs and len(reasons) == 1:
            return failed[0].reason if failed else ""
        told = [f"{', '.join(one.run for one in failed if one.reason == reason)}: {reason}" for reason in reasons]
        others = ", the others are complete" if len(failed) < n_runs else ""
        return f"{len(failed)} of {n_runs} runs failed{others}: {'; '.join(told)}" if failed else ""


FAILED_RUNS = FailedRuns()
"""Of this process."""
