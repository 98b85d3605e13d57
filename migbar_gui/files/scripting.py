"""What was just done, as a Python script that gives the same number."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from migbar.hops import Hop, SiteRef
from migbar.structures import NEAR_SYMMETRY
from migbar_gui.workspace import Document, Workspace

if TYPE_CHECKING:
    from migbar.paths import HopSearch
    from migbar.places import PlaceEnergies


def script(workspace: Workspace, model: str) -> str:
    """Write a script for what was done last: the search of all paths, or the active path.

    Parameters
    ----------
    workspace : Workspace
        With a structure, and a path or a search.
    model : str
        Name of the model in use, for a path without a result.

    Returns
    -------
    str
        Needs nothing but MigBar's core; prints barriers in eV.
    """
    document, group = workspace.document, workspace.state.group
    path = workspace.path(workspace.active)
    assert document is not None
    lines = [f'"""{document.name} in MigBar."""', ""]
    if group is not None and (path is None or workspace.undo_label.startswith("find")):
        search, places = group.found.crystal.search, group.found.crystal.places
        body = _search(search, group.found.supercell, places)
        used = group.found.model.name
        known = ["CrystalPaths"] if places is not None else []
        names = [
            "from migbar.hops import Mechanism",
            f"from migbar.paths import {', '.join([*known, 'find_paths'])}",
        ]
        if places is not None:
            names.append("from migbar.places import PlaceEnergies")
        cell = group.found.supercell
    else:
        assert path is not None
        result = workspace.result(path.id)
        used = model if result is None else result.predicted.barrier.model
        body, cell = _path(path.hop, path.supercell), path.supercell
        kinds = ["Hop", "Mechanism", "SiteRef"] if _sites(path.hop) else ["Hop", "Mechanism"]
        names = [f"from migbar.hops import {', '.join(kinds)}"]
        names.append("from migbar.prediction import predict_path")
    imports = ["from migbar.models.store import load_model", *names]
    if cell != "auto":
        imports.append("from migbar.supercells import parse_supercell")
    from_file = _is_as_read(document)
    if from_file:
        imports.append("from migbar.structures import read_structure")
    else:
        lines += ["from pymatgen.core import Lattice, Structure", ""]
    lines += [*sorted(imports), ""]
    lines += _read(document) if from_file else _literal(document)
    lines += [f"model = load_model({used!r})", *body]
    return "\n".join(lines) + "\n"


def _is_as_read(document: Document) -> bool:
    """Whether a structure is what its file says: not ordered, derived or relaxed, and the file is the same still."""
    source = document.source
    if source is None or {note.code for note in document.notes} - {NEAR_SYMMETRY}:
        return False
    if document.name != source.name and not document.name.startswith(f"{source.name} · "):
        return False
    try:
        return sha256(source.read_bytes()).hexdigest() == document.sha256
    except OSError:  # moved, or deleted
        return False


def _read(document: Document) -> list[str]:
    assert document.source is not None
    block = document.name.removeprefix(document.source.name).removeprefix(" · ")
    arguments = repr(str(document.source)) + (f", {block!r}" if block else "")
    return [f"structure = read_structure({arguments})"]


def _literal(document: Document) -> list[str]:
    structure = document.structure
    rows = [f"        {coords}," for coords in structure.frac_coords.tolist()]
    notes = [f"# {note.text}" for note in document.notes]
    return [
        *notes,
        "structure = Structure(",
        f"    Lattice({structure.lattice.matrix.tolist()}),",
        f"    {[site.specie.symbol for site in structure]},",
        "    [",
        *rows,
        "    ],",
        ")",
    ]


def _path(hop: Hop, supercell: str) -> list[str]:
    arguments = [
        f"    {hop.ion!r},",
        f"    {hop.start},",
        f"    {hop.end},",
        f"    Mechanism.{hop.mechanism.name},",
    ]
    if hop.removed:
        arguments.append(f"    removed=({''.join(f'{_site(site)}, ' for site in hop.removed)}),")
    if hop.start_site is not None and hop.end_site is not None:
        arguments.append(f"    start_site={_site(hop.start_site)},")
        arguments.append(f"    end_site={_site(hop.end_site)},")
    cell = "" if supercell == "auto" else f", parse_supercell({supercell!r})"
    return [
        "hop = Hop(",
        *arguments,
        ")",
        f"path = predict_path(structure, hop, model{cell})",
        "print(path.barrier.barrier_ev, path.barrier.interval_ev)",
    ]


def _search(search: HopSearch, supercell: str, places: PlaceEnergies | None) -> list[str]:
    cell = "" if supercell == "auto" else f", supercell=parse_supercell({supercell!r})"
    asked = f"Mechanism.{search.mechanism.name}, cutoff={search.cutoff:g}{cell}"
    known = [
        f"places = {places}",
        "crystal = CrystalPaths.of(crystal.search, crystal.paths, places)",
    ]
    return [
        f"crystal = find_paths(structure, {search.ion!r}, model, {asked})",
        *(known if places is not None else []),
        "for path in crystal.paths:",
        "    print(path.hop.label, path.barrier.barrier_ev, path.barrier.interval_ev)",
        "for direction, way in crystal.percolation.items():",
        "    print(direction, None if way is None else way.barrier_ev)",
    ]


def _sites(hop: Hop) -> bool:
    return hop.start_site is not None or bool(hop.removed)


def _site(site: SiteRef) -> str:
    return f"SiteRef({site.index}, {site.image})"
