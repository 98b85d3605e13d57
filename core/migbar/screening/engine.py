"""Where the work is done: threads that each drive a local worker, or a Dask cluster.

Both are executors of `concurrent.futures`; on both sides a `Crew` of worker processes does the jobs.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from migbar.errors import MigbarError
from migbar.progress import Progress, check_cancelled
from migbar.screening.crew import Crew, answer_remotely, dismiss_crew
from migbar.screening.judging import Reply
from migbar.screening.options import ScreeningError, ScreeningOptions, Settings

if TYPE_CHECKING:
    from distributed import Client

CLUSTERS = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "oar": "OARCluster",
    "htcondor": "HTCondorCluster",
    "moab": "MoabCluster",
}
"""Classes of dask-jobqueue by batch system."""

PATIENCE_S = 30.0
"""Time for a scheduler to answer."""

_SLOTS_EVERY_S = 5.0

Jobs = Sequence[Mapping[str, Any]]


class Engine(Protocol):
    """Does jobs somewhere."""

    @property
    def slots(self) -> int:
        """How many batches can be worked on at the same time; at least one."""

    def submit(self, jobs: Jobs, seconds: float) -> Future[list[Reply]]:
        """Have a batch of jobs done, each within `seconds`."""


@contextmanager
def start_engine(
    options: ScreeningOptions, settings: Settings, progress: Progress
) -> Iterator[Engine]:
    """Start what the options ask for; whatever is still at work when the block ends is stopped.

    Raises
    ------
    ScreeningError
        If a scheduler cannot be reached, or dask-jobqueue or the batch system is not there.
    """
    if options.scheduler or options.cluster:
        with (
            _client(options, progress) as client,
            closing(_Distributed(client, settings)) as distributed,
        ):
            yield distributed
    else:
        with closing(_Local(options.processes, settings)) as local:
            yield local


class _Local:
    def __init__(self, processes: int, settings: Settings) -> None:
        self.slots = processes
        self._crew = Crew(settings)
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="screening")

    def submit(self, jobs: Jobs, seconds: float) -> Future[list[Reply]]:
        return self._threads.submit(self._crew.answer_all, jobs, seconds)

    def close(self) -> None:
        self._crew.close()
        self._threads.shutdown(cancel_futures=True)


class _Distributed:
    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._executor = client.get_executor(pure=False)
        self._slots, self._counted = 1, 0.0

    @property
    def slots(self) -> int:
        if time.monotonic() - self._counted > _SLOTS_EVERY_S:
            self._slots = max(1, sum(self._client.nthreads().values()))
            self._counted = time.monotonic()
        return self._slots

    def submit(self, jobs: Jobs, seconds: float) -> Future[list[Reply]]:
        future: Future[list[Reply]]
        future = self._executor.submit(answer_remotely, asdict(self._settings), jobs, seconds)
        return future

    def close(self) -> None:
        self._executor.shutdown(wait=False)
        if self._client.status == "running":
            # Workers may be going away at this moment; their own go with them.
            self._client.run(dismiss_crew, self._settings.digest, on_error="ignore")


@contextmanager
def _client(options: ScreeningOptions, progress: Progress) -> Iterator[Client]:
    from distributed import Client
    from distributed.comm.addressing import get_address_host_port

    if options.scheduler:
        try:
            # A client of what is no address hangs, and tells so, when it is thrown away.
            get_address_host_port(options.scheduler)
            client = Client(options.scheduler, timeout=PATIENCE_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ScreeningError(
                f"The scheduler {options.scheduler} cannot be reached ({error}); is it running? "
                "Write its address as tcp://host:8786."
            ) from None
        with client:
            yield client
        return
    with make_cluster(options) as cluster:
        _require_batch_system(cluster)
        with Client(cluster, set_as_default=False) as client:
            cluster.scale(jobs=options.workers or 1)
            while not client.nthreads():
                check_cancelled(progress)
                progress.report(0, 0, f"Waiting for {options.cluster} to start a worker")
                time.sleep(0.5)
            yield client


def _require_batch_system(cluster: Any) -> None:
    """Raise where jobs cannot be submitted: dask-jobqueue would wait for a worker for ever."""
    command = cluster.job_cls.submit_command
    if command and shutil.which(command) is None:
        raise ScreeningError(
            f"There is no {command} on this machine, which hands jobs to the batch system; start the screening on a "
            "login node of the cluster, or choose another kind of cluster (on the command line: --cluster)."
        )


def make_cluster(options: ScreeningOptions) -> Any:
    """Return the dask-jobqueue cluster that the options ask for; no job is submitted yet.

    Each job has one Dask worker with one thread unless ``cluster_options`` say otherwise.

    Raises
    ------
    ScreeningError
        If there is no such batch system, dask-jobqueue is not installed, or does not take the options.
    """
    name = str(options.cluster).lower()
    if name not in CLUSTERS:
        raise ScreeningError(
            f"'{options.cluster}' is no batch system that is known here; choose one of {', '.join(CLUSTERS)}."
        )
    try:
        import dask_jobqueue
    except ImportError:
        raise ScreeningError("Batch systems need dask-jobqueue; install migbar[cluster].") from None
    asked = {"cores": 1, "processes": 1, "memory": "4GB", **options.cluster_options}
    try:
        return getattr(dask_jobqueue, CLUSTERS[name])(**asked)
    except (TypeError, ValueError) as error:
        raise ScreeningError(f"dask-jobqueue does not take these options: {error}.") from None


def failure_of(error: Exception) -> str:
    """Say why a whole batch came back without replies, where the fault lies with its structures.

    Raises
    ------
    ScreeningError
        If the fault lies elsewhere, so that the screening cannot go on.
    """
    if isinstance(error, MigbarError):
        raise error
    if type(error).__name__ == "KilledWorker":  # of Dask, which is not imported for local work
        return "the Dask workers that took it died one after the other."
    raise ScreeningError(
        f"The cluster was lost ({type(error).__name__}: {error}); start again to go on."
    ) from error
