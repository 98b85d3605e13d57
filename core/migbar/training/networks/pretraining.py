"""Pre-training on seven bulk properties at once: the MPT network."""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from migbar.graphs import CrystalGraph, GraphError, GraphSettings, crystal_graph, pack
from migbar.models.networks.architectures import PROPERTIES
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.training.networks.packing import TrainingData, TrainingFileError


def pack_corpus(
    path: str | Path,
    settings: GraphSettings,
    max_atoms: int | None = None,
    progress: Progress = SILENT,
) -> TrainingData:
    """Read a corpus of structures with bulk properties and build their graphs.

    Parameters
    ----------
    path : path
        JSON lines, ``.xz`` or not: ``lattice``, ``frac_coords``, ``species``, and ``targets`` with some of the
        seven properties, scaled to about −1…1.
    settings : GraphSettings
    max_atoms : int, optional
        Leave out larger structures.

    Raises
    ------
    TrainingFileError
        If the file or one of its lines cannot be read; the line is named.
    """
    graphs: list[CrystalGraph] = []
    targets: list[list[float]] = []
    for number, entry in _entries(Path(path)):
        check_cancelled(progress)
        try:
            if max_atoms is not None and len(entry["species"]) > max_atoms:
                continue
            z = [_ATOMIC_NUMBERS[s] for s in entry["species"]]
            graphs.append(crystal_graph(entry["lattice"], entry["frac_coords"], z, settings))
            targets.append([float(entry["targets"].get(p, "nan")) for p in PROPERTIES])
        except (KeyError, TypeError, ValueError, AttributeError, GraphError) as error:
            raise TrainingFileError(path, f"line {number}: {error!r}.") from None
        progress.report(len(graphs), 0, "Building graphs")
    if not graphs:
        raise TrainingFileError(path, "holds no structures.")
    info = {
        "graphs": asdict(settings),
        "max_atoms": max_atoms,
        "structures": len(graphs),
        "labels": int(np.isfinite(np.array(targets)).sum()),
        "data_sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
    }
    return TrainingData({"band": pack(graphs)}, np.array(targets, np.float32), info)


def _entries(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        with (
            lzma.open(path, "rt", encoding="utf-8")
            if path.suffix == ".xz"
            else path.open(encoding="utf-8") as lines
        ):
            for number, line in enumerate(lines, start=1):
                yield number, json.loads(line)
    except FileNotFoundError:
        raise TrainingFileError(path, "there is no such file.") from None
    except (OSError, EOFError, lzma.LZMAError, ValueError, RecursionError) as error:
        raise TrainingFileError(path, f"cannot be read ({error}).") from None


_SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr "
    "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb "
    "Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm"
)
_ATOMIC_NUMBERS = {symbol: z for z, symbol in enumerate(_SYMBOLS.split(), start=1)}
