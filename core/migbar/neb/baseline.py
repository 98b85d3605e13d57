"""NEB for many paths with known barriers: a resumable table, and what it says about a potential.

The table's columns are `COLUMNS`. Its ``seconds`` are wall time on the machine as it was, load included.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from migbar.datasets import BandRecord
from migbar.errors import words_of
from migbar.files import write_text
from migbar.neb.relaxation import NebStep, endpoints, relax_band
from migbar.neb.settings import NebError, settings_from
from migbar.potentials import Potential, PotentialError
from migbar.progress import SILENT, Progress, check_cancelled

MAX_ATOMS = 80
"""Cells up to this size are sampled: small enough for a laptop."""

FAILED = "failed"
"""First word of a row's remarks where there is no barrier; the reason follows."""


@dataclass(frozen=True, slots=True)
class NebRow:
    """What the NEB of one path gave; barriers are None where it failed.

    Attributes
    ----------
    sys_name, potential, preset : str
    ends_relaxed : bool
    barrier_ev, forward_ev, reverse_ev : float or None
    converged : bool
    steps : int
        Of the band.
    seconds : float
        Wall time.
    remarks : str
        Codes of what is odd about it, or why it failed.
    """

    sys_name: str
    potential: str
    preset: str
    ends_relaxed: bool
    barrier_ev: float | None
    forward_ev: float | None
    reverse_ev: float | None
    converged: bool
    steps: int
    seconds: float
    remarks: str = ""

    @property
    def key(self) -> tuple[str, str, str, bool]:
        """What was computed."""
        return self.sys_name, self.potential, self.preset, self.ends_relaxed


COLUMNS = tuple(NebRow.__dataclass_fields__)


def spread_sample(
    records: Sequence[BandRecord], limit: int, max_atoms: int = MAX_ATOMS
) -> list[BandRecord]:
    """Choose paths that are spread over structural classes, ions, frameworks and barriers.

    The choice hangs on nothing but the records: each next path is the one whose class, ion, framework and
    fifth of the barriers occur least among those chosen, the smaller cell where several are equal. So the first
    n of a larger sample are the sample of n.

    Parameters
    ----------
    records : sequence of BandRecord
    limit : int
        Number of paths at most.
    max_atoms : int
        Largest number of atoms of an image.
    """
    known = sorted(r.target_ev for r in records if r.target_ev is not None)
    fifths = [known[len(known) * k // 5] for k in range(1, 5)] if known else []
    left = {
        record.sys_name: (record, _traits(record, fifths))
        for record in records
        if len(record.band.host) + 1 <= max_atoms
    }
    seen: Counter[tuple[str, Any]] = Counter()
    chosen: list[BandRecord] = []

    def staleness(name: str) -> tuple[float, int, str]:
        record, traits = left[name]
        return (
            sum(seen[trait] * _WEIGHTS[trait[0]] for trait in traits),
            len(record.band.host),
            name,
        )

    while left and len(chosen) < limit:
        record, traits = left.pop(min(left, key=staleness))
        chosen.append(record)
        seen.update(traits)
    return chosen


# Frameworks are many: one that is taken already counts more than a class that is.
_WEIGHTS = {"class": 1, "ion": 1, "framework": 3, "fifth": 1}


def _traits(record: BandRecord, fifths: Sequence[float]) -> list[tuple[str, Any]]:
    fifth = sum(record.target_ev >= f for f in fifths) if record.target_ev is not None else -1
    return [
        ("class", record.family),
        ("ion", record.band.ion),
        ("framework", record.group),
        ("fifth", fifth),
    ]


def run_baseline(
    records: Sequence[BandRecord],
    potential: Potential,
    preset: str,
    ends: Sequence[bool],
    out: str | Path,
    progress: Progress = SILENT,
    on_row: Callable[[NebRow], None] | None = None,
) -> list[NebRow]:
    """Relax the bands of many paths, and write each row into a table once it is there.

    What the table holds already is not done again; a path that was interrupted goes on. A path that fails
    is a row that says why, and the work goes on with the next one.

    Parameters
    ----------
    records : sequence of BandRecord
    potential : Potential
    preset : str
    ends : sequence of bool
        Whether ends are relaxed; both, one after the other, where both are given.
    out : path
        Folder of ``neb.csv`` and of what is under way.
    progress : Progress
    on_row : callable, optional
        Is told every new row.

    Returns
    -------
    list of NebRow
        The whole table.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    table = out / "neb.csv"
    rows = read_rows(table) if table.exists() else []
    done = {row.key for row in rows}
    name = potential.provenance.name
    wanted = [
        (record, relax)
        for record in records
        for relax in ends
        if (record.sys_name, name, preset, relax) not in done
    ]
    for number, (record, relax) in enumerate(wanted):
        progress.report(number, len(wanted), record.sys_name)
        check_cancelled(progress)
        row = _row(record, potential, preset, relax, out, progress)
        rows.append(row)
        write_rows(rows, table)
        if on_row is not None:
            on_row(row)
    progress.report(len(wanted), len(wanted))
    return rows


def _row(
    record: BandRecord,
    potential: Potential,
    preset: str,
    relax: bool,
    out: Path,
    progress: Progress,
) -> NebRow:
    folder = out / "under-way" / _folder_name(record.sys_name, relax)
    steps: list[NebStep] = []
    begun = time.monotonic()
    numbers: dict[str, Any] = {"barrier_ev": None, "forward_ev": None, "reverse_ev": None}
    numbers |= {"converged": False, "steps": 0, "seconds": 0.0}
    try:
        settings = settings_from(preset, {"relax_ends": relax})
        result = relax_band(
            *endpoints(record.band),
            potential,
            settings,
            folder=folder,
            progress=_CancelOnly(progress),
            on_step=steps.append,
        )
        check_cancelled(progress)
        profile = result.profile
        numbers |= {
            "barrier_ev": profile.barrier_ev,
            "forward_ev": profile.forward_ev,
            "reverse_ev": profile.reverse_ev,
            "converged": result.converged,
            "steps": result.steps,
            "seconds": result.seconds,
        }
        remarks = " ".join(remark.code for remark in result.remarks)
    except (NebError, PotentialError) as error:
        remarks = f"{FAILED}: {error}"
        numbers["steps"] = steps[-1].step if steps and steps[-1].stage in ("band", "climb") else 0
        numbers["seconds"] = time.monotonic() - begun
    shutil.rmtree(folder, ignore_errors=True)
    return NebRow(
        sys_name=record.sys_name,
        potential=potential.provenance.name,
        preset=preset,
        ends_relaxed=relax,
        remarks=remarks,
        **numbers,
    )


class _CancelOnly:
    """Passes the wish to stop on, and no steps of a single path."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def report(self, done: int, total: int, message: str = "") -> None: ...

    def cancelled(self) -> bool:
        return self._progress.cancelled()


def _folder_name(sys_name: str, relax: bool) -> str:
    readable = re.sub(r"[^\w.-]", "_", sys_name)[:60]
    digest = hashlib.sha256(sys_name.encode()).hexdigest()[:8]
    return f"{readable}-{digest}-{'relaxed' if relax else 'given'}"


def write_rows(rows: Iterable[NebRow], path: str | Path) -> None:
    """Write rows as CSV; the file appears whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: _as_text(v) for k, v in asdict(row).items()} for row in rows)
    write_text(path, text.getvalue())


def read_rows(path: str | Path) -> list[NebRow]:
    """Read rows from CSV.

    Raises
    ------
    NebError
        If the file is not such a table.
    """
    path = Path(path)
    try:
        lines = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        return [_from_text(line) for line in lines]
    except OSError as error:
        raise NebError(f"{path.name} cannot be read: {words_of(error)}.") from None
    except (KeyError, ValueError, TypeError) as error:
        raise NebError(
            f"{path.name} is not a table of NEB barriers as migbar neb --bands writes it ({error!r})."
        ) from None


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _from_text(line: dict[str, str]) -> NebRow:
    def number(name: str) -> float | None:
        return float(line[name]) if line[name] else None

    return NebRow(
        sys_name=line["sys_name"],
        potential=line["potential"],
        preset=line["preset"],
        ends_relaxed=line["ends_relaxed"] == "true",
        barrier_ev=number("barrier_ev"),
        forward_ev=number("forward_ev"),
        reverse_ev=number("reverse_ev"),
        converged=line["converged"] == "true",
        steps=int(line["steps"]),
        seconds=float(line["seconds"]),
        remarks=line.get("remarks") or "",
    )
