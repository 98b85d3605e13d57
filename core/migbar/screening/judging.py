"""What a worker does to one structure: read it, find its hops, predict their barriers."""

from __future__ import annotations

import hashlib
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from migbar.barriers import Remark
from migbar.elements import compound_class
from migbar.ends import name_hop, parse_end, parse_mechanism
from migbar.errors import MigbarError, StructureFileError
from migbar.networks import DIRECTIONS
from migbar.paths import CrystalPaths, find_paths
from migbar.prediction import PredictedPath, predict_path
from migbar.screening.inputs import TooLargeError
from migbar.screening.options import Settings
from migbar.structures import (
    formula,
    is_partly_occupied,
    mobile_ions,
    parse_structure,
    reading_notes,
    require_ordered,
    symmetry,
    symmetry_notes,
)

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from migbar.barriers import Predictor

Reply = dict[str, Any]
"""JSON data: ``result`` and ``seconds``, or ``code`` and ``reason`` of a failure."""

# Two cells are the same where all lengths (Å), angles (°) and coordinates agree to these decimals.
_CELL_DECIMALS, _COORDINATE_DECIMALS = 4, 5


def answer(job: Mapping[str, Any], settings: Settings, model: Predictor) -> Reply:
    """Do one job and say how it went; never raises.

    Parameters
    ----------
    job : mapping
        ``kind`` is ``read`` or ``judge``; ``name`` and ``data`` (bytes as Latin-1) of the file,
        ``max_sites``, and ``hops`` where certain ones are asked for.
    settings : Settings
    model : Predictor
    """
    started = time.perf_counter()
    try:
        data = str(job["data"]).encode("latin-1")
        structure = parse_structure(data, job["name"])
        if job["kind"] == "read":
            result = _reading(structure, job["max_sites"])
        else:
            notes = [Remark(*note) for note in reading_notes(data, job["name"])]
            result = _judgement(structure, job["hops"], settings, model, notes)
    except MigbarError as error:
        return {"code": error.code, "reason": _without_name(error)}
    except MemoryError:
        return {"code": "memory", "reason": "there was not enough memory for it."}
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        return {"code": "internal", "reason": f"{type(error).__name__}: {error}"}
    return {"result": result, "seconds": time.perf_counter() - started}


def _without_name(error: MigbarError) -> str:
    # The file stands beside its reason already.
    return error.reason if isinstance(error, StructureFileError) else str(error)


# ------------------------------------------------------------------ reading


def _reading(structure: Structure, max_sites: int) -> dict[str, Any]:
    if len(structure) > max_sites:
        raise TooLargeError(
            f"has {len(structure)} sites; at most {max_sites} are screened "
            "(on the command line: --max-sites)."
        )
    return {"fingerprint": fingerprint(structure), "n_sites": len(structure)}


def fingerprint(structure: Structure) -> str:
    """Return the same text for the same cell with the same sites in the same order.

    Labels, comments, the format of the file and the orientation of the cell do not count.
    """
    cell = np.round(structure.lattice.parameters, _CELL_DECIMALS)
    frac = np.round(structure.frac_coords, _COORDINATE_DECIMALS) % 1.0
    species = "|".join(site.species_string for site in structure)
    known = hashlib.sha256(species.encode())
    known.update((cell + 0.0).tobytes())
    known.update((frac + 0.0).tobytes())
    return known.hexdigest()


# ------------------------------------------------------------------ judging


def _judgement(
    structure: Structure,
    hops: Sequence[Mapping[str, str]],
    settings: Settings,
    model: Predictor,
    notes: Sequence[Remark],
) -> dict[str, Any]:
    named = [hop["ion"] for hop in hops]
    ion, more = _choose_ion(structure, named[0] if named and all(named) else settings.ion)
    notes = [*notes, *more]
    if is_partly_occupied(structure):
        if not settings.order:
            require_ordered(structure)
        from migbar.ordering import order_structure

        ordering = order_structure(structure, ion)
        structure = ordering.structure
        notes.append(Remark("ordered", ordering.note))
    space_group, more = _space_group(structure, settings.symprec)
    notes += more
    about: Reply = {
        "formula": formula(structure),
        "compound_class": compound_class(structure.composition.get_el_amt_dict()),
        "n_sites": len(structure),
        "space_group": space_group,
        "ion": ion,
        "remarks": [_remark(note) for note in notes],
    }
    if hops:
        judge = partial(_given, structure, ion, settings, model)
        return about | {"paths": [judge(number, hop) for number, hop in enumerate(hops)]}
    mechanism = None if settings.mechanism is None else parse_mechanism(settings.mechanism)
    crystal = find_paths(structure, ion, model, mechanism, settings.cutoff, settings.symprec)
    about["remarks"] += [_remark(remark) for remark in crystal.remarks]
    return about | _all_paths(crystal)


def _choose_ion(structure: Structure, ion: str | None) -> tuple[str, list[Remark]]:
    if ion is not None:
        return ion, []
    candidates = mobile_ions(structure)
    if not candidates:
        raise NoUsualIonError(
            f"{formula(structure)} holds no usual mobile ion; say which one moves (on the command line: --ion)."
        )
    if len(candidates) == 1:
        return candidates[0], []
    others = ", ".join(candidates[1:])
    text = f"Took {candidates[0]} as the ion that moves; {others} might as well (on the command line: --ion)."
    return candidates[0], [Remark("several_ions", text)]


class NoUsualIonError(MigbarError):
    """Raised when a structure has no ion that usually moves, and none was named."""


def _space_group(structure: Structure, symprec: float) -> tuple[str, list[Remark]]:
    """Return the symbol, empty where there is none, and what is to be said about it."""
    try:
        notes = symmetry_notes(structure, symprec)
        return symmetry(structure, symprec).symbol, [Remark(*note) for note in notes]
    except StructureFileError:
        return "", []


def _all_paths(crystal: CrystalPaths) -> dict[str, Any]:
    search = crystal.search
    return {
        "mechanism": str(search.mechanism),
        "cutoff_angstrom": search.cutoff,
        "dimensionality": search.dimensionality,
        "percolation": {
            d: None if way is None else [way.barrier_ev, *way.interval_ev, way.bottleneck]
            for d in DIRECTIONS
            for way in [crystal.percolation[d]]
        },
        "paths": [
            {
                "number": number,
                "ion": search.ion,
                "start": str(hop.start.name),
                # Without its image a site's nearest one would be meant.
                "end": f"{hop.end.name}@{','.join(map(str, hop.image))}",
                "length_angstrom": hop.length,
                "multiplicity": hop.multiplicity,
                "per_site": hop.per_site,
                **_predicted(path),
            }
            for number, (hop, path) in enumerate(zip(search.hops, crystal.paths, strict=True))
        ],
    }


def _given(
    structure: Structure,
    ion: str,
    settings: Settings,
    model: Predictor,
    number: int,
    hop: Mapping[str, str],
) -> dict[str, Any]:
    """Predict one given hop, or say why it cannot be; the other hops of the file go on."""
    named: dict[str, Any] = {
        "number": number,
        "ion": hop["ion"] or ion,
        "start": hop["start"],
        "end": hop["end"],
    }
    try:
        text = hop["mechanism"] or settings.mechanism
        mechanism = None if text is None else parse_mechanism(text)
        ends = parse_end(hop["start"]), parse_end(hop["end"])
        made, remarks = name_hop(structure, named["ion"], *ends, mechanism)
        path = predict_path(structure, made, model, notes=remarks)
    except MigbarError as error:
        return named | {"problem": str(error)}
    return named | {"length_angstrom": path.length} | _predicted(path)


def _predicted(path: PredictedPath) -> dict[str, Any]:
    barrier = path.barrier
    return {
        "mechanism": str(path.hop.mechanism),
        "barrier_ev": barrier.barrier_ev,
        "interval_low_ev": barrier.interval_ev[0],
        "interval_high_ev": barrier.interval_ev[1],
        "interval_level": barrier.interval_level,
        "supercell": path.supercell.tolist(),
        "remarks": [_remark(remark) for remark in path.remarks],
    }


def _remark(remark: Remark) -> dict[str, str]:
    return {"code": remark.code, "text": remark.text}
