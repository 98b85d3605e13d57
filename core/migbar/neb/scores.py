"""NEB barriers beside known ones: the baseline's rows, and what `migbar.neb.measured` tells of a potential."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean, median, stdev
from typing import Any

from migbar.datasets import BandRecord, PublishedPath
from migbar.evaluation import score
from migbar.neb.baseline import NebRow
from migbar.neb.measured import MeasuredError

FEW = 3
"""A class with fewer paths gets no numbers of its own."""


def measure(rows: Sequence[NebRow], records: Sequence[BandRecord]) -> list[MeasuredError]:
    """Compare NEB barriers with the known ones, for each potential, preset and kind of ends.

    Rows of paths that `records` do not hold, or without a known barrier, are left out.
    """
    known = {r.sys_name: r for r in records if r.target_ev is not None}
    kinds: dict[tuple[str, str, bool], list[NebRow]] = defaultdict(list)
    for row in rows:
        if row.sys_name in known:
            kinds[row.potential, row.preset, row.ends_relaxed].append(row)
    return [
        _measure(kind, group, known)
        for kind, group in sorted(kinds.items(), key=lambda item: (item[0][:2], not item[0][2]))
        if len(_scored(group)) > 1
    ]


def _scored(rows: Sequence[NebRow]) -> list[NebRow]:
    return [row for row in rows if row.converged and row.barrier_ev is not None]


def _measure(
    kind: tuple[str, str, bool], rows: Sequence[NebRow], known: Mapping[str, BandRecord]
) -> MeasuredError:
    scored = _scored(rows)
    pairs = [(known[row.sys_name].target_ev or 0.0, row.barrier_ev or 0.0) for row in scored]
    families: dict[str, list[float]] = defaultdict(list)
    for row, (target, barrier) in zip(scored, pairs, strict=True):
        families[known[row.sys_name].family].append(barrier - target)
    errors = [barrier - target for target, barrier in pairs]
    scores = score([t for t, _ in pairs], [b for _, b in pairs])
    return MeasuredError(
        *kind,
        n=len(scored),
        failed=sum(row.barrier_ev is None for row in rows),
        not_converged=sum(row.barrier_ev is not None and not row.converged for row in rows),
        moved=sum("end_moved" in row.remarks.split() for row in scored),
        bias_ev=fmean(errors),
        median_ev=median(errors),
        spread_ev=stdev(errors),
        mae_ev=scores.mae_ev,
        mae_se_ev=scores.mae_se_ev,
        r2=scores.r2,
        r2_se=scores.r2_se,
        seconds=median(row.seconds for row in scored),
        by_class={
            name: {"n": len(e), "bias_ev": fmean(e), "spread_ev": stdev(e)}
            for name, e in sorted(families.items())
            if len(e) >= FEW
        },
    )


def measured_json(measured: Sequence[MeasuredError], command: str) -> str:
    """Return the text of the resource `migbar.neb.measured.FILE`; `command` makes the table behind it."""
    rounded = [_rounded(asdict(one)) for one in measured]
    return json.dumps({"command": command, "measured": rounded}, indent=2) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def baseline_table(
    rows: Sequence[NebRow],
    records: Sequence[BandRecord],
    published: Mapping[str, PublishedPath] | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each potential and kind of ends, with the published MACE barriers of the same paths."""
    known = {r.sys_name: r for r in records if r.target_ev is not None}
    table = []
    for found in measure(rows, records):
        ends = "relaxed" if found.ends_relaxed else "as given"
        table.append(
            {
                "barriers": f"{found.potential} NEB",
                "ends": ends,
                "paths": found.n,
                "MAE (eV)": f"{found.mae_ev:.3f} ± {found.mae_se_ev:.3f}",
                "R²": f"{found.r2:.2f} ± {found.r2_se:.2f}",
                "bias (eV)": f"{found.bias_ev:+.3f}",
                "median error (eV)": f"{found.median_ev:+.3f}",
                "spread (eV)": f"{found.spread_ev:.3f}",
                "failed": found.failed,
                "not converged": found.not_converged,
                "an end moved": found.moved,
                "s per path": f"{found.seconds:.0f}",
            }
        )
        kind = (found.potential, found.preset, found.ends_relaxed)
        names = [row.sys_name for row in _scored(rows) if row.key[1:] == kind]
        pairs = [
            (known[name].target_ev or 0.0, barrier)
            for name in names
            if name in known
            and (barrier := _mace(name, found.ends_relaxed, published or {})) is not None
        ]
        if len(pairs) > 1:
            table.append(_published_row(ends, pairs))
    return table


def _mace(name: str, ends_relaxed: bool, published: Mapping[str, PublishedPath]) -> float | None:
    path = published.get(name)
    if path is None:
        return None
    return path.mace_neb_relax_ev if ends_relaxed else path.mace_neb_no_relax_ev


def _published_row(ends: str, pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    scores = score([t for t, _ in pairs], [b for _, b in pairs])
    errors = [barrier - target for target, barrier in pairs]
    return {
        "barriers": "MACE NEB (published), the same paths",
        "ends": ends,
        "paths": scores.n,
        "MAE (eV)": f"{scores.mae_ev:.3f} ± {scores.mae_se_ev:.3f}",
        "R²": f"{scores.r2:.2f} ± {scores.r2_se:.2f}",
        "bias (eV)": f"{fmean(errors):+.3f}",
        "median error (eV)": f"{median(errors):+.3f}",
        "spread (eV)": f"{stdev(errors):.3f}",
    }
