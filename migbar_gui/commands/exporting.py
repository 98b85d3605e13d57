"""What leaves the window: the structure, the table, the report, pictures, and a script that does the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication, QImage

from migbar.errors import Cancelled
from migbar.exports import TableRow, table_text, write_csv, write_xlsx
from migbar.progress import reported
from migbar.structures import write_structure
from migbar.wording import counted
from migbar_gui.computing.relaxed import RelaxedPath
from migbar_gui.dialogs.picture import DrawingProgress, PictureDialog
from migbar_gui.files.saving import ask_path, save_animation, save_image
from migbar_gui.files.scripting import script
from migbar_gui.looks.theme import path_colour

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow
    from migbar_gui.viewer import CrystalView

STRUCTURE_FORMATS = {
    "CIF (*.cif)": ".cif",
    "VASP (*.vasp)": ".vasp",
    "Extended XYZ (*.xyz)": ".xyz",
    "pymatgen JSON (*.json)": ".json",
}
TABLE_FORMATS = {"CSV (*.csv)": ".csv", "Excel workbook (*.xlsx)": ".xlsx"}


FRAMES = 4
"""Frames of an animation from one image of a band to the next."""

FRAME_MS = 80


class Exports(QObject):
    """What the window writes and copies."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    # -------------------------------------------------------------- structure

    def ask_structure(self) -> None:
        """Ask where to write the structure that is open, and write it."""
        document = self._window.workspace.document
        change = document.name.partition(" · ")[2] if document is not None else ""
        name = re.sub(r"[^\w+-]+", "-", change) or "structure"
        path = self._ask("Export structure", f"{name}.cif", STRUCTURE_FORMATS)
        if path is not None:
            self.write_structure(path)

    def write_structure(self, path: Path) -> None:
        """Write the structure that is open, as it is seen, in the format that the name ends in."""
        document = self._window.workspace.document
        if document is not None:
            source = "\n".join([document.name, *(note.text for note in document.notes)])
            self._write(path, lambda: write_structure(document.structure, path, source))

    # -------------------------------------------------------------- table

    def table_rows(self, only: Iterable[int] | None = None) -> list[TableRow]:
        """Return the judged paths in the order of the table, all or those with the given ids."""
        workspace, document = self._window.workspace, self._window.workspace.document
        wanted = list(only) if only is not None else self._window.paths_panel.ids_as_shown()
        rows = []
        for path_id in wanted:
            entry, result = workspace.path(path_id), workspace.result(path_id)
            if document is not None and entry is not None and result is not None:
                relaxed = workspace.relaxed_of(path_id)
                neb = relaxed.result if relaxed is not None else None
                predicted, number = result.predicted, entry.multiplicity
                counted_as = workspace.counted_barrier(path_id, predicted.barrier)
                rows.append(TableRow(document.name, predicted, entry.note, neb, number, counted_as))
        return rows

    def copy_table(self) -> None:
        """Copy the selected paths, or all, for a spreadsheet."""
        selected = self.table_rows(self._window.paths_panel.selected_ids())
        rows = selected if len(selected) > 1 else self.table_rows()
        text = table_text(rows, self._window.workspace.threshold, "\t")
        QGuiApplication.clipboard().setText(text)
        self._window.say(f"Copied {counted(len(rows), 'path')}.")

    def copy_script(self) -> None:
        """Copy what was just done as a Python script."""
        text = script(self._window.workspace, self._window.models.used)
        QGuiApplication.clipboard().setText(text)
        self._window.say("Copied a Python script that does the same.")

    def ask_table(self) -> None:
        """Ask where to write the table, and write it."""
        path = self._ask("Export table", "paths.csv", TABLE_FORMATS)
        if path is not None:
            self.write_table(path)

    def write_table(self, path: Path) -> None:
        """Write the table as CSV or, where the name ends so, as XLSX."""
        write = write_xlsx if path.suffix.lower() == ".xlsx" else write_csv
        rows, threshold = self.table_rows(), self._window.workspace.threshold
        self._write(path, lambda: write(path, rows, threshold))

    # -------------------------------------------------------------- report and picture

    def ask_report(self) -> None:
        """Ask where to write the report, and write it."""
        path = self._ask("Export report", "paths.html", {"HTML page (*.html)": ".html"})
        if path is not None:
            self.write_report(path)

    def write_report(self, path: Path) -> None:
        """Write a page about all paths that were found, with the picture that is seen."""
        from migbar_gui.files import reporting

        workspace, view = self._window.workspace, self._window.view
        document, group = workspace.document, workspace.state.group
        if document is None or group is None:
            return
        picture, threshold = None, workspace.threshold
        if view is not None and (picture := self._draw(view, 2, on_paper=True)) is None:
            return
        self._write(path, lambda: reporting.write(path, document, group, picture, threshold))

    def ask_picture(self) -> None:
        """Ask how large and where to save a picture, and save it."""
        if self._window.view is None:
            return
        view = self._window.view
        dialog = PictureDialog(view.size() * view.devicePixelRatioF(), self._window)
        dialog.chosen.connect(self._ask_picture_name)
        dialog.open()

    def _ask_picture_name(self, scale: int, transparent: bool) -> None:
        path = self._ask("Save picture", "view.png", {"PNG picture (*.png)": ".png"})
        if path is not None:
            self.save_picture(path, scale, transparent)

    def save_picture(self, path: Path, scale: int, transparent: bool) -> None:
        """Save the 3D view as a PNG file."""
        view = self._window.view
        if view is None:
            return
        # What has no ground of its own comes onto a page, as plots do.
        picture = self._draw(view, scale, transparent, on_paper=transparent)
        if picture is not None:
            self._write(path, lambda: save_image(path, picture))

    def save_animation(self, path: Path, relaxed: RelaxedPath) -> None:
        """Save how the ion hops there and back, as the 3D view shows a relaxed band, as an animated GIF."""
        view, last = self._window.view, len(relaxed.result.images) - 1
        if view is None:
            return
        before = self._window.workspace.shown_image
        self._window.profile_panel.look_at(relaxed, 0)
        view.set_arrows(np.zeros((0, 2, 3)))  # there are forces at the images only
        places = [step / FRAMES for step in range(FRAMES * last + 1)]
        progress = DrawingProgress(self._window, "animation")
        pictures = []
        rings = dict.fromkeys(relaxed.movers, path_colour(relaxed.path_id))
        try:
            for image in reported(places, progress, ""):
                structure = relaxed.structure(image, centred=True)
                view.show_structure(structure, relaxed.ion, True, shell=False, rings=rings)
                pictures.append(view.picture(scale=1))
        except Cancelled:
            return
        finally:
            progress.close()
            if view.isVisible():  # and the window was not closed meanwhile
                if before is None:
                    self._window.workspace.show_image(None)
                else:
                    self._window.workspace.image_changed.emit()  # draws the image that is shown again
        there_and_back = [*pictures, *pictures[-2:0:-1]]
        self._write(path, lambda: save_animation(path, there_and_back, FRAME_MS))

    def _draw(
        self, view: CrystalView, scale: int, transparent: bool = False, on_paper: bool = False
    ) -> QImage | None:
        """Return the view as a picture, or None where the user did not want to wait for it."""
        progress = DrawingProgress(self._window)
        try:
            return view.picture(scale, transparent, progress, on_paper)
        except Cancelled:
            return None
        finally:
            progress.close()

    def _ask(self, title: str, ending: str, formats: dict[str, str]) -> Path | None:
        return ask_path(self._window, title, self._window.suggest(ending), formats)

    def _write(self, path: Path, write: Callable[[], object]) -> None:
        self._window.jobs.start(
            f"export {path}",
            f"Writing {path.name}",
            lambda _: write(),
            lambda _: self._window.say(f"Wrote {path}"),
        )
