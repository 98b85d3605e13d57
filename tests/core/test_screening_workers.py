"""Screening: workers that die, hang or are far away."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import replace

import pytest

from migbar.screening import (
    Limits,
    ScreeningError,
    ScreeningOptions,
    run_screening,
)
from migbar.screening import crew as crews
from migbar.screening.crew import Crew
from migbar.screening.options import Settings
from migbar.screening.run import cut_batch
from migbar.structures import write_cif
from tests.core.processes import ENVIRONMENT, wait_for
from tests.core.salts import endless, write_salts
from tests.core.screenings import content, options, reasons


def test_that_a_structure_over_its_time_is_stopped_and_no_other(tmp_path):
    write_salts(tmp_path / "in", 4)
    write_cif(endless(), tmp_path / "in" / "endless.cif")
    started = time.monotonic()
    limits = Limits(seconds=4.0, sites=1000)
    summary = run_screening([tmp_path / "in"], options(tmp_path / "results.db", limits=limits))
    assert (summary.judged, summary.failed) == (4, 1)
    assert "longer than 4 s" in reasons(tmp_path / "results.db")["endless.cif"]
    assert time.monotonic() - started < 60


def test_that_a_worker_that_dies_is_replaced_and_its_structure_tried_again(tmp_path, monkeypatch):
    folder = tmp_path / "in"
    write_salts(folder, 6)
    (folder / "deadly.cif").write_text("data_deadly\n")
    # A worker that ends itself when it meets this file, and once, by chance, another.
    (tmp_path / "mortal.py").write_text(
        "import os, pathlib, sys\n"
        "from migbar.screening import judging, worker\n"
        "honest = judging.answer\n"
        "def answer(job, settings, model):\n"
        f"    memory = pathlib.Path({str(tmp_path / 'once')!r})\n"
        "    unlucky = job['kind'] == 'judge' and job['name'] == 'salt-002.cif' and not memory.exists()\n"
        "    if unlucky:\n"
        "        memory.touch()\n"
        "    if unlucky or job['name'] == 'deadly.cif':\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return honest(job, settings, model)\n"
        "judging.answer = answer\n"
        "worker.main()\n"
    )
    monkeypatch.setattr(
        crews, "own_process", lambda *_: [sys.executable, str(tmp_path / "mortal.py")]
    )
    summary = run_screening([folder], options(tmp_path / "results.db"))
    assert (summary.judged, summary.failed) == (6, 1)
    assert "ended twice, killed by signal 9" in reasons(tmp_path / "results.db")["deadly.cif"]


def test_that_the_model_is_loaded_once_by_each_worker(tmp_path, monkeypatch):
    write_salts(tmp_path / "in", 12)
    started = []
    honest = crews.Worker.__init__

    def note(self, settings):
        started.append(self)
        honest(self, settings)

    monkeypatch.setattr(crews.Worker, "__init__", note)
    run_screening([tmp_path / "in"], options(tmp_path / "results.db", workers=2))
    assert len(started) == 2


def test_that_structures_of_like_size_travel_together():
    class Item:
        def __init__(self, n_sites: int) -> None:
            self.n_sites = n_sites

    ready = [Item(n) for n in (5, 180, 6, 300, 7, 90, 80, *[4] * 30)]
    batches = []
    while ready:
        batches.append([item.n_sites for item in cut_batch(ready)])
    assert batches[0] == [300]
    assert batches[1] == [180]
    assert batches[2] == [90, 80, 7, 6, 5, 4, 4, 4]
    assert all(sum(batch) <= 200 or len(batch) == 1 for batch in batches)
    assert max(map(len, batches)) <= 16


def test_that_a_worker_with_another_model_is_refused(tmp_path):
    settings = replace(Settings.of(ScreeningOptions()), model_digest="of another")
    crew = Crew(settings)
    with pytest.raises(ScreeningError, match="is not the one"):
        crew.answer({"kind": "read"}, 10)
    crew.close()


def test_that_closing_a_crew_ends_a_job_in_the_middle(tmp_path):
    write_cif(endless(), tmp_path / "endless.cif")
    crew = Crew(Settings.of(ScreeningOptions()))
    job = {
        "kind": "judge",
        "name": "endless.cif",
        "data": (tmp_path / "endless.cif").read_text(),
        "hops": [],
    }
    caught: list[Exception] = []

    def ask() -> None:
        try:
            crew.answer(job, 600)
        except ScreeningError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_for(lambda: any(worker.jobs_done for worker in crew._all))
    crew.close()
    thread.join(20)
    assert not thread.is_alive()
    assert "stopped" in str(caught[0])


# ------------------------------------------------------------------ Dask


class KillOnce:
    """Kills a process when the first files are finished."""

    def __init__(self, pid: int) -> None:
        self._pid: int | None = pid

    def report(self, done: int, total: int, message: str = "") -> None:
        if done >= 3 and self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            self._pid = None

    def cancelled(self) -> bool:
        return False


def test_that_a_dask_cluster_that_loses_a_worker_gives_every_result_once(tmp_path, undisturbed):
    from distributed import LocalCluster

    folder, expected = undisturbed
    database = tmp_path / "results.db"
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        victim = next(iter(cluster.workers.values())).pid
        asked = ScreeningOptions(out=database, scheduler=cluster.scheduler_address)
        summary = run_screening([folder], asked, KillOnce(victim))
    assert (summary.judged, summary.failed, summary.duplicates) == (30, 0, 0)
    assert content(database) == content(expected)


def test_that_a_scheduler_that_is_not_there_is_told(tmp_path, monkeypatch, undisturbed):
    folder, _ = undisturbed
    monkeypatch.setattr("migbar.screening.engine.PATIENCE_S", 0.5)
    asked = ScreeningOptions(out=tmp_path / "results.db", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(ScreeningError, match="cannot be reached"):
        run_screening([folder], asked)


def test_that_no_client_is_made_for_what_is_no_address(tmp_path, monkeypatch, undisturbed):
    folder, _ = undisturbed
    monkeypatch.setattr("distributed.Client", lambda *_, **__: pytest.fail("made"))
    asked = ScreeningOptions(out=tmp_path / "results.db", scheduler="nowhere")
    with pytest.raises(ScreeningError, match="as tcp://host:8786"):
        run_screening([folder], asked)


def test_that_a_batch_system_that_is_not_there_is_told(tmp_path, monkeypatch, undisturbed):
    pytest.importorskip("dask_jobqueue")
    folder, _ = undisturbed
    monkeypatch.setattr("migbar.screening.engine.shutil.which", lambda _: None)
    monkeypatch.setattr("distributed.Client", lambda *_, **__: pytest.fail("made"))
    asked = ScreeningOptions(out=tmp_path / "results.db", cluster="slurm")
    with pytest.raises(ScreeningError, match="There is no sbatch"):
        run_screening([folder], asked)


def test_that_jobs_for_a_batch_system_are_written_as_asked(tmp_path):
    pytest.importorskip("dask_jobqueue")
    from migbar.screening.engine import make_cluster

    asked = ScreeningOptions(
        cluster="slurm", cluster_options={"queue": "long", "memory": "3GB", "walltime": "02:00:00"}
    )
    with make_cluster(asked) as cluster:
        script = cluster.job_script()
    for line in ("#SBATCH -p long", "#SBATCH --mem=3G", "#SBATCH -t 02:00:00", "--nthreads 1"):
        assert line in script
    with pytest.raises(ScreeningError, match="no batch system"):
        make_cluster(ScreeningOptions(cluster="cray"))
    with pytest.raises(ScreeningError, match="does not take"):
        make_cluster(ScreeningOptions(cluster="slurm", cluster_options={"colour": "blue"}))


def test_that_a_batch_system_starts_the_workers(tmp_path, monkeypatch, undisturbed):
    dask_jobqueue = pytest.importorskip("dask_jobqueue")
    from dask_jobqueue.local import LocalCluster  # runs the jobs at once, on this machine

    from migbar.screening import engine

    folder, expected = undisturbed
    monkeypatch.setattr(dask_jobqueue, "LocalCluster", LocalCluster, raising=False)
    monkeypatch.setitem(engine.CLUSTERS, "local", "LocalCluster")
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    asked = ScreeningOptions(
        out=tmp_path / "results.db",
        cluster="local",
        cluster_options={"scheduler_options": {"host": "127.0.0.1", "dashboard": False}},
    )
    assert run_screening([folder], asked).judged == 30
    assert content(tmp_path / "results.db") == content(expected)
