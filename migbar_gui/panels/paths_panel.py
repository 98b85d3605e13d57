"""The dock with all paths."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QStackedLayout,
    QTableView,
    QToolButton,
    QWidget,
)

from migbar.barriers import ModelCard
from migbar_gui.computing.models import Models
from migbar_gui.looks import energies
from migbar_gui.looks.tables import as_list, select_row
from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import (
    ElidedLabel,
    ThresholdBox,
    as_panel,
    centred,
    choice_box,
    in_column,
    in_row,
    label,
    tool_row,
)
from migbar_gui.panels.path_table import NO_VOID, SORT_ROLE, Column, NoteEditor, PathTable
from migbar_gui.workspace import Workspace

WIDTHS = {
    Column.PATH: 160,
    Column.BARRIER: 112,
    Column.INTERVAL: 104,
    Column.VERDICT: 136,
    Column.LENGTH: 86,
    Column.MECHANISM: 92,
    Column.MODEL: 98,
    Column.PER_CELL: 68,
    Column.RELAXED: 118,
    Column.DIFFERENCE: 124,
}

BESIDE_BARRIER = (Column.RELAXED, Column.DIFFERENCE)
"""Columns that stand beside the predicted barrier, once there is something in them."""


class PathsPanel(QWidget):
    """Table of paths with the model that predicts them and the threshold that they are judged by."""

    models_asked = Signal()

    def __init__(self, workspace: Workspace, models: Models) -> None:
        super().__init__()
        self._models = models
        as_panel(self)
        self._workspace = workspace
        self._following = False
        self.model = PathTable(workspace)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.model)
        self._sorted.setSortRole(SORT_ROLE)
        self.view = self._make_view()
        self.threshold = ThresholdBox(workspace.threshold)
        self.threshold.setAccessibleName("Threshold for a good conductor")
        self.threshold.ev_changed.connect(workspace.set_threshold)
        self.chooser = self._make_chooser()
        self._summary = ElidedLabel("muted")
        self._tools = in_row(spacing=2)
        self.hint = centred()
        self._stack = QStackedLayout()
        self._stack.addWidget(self.hint)
        self._stack.addWidget(self.view)
        top = tool_row(
            label("Model"),
            self.chooser,
            label("Good conductor up to"),
            self.threshold,
            self._summary,
            self._tools,
            grow=self._summary,
        )
        self.setLayout(in_column(top, self._stack, grow=self._stack, spacing=0))
        workspace.paths_changed.connect(self._show)
        workspace.active_changed.connect(self._follow_active)
        workspace.threshold_changed.connect(self._show)
        workspace.relaxed_changed.connect(self._show)
        workspace.result_arrived.connect(lambda _: self._show())
        workspace.setup_changed.connect(self._show_hint)
        workspace.voids_changed.connect(self._show_hint)
        self._fill_chooser()
        self._show_hint()
        self._show()

    def selected_ids(self) -> list[int]:
        """Return the ids of the selected paths in the order shown."""
        return [self._id_at(row) for row in self._selected_rows()]

    def _selected_rows(self) -> list[int]:
        # Whole rows are selected; `selectedRows` asks about every cell, which all commands together wait for.
        selection = self.view.selectionModel().selection()
        parts = (selection.at(n) for n in range(selection.count()))
        return sorted(row for part in parts for row in range(part.top(), part.bottom() + 1))

    def ids_as_shown(self) -> list[int]:
        """Return the ids of all paths in the order shown."""
        return [self._id_at(row) for row in range(self._sorted.rowCount())]

    def edit_note(self) -> None:
        """Start writing in the note of the current path."""
        index = self.view.currentIndex().siblingAtColumn(Column.NOTE)
        self.view.setFocus()
        self.view.setCurrentIndex(index)
        self.view.edit(index)

    def add_tool(self, tool: QToolButton) -> None:
        """Put a button to the right above the table."""
        self._tools.addWidget(tool)

    def _make_chooser(self) -> QComboBox:
        chooser = choice_box(name="Model")
        # Wider, it would push the tools out of a window of half a usual screen.
        chooser.setMinimumWidth(with_text(110))
        chooser.setMaximumWidth(with_text(190))
        chooser.setToolTip("The model that predicts the barriers")
        chooser.activated.connect(self._choose_model)
        self._models.changed.connect(self._fill_chooser)
        self._models.used_changed.connect(lambda _: self._fill_chooser())
        return chooser

    def _fill_chooser(self) -> None:
        self.chooser.clear()
        for row, card in enumerate(self._models.cards()):
            self.chooser.addItem(card.name)
            self.chooser.setItemData(row, model_tip(card), Qt.ItemDataRole.ToolTipRole)
        self.chooser.setCurrentText(self._models.used)
        self.chooser.insertSeparator(self.chooser.count())
        self.chooser.addItem("Models…")

    def _choose_model(self, row: int) -> None:
        if row == self.chooser.count() - 1:
            self.chooser.setCurrentText(self._models.used)
            self.models_asked.emit()
        else:
            self._models.use(self.chooser.itemText(row))

    def _id_at(self, row: int) -> int:
        return self.model.path_at(self._sorted.mapToSource(self._sorted.index(row, 0)).row()).id

    def _make_view(self) -> QTableView:
        view = QTableView()
        view.setModel(self._sorted)
        view.setSortingEnabled(True)
        view.sortByColumn(Column.PATH, Qt.SortOrder.AscendingOrder)
        as_list(view, "Paths", WIDTHS.items())
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        notes = NoteEditor(view)
        notes.closeEditor.connect(lambda *_: self._workspace.end_note())
        view.setItemDelegateForColumn(Column.NOTE, notes)
        header = view.horizontalHeader()
        for place, column in enumerate(BESIDE_BARRIER, start=Column.BARRIER + 1):
            header.moveSection(header.visualIndex(column), place)
            view.setColumnHidden(column, True)
        view.selectionModel().selectionChanged.connect(lambda: self._selection_changed())
        return view

    def _show_hint(self) -> None:
        state = self._workspace.state
        place = f"{state.ion} site" if state.mechanism.between_sites else "void"
        text = f"No paths yet. Click the initial {place} in the 3D view, then the final one; or find all paths at once."
        if not state.ion:
            text = "No ion, no paths."
        elif self._workspace.lacks_voids:
            text = NO_VOID.format(state.ion)
        self.hint.setText(text)

    def _selection_changed(self) -> None:
        ids = self.selected_ids()
        current = self.view.currentIndex()
        if ids and not self._following:
            now = self._id_at(current.row()) if current.isValid() else ids[0]
            self._workspace.activate(now if now in ids else ids[0])
        self._workspace.anything_changed.emit()

    def _follow_active(self) -> None:
        row = self.model.row_of(self._workspace.active)
        if row is None:
            return
        index: QModelIndex = self._sorted.mapFromSource(self.model.index(row, Column.PATH))
        if index.row() in self._selected_rows():
            return
        self._following = True
        select_row(self.view, index.row(), Column.PATH)
        self._following = False

    def _show(self) -> None:
        paths = self._workspace.state.paths
        self._stack.setCurrentIndex(1 if paths else 0)
        self.threshold.set_ev(self._workspace.threshold)
        relaxed = any(self._workspace.relaxed_of(path.id) is not None for path in paths)
        for column in BESIDE_BARRIER:
            self.view.setColumnHidden(column, not relaxed)
        judged = [
            self._workspace.counted_barrier(path.id, found.predicted.barrier)
            for path in paths
            if (found := self._workspace.result(path.id)) is not None
        ]
        good = sum(barrier.is_good_conductor(self._workspace.threshold) for barrier in judged)
        self._summary.setText(f"{good} of {len(judged)} at or below" if judged else "")
        self._summary.setToolTip(self._summary.text())


def model_tip(card: ModelCard) -> str:
    """Say what a model is, and how good."""
    if card.usual_error_ev is None:
        return card.summary
    error = energies.energy(card.usual_error_ev, 2)
    return f"{card.summary}\nMean absolute error on unseen frameworks: {error}."
