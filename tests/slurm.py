"""A cluster of SLURM with one node, this machine: its own configuration, its own ports, nothing outside its folder."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# Jobs that are queued again wait for the credentials of the last attempt to expire: seconds, instead of two minutes.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=sched_interval=2
KillWait=5
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000
PartitionName=usual Nodes={host} Default=YES PriorityTier=1 GraceTime=5
PartitionName=urgent Nodes={host} PriorityTier=2
"""


def missing() -> str:
    """Why no cluster can be started here; empty if one can."""
    if os.geteuid() != 0:
        return "SLURM's daemons are started as root"
    absent = [name for name in NEEDED if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}; make test-slurm installs them" if absent else ""


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Daemons that run until the block ends; yields the environment in which SLURM's commands find them."""
    host = socket.gethostname().split(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir()
    configuration = folder / "slurm.conf"
    controller_port, node_port = _free_ports(2)
    configuration.write_text(
        CONFIGURATION.format(folder=folder, host=host, controller_port=controller_port, node_port=node_port)
    )
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    munge = [f"--{name}={folder / file}" for name, file in MUNGE_FILES.items()]
    environment = os.environ | {"SLURM_CONF": str(configuration)}
    with ExitStack() as daemons:
        for command in (
            ["munged", "--foreground", "--force", *munge],
            ["slurmctld", "-D", "-f", configuration],
            ["slurmd", "-D", "-f", configuration],
        ):
            daemon = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            daemons.callback(daemon.wait, 30)
            daemons.callback(daemon.terminate)
            time.sleep(0.5)
        _wait_for_an_idle_node(environment)
        try:
            yield environment
        finally:
            _end_all_jobs(environment)  # which outlive the daemons


MUNGE_FILES = {
    "socket": "munge.socket",
    "key-file": "munge.key",
    "pid-file": "munged.pid",
    "log-file": "munged.log",
    "seed-file": "munged.seed",
}


def ask(environment: dict[str, str], *command: str) -> str:
    """What one of SLURM's commands prints."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout


def _wait_for_an_idle_node(environment: dict[str, str]) -> None:
    for _ in range(60):
        result = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"], env=environment, capture_output=True, text=True, check=False
        )
        if result.stdout.split()[:1] == ["idle"]:
            return
        time.sleep(0.5)
    raise TimeoutError(f"no idle node: {result.stdout}{result.stderr}")


def _end_all_jobs(environment: dict[str, str]) -> None:
    for _ in range(60):
        jobs = ask(environment, "squeue", "--noheader", "--format=%A").split()
        if not jobs:
            return
        ask(environment, "scancel", *jobs)
        time.sleep(1)
    raise TimeoutError(f"jobs do not end: {jobs}")


def _free_ports(n: int) -> list[int]:
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
