"""Hydra's launchers for the runs of a sweep side by side: on this machine, or as jobs of SLURM.

Hydra only accepts launchers from the namespace `hydra_plugins`: `register` gives them names there. Large libraries are
imported late, because every command imports this module.
"""

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, redirect_stdout
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from hydra_plugins.hydra_joblib_launcher.joblib_launcher import JoblibLauncher
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher as SubmititSlurmLauncher
from tqdm import tqdm

from stroke_ctp.common.errors import UserError
from stroke_ctp.config.failed_runs import FAILED_RUNS, FailedRun
from stroke_ctp.config.overrides import distinguishing

_GRACE = 60
"""Seconds that a result may need to appear on a shared file system once its job has left the queue."""


def register() -> None:
    """Make the launchers known to Hydra, under the names that `conf/hydra/launcher` uses."""
    for launcher in (ParallelLauncher, SlurmLauncher):
        Plugins.instance().class_name_to_class[f"hydra_plugins.stroke_ctp.{launcher.__name__}"] = launcher


class Outcome(NamedTuple):
    """How a run ended in its own process."""

    returned: JobReturn
    said: str
    """What it printed."""


class ParallelLauncher(JoblibLauncher):
    """Runs side by side on this machine: one to a core, or one to a GPU where trainings use GPUs."""

    def __init__(self, n_jobs: int | None = None) -> None:
        """Take the number of runs at a time; None for as many as there are cores or GPUs."""
        super().__init__()
        self.n_jobs = n_jobs

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run every job; one that fails leaves the others alone."""
        from stroke_ctp.common.devices import gpus, side_by_side
        from stroke_ctp.common.parallel import parallel_map

        assert self.config is not None
        devices = gpus(self.config.trainer.accelerator)
        if self.n_jobs is not None and (not isinstance(self.n_jobs, int) or self.n_jobs < 1):
            raise UserError(f"hydra.launcher.n_jobs must be a whole number ≥ 1 or null, got {self.n_jobs!r}")
        n_jobs = min(self.n_jobs or side_by_side(self.config.trainer.accelerator), len(job_overrides))
        with tempfile.TemporaryDirectory() as folder:
            run = partial(
                _run_here,
                gpus=[devices[slot % len(devices)] for slot in range(n_jobs)] if devices else [],
                locks=Path(folder),
                job=partial(_execute, self.hydra_context, self.config, self.task_function, Singleton.get_state()),
            )
            jobs = enumerate(map(list, job_overrides), initial_job_idx)
            return _gather(parallel_map(run, jobs, n_jobs, in_order=False), len(job_overrides))


class SlurmLauncher(SubmititSlurmLauncher):
    """Every run a job of SLURM, which continues when the cluster has interrupted it."""

    def __call__(self, *arguments: Any) -> Outcome:
        """One run, on a node of the cluster."""
        try:
            return _outcome(partial(super().__call__, *arguments))
        except KeyboardInterrupt:
            # Asked to make room, training has stopped. A job that ends by itself then has failed in SLURM's eyes;
            # one that SLURM ends is queued again.
            while True:
                signal.pause()

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Submit every job and wait for all; one that fails leaves the others alone."""
        jobs = self._submit(job_overrides, initial_job_idx)
        return _gather(_finished(jobs, job_overrides), len(jobs))

    def _submit(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        import submitit

        if shutil.which("sbatch") is None:
            raise UserError(
                "hydra/launcher=slurm needs SLURM's sbatch, which is not here; "
                "run the command where jobs are submitted, or choose hydra/launcher=parallel"
            )
        assert self.config is not None
        common = ("name", "timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node")
        given = {key: value for key, value in self.params.items() if key not in ("submitit_folder", "max_num_timeout")}
        executor = submitit.AutoExecutor(
            self.params["submitit_folder"], cluster="slurm", slurm_max_num_timeout=self.params["max_num_timeout"]
        )
        executor.update_parameters(**{k if k in common else f"slurm_{k}": value for k, value in given.items()})
        numbers = range(initial_job_idx, initial_job_idx + len(job_overrides))
        state = Singleton.get_state()
        runs = [(list(o), "hydra.sweep.dir", n, str(n), state) for o, n in zip(job_overrides, numbers, strict=True)]
        try:
            return executor.map_array(self, *zip(*runs, strict=True))
        except submitit.core.utils.FailedJobError as error:
            reason = " ".join(str(error).split("sbatch: error:")[-1].split())
            raise UserError(f"SLURM refuses the jobs ({reason}); correct hydra.launcher.…=…") from error


def _run_here(
    numbered: tuple[int, list[str]],
    gpus: Sequence[str],
    locks: Path,
    job: Callable[[int, list[str]], JobReturn],
) -> Outcome:
    """One run, in a process of the pool."""
    from stroke_ctp.common.devices import keep_gpu

    tqdm.set_lock(RLock())  # its usual lock spans processes, and would stay behind where one is killed
    if gpus:
        keep_gpu(gpus, locks)
    return _outcome(partial(job, *numbered))


def _execute(context: Any, config: Any, task: Any, state: Any, number: int, overrides: list[str]) -> JobReturn:
    from hydra_plugins.hydra_joblib_launcher._core import execute_job

    return execute_job(number, overrides, context, config, task, state)


def _outcome(job: Callable[[], JobReturn]) -> Outcome:
    """Run a job in its own process; its errors are reported where the command was given."""
    said = io.StringIO()
    with redirect_stdout(said):
        try:
            returned = job()
        except SystemExit as end:
            if not isinstance(end.code, str):  # no sentence: the cluster interrupts this job
                raise
            returned = JobReturn(status=JobStatus.FAILED, _return_value=end)
    error = returned._return_value
    if returned.status == JobStatus.FAILED and not isinstance(error, SystemExit):
        error.add_note("".join(traceback.format_exception(error)))  # does not cross processes by itself
    return Outcome(returned, said.getvalue().strip())


def _gather(outcomes: Generator[Outcome, None, None], total: int) -> list[JobReturn]:
    """Tell what each run says as it ends, and how many have; the returned in the order of their numbers."""
    bar_format = "{desc} |{bar}| {n_fmt}/{total_fmt} runs [{elapsed}<{remaining}]"
    returned = {}
    # Closed at once where the settings of a run are wrong: the others end with it.
    with closing(outcomes), tqdm(total=total, desc="train", ncols=79, smoothing=0, bar_format=bar_format) as bar:
        for outcome in outcomes:
            if outcome.returned.status == JobStatus.FAILED:
                raise outcome.returned._return_value
            if outcome.said:
                bar.write(outcome.said)
            FAILED_RUNS.add(outcome.returned.return_value)
            if outcome.returned.hydra_cfg is not None:  # as it is of a job without a result
                returned[outcome.returned.hydra_cfg.hydra.job.num] = outcome.returned
            bar.update()
    return [returned[number] for number in sorted(returned)]


def _finished(jobs: Sequence[Any], job_overrides: Sequence[Sequence[str]]) -> Generator[Outcome, None, None]:
    """Outcomes of SLURM's jobs as they come; those still open when the caller has enough are cancelled.

    A job that has left the queue without a result is a failed run.
    """
    given = {job.job_id: overrides for job, overrides in zip(jobs, job_overrides, strict=True)}
    waiting, seen = list(jobs), dict.fromkeys([job.job_id for job in jobs], time.monotonic())
    try:
        while waiting:
            for job in [job for job in waiting if job.paths.result_pickle.exists()]:
                waiting.remove(job)
                yield job.result()
            queued = _queue()
            for job in list(waiting):
                if queued is None or job.job_id in queued:
                    seen[job.job_id] = time.monotonic()
                elif time.monotonic() - seen[job.job_id] > _GRACE and not job.paths.result_pickle.exists():
                    waiting.remove(job)
                    yield _without_result(job, given[job.job_id])
            time.sleep(2)
    finally:
        if waiting:
            subprocess.run(["scancel", *(job.job_id for job in waiting)], check=False)


def _without_result(job: Any, given: Sequence[str]) -> Outcome:
    reason = f"SLURM's job {job.job_id} ended without a result; see {job.paths.stderr}"
    failed = FailedRun(distinguishing(given, sys.argv[1:]), reason)
    return Outcome(JobReturn(status=JobStatus.COMPLETED, _return_value=failed), f"train: {failed}")


def _queue() -> set[str] | None:
    """Jobs of this user that wait or run; None if the controller does not answer."""
    command = ["squeue", "--me", "--noheader", "--array", "--format=%i"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    return set(result.stdout.split()) if result.returncode == 0 else None
