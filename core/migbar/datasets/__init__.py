"""Datasets of bands with known barriers, in the published JSON format."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymatgen.core import Composition

from migbar.bands import Band, band_from_record, band_to_record
from migbar.errors import BandsFileError, words_of
from migbar.files import write_text

MAX_BYTES = 500_000_000
"""A larger file is not read: the published 559 paths take 4 MB."""

_FAMILY_SPELLINGS = {
    "alluadite": "alluaudite",
    "oxyfluroide": "oxyfluoride",
    "sulphide": "sulfide",
    "thiosulphate": "thiosulfate",
    "prussian blue analog": "prussian blue analogue",
}


@dataclass(frozen=True, slots=True)
class BandRecord:
    """A band, and what is known about it.

    Attributes
    ----------
    sys_name : str
        Unique name within its file.
    band : Band
    target_ev : float or None
        Known barrier in eV, None where it is not known.
    family : str
        Structural class in one spelling; empty where none is given.
    """

    sys_name: str
    band: Band
    target_ev: float | None = None
    family: str = ""

    @property
    def group(self) -> tuple[str, str]:
        """Framework and ion: what has to stay on one side of a split.

        The reduced formula of all atoms without the migrating element, and that element. It keeps charged
        and discharged versions and all paths of a framework together.
        """
        counts = Counter(site.specie.symbol for site in self.band.host)
        del counts[self.band.ion]
        return (Composition(counts).reduced_formula if counts else "", self.band.ion)

    @property
    def structure(self) -> tuple[tuple[str, str], str]:
        """What paths of one structure have in common: framework, ion, contents of the cell."""
        return self.group, self.band.host.composition.formula


def normalised_family(name: str) -> str:
    """Return a structural class in one spelling: lower case, singular, without what is in brackets.

    >>> normalised_family("POST-SPINEL(CF)"), normalised_family("SPINELS")
    ('post-spinel', 'spinel')
    """
    text = " ".join(name.split("(")[0].lower().split())
    if text.endswith("s") and not text.endswith("ss"):
        text = text[:-1]
    return _FAMILY_SPELLINGS.get(text, text)


def read_bands(path: str | Path) -> list[BandRecord]:
    """Read a JSON file of bands in the published format.

    Each record needs ``sys_name`` and ``atoms`` (see `migbar.bands.band_from_record`); ``target`` in eV
    and ``class`` may be missing.

    Raises
    ------
    BandsFileError
        If the file is not such a list; every faulty record is named.
    """
    path = Path(path)
    data = read_list(path)
    records: list[BandRecord] = []
    problems: list[str] = []
    seen: set[str] = set()
    for number, entry in enumerate(data):
        label = f"record {number}"
        try:
            record = _record(entry, label)
            if record.sys_name in seen:
                problems.append(f"{label}: the name '{record.sys_name}' occurs twice")
            seen.add(record.sys_name)
            records.append(record)
        except BandsFileError as error:
            problems += [f"{error.name}: {problem}" for problem in error.problems]
    if problems:
        raise BandsFileError(path.name, problems)
    return records


def read_list(path: Path) -> list[Any]:
    """Read a JSON file that holds a list with something in it.

    Raises
    ------
    BandsFileError
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BandsFileError(
                path.name, [f"{size / 1e6:.0f} MB is too large (at most {MAX_BYTES / 1e6:.0f} MB)"]
            )
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise BandsFileError(path.name, ["there is no such file"]) from None
    except OSError as error:
        raise BandsFileError(path.name, [f"cannot be read ({words_of(error)})"]) from None
    except (ValueError, RecursionError) as error:
        raise BandsFileError(path.name, [f"not a JSON file ({error})"]) from None
    if not isinstance(data, list):
        raise BandsFileError(path.name, ["a list of bands was expected, not a single object"])
    if not data:
        raise BandsFileError(path.name, ["the list of bands is empty"])
    return data


def _record(entry: Any, label: str) -> BandRecord:
    if not isinstance(entry, Mapping):
        raise BandsFileError(label, ["not an object with sys_name and atoms"])
    name = entry.get("sys_name")
    if not isinstance(name, str) or not name.strip():
        raise BandsFileError(label, ["has no sys_name"])
    label = f"{label} ({name})"
    target = _target(entry.get("target"), label)
    family = entry.get("class")
    return BandRecord(
        sys_name=name,
        band=band_from_record(entry, label),
        target_ev=target,
        family=normalised_family(family) if isinstance(family, str) else "",
    )


def _target(value: Any, label: str) -> float | None:
    if value is None:
        return None
    try:
        target = float(value)
    except (TypeError, ValueError):
        raise BandsFileError(label, [f"the barrier {value!r} is not a number"]) from None
    if isinstance(value, bool) or not math.isfinite(target) or target < 0:
        raise BandsFileError(label, [f"the barrier {value!r} is not a number from 0 eV upwards"])
    return target


def write_bands(records: Sequence[BandRecord], path: str | Path) -> None:
    """Write bands in the published JSON format; the file appears whole or not at all."""
    data = []
    for record in records:
        entry = band_to_record(record.band, record.sys_name, record.target_ev)
        if record.family:
            entry["class"] = record.family
        data.append(entry)
    write_text(path, json.dumps(data))


def data_hash(records: Sequence[BandRecord]) -> str:
    """SHA-256 of what the records say; neither their order nor the file's layout matters.

    Coordinates count to 1e-6, barriers to 1e-9 eV.
    """
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda r: r.sys_name):
        band = record.band
        content = [
            record.sys_name,
            record.family,
            None if record.target_ev is None else f"{record.target_ev:.9f}",
            band.ion,
            [site.specie.symbol for site in band.host],
            [f"{x:.6f}" for x in band.host.lattice.matrix.ravel()],
            [f"{x:.6f}" for x in band.host.frac_coords.ravel()],
            [f"{x:.6f}" for x in band.path.ravel()],
        ]
        digest.update(json.dumps(content).encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class PublishedPath:
    """What the published table says of a path beyond its barrier.

    Attributes
    ----------
    label : str
        Which path of its crystal it is.
    mace_neb_relax_ev, mace_neb_no_relax_ev : float or None
        Published MACE-NEB barriers with and without relaxed ends; None where the table is blank.
    """

    label: str
    mace_neb_relax_ev: float | None
    mace_neb_no_relax_ev: float | None


def read_published_table(path: str | Path) -> dict[str, PublishedPath]:
    """Read the published table of training paths, by ``sys_name``.

    Raises
    ------
    BandsFileError
        If the file cannot be read, lacks a column, or holds a number that is none.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BandsFileError(path.name, [f"cannot be read ({words_of(error)})"]) from None
    except UnicodeDecodeError as error:
        raise BandsFileError(path.name, [f"cannot be read ({error})"]) from None
    rows = csv.DictReader(text.splitlines())
    wanted = ("sys_name", "path_info", "mace_neb_relax_ev", "mace_neb_no_relax_ev")
    missing = [name for name in wanted if name not in (rows.fieldnames or ())]
    if missing:
        raise BandsFileError(path.name, [f"has no column {name}" for name in missing])
    try:
        return {
            row["sys_name"]: PublishedPath(
                row["path_info"], *(float(row[name]) if row[name] else None for name in wanted[2:])
            )
            for row in rows
        }
    except ValueError as error:
        raise BandsFileError(path.name, [str(error)]) from None
