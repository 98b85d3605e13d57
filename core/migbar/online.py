"""Crystal structures from databases on the web, by OPTIMADE: one way of asking for all of them.

OPTIMADE (doi:10.1038/s41597-021-00974-z) is spoken by the databases in `DATABASES` and by servers of laboratories. An
answer is data from outside: whatever does not make sense as a crystal is left out, with the reason.
"""

from __future__ import annotations

import json
import math
import re
import urllib.error
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
from pymatgen.core import Composition, Structure

from migbar.elements import HEAVY_HYDROGEN, is_element
from migbar.errors import MigbarError, StructureFileError, UnknownElementError, words_of
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.structures import file_stem, formula, symmetry, write_cif
from migbar.structures.checking import checked_structure
from migbar.structures.cif import Atom
from migbar.web import get

MOST_ENTRIES = 100
"""Most entries that one search brings from a database."""

TIMEOUT_S = 30.0
"""A database that says nothing for as long is not there."""

_LARGEST_ANSWER = 1 << 26
_FIELDS = (
    "chemical_formula_reduced", "nsites", "lattice_vectors", "cartesian_site_positions", "species_at_sites",
    "species",
)  # fmt: skip
_IDENTIFIER = re.compile(r"[\w.+:/-]*\d[\w.+:/-]*")


class OnlineError(MigbarError):
    """Raised when a database cannot be asked, or does not understand, or nothing can be meant by a search."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database that speaks OPTIMADE.

    Attributes
    ----------
    key : str
        Short name, for the command line.
    name : str
    url : str
        Base address; the version is added to it.
    holds : str
        What is in it, in a few words.
    hull : tuple of tuple of str
        Where an entry has its energy above the convex hull (eV per atom): keys from the outside inwards, the
        first that is there counts.
    """

    key: str
    name: str
    url: str
    holds: str
    hull: tuple[tuple[str, ...], ...] = ()


DATABASES = (
    Database(
        "mp",
        "Materials Project",
        "https://optimade.materialsproject.org",
        "relaxed by DFT",
        tuple(
            ("_mp_stability", functional, "energy_above_hull")
            for functional in ("gga_gga+u_r2scan", "gga_gga+u", "r2scan")
        ),
    ),
    Database(
        "cod",
        "COD",
        "https://www.crystallography.net/cod/optimade",
        "measured (Crystallography Open Database)",
    ),
    Database(
        "oqmd", "OQMD", "https://oqmd.org/optimade", "relaxed by DFT", (("_oqmd_stability",),)
    ),
    Database(
        "alexandria",
        "Alexandria",
        "https://alexandria.icams.rub.de/pbe",
        "relaxed by DFT (PBE), many hypothetical",
        (("_alexandria_hull_distance",),),
    ),
    Database(
        "jarvis",
        "JARVIS-DFT",
        "https://jarvis.nist.gov/optimade/jarvisdft",
        "relaxed by DFT (OptB88vdW)",
        (("_jarvis_ehull",),),
    ),
)


def database(key: str) -> Database:
    """Return the database of a short name.

    Raises
    ------
    OnlineError
        If there is none.
    """
    for known in DATABASES:
        if known.key == key.lower():
            return known
    raise OnlineError(
        f"there is no database '{key}'; choose from {', '.join(d.key for d in DATABASES)}."
    )


def own_database(url: str) -> Database:
    """Return a server that speaks OPTIMADE by its base address.

    Raises
    ------
    OnlineError
        If this is no address on the web.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise OnlineError(f"'{url}' is no address of an OPTIMADE server (https://…).")
    return Database("own", parts.netloc, url, "")


@dataclass(frozen=True, slots=True)
class Entry:
    """A structure in a database.

    Attributes
    ----------
    database : Database
    id : str
    structure : Structure
        May be partly occupied.
    formula : str
    space_group : str
        Found here, not said by the database; empty where the structure is partly occupied.
    above_hull : float or None
        Energy above the convex hull in eV per atom, as the database has it.
    """

    database: Database
    id: str
    structure: Structure
    formula: str
    space_group: str
    above_hull: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """What a database answers.

    Attributes
    ----------
    entries : tuple of Entry
        The most stable first, where the database says so.
    available : int
        How many entries it has that fit, as far as it says.
    left_out : tuple of (str, str)
        Identifiers of those that make no sense as a crystal, and why.
    """

    entries: tuple[Entry, ...]
    available: int
    left_out: tuple[tuple[str, str], ...]


# ------------------------------------------------------------------ asking


def filter_of(text: str) -> str:
    """Translate what a user types into OPTIMADE's language of filters.

    Parameters
    ----------
    text : str
        A formula (``LiFePO4``), all elements of a compound (``Li-Fe-P-O``), or an identifier (``mp-19017``).

    Raises
    ------
    OnlineError
        If it is none of them.
    """
    text = text.strip()
    words = [word for word in re.split(r"[\s,-]+", text) if word]
    if len(words) > 1 and all(is_element(word) for word in words):
        elements = sorted(set(words))
        named = ", ".join(f'"{element}"' for element in elements)
        return f"elements HAS ALL {named} AND nelements={len(elements)}"
    if reduced := _reduced_formula(text):
        return f'chemical_formula_reduced="{reduced}"'
    if _IDENTIFIER.fullmatch(text):
        return f'id="{text}"'
    raise OnlineError(
        f"'{text}' is no formula (LiFePO4), elements (Li-Fe-P-O) or identifier (mp-19017)."
    )


def _reduced_formula(text: str) -> str:
    """Return a formula with whole numbers and elements in the order of the alphabet; empty if it is none."""
    try:
        amounts = Composition(text).get_el_amt_dict()
        symbols = sorted(amounts)
        if not all(is_element(symbol) for symbol in symbols):
            return ""
        whole = Composition(amounts).get_integer_formula_and_factor()[0]
        amounts = Composition(whole).get_el_amt_dict()
    except (ValueError, KeyError):
        return ""
    return "".join(s if amounts[s] == 1 else f"{s}{amounts[s]:.0f}" for s in symbols)


def search(text: str, where: Database, count: int = 20, progress: Progress = SILENT) -> Found:
    """Ask a database for structures.

    Parameters
    ----------
    text : str
        See `filter_of`.
    where : Database
    count : int
        Most entries to bring.
    progress : Progress
        Can be cancelled between two answers.

    Raises
    ------
    OnlineError
        If the database is not there, takes too long, or does not understand.
    """
    count = max(1, min(count, MOST_ENTRIES))
    fields = (*_FIELDS, *dict.fromkeys(path[0] for path in where.hull))
    query = {
        "filter": filter_of(text),
        "response_fields": ",".join(fields),
        "page_limit": count,
        "response_format": "json",
    }
    url: str | None = f"{where.url.rstrip('/')}/v1/structures?{urlencode(query)}"
    entries: list[Entry] = []
    left_out: list[tuple[str, str]] = []
    available = 0
    while url and len(entries) + len(left_out) < count:
        check_cancelled(progress)
        answer = _get(url, where)
        data = answer.get("data")
        items = data if isinstance(data, list) else [data] if isinstance(data, dict) else []
        for item in items[: count - len(entries) - len(left_out)]:
            check_cancelled(progress)
            try:
                entries.append(_entry(item, where))
            except StructureFileError as error:
                left_out.append((error.name, error.reason))
        available = max(available, _whole(_inside(answer, ("meta", "data_returned"))))
        url = _next(answer) if items else None
    entries.sort(key=lambda entry: (entry.above_hull is None, entry.above_hull))
    seen = len(entries) + len(left_out)
    return Found(tuple(entries), max(available, seen), tuple(left_out))


def _get(url: str, where: Database) -> dict[str, Any]:
    """Fetch an answer, an object in JSON."""
    try:
        with get(url, TIMEOUT_S, Accept="application/json") as response:
            body = response.read(_LARGEST_ANSWER + 1)
    except urllib.error.HTTPError as error:
        said = _complaint(error) or f"{error.code} {error.reason}"
        raise OnlineError(f"{where.name} says: {said}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise OnlineError(f"{where.name} did not answer within {TIMEOUT_S:.0f} s.") from None
        raise OnlineError(f"{where.name} cannot be reached ({words_of(reason)}).") from None
    if len(body) > _LARGEST_ANSWER:
        raise OnlineError(
            f"{where.name} answers with more than {_LARGEST_ANSWER >> 20} MB; ask for fewer entries."
        )
    answer = _json(body)
    if not isinstance(answer, dict):
        raise OnlineError(f"{where.name} answers with something else than OPTIMADE's JSON.")
    return answer


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _complaint(error: urllib.error.HTTPError) -> str:
    """Return what a server writes about a refusal."""
    try:
        said = _inside(_json(error.read(1 << 16)), ("errors",))
    except OSError:
        return ""
    first = said[0] if isinstance(said, list) and said else None
    text = _inside(first, ("detail",)) or _inside(first, ("title",))
    return " ".join(str(text).split())[:300] if text else ""


def _next(answer: dict[str, Any]) -> str | None:
    """Return the address of the rest; a link is a text, or an object with one."""
    link = _inside(answer, ("links", "next"))
    link = _inside(link, ("href",)) if isinstance(link, dict) else link
    return link if isinstance(link, str) and urlsplit(link).scheme in ("http", "https") else None


def _inside(data: Any, path: Iterable[str]) -> Any:
    """Return what lies at a path of keys in nested objects; None where there is nothing."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


# ------------------------------------------------------------------ understanding


def _entry(item: Any, where: Database) -> Entry:
    name = str(_inside(item, ("id",)) or "an entry without an identifier")
    attributes = _inside(item, ("attributes",))
    structure = _structure(attributes, name)
    try:
        space_group = symmetry(structure).symbol if structure.is_ordered else ""
    except StructureFileError:
        space_group = ""
    said = (_inside(attributes, path) for path in where.hull)
    above = _number(next((x for x in said if x is not None), None))
    return Entry(where, name, structure, formula(structure), space_group, above)


def _structure(attributes: Any, name: str) -> Structure:
    """Make a structure of an entry.

    Raises
    ------
    StructureFileError
        If something is missing, or makes no sense.
    """
    at_sites = _inside(attributes, ("species_at_sites",))
    try:
        matrix = np.array(_inside(attributes, ("lattice_vectors",)), dtype=float)
        places = np.array(_inside(attributes, ("cartesian_site_positions",)), dtype=float)
    except (TypeError, ValueError):
        matrix = places = np.empty(0)
    if (
        matrix.shape != (3, 3)
        or not isinstance(at_sites, list)
        or places.shape != (len(at_sites), 3)
        or not (np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 1e-6)
    ):
        raise StructureFileError(name, "comes without a cell or without coordinates.")
    kinds = _kinds(_inside(attributes, ("species",)), name)
    frac = places @ np.linalg.inv(matrix)
    atoms = [
        Atom(str(kind), kinds.get(str(kind)) or {_element(str(kind), name): 1.0}, (x, y, z))
        for kind, (x, y, z) in zip(at_sites, frac.tolist(), strict=True)
    ]
    return checked_structure(matrix, atoms, name)


def _kinds(species: Any, name: str) -> dict[str, dict[str, float]]:
    """Return what sits on the sites of each kind: elements and their shares; vacancies are what is left."""
    kinds = {}
    for kind in species if isinstance(species, list) else []:
        symbols, shares = _inside(kind, ("chemical_symbols",)), _inside(kind, ("concentration",))
        if not (isinstance(symbols, list) and isinstance(shares, list)):
            continue
        here: dict[str, float] = {}
        for symbol, share in zip(symbols, shares, strict=False):
            if symbol != "vacancy" and isinstance(share, int | float):
                element = _element(str(symbol), name)
                here[element] = here.get(element, 0.0) + float(share)
        if not here:
            raise StructureFileError(name, "has sites that nothing is known to sit on.")
        kinds[str(kind.get("name"))] = here
    return kinds


def _element(symbol: str, name: str) -> str:
    symbol = "H" if symbol in HEAVY_HYDROGEN else symbol
    if not is_element(symbol):
        raise UnknownElementError(name, f"names '{symbol}', which is not a chemical element.")
    return symbol


# ------------------------------------------------------------------ keeping


def save_entry(entry: Entry, folder: str | Path) -> Path:
    """Write an entry as a CIF that says where it is from, and return the file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    today = datetime.now(UTC).date().isoformat()
    source = f"{entry.database.name} {entry.id}, fetched from {entry.database.url} on {today}"
    path = folder / f"{file_stem(entry.structure, entry.id)}.cif"
    write_cif(entry.structure, path, source)
    return path
