"""Every command of the window, once: `migbar_gui.commands.menus` makes menus, toolbar and shortcuts from this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from migbar.resources import examples
from migbar_gui.files.recent import fill_with_files

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow

Check = Callable[["MainWindow"], bool]


def always(_window: MainWindow) -> bool:
    return True


def has_structure(window: MainWindow) -> bool:
    return window.workspace.document is not None


def has_ion(window: MainWindow) -> bool:
    return bool(window.workspace.state.ion)


def holds_ion(window: MainWindow) -> bool:
    structure = window.workspace.structure
    return structure is not None and window.workspace.state.ion in structure.symbol_set


def has_paths(window: MainWindow) -> bool:
    return bool(window.workspace.state.paths)


def has_barriers(window: MainWindow) -> bool:
    workspace = window.workspace
    return any(workspace.result(path.id) is not None for path in workspace.state.paths)


def has_selected_path(window: MainWindow) -> bool:
    return bool(window.paths_panel.selected_ids())


def has_judged_selection(window: MainWindow) -> bool:
    workspace = window.workspace
    return any(workspace.result(n) is not None for n in window.paths_panel.selected_ids())


def has_active_result(window: MainWindow) -> bool:
    return window.workspace.result(window.workspace.active) is not None


def has_kinds_of_places(window: MainWindow) -> bool:
    group = window.workspace.state.group
    return group is not None and group.has_kinds_of_places


def has_shown_profile(window: MainWindow) -> bool:
    return bool(window.workspace.relaxed)


def has_network(window: MainWindow) -> bool:
    return window.workspace.state.group is not None


def has_picked_site(window: MainWindow) -> bool:
    picks = window.workspace.picks
    return bool(picks) and picks[0].site is not None


def has_view(window: MainWindow) -> bool:
    return window.view is not None and has_structure(window)


@dataclass(frozen=True, slots=True)
class Action:
    """A command.

    Attributes
    ----------
    id : str
        Stable name, for example ``"path.remove"``.
    text : str
        As in a menu; ``&`` marks the letter for the keyboard.
    run : callable
        Called with the window.
    keys : str
        Shortcut.
    icon : str
        File in resources/icons, without its ending.
    tip : str
        What it does, in a sentence.
    on_toolbar : bool
    enabled : callable
        Whether it makes sense now.
    """

    id: str
    text: str
    run: Callable[..., object]
    keys: str = ""
    icon: str = ""
    tip: str = ""
    on_toolbar: bool = False
    enabled: Check = always


@dataclass(frozen=True, slots=True)
class Switch(Action):
    """A command that is on or off; `run` is called with the window and the new state."""

    on_at_first: bool = False


@dataclass(frozen=True, slots=True)
class Submenu:
    """A menu in a menu that is filled anew each time it opens; `fill` is called with the window and it."""

    id: str
    text: str
    fill: Callable[[MainWindow, QMenu], object]
    icon: str = ""


Entry = Action | Submenu


def on_view(do: Callable[..., object]) -> Callable[..., None]:
    """Do something with the 3D view, where there is one already."""

    def run(window: MainWindow, *state: bool) -> None:
        if window.view is not None:
            do(window.view, *state)

    return run


def style(name: str) -> Callable[..., None]:
    """Switch something of `migbar_gui.viewer.Style`."""
    return on_view(lambda view, on: view.set_style(**{name: on}))


def fill_recent(window: MainWindow, menu: QMenu) -> None:
    fill_with_files(menu, [(path.name, path) for path in window.recent.paths()], window.open_file)


def fill_examples(window: MainWindow, menu: QMenu) -> None:
    fill_with_files(menu, [(path.stem, path) for path in examples()], window.open_file)


# fmt: off
MENUS: dict[str, tuple[tuple[Entry, ...], ...]] = {
    "&File": (
        (
            Action("file.open", "&Open structure…", lambda w: w.ask_open(), keys="Ctrl+O", icon="open",
                   on_toolbar=True,
                   tip="Open a CIF, POSCAR/CONTCAR, extended XYZ or pymatgen JSON file, or a session"),
            Action("file.search", "Search &databases…", lambda w: w.ask_databases(), keys="Ctrl+Shift+O",
                   icon="search",
                   tip="Find a structure in the Materials Project, COD, OQMD, Alexandria or JARVIS, and open it"),
            Submenu("file.recent", "Open re&cent", fill_recent, icon="recent"),
            Submenu("file.example", "Open &example", fill_examples, icon="structure"),
        ),
        (
            Action("file.save", "&Save session", lambda w: w.sessions.save(), keys="Ctrl+S", icon="save",
                   enabled=has_structure, tip="Keep structures, paths, barriers and view in one file"),
            Action("file.save_as", "Save session &as…", lambda w: w.sessions.ask_save(), keys="Ctrl+Alt+S",
                   enabled=has_structure),
        ),
        (
            Action("file.batch", "&Batch screening…", lambda w: w.screening.open(), keys="Ctrl+B", icon="batch",
                   tip="Find all paths and their barriers in a folder of structures"),
        ),
        (
            Action("file.structure", "E&xport structure…", lambda w: w.exports.ask_structure(), icon="structure",
                   enabled=has_structure, tip="Write the structure that is open as CIF, VASP, extended XYZ or JSON"),
            Action("file.table", "Export &table…", lambda w: w.exports.ask_table(), keys="Ctrl+E", icon="table",
                   on_toolbar=True, enabled=has_barriers, tip="Write the table of paths as CSV or XLSX"),
            Action("file.picture", "Save &picture…", lambda w: w.exports.ask_picture(), keys="Ctrl+Shift+S",
                   icon="picture", on_toolbar=True, enabled=has_view,
                   tip="Save the 3D view as a PNG picture of any size"),
            Action("file.report", "Export &report…", lambda w: w.exports.ask_report(), keys="Ctrl+Shift+R",
                   icon="export", enabled=has_network,
                   tip="Write one HTML page with picture, paths, percolation and where it all comes from; "
                   "first find the paths"),
        ),
        (
            Action("file.quit", "&Quit", lambda w: w.close(), keys="Ctrl+Q"),
        ),
    ),
    "&Edit": (
        (
            Action("edit.undo", "&Undo", lambda w: w.workspace.undo(), keys="Ctrl+Z", icon="undo", on_toolbar=True,
                   enabled=lambda w: bool(w.workspace.undo_label), tip="Take back the last step"),
            Action("edit.redo", "&Redo", lambda w: w.workspace.redo(), keys="Ctrl+Shift+Z", icon="redo",
                   on_toolbar=True, enabled=lambda w: bool(w.workspace.redo_label), tip="Take the step again"),
        ),
        (
            Action("edit.copy_table", "&Copy table", lambda w: w.exports.copy_table(), keys="Ctrl+Shift+C",
                   icon="copy", enabled=has_barriers,
                   tip="Copy the paths for a spreadsheet: those selected where they are several, else all"),
            Action("edit.paste", "&Paste structure", lambda w: w.paste(), keys="Ctrl+V", icon="structure",
                   tip="Open the structure whose text (CIF, POSCAR …) or file was copied elsewhere"),
            Action("edit.copy_script", "Copy as P&ython", lambda w: w.exports.copy_script(), keys="Ctrl+Alt+C",
                   enabled=has_paths, tip="Copy what was just done as a Python script that gives the same number"),
        ),
        (
            Action("edit.preferences", "Pr&eferences…", lambda w: w.ask_preferences(), keys="Ctrl+,",
                   icon="settings"),
        ),
    ),
    "&Structure": (
        (
            Action("structure.charge", "&Charged limit", lambda w: w.deriver.charge(), enabled=holds_ion,
                   tip="Open this structure with all migrating ions taken out"),
            Action("structure.discharge", "&Discharged limit", lambda w: w.deriver.discharge(), enabled=has_ion,
                   tip="Open this structure with as many migrating ions as its metals can take up"),
            Action("structure.substitute", "&Substitute elements…", lambda w: w.deriver.ask_substitution(),
                   enabled=has_structure, tip="Open this structure with other elements in a rescaled cell"),
            Action("structure.symmetry", "Restore s&ymmetry…", lambda w: w.deriver.ask_symmetry(),
                   enabled=has_structure, tip="Put a noisy crystal exactly onto a symmetry that it nearly has"),
        ),
        (
            Action("structure.relax", "&Relax structure…", lambda w: w.band_tools.ask_relax_structure(),
                   icon="relax", enabled=has_structure,
                   tip="Relax atoms and cell with a universal potential, and see what changes"),
            Action("structure.dynamics", "&Molecular dynamics…", lambda w: w.band_tools.ask_dynamics(),
                   icon="transport", enabled=has_ion,
                   tip="Simulate how the ions move together, and read off their diffusivity"),
            Action("structure.read_dynamics", "Read s&imulation…", lambda w: w.band_tools.ask_read_dynamics(),
                   enabled=has_ion,
                   tip="Read the diffusivity from trajectories of VASP, LAMMPS or ASE"),
        ),
    ),
    "&Path": (
        (
            Action("path.find", "&Find paths", lambda w: w.find_paths(), keys="Ctrl+F", icon="network",
                   on_toolbar=True, enabled=has_ion,
                   tip="Find all symmetry-distinct hops, their barriers, and how they connect"),
            Action("path.add", "&Add path by coordinates…", lambda w: w.ask_coordinates(), keys="Ctrl+N",
                   icon="add", on_toolbar=True, enabled=has_ion, tip="Name the two ends instead of clicking them"),
            Action("path.clear", "&Clear the picked site", lambda w: w.escape(), keys="Esc", icon="close",
                   tip="Forget the initial site that was clicked"),
            Action("path.empty", "&Empty the picked site", lambda w: w.workspace.empty_picked(),
                   keys="Ctrl+Shift+E", icon="voids", enabled=has_picked_site,
                   tip="One more vacancy in the next path, at the site that was clicked"),
        ),
        (
            Action("path.note", "Write a &note", lambda w: w.paths_panel.edit_note(), keys="F2",
                   enabled=has_selected_path, tip="Write a note on the selected path"),
            Action("path.pin", "&Pin for comparison", lambda w: w.pin_selected(), keys="Ctrl+D", icon="pin",
                   enabled=has_judged_selection,
                   tip="Keep the selected paths in the comparison when another structure is opened"),
            Action("path.remove", "&Remove", lambda w: w.workspace.remove_paths(w.paths_panel.selected_ids()),
                   keys="Del", icon="remove", enabled=has_selected_path, tip="Remove the selected paths"),
        ),
        (
            Action("path.why", "&Why this barrier", lambda w: w.docks.show("Why"), icon="help",
                   enabled=has_structure,
                   tip="Show similar known paths, whether the model knows such paths, and what moves the barrier"),
            Action("path.models", "Ask all &models", lambda w: w.ask_all_models(), enabled=has_active_result,
                   tip="Show what every model says of this path, each with its interval"),
            Action("path.relax", "Relax &band…", lambda w: w.band_tools.ask_relax(), keys="Ctrl+R", icon="relax",
                   enabled=has_judged_selection,
                   tip="Relax the selected paths with a universal potential (NEB), in the background"),
            Action("path.volume", "Barrier against &volume…", lambda w: w.band_tools.ask_relax(volumes=True),
                   enabled=has_judged_selection,
                   tip="Relax the selected paths at 98, 100 and 102 % of their volume"),
            Action("path.vibrations", "Find attempt fre&quency", lambda w: w.band_tools.find_vibrations(),
                   enabled=has_shown_profile,
                   tip="How often the ion tries to hop, from its vibrations at the end and saddle of the relaxed band"),
            Action("path.places", "Compare p&laces…", lambda w: w.band_tools.ask_compare_places(),
                   enabled=has_kinds_of_places,
                   tip="Find out with a universal potential how the kinds of places of the ion differ in energy"),
            Action("path.profile", "Energy pr&ofile", lambda w: w.docks.show("Profile"), icon="path",
                   enabled=has_structure, tip="Show relaxed bands, their profiles and images"),
            Action("path.export_profile", "E&xport relaxed band…", lambda w: w.band_tools.ask_export_profile(),
                   icon="export", enabled=has_shown_profile,
                   tip="Write profile, images or an animation: CSV, JSON, SVG, PNG, extended XYZ, CIF, GIF"),
            Action("path.export_dft", "Export NEB &input…", lambda w: w.band_tools.ask_export_dft(), icon="export",
                   enabled=has_active_result,
                   tip="Write the input of a DFT-NEB: VASP, Quantum ESPRESSO, or an ASE script"),
            Action("path.read_dft", "Rea&d NEB calculation…", lambda w: w.band_tools.ask_calculation(), icon="open",
                   tip="Show a finished NEB of VASP, Quantum ESPRESSO or ASE: its profile beside what was predicted"),
        ),
        (
            Action("path.compare", "Compare path&s", lambda w: w.docks.show("Comparison"), icon="compare",
                   enabled=has_structure, tip="Show barriers side by side, also those of pinned paths"),
            Action("path.transport", "&Transport estimate", lambda w: w.docks.show("Transport"), icon="transport",
                   enabled=has_structure,
                   tip="Estimate diffusivity, conductivity and particle size, from one path or from all hops together"),
        ),
    ),
    "&Model": (
        (
            Action("model.list", "&Models…", lambda w: w.ask_models(), icon="compare",
                   tip="Show all models and how good they are; choose, import, export or delete one"),
            Action("model.train", "&Train a model on your barriers…", lambda w: w.retraining.open(),
                   tip="Read your own barriers, check and split them, train, judge and keep a model"),
            Action("model.suggest", "What to compute &next…", lambda w: w.suggesting.open(),
                   tip="Find the paths whose DFT barrier would teach the model most, with their NEB inputs"),
        ),
    ),
    "&View": (
        (
            *(
                Action(f"view.{axis}", f"Along &{axis}", on_view(lambda view, axis=axis: view.view_along(axis)),
                       keys=f"Ctrl+{number}", icon=f"view-{axis}", on_toolbar=True, enabled=has_view,
                       tip=f"Look along {axis}")
                for number, axis in enumerate("abc", start=1)
            ),
            Action("view.fit", "Zoom to &fit", on_view(lambda view: view.zoom_to_fit()), keys="Ctrl+0", icon="fit",
                   on_toolbar=True, enabled=has_view, tip="Show the whole structure"),
        ),
        (
            Switch("view.bonds", "B&onds", style("bonds"), icon="bonds", on_toolbar=True, enabled=has_view,
                   on_at_first=True, tip="Draw bonds"),
            Switch("view.cell", "&Unit cell", style("cell"), icon="cell", on_toolbar=True, enabled=has_view,
                   on_at_first=True, tip="Draw the unit cell"),
            Switch("view.boundary", "Boundar&y atoms", style("boundary"), icon="boundary", on_toolbar=True,
                   enabled=has_view, on_at_first=True, tip="Draw periodic images on and around the cell's faces"),
            Switch("view.polyhedra", "&Polyhedra", style("polyhedra"), icon="polyhedra", on_toolbar=True,
                   enabled=has_view, tip="Draw coordination polyhedra"),
            Switch("view.labels", "&Labels", on_view(lambda view, on: view.set_labels(on)), icon="labels",
                   keys="Ctrl+L", on_toolbar=True, enabled=has_view, tip="Write element and index on the atoms"),
            Switch("view.landscape", "&Site-energy map", lambda w, on: w.workspace.set_show_landscape(on),
                   icon="landscape", keys="Ctrl+M", on_toolbar=True, enabled=has_view,
                   tip="Show where the ion likes to be, by its bond-valence site energy"),
        ),
        (
            Action("view.jobs", "&Jobs", lambda w: w.docks.show("Jobs"), keys="Ctrl+J", icon="recent",
                   tip="Show everything that takes long: how far it is, stop it, go on, open its result"),
            Submenu("view.docks", "&Docks", lambda w, m: w.docks.fill_menu(m)),
        ),
    ),
    "&Help": (
        (
            Action("help.manual", "&Manual", lambda w: w.open_manual(), keys="F1", icon="help",
                   tip="Tutorials, how-to pages, the science and the reference"),
            Action("help.tour", "&Two-minute tour", lambda w: w.tour.start(),
                   tip="From an example to its barriers, step by step"),
            Action("help.commands", "All &commands…", lambda w: w.show_palette(), keys="Ctrl+Shift+P",
                   icon="search", tip="Find any command by a few of its letters"),
            Action("help.shortcuts", "&Keyboard and mouse…", lambda w: w.show_shortcuts(), keys="Ctrl+/",
                   tip="All shortcuts"),
        ),
        (
            Action("help.about", "&About MigBar", lambda w: w.show_about(), icon="info",
                   tip="What this is, and how to cite it"),
        ),
    ),
}
# fmt: on
"""Groups of commands by menu; a line parts the groups."""

ACTIONS = tuple(entry for groups in MENUS.values() for group in groups for entry in group)
