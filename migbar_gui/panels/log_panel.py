"""The dock with what happened so far."""

from __future__ import annotations

import logging

from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from migbar_gui.log import MOST_RECORDS, Log, Record
from migbar_gui.widgets import button, label

LEVELS = {
    "Everything": logging.DEBUG,
    "Information": logging.INFO,
    "Warnings": logging.WARNING,
    "Errors": logging.ERROR,
}


class LogPanel(QWidget):
    """Lines of the log from a level on, and a button that copies them all for a bug report."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._log = log
        self.level = QComboBox()
        self.level.setAccessibleName("Least level shown")
        for name, level in LEVELS.items():
            self.level.addItem(name, level)
        self.level.setCurrentIndex(1)
        self.level.currentIndexChanged.connect(lambda _: self._fill())
        self.text = QPlainTextEdit(readOnly=True)
        self.text.setAccessibleName("Log")
        self.text.setTabChangesFocus(True)
        self.text.setMaximumBlockCount(MOST_RECORDS)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.copy = button("Copy for a bug report", self._copy)
        self.copy.setToolTip("Versions, system and the whole log; read it before you send it")
        top = QHBoxLayout()
        top.setContentsMargins(12, 6, 8, 6)
        top.setSpacing(8)
        top.addWidget(label("Show"))
        top.addWidget(self.level)
        top.addStretch(1)
        top.addWidget(self.copy)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(top)
        outer.addWidget(self.text, 1)
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
