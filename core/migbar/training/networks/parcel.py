"""What a plan has brought about so far, in few and small files that travel between machines."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path

import torch

from migbar.training.networks.loop import CHECKPOINT, METRICS
from migbar.training.networks.packing import TrainingFileError
from migbar.training.networks.plan import ERROR, GPU_LOG, NETWORK, PREDICTIONS, RUN, RUNS, Plan

PART_BYTES = 15_000_000
PARTS = 4
_PART = "results-{}.tar"


def write_parcel(plan: Plan, folder: Path, at_home: Collection[str] = ()) -> list[str]:
    """Write what is there, the small things first, until the parts are full.

    Parameters
    ----------
    plan : Plan
    folder : path
        Gets the parts, each at most `PART_BYTES` long.
    at_home : collection of str
        Runs whose networks have been fetched before.

    Returns
    -------
    list of str
        Files that found no room; those of a run that has ended come with the next parcel.
    """
    stream, left_out = io.BytesIO(), []
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for path, content in _contents(plan, at_home):
            name = str(path.relative_to(plan.folder))
            content = path.read_bytes() if content is None else content
            if stream.tell() + len(content) + 20_000 > PARTS * PART_BYTES:
                left_out.append(name)
                continue
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(_PART.format("*")):
        old.unlink()
    data = stream.getvalue()
    for number, first in enumerate(range(0, len(data), PART_BYTES)):
        (folder / _PART.format(number)).write_bytes(data[first : first + PART_BYTES])
    return left_out


def read_parcel(parts: Path, folder: Path) -> None:
    """Lay what `write_parcel` wrote into the folder of a plan.

    Raises
    ------
    TrainingFileError
    """
    data = b""
    while (part := parts / _PART.format(len(data) // PART_BYTES)).exists():
        data += part.read_bytes()
        if len(data) % PART_BYTES:
            break
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            folder.mkdir(parents=True, exist_ok=True)
            tar.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise TrainingFileError(
            parts / _PART.format(0), f"cannot be read ({error}); are all parts there?"
        ) from None


def _contents(plan: Plan, at_home: Collection[str]) -> Iterator[tuple[Path, bytes | None]]:
    if (plan.folder / GPU_LOG).exists():
        yield plan.folder / GPU_LOG, None
    for names in ((RUN, METRICS, PREDICTIONS, ERROR), (NETWORK,)):
        for run in RUNS:
            for name in names:
                path = plan.folder / run.name / name
                if path.exists() and not (name == NETWORK and run.name in at_home):
                    yield path, None
    for run in RUNS:
        path = plan.folder / run.name / CHECKPOINT
        if path.exists() and not plan.done(run):
            yield path, _without_best(path)


def _without_best(path: Path) -> bytes:
    """Return a checkpoint that has room to travel: the best weights so far stay behind, the search begins anew."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    saved["best"], saved["state"]["best"] = None, float("inf")
    stream = io.BytesIO()
    torch.save(saved, stream)
    return stream.getvalue()
