"""The dock with what happened so far."""

from __future__ import annotations

import logging

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from migbar_gui.log import MOST_RECORDS, Log, Record
from migbar_gui.looks.theme import fixed_font
from migbar_gui.looks.widgets import as_panel, button, choice_box, in_column, label, tool_row

LEVELS = {
    logging.DEBUG: "Everything",
    logging.INFO: "Information",
    logging.WARNING: "Warnings",
    logging.ERROR: "Errors",
}


class LogPanel(QWidget):
    """Lines of the log from a level on, and a button that copies them all for a bug report."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        as_panel(self)
        self._log = log
        self.level = choice_box(LEVELS, "Least level shown")
        self.level.setCurrentIndex(1)
        self.level.currentIndexChanged.connect(lambda _: self._fill())
        self.text = QPlainTextEdit(readOnly=True)
        self.text.setObjectName("lines")
        self.text.setAccessibleName("Log")
        self.text.setPlaceholderText("Nothing has happened that is worth a line here.")
        self.text.setTabChangesFocus(True)
        self.text.setMaximumBlockCount(MOST_RECORDS)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(fixed_font())
        self.copy = button("Copy for a bug report", self._copy)
        self.copy.setToolTip("Versions, system and the whole log; read it before you send it")
        top = tool_row(label("Show"), self.level, None, self.copy)
        self.setLayout(in_column(top, self.text, grow=self.text, spacing=0))
        log.arrived.connect(self._add)
        self._fill()

    def _fill(self) -> None:
        self.text.clear()
        for record in tuple(self._log.records):
            self._add(record)

    def _add(self, record: Record) -> None:
        if record.level >= self.level.currentData():
            self.text.appendPlainText(str(record))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._log.report())
