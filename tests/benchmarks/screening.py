"""Speed of screening; run by hand: ``python tests/benchmarks/screening.py [number of structures]``.

Generated CIFs of 5 to 200 atoms per cell, with the fast model: on two processes, on one, and one by one through
separate ``migbar predict`` calls (a sample of them).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import psutil
from pymatgen.core import Structure

from migbar.resources import resource_dir
from migbar.screening import ScreeningOptions, run_screening
from migbar.screening.database import read_database
from migbar.structures import read_structure, write_cif

PROTOTYPES = (
    "Li3OCl", "LiCoO2", "Na3PS4", "NaV2O5", "LiFePO4", "NaFePO4", "Li7P3S11", "LiMn2O4", "MgTi2S4", "NaTi2P3O12",
)  # fmt: skip
SIZES = 5, 200
RATTLED = 0.1
PREDICT_CALLS = 25


def generate(folder: Path, number: int) -> None:
    """Write cells of the examples, enlarged and rescaled; a tenth, of up to 40 atoms, without symmetry."""
    draw = random.Random(7)
    cells = [read_structure(resource_dir() / "examples" / f"{name}.cif") for name in PROTOTYPES]
    for index in range(number):
        cell = draw.choice(cells)
        rattled = draw.random() < RATTLED and len(cell) <= 40
        most = 40 if rattled else np.exp(draw.uniform(*np.log(SIZES)))
        made = enlarged(cell, max(most, len(cell)), draw)
        made.scale_lattice(made.volume * draw.uniform(0.94, 1.08))
        if rattled:
            made.perturb(0.05, seed=index)
        write_cif(made, folder / f"{index:04d}-{made.reduced_formula}.cif")


def enlarged(cell: Structure, most: float, draw: random.Random) -> Structure:
    """Repeat a cell along random axes for as long as it has at most so many sites."""
    repeats = [1, 1, 1]
    while True:
        axis = draw.randrange(3)
        more = [n + (i == axis) for i, n in enumerate(repeats)]
        if len(cell) * np.prod(more) > min(most, SIZES[1]):
            return cell * repeats
        repeats = more


class Memory(threading.Thread):
    """Watches how much memory this process and its children take together."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.main = self.workers = self.largest = 0
        self.over = threading.Event()

    def run(self) -> None:
        process = psutil.Process()
        while not self.over.wait(0.25):
            sizes = []
            for child in process.children(recursive=True):
                try:
                    sizes.append(child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
            self.main = max(self.main, process.memory_info().rss)
            self.workers = max(self.workers, sum(sizes))
            self.largest = max(self.largest, *sizes, 0)


def screen_with(folder: Path, out: Path, processes: int) -> float:
    """Screen and tell how it went; return structures per minute."""
    memory = Memory()
    memory.start()
    busy = os.times()
    started = time.perf_counter()
    summary = run_screening([folder], ScreeningOptions(out=out, workers=processes))
    seconds = time.perf_counter() - started
    memory.over.set()
    memory.join()
    after = os.times()
    cpu = after.children_user + after.children_system - busy.children_user - busy.children_system
    own = after.user + after.system - busy.user - busy.system
    rate = 60 * summary.done / seconds
    print(
        f"{processes} processes: {summary.done} structures in {seconds:.1f} s = {rate:.0f} per minute; CPU of the "
        f"workers {cpu:.1f} s, of the run itself {own:.1f} s ({1000 * own / summary.done:.1f} ms each); peak memory "
        f"{(memory.main + memory.workers) / 1e6:.0f} MB together, {memory.largest / 1e6:.0f} MB the largest worker, "
        f"{memory.main / 1e6:.0f} MB the run; {summary.text()}",
        flush=True,
    )
    return rate


def predict_one_by_one(database: Path) -> None:
    """Predict single paths of some structures by the command, each in a process of its own."""
    query = 'SELECT file, ion, "from", "to", n_paths FROM result WHERE number = 0 ORDER BY file'
    with read_database(database) as connection:
        rows = connection.execute(query).fetchall()
    chosen = random.Random(1).sample(rows, min(PREDICT_CALLS, len(rows)))
    started = time.perf_counter()
    for file, ion, start, end, _ in chosen:
        command = [sys.executable, "-m", "migbar.cli", "predict", file, "--ion", ion]
        command += ["--from", start, "--to", end, "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    each = (time.perf_counter() - started) / len(chosen)
    paths = sum(row[4] for row in rows) / len(rows)
    print(
        f"one by one: {each:.2f} s for each migbar predict call ({len(chosen)} calls), so {60 / each:.0f} structures "
        f"per minute with one path each, {60 / each / paths:.1f} with all their paths ({paths:.1f} on average)",
        flush=True,
    )


def describe(database: Path) -> None:
    """Tell what was screened and what is in the database."""
    with read_database(database) as connection:
        sites = [n for (n,) in connection.execute("SELECT n_sites FROM structure")]
        paths = connection.execute("SELECT count(*) FROM path").fetchone()[0]
        seconds = connection.execute("SELECT sum(seconds), max(seconds) FROM structure").fetchone()
    print(
        f"{len(sites)} structures of {min(sites)} to {max(sites)} sites (median {np.median(sites):.0f}), {paths} "
        f"distinct paths; {seconds[0] / len(sites):.3f} s for each structure, {seconds[1]:.1f} s the slowest, "
        f"{seconds[0] / paths:.4f} s for each path; {database.stat().st_size / len(sites) / 1e3:.1f} kB for each "
        "structure in the database"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "structures"
        folder.mkdir()
        generate(folder, number)
        print(
            f"load before: {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores",
            flush=True,
        )
        two = screen_with(folder, Path(name) / "two.db", 2)
        describe(Path(name) / "two.db")
        one = screen_with(folder, Path(name) / "one.db", 1)
        print(f"speed-up of two processes over one: {two / one:.2f}")
        predict_one_by_one(Path(name) / "two.db")
        print(f"load after: {os.getloadavg()[0]:.1f}")
