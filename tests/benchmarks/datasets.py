"""Size, speed and memory of a large dataset; run by hand: ``python -m tests.benchmarks.datasets [bands]``.

100,000 bands of 65 atoms are written path by path, opened, split, and read one here and one there: memory must
not grow with their number beyond what the table of names takes.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from migbar.datasets.problems import Source
from migbar.datasets.splits import split_dataset
from migbar.datasets.storage import BarrierDataset, writing
from tests.core.own_bands import own_records


def peak_mb() -> float:
    """Most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    models = own_records(200)
    print(f"before: {peak_mb():.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.parquet"
        started = time.perf_counter()
        with writing(path) as writer:
            for number in range(count):
                record = models[number % len(models)]
                named = replace(record, sys_name=f"{record.sys_name}-{number}")
                writer.add(named, Source("made.csv", number), "")
        print(
            f"wrote {count} bands in {time.perf_counter() - started:.1f} s; peak {peak_mb():.0f} MB"
        )
        started = time.perf_counter()
        dataset = BarrierDataset(path)
        print(f"opened in {time.perf_counter() - started:.2f} s; peak {peak_mb():.0f} MB")
        started = time.perf_counter()
        split_dataset(dataset)
        print(f"split in {time.perf_counter() - started:.2f} s; peak {peak_mb():.0f} MB")
        started = time.perf_counter()
        for index in np.random.default_rng(0).integers(0, count, 100):
            assert dataset[int(index)].band.ion
        print(
            f"100 bands here and there in {time.perf_counter() - started:.2f} s; "
            f"peak {peak_mb():.0f} MB"
        )
