"""Every command of the window, once: menus, toolbar, shortcuts and buttons are made from this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QToolBar

from migbar_gui.theme import icon

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow

Run = Callable[["MainWindow"], object]
Toggle = Callable[["MainWindow", bool], object]
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
    return bool(window.table_rows())


def has_selected_path(window: MainWindow) -> bool:
    return bool(window.paths_panel.selected_ids())


def has_judged_selection(window: MainWindow) -> bool:
    workspace = window.workspace
    return any(workspace.result(n) is not None for n in window.paths_panel.selected_ids())


def has_active_result(window: MainWindow) -> bool:
    return window.workspace.result(window.workspace.active) is not None


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
    menu : str
        Title of its menu. A new `group` begins with a line.
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
    run: Run
    menu: str
    group: int = 0
    keys: str = ""
    icon: str = ""
    tip: str = ""
    on_toolbar: bool = False
    enabled: Check = always


@dataclass(frozen=True, slots=True)
class Switch:
    """A command that is on or off; `run` is called with the window and the new state."""

    id: str
    text: str
    run: Toggle
    menu: str
    group: int = 0
    keys: str = ""
    icon: str = ""
    tip: str = ""
    on_toolbar: bool = False
    enabled: Check = always
    on_at_first: bool = False


@dataclass(frozen=True, slots=True)
class Submenu:
    """A menu in a menu that is filled anew each time it opens."""

    id: str
    text: str
    fill: Callable[[MainWindow, QMenu], object]
    menu: str
    group: int = 0
    icon: str = ""


Entry = Action | Switch | Submenu


def _style(name: str) -> Toggle:
    return lambda window, on: window.set_view_style(**{name: on})


ACTIONS: tuple[Entry, ...] = (
    Action(
        "file.open",
        "&Open structure…",
        lambda w: w.ask_open(),
        "&File",
        keys="Ctrl+O",
        icon="open",
        tip="Open a CIF, POSCAR/CONTCAR, extended XYZ or pymatgen JSON file, or a session",
        on_toolbar=True,
    ),
    Submenu("file.recent", "Open &recent", lambda w, m: w.fill_recent(m), "&File", icon="recent"),
    Submenu(
        "file.example", "Open &example", lambda w, m: w.fill_examples(m), "&File", icon="structure"
    ),
    Action(
        "file.save",
        "&Save session",
        lambda w: w.sessions.save(),
        "&File",
        group=1,
        keys="Ctrl+S",
        icon="save",
        tip="Keep structures, paths, barriers and view in one file",
        enabled=has_structure,
    ),
    Action(
        "file.save_as",
        "Save session &as…",
        lambda w: w.sessions.ask_save(),
        "&File",
        group=1,
        keys="Ctrl+Alt+S",
        enabled=has_structure,
    ),
    Action(
        "file.batch",
        "&Batch screening…",
        lambda w: w.ask_batch(),
        "&File",
        keys="Ctrl+B",
        icon="batch",
        tip="Find all paths and their barriers in a folder of structures",
    ),
    Action(
        "file.table",
        "Export &table…",
        lambda w: w.ask_export_table(),
        "&File",
        group=2,
        keys="Ctrl+E",
        icon="table",
        tip="Write the table of paths as CSV or XLSX",
        on_toolbar=True,
        enabled=has_barriers,
    ),
    Action(
        "file.picture",
        "Save &picture…",
        lambda w: w.ask_save_picture(),
        "&File",
        group=2,
        keys="Ctrl+Shift+S",
        icon="picture",
        tip="Save the 3D view as a PNG picture of any size",
        on_toolbar=True,
        enabled=has_view,
    ),
    Action(
        "file.report",
        "Export &report…",
        lambda w: w.ask_export_report(),
        "&File",
        group=2,
        keys="Ctrl+Shift+R",
        icon="export",
        tip="Write one HTML page with picture, paths, percolation and where it all comes from",
        enabled=has_network,
    ),
    Action("file.quit", "&Quit", lambda w: w.close(), "&File", group=3, keys="Ctrl+Q"),
    Action(
        "edit.undo",
        "&Undo",
        lambda w: w.workspace.undo(),
        "&Edit",
        keys="Ctrl+Z",
        icon="undo",
        tip="Take back the last step",
        on_toolbar=True,
        enabled=lambda w: bool(w.workspace.undo_label),
    ),
    Action(
        "edit.redo",
        "&Redo",
        lambda w: w.workspace.redo(),
        "&Edit",
        keys="Ctrl+Shift+Z",
        icon="redo",
        tip="Take the step again",
        on_toolbar=True,
        enabled=lambda w: bool(w.workspace.redo_label),
    ),
    Action(
        "edit.copy_table",
        "&Copy table",
        lambda w: w.copy_table(),
        "&Edit",
        group=1,
        keys="Ctrl+Shift+C",
        icon="copy",
        tip="Copy the selected paths (all, where none is selected) for a spreadsheet",
        enabled=has_barriers,
    ),
    Action(
        "edit.copy_script",
        "Copy as &Python",
        lambda w: w.copy_script(),
        "&Edit",
        group=1,
        keys="Ctrl+Alt+C",
        tip="Copy what was just done as a Python script that gives the same number",
        enabled=has_paths,
    ),
    Action(
        "edit.preferences",
        "&Preferences…",
        lambda w: w.ask_preferences(),
        "&Edit",
        group=2,
        keys="Ctrl+,",
        icon="settings",
    ),
    Action(
        "structure.charge",
        "&Charged limit",
        lambda w: w.deriver.charge(),
        "&Structure",
        tip="Open this structure with all migrating ions taken out",
        enabled=holds_ion,
    ),
    Action(
        "structure.discharge",
        "&Discharged limit",
        lambda w: w.deriver.discharge(),
        "&Structure",
        tip="Open this structure with as many migrating ions as its metals can take up",
        enabled=has_ion,
    ),
    Action(
        "structure.substitute",
        "&Substitute elements…",
        lambda w: w.deriver.ask_substitution(),
        "&Structure",
        tip="Open this structure with other elements in a rescaled cell",
        enabled=has_structure,
    ),
    Action(
        "structure.relax",
        "&Relax structure…",
        lambda w: w.band_tools.ask_relax_structure(),
        "&Structure",
        group=1,
        icon="relax",
        tip="Relax atoms and cell with a universal potential, and see what changes",
        enabled=has_structure,
    ),
    Action(
        "path.find",
        "&Find paths",
        lambda w: w.find_paths(),
        "&Path",
        keys="Ctrl+F",
        icon="network",
        tip="Find all symmetry-distinct hops, their barriers, and how they connect",
        on_toolbar=True,
        enabled=has_ion,
    ),
    Action(
        "path.add",
        "&Add path by coordinates…",
        lambda w: w.ask_coordinates(),
        "&Path",
        keys="Ctrl+N",
        icon="add",
        tip="Name the two ends instead of clicking them",
        on_toolbar=True,
        enabled=has_ion,
    ),
    Action(
        "path.clear",
        "&Clear the picked site",
        lambda w: w.escape(),
        "&Path",
        keys="Esc",
        icon="close",
        tip="Forget the initial site that was clicked",
    ),
    Action(
        "path.empty",
        "&Empty the picked site",
        lambda w: w.workspace.empty_picked(),
        "&Path",
        keys="Ctrl+Shift+E",
        icon="voids",
        tip="One more vacancy in the next path, at the site that was clicked",
        enabled=has_picked_site,
    ),
    Action(
        "path.note",
        "Write a &note",
        lambda w: w.edit_note(),
        "&Path",
        group=1,
        keys="F2",
        tip="Write a note on the selected path",
        enabled=has_selected_path,
    ),
    Action(
        "path.pin",
        "&Pin for comparison",
        lambda w: w.pin_selected(),
        "&Path",
        group=1,
        keys="Ctrl+D",
        icon="pin",
        tip="Keep the selected paths in the comparison when another structure is opened",
        enabled=has_judged_selection,
    ),
    Action(
        "path.remove",
        "&Remove",
        lambda w: w.remove_selected(),
        "&Path",
        group=1,
        keys="Del",
        icon="remove",
        tip="Remove the selected paths",
        enabled=has_selected_path,
    ),
    Action(
        "path.why",
        "&Why this barrier",
        lambda w: w.show_dock(w.why_dock),
        "&Path",
        group=2,
        icon="help",
        tip="Show similar known paths, whether the model knows such paths, and what moves the barrier",
        enabled=has_structure,
    ),
    Action(
        "path.relax",
        "Relax &band…",
        lambda w: w.band_tools.ask_relax(),
        "&Path",
        group=2,
        keys="Ctrl+R",
        icon="relax",
        tip="Relax the selected paths with a universal potential (NEB), in the background",
        enabled=has_judged_selection,
    ),
    Action(
        "path.volume",
        "Barrier against &volume…",
        lambda w: w.band_tools.ask_relax(volumes=True),
        "&Path",
        group=2,
        tip="Relax the selected paths at 98, 100 and 102 % of their volume",
        enabled=has_judged_selection,
    ),
    Action(
        "path.profile",
        "Energy pr&ofile",
        lambda w: w.show_dock(w.profile_dock),
        "&Path",
        group=2,
        icon="path",
        tip="Show relaxed bands, their profiles and images",
        enabled=has_structure,
    ),
    Action(
        "path.export_profile",
        "E&xport relaxed band…",
        lambda w: w.band_tools.ask_export_profile(),
        "&Path",
        group=2,
        icon="export",
        tip="Write profile or images: CSV, JSON, SVG, PNG, extended XYZ, CIF",
        enabled=has_shown_profile,
    ),
    Action(
        "path.export_dft",
        "Export NEB &input…",
        lambda w: w.band_tools.ask_export_dft(),
        "&Path",
        group=2,
        icon="export",
        tip="Write the input of a DFT-NEB: VASP, Quantum ESPRESSO, or an ASE script",
        enabled=has_active_result,
    ),
    Action(
        "path.compare",
        "&Compare paths",
        lambda w: w.show_dock(w.comparison_dock),
        "&Path",
        group=3,
        icon="compare",
        tip="Show barriers side by side, also those of pinned paths",
        enabled=has_structure,
    ),
    Action(
        "path.transport",
        "&Transport estimate",
        lambda w: w.show_dock(w.transport_dock),
        "&Path",
        group=3,
        icon="transport",
        tip="Estimate diffusivity, conductivity and particle size from a barrier",
        enabled=has_structure,
    ),
    Action(
        "model.list",
        "&Models…",
        lambda w: w.ask_models(),
        "&Model",
        icon="compare",
        tip="Show all models and how good they are; choose, import, export or delete one",
    ),
    Action(
        "model.train",
        "&Train a model on your barriers…",
        lambda w: w.retraining.open(),
        "&Model",
        tip="Read your own barriers, check and split them, train, judge and keep a model",
    ),
    Action(
        "model.suggest",
        "What to compute &next…",
        lambda w: w.suggesting.open(),
        "&Model",
        tip="Find the paths whose DFT barrier would teach the model most, with their NEB inputs",
    ),
    *(
        Action(
            f"view.{axis}",
            f"Along &{axis}",
            lambda w, axis=axis: w.view_along(axis),  # type: ignore[misc]
            "&View",
            keys=f"Ctrl+{number}",
            icon=f"view-{axis}",
            tip=f"Look along {axis}",
            on_toolbar=True,
            enabled=has_view,
        )
        for number, axis in enumerate("abc", start=1)
    ),
    Action(
        "view.fit",
        "Zoom to &fit",
        lambda w: w.zoom_to_fit(),
        "&View",
        keys="Ctrl+0",
        icon="fit",
        tip="Show the whole structure",
        on_toolbar=True,
        enabled=has_view,
    ),
    Switch(
        "view.bonds",
        "&Bonds",
        _style("bonds"),
        "&View",
        group=1,
        icon="bonds",
        tip="Draw bonds",
        on_toolbar=True,
        enabled=has_view,
        on_at_first=True,
    ),
    Switch(
        "view.cell",
        "Unit &cell",
        _style("cell"),
        "&View",
        group=1,
        icon="cell",
        tip="Draw the unit cell",
        on_toolbar=True,
        enabled=has_view,
        on_at_first=True,
    ),
    Switch(
        "view.boundary",
        "Boundary &atoms",
        _style("boundary"),
        "&View",
        group=1,
        icon="boundary",
        tip="Draw periodic images on and around the cell's faces",
        on_toolbar=True,
        enabled=has_view,
        on_at_first=True,
    ),
    Switch(
        "view.polyhedra",
        "&Polyhedra",
        _style("polyhedra"),
        "&View",
        group=1,
        icon="polyhedra",
        tip="Draw coordination polyhedra",
        on_toolbar=True,
        enabled=has_view,
    ),
    Switch(
        "view.labels",
        "&Labels",
        lambda w, on: w.set_labels(on),
        "&View",
        group=1,
        icon="labels",
        keys="Ctrl+L",
        tip="Write element and index on the atoms",
        on_toolbar=True,
        enabled=has_view,
    ),
    Switch(
        "view.landscape",
        "&Site-energy map",
        lambda w, on: w.workspace.set_show_landscape(on),
        "&View",
        group=1,
        icon="landscape",
        keys="Ctrl+M",
        tip="Show where the ion likes to be, by its bond-valence site energy",
        on_toolbar=True,
        enabled=has_view,
    ),
    Action(
        "view.jobs",
        "&Jobs",
        lambda w: w.show_dock(w.jobs_dock),
        "&View",
        group=2,
        keys="Ctrl+J",
        icon="recent",
        tip="Show everything that takes long: how far it is, stop it, go on, open its result",
    ),
    Submenu("view.docks", "&Docks", lambda w, m: w.fill_docks(m), "&View", group=2),
    Action(
        "help.manual",
        "&Manual",
        lambda w: w.open_manual(),
        "&Help",
        keys="F1",
        icon="help",
        tip="Tutorials, how-to pages, the science and the reference",
    ),
    Action(
        "help.tour",
        "&Two-minute tour",
        lambda w: w.tour.start(),
        "&Help",
        tip="From an example to its barriers, step by step",
    ),
    Action(
        "help.commands",
        "All &commands…",
        lambda w: w.show_palette(),
        "&Help",
        keys="Ctrl+Shift+P",
        icon="search",
        tip="Find any command by a few of its letters",
    ),
    Action(
        "help.shortcuts",
        "&Keyboard and mouse…",
        lambda w: w.show_shortcuts(),
        "&Help",
        keys="Ctrl+/",
        tip="All shortcuts",
    ),
    Action(
        "help.about",
        "&About MigBar",
        lambda w: w.show_about(),
        "&Help",
        group=1,
        icon="info",
        tip="What this is, and how to cite it",
    ),
)


@dataclass(frozen=True, slots=True)
class Command:
    """Something that can be done, as the palette and the page of shortcuts list it.

    Attributes
    ----------
    title : str
        Menu and name: ``File: Save session``.
    action : QAction
    """

    title: str
    action: QAction


class Commands:
    """The actions of one window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._actions: dict[str, QAction] = {}
        for entry in ACTIONS:
            if not isinstance(entry, Submenu):
                self._actions[entry.id] = self._make(entry)
        self._fill_menus()

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def fill_toolbar(self, toolbar: QToolBar) -> None:
        """Put the commands for the toolbar on it, with a line between groups."""
        last: tuple[str, int] | None = None
        for entry in ACTIONS:
            if isinstance(entry, Submenu) or not entry.on_toolbar:
                continue
            if last is not None and last != (entry.menu, entry.group):
                toolbar.addSeparator()
            last = (entry.menu, entry.group)
            toolbar.addAction(self._actions[entry.id])

    def listed(self) -> list[Command]:
        """Return every command, with what the submenus hold now."""
        self._filled = QMenu(self._window)  # the submenus' actions live as long as this
        listed, inner = [], []
        for entry in ACTIONS:
            menu, name = _plain(entry.menu), _plain(entry.text)
            if not isinstance(entry, Submenu):
                action = self._actions[entry.id]
                listed.append(Command(f"{menu}: {_plain(action.text())}", action))
                continue
            submenu = self._filled.addMenu(name)
            entry.fill(self._window, submenu)
            inner += [Command(f"{name}: {_plain(a.text())}", a) for a in submenu.actions()]
        return listed + inner

    def refresh(self) -> None:
        """Enable what makes sense now."""
        for entry in ACTIONS:
            if not isinstance(entry, Submenu):
                self._actions[entry.id].setEnabled(entry.enabled(self._window))
        workspace = self._window.workspace
        self["edit.undo"].setText(f"&Undo {workspace.undo_label}".strip())
        self["edit.redo"].setText(f"&Redo {workspace.redo_label}".strip())

    def refresh_icons(self) -> None:
        """Draw all icons in the colours of the current theme."""
        for entry in ACTIONS:
            if not isinstance(entry, Submenu) and entry.icon:
                self._actions[entry.id].setIcon(icon(entry.icon))

    def _make(self, entry: Action | Switch) -> QAction:
        action = QAction(entry.text, self._window)
        action.setObjectName(entry.id)
        if entry.keys:
            action.setShortcut(QKeySequence(entry.keys))
        tip = entry.tip or entry.text.replace("&", "").rstrip("…")
        action.setToolTip(f"{tip} ({action.shortcut().toString()})" if entry.keys else tip)
        action.setStatusTip("")
        if isinstance(entry, Switch):
            action.setCheckable(True)
            action.setChecked(entry.on_at_first)
            action.toggled.connect(lambda on: entry.run(self._window, on))
        else:
            action.triggered.connect(lambda: entry.run(self._window))
        return action

    def _fill_menus(self) -> None:
        menus: dict[str, QMenu] = {}
        group: dict[str, int] = {}
        for entry in ACTIONS:
            if entry.menu not in menus:
                menus[entry.menu] = self._window.menuBar().addMenu(entry.menu)
            menu = menus[entry.menu]
            if group.setdefault(entry.menu, entry.group) != entry.group:
                menu.addSeparator()
                group[entry.menu] = entry.group
            if isinstance(entry, Submenu):
                self._add_submenu(menu, entry)
            else:
                menu.addAction(self._actions[entry.id])

    def _add_submenu(self, menu: QMenu, entry: Submenu) -> None:
        submenu = menu.addMenu(entry.text)

        def refill() -> None:
            submenu.clear()
            entry.fill(self._window, submenu)

        submenu.aboutToShow.connect(refill)


def _plain(text: str) -> str:
    return text.replace("&", "")
