"""A report of all paths of a crystal: one HTML page that needs nothing else, not even a network."""

from __future__ import annotations

import base64
import itertools
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar import __version__
from migbar.barriers import GOOD_CONDUCTOR_EV, ModelCard
from migbar.energies import IN_EV, EnergyFormat
from migbar.files import write_text
from migbar.networks import DIMENSIONS, DIRECTIONS, Walk
from migbar.pages import ACCENT, GRID, INK, new_figure, page, svg, table
from migbar.paths import CrystalPaths, HopSearch
from migbar.structures import formula, symmetry
from migbar.transport import (
    ALL_DIRECTIONS,
    CrystalHops,
    Estimate,
    TransportParameters,
    activation_energy,
    arrhenius,
    by_direction,
    conductivity,
    diffusivity,
    explain,
    parameters_for,
    particle_size,
)
from migbar.wording import (
    formula_text,
    scientific,
    size_text,
    space_group_text,
    unbroken,
    with_ranges,
    without_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOUR_MAP = "viridis"
"""Colours of barriers, from low to high."""

MOST_BARS = 40
"""Barriers that are drawn as bars; the table has them all."""

_DECADES = 12  # of diffusivity are drawn at most: what is so much slower is none

_TURN, _TILT = -22.0, 14.0  # degrees about the vertical and the horizontal axis of a picture


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a report's numbers come from.

    Attributes
    ----------
    source : str
        Name of the structure's file.
    sha256 : str
        Of the file.
    model : ModelCard
    settings : dict
        What was asked for, by name.
    made : datetime
    """

    source: str
    sha256: str
    model: ModelCard
    settings: dict[str, str] = field(default_factory=dict)
    made: datetime = field(default_factory=datetime.now)


def write_report(
    path: str | Path,
    structure: Structure,
    result: CrystalPaths,
    provenance: Provenance,
    picture_png: bytes | None = None,
    threshold_ev: float = GOOD_CONDUCTOR_EV,
    energies: EnergyFormat = IN_EV,
) -> None:
    """Write the report as an HTML file, atomically (see `html_report`)."""
    report = html_report(structure, result, provenance, picture_png, threshold_ev, energies)
    write_text(path, report)


def html_report(
    structure: Structure,
    result: CrystalPaths,
    provenance: Provenance,
    picture_png: bytes | None = None,
    threshold_ev: float = GOOD_CONDUCTOR_EV,
    energies: EnergyFormat = IN_EV,
) -> str:
    """Return a self-contained HTML page about all paths of a crystal.

    Parameters
    ----------
    structure : Structure
        The ordered structure that the paths were found in.
    result : CrystalPaths
    provenance : Provenance
    picture_png : bytes, optional
        A picture of the structure, for example of the 3D view; a plain one is drawn where not given.
    threshold_ev : float
        Highest barrier of a good conductor in eV.
    energies : EnergyFormat
        How energies are written.
    """
    search = result.search
    title = f"{search.ion} paths in {formula_text(formula(structure))}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        _summary(result, threshold_ev, energies),
        _picture(structure, result, picture_png, energies),
        "<h2>Getting through the crystal</h2>",
        _percolation_table(result, energies),
        _places_table(result, energies),
        "<h2>Symmetry-distinct hops</h2>",
        _hop_section(result, threshold_ev, energies),
        _left_out_table(search),
        "<h2>Transport</h2>",
        _transport_section(structure, result, energies),
        "<h2>Notes</h2>",
        _notes(result),
        "<h2>Where this comes from</h2>",
        _provenance_table(structure, result, provenance),
    ]
    return page(title, parts)


# ------------------------------------------------------------------ sections


def _summary(result: CrystalPaths, threshold_ev: float, energies: EnergyFormat) -> str:
    search = result.search
    if not search.hops:
        return f"<p>No hop of {search.ion} up to {search.cutoff:g} Å was found.</p>"
    barriers = ", ".join(
        f"<b>{energies.energy(way.barrier_ev, 2)}</b> in {name}"
        for name in DIMENSIONS
        if (way := result.percolation[name]) is not None
    )
    sentence = f"{search.ion} gets through the crystal at {barriers}."
    if not barriers:
        sentence = f"{search.ion} does not get through the crystal by these hops."
    good = sum(path.barrier.is_good_conductor(threshold_ev) for path in result.paths)
    return (
        f"<p class='lead'>{sentence} {len(search.hops)} distinct hops up to {search.cutoff:g} Å, {good} of them with "
        f"a barrier of at most {energies.short(threshold_ev)} {energies.unit}.</p>"
    )


def _picture(
    structure: Structure, result: CrystalPaths, picture_png: bytes | None, energies: EnergyFormat
) -> str:
    if picture_png is not None:
        data = base64.b64encode(picture_png).decode("ascii")
        picture = f'<img alt="The structure" src="data:image/png;base64,{data}">'
    else:
        picture = svg(structure_figure(structure, result, energies))
    return (
        f"<figure>{picture}<figcaption>{escape(formula_text(formula(structure)))}; the hops are coloured by their "
        "barrier.</figcaption></figure>"
    )


def _percolation_table(result: CrystalPaths, energies: EnergyFormat) -> str:
    rows = []
    for direction in DIRECTIONS:
        way = result.percolation[direction]
        if way is None:
            rows.append((direction, "no way through", "", "", ""))
            continue
        walks = "; ".join(walk_text(result.search, walk) for walk in way.walks)
        rows.append(
            (
                direction,
                energies.number(way.barrier_ev),
                energies.interval(*way.interval_ev),
                result.search.hops[way.bottleneck].label,
                walks,
            )
        )
    unit = energies.unit
    head = ("", f"barrier ({unit})", f"interval ({unit})", "bottleneck hop", "by way of")
    return table(head, rows) + (
        "<p class='small'>The smallest energy at which hops up to it close loops in one, two or three "
        "independent directions, or along an axis of the cell as read. The intervals are the percolation barriers "
        "of all hops' lower and of all hops' upper ends. A hop into the next cell is written @i,j,k.</p>"
    )


def _places_table(result: CrystalPaths, energies: EnergyFormat) -> str:
    places, search = result.places, result.search
    if places is None:
        return ""
    rows = [
        (
            str(search.nodes[kind].name),
            str(search.kinds.count(kind)),
            energies.number(energy),
            "" if stays else "nothing stays there",
        )
        for kind, energy, stays in zip(places.kinds, places.energies_ev, places.stays, strict=True)
    ]
    return "<h3>Kinds of places</h3>" + table(
        ("", "per cell", f"energy ({energies.unit})", ""), rows
    )


def walk_text(search: HopSearch, walk: Walk) -> str:
    """Write a walk by the names of its places, each with the cell it is in: ``0 → 3 → 0@0,1,0``."""
    cell = np.zeros(3, int)
    names = [str(search.nodes[walk[0].start].name)]
    for edge in walk:
        cell = cell + edge.image
        image = "@" + ",".join(map(str, cell.tolist())) if cell.any() else ""
        names.append(f"{search.nodes[edge.end].name}{image}")
    if len(names) > 9:
        names = [*names[:4], "…", *names[-4:]]
    return " → ".join(names)


def _hop_section(result: CrystalPaths, threshold_ev: float, energies: EnergyFormat) -> str:
    if not result.paths:
        return "<p>None.</p>"
    rows = []
    for hop, path in zip(result.search.hops, result.paths, strict=True):
        barrier = path.barrier
        bottleneck = ", ".join(
            f"{a.element}\N{NO-BREAK SPACE}{a.distance:.2f}" for a in hop.bottleneck
        )
        rows.append(
            (
                hop.label,
                f"{hop.length:.2f}",
                str(hop.multiplicity),
                str(hop.per_site),
                energies.number(barrier.barrier_ev),
                energies.interval(*barrier.interval_ev),
                "good" if barrier.is_good_conductor(threshold_ev) else "poor",
                bottleneck + (" (close)" if hop.is_tight else ""),
            )
        )
    head = (
        "hop", "length (Å)", "per cell", "per site", f"barrier ({energies.unit})", f"interval ({energies.unit})",
        "conductor", "bottleneck (Å)",
    )  # fmt: skip
    level = result.paths[0].barrier.interval_level
    drawn = "Barriers" if len(rows) <= MOST_BARS else f"The {MOST_BARS} lowest barriers"
    return (
        f"<figure>{svg(barrier_figure(result, threshold_ev, energies))}"
        f"<figcaption>{drawn} with their {100 * level:.0f} % intervals; "
        f"the line is the threshold of {energies.short(threshold_ev)} {energies.unit}.</figcaption></figure>"
        + table(head, rows)
    )


def _left_out_table(search: HopSearch) -> str:
    if not search.left_out:
        return ""
    rows = [
        (out.hop.label, f"{out.hop.length:.2f}", str(out.hop.multiplicity), out.reason)
        for out in search.left_out
    ]
    return "<h3>Left out</h3>" + table(("hop", "length (Å)", "per cell", "why"), rows)


def _with_interval(estimate: Estimate) -> tuple[str, str]:
    """Write a number and its interval, so that no line ends within a number."""
    ends = (scientific(end, 0) for end in estimate.interval)
    return unbroken(scientific(estimate.value)), " to ".join(map(unbroken, ends))


def _transport_section(structure: Structure, result: CrystalPaths, energies: EnergyFormat) -> str:
    parameters = parameters_for(structure, result.search.ion)
    ways = by_direction(structure, result, parameters)
    if not ways:
        return "<p>No way through the crystal, so no long-range transport to estimate.</p>"
    rows = []
    for name, hops in ways.items():
        d, sigma = diffusivity(hops, parameters), conductivity(hops, parameters)
        rows.append(
            (
                name,
                energies.number(activation_energy(hops, parameters.temperature)),
                *_with_interval(d),
                *_with_interval(sigma),
                size_text(particle_size(hops, parameters).value),
            )
        )
    head = (
        "", f"activation energy ({energies.unit})", "D (cm²/s)", "interval", "σ (S/cm)", "interval",
        "keeps up with C/2",
    )  # fmt: skip
    explained = explain(next(iter(ways.values())), parameters)
    return (
        table(head, rows)
        + f"<p class='small'>{escape(unbroken(explained))}</p>"
        + f"<figure>{svg(arrhenius_figure(ways, parameters))}"
        "<figcaption>Estimated diffusivity over temperature; the band is the interval of the "
        f"{ALL_DIRECTIONS}.</figcaption></figure>"
    )


def _notes(result: CrystalPaths) -> str:
    alike: dict[str, list[tuple[str, str]]] = {}
    for hop, path in zip(result.search.hops, result.paths, strict=True):
        for remark in path.remarks:
            alike.setdefault(without_numbers(remark.text), []).append((hop.label, remark.text))
    items = []
    for said in alike.values():
        hops = dict.fromkeys(label for label, _ in said)
        text = with_ranges([text for _, text in said])
        items.append(text if len(hops) == len(result.paths) else f"{'; '.join(hops)}: {text}")
    # Which hops were calculated stands with these already.
    items += [remark.text for remark in result.remarks if remark.code != "calculated"]
    items.append(
        "Each predicted barrier is a model's estimate of a DFT-NEB barrier at 0 K for one ion on a straight path, "
        "without a direction. Where ions move together a single hop misleads."
    )
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _provenance_table(structure: Structure, result: CrystalPaths, provenance: Provenance) -> str:
    search, lattice = result.search, structure.lattice
    lengths = " × ".join(f"{x:.3f}" for x in lattice.abc)
    angles = ", ".join(f"{x:.2f}" for x in lattice.angles)
    group = symmetry(structure)
    symbol = space_group_text(group.symbol)
    card = provenance.model
    rows = [
        (
            "structure",
            f"{provenance.source}, {formula_text(formula(structure))}, {len(structure)} sites",
        ),
        ("SHA-256", provenance.sha256),
        ("cell", f"{lengths} Å; {angles}°; {symbol} (No. {group.number})"),
        ("ion, mechanism", f"{search.ion}, {search.mechanism}"),
        ("longest hop looked for", f"{search.cutoff:g} Å"),
        ("model", f"{card.name} {card.version}: {card.summary}"),
        *provenance.settings.items(),
        ("program", f"MigBar {__version__}"),
        ("made", provenance.made.isoformat(sep=" ", timespec="seconds")),
    ]
    return table(("", ""), rows)


# ------------------------------------------------------------------ figures


def barrier_figure(result: CrystalPaths, threshold_ev: float, energies: EnergyFormat) -> Figure:
    """Return bars of barriers with their intervals, the lowest on top; of the `MOST_BARS` lowest."""
    order = np.argsort([-path.barrier.barrier_ev for path in result.paths], kind="stable")
    shown = order[-MOST_BARS:]
    figure, axes = new_figure(7.2, 0.6 + 0.26 * len(shown))
    unit = energies.scaled(1.0)
    barriers = unit * np.array([result.paths[i].barrier.barrier_ev for i in shown])
    ends = unit * np.array([result.paths[i].barrier.interval_ev for i in shown])
    errors = np.clip([barriers - ends[:, 0], ends[:, 1] - barriers], 0, None)
    axes.barh(
        range(len(shown)), barriers, color=ACCENT, height=0.7, xerr=errors, ecolor=INK, capsize=2
    )
    axes.set_yticks(range(len(shown)), [result.search.hops[i].label for i in shown])
    axes.axvline(unit * threshold_ev, color=INK, linewidth=1, linestyle="--")
    axes.set_xlabel(f"E$_m$ ({energies.unit})")
    axes.set_xlim(left=0)
    axes.set_ylim(-0.7, len(shown) - 0.3)
    return figure


def arrhenius_figure(ways: dict[str, CrystalHops], parameters: TransportParameters) -> Figure:
    """Return log D over 1000/T in several directions, the interval of the first one as a band."""
    figure, axes = new_figure(6.4, 3.6)
    kelvin = np.linspace(250, 700, 24)
    for number, (name, hops) in enumerate(ways.items()):
        value, low, high = arrhenius(hops, parameters, kelvin)
        axes.semilogy(1000 / kelvin, value, color=f"C{number}", label=name)
        if number == 0:
            axes.fill_between(1000 / kelvin, low, high, color="C0", alpha=0.12, linewidth=0)
            axes.set_ylim(bottom=max(low.min(), 10.0**-_DECADES * value.max()))
    axes.set_xlabel("1000 K / T")
    axes.set_ylabel("D (cm²/s)")
    axes.legend(frameon=False)
    return figure


def structure_figure(structure: Structure, result: CrystalPaths, energies: EnergyFormat) -> Figure:
    """Return a plain picture of the cell with its hops as lines coloured by their barrier."""
    from ase.data import atomic_numbers, covalent_radii
    from ase.data.colors import jmol_colors
    from matplotlib.collections import LineCollection

    figure, axes = new_figure(7.2, 5.0)
    view = _view_matrix(structure)
    corners = np.array(list(itertools.product((0, 1), repeat=3)))
    edges = [(p, q) for p, q in itertools.combinations(corners, 2) if np.abs(p - q).sum() == 1]
    cell = LineCollection([np.array(e) @ view[:, :2] for e in edges], colors=GRID, linewidths=1)
    axes.add_collection(cell)
    frac, symbols = _atoms_in_cell(structure)
    places = frac @ view
    numbers = [atomic_numbers[s] for s in symbols]
    order = np.argsort(places[:, 2], kind="stable")
    axes.scatter(
        *places[order, :2].T, s=260 * _scale(structure) * covalent_radii[numbers][order] ** 2,
        c=jmol_colors[numbers][order], edgecolors=INK, linewidths=0.4, zorder=2,
    )  # fmt: skip
    _draw_hops(figure, axes, result, view, energies)
    for element in dict.fromkeys(symbols):
        axes.scatter(
            [], [], s=60, color=jmol_colors[atomic_numbers[element]], edgecolors=INK,
            linewidths=0.4, label=element,
        )  # fmt: skip
    figure.legend(frameon=False, loc="outside left center")
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.axis("off")
    return figure


def _draw_hops(
    figure: Figure,
    axes: Axes,
    result: CrystalPaths,
    view: NDArray[np.float64],
    energies: EnergyFormat,
) -> None:
    if not result.paths:
        return
    from matplotlib.collections import LineCollection

    hops, segments = result.search.segments()
    lines = segments @ view[:, :2]
    barriers = np.array([energies.scaled(p.barrier.barrier_ev) for p in result.paths])[hops]
    order = np.argsort(-barriers, kind="stable")  # easy hops on top
    tubes = LineCollection(
        list(lines[order]), cmap=COLOUR_MAP, linewidths=2.2, zorder=3, alpha=0.85
    )
    tubes.set_array(barriers[order])
    axes.add_collection(tubes)
    figure.colorbar(tubes, ax=axes, label=f"E$_m$ ({energies.unit})", shrink=0.7)


def _view_matrix(structure: Structure) -> NDArray[np.float64]:
    """From fractional coordinates to a picture: right, up, towards the eye (Å); c points up."""
    turn, tilt = np.radians((_TURN, _TILT))
    about_up = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    about_right = np.array(
        [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    )
    turned = structure.lattice.matrix @ about_up.T @ about_right.T
    return np.column_stack([turned[:, 0], turned[:, 2], -turned[:, 1]])


def _atoms_in_cell(structure: Structure) -> tuple[NDArray[np.float64], list[str]]:
    """Return atoms with those on opposite faces of the cell."""
    frac = structure.frac_coords % 1.0
    frac[frac > 1 - 1e-3] -= 1
    images = np.array(list(itertools.product((0, 1), repeat=3)))
    copies = frac[:, None] + images[None]
    atom, image = np.nonzero((copies <= 1 + 1e-3).all(axis=-1))
    return copies[atom, image], [structure[int(i)].specie.symbol for i in atom]


def _scale(structure: Structure) -> float:
    """How much smaller atoms are drawn in larger cells."""
    return float(np.clip((8.0 / max(structure.lattice.abc)) ** 2, 0.1, 1.5))
