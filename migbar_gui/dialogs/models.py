"""All models with their cards: choose one, share it, take one in, remove one's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QGridLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from migbar.barriers import ModelCard
from migbar.evaluation import FEWEST_FOR_R2
from migbar.models.networks.published import NETWORKS
from migbar.models.sharing import SUFFIX, is_own
from migbar.models.store import DEFAULT_MODEL
from migbar.wording import with_minus
from migbar_gui.files.saving import ask_path
from migbar_gui.looks import energies
from migbar_gui.looks.notice import Notice, open_notice
from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import (
    Question,
    RemovalQuestion,
    bulleted,
    button,
    choice_box,
    clear,
    field_rows,
    in_column,
    in_row,
    label,
    line,
    resize_on_screen,
    scrolled,
)

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow

FILES = (
    f"Models (*{SUFFIX} *.pt *.pt.bz2 *.bz2);;Model files (*{SUFFIX});;"
    "Published checkpoints (*.pt *.pt.bz2 *.bz2)"
)

PROTOCOLS = {
    "grouped": "Unseen frameworks",
    "random": "Unseen paths",
    "grouped_with_relaxed": "Unseen frameworks, with MACE",
    "random_with_relaxed": "Unseen paths, with MACE",
    "grouped_from_scratch": "Unseen frameworks, not pre-trained",
    "training": "Paths it was trained on",
    "validation": "Held-out paths",
    "published_test": "The paper's test paths",
    "own": "Held-out own paths",
    "own_start": "… by what was there before",
}
"""What is said of a protocol of scores; others are shown by their own names."""

SCORES = (
    ("mae_ev", "MAE ({unit})", 3),
    ("r2", "R²", 2),
    ("rmse_ev", "RMSE ({unit})", 3),
    ("accuracy", "Accuracy", 2),
)
"""Key, title, and decimals; where the key ends in ``_ev`` it is an energy."""


class ModelsDialog(QDialog):
    """Shows all models."""

    training_asked = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Models")
        resize_on_screen(self, 960, 620)
        self._models = models = window.models
        self.notice = Notice()
        self._notices = self.notice, window.notice
        self.list = QListWidget()
        self.list.setAccessibleName("Models")
        self.list.setFixedWidth(with_text(260))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.currentItemChanged.connect(lambda *_: self._show_card())
        self._card = in_column(margins=(15, 13, 15, 13))
        self.use = button("Use this model", self._use, "primary")
        self.use.setToolTip("Predict with it from now on, also what is in the table")
        self.give = button("Export…", self._ask_give)
        self.remove = button("Delete…", self._ask_remove)
        self.take = button("Import…", self._ask_take)
        self.train = button("Train a model…", self._train)
        self._lay_out()
        models.changed.connect(self.refresh)
        models.used_changed.connect(self._note_used)  # no lambda: it would outlive the dialog
        self.refresh()
        self._select(models.used)

    def current(self) -> str:
        """Return the name of the model that is shown."""
        item = self.list.currentItem()
        return str(item.data(Qt.ItemDataRole.UserRole)) if item else ""

    def _note_used(self, _: str) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Show the models that there are now."""
        before = self.current()
        self._cards = {card.name: card for card in self._models.cards()}
        self.list.blockSignals(True)
        self.list.clear()
        for name in self._cards:
            marks = ["in use"] if name == self._models.used else []
            marks += ["own"] if is_own(name) else []
            item = QListWidgetItem(f"{name}  ({', '.join(marks)})" if marks else name)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setToolTip(name)
            self.list.addItem(item)
        self.list.blockSignals(False)
        self._select(before if before in self._cards else self._models.used)

    def refresh_unit(self) -> None:
        """Write the scores in the unit that the user likes."""
        self._show_card()

    def _select(self, name: str) -> None:
        for row, known in enumerate(self._cards):
            if known == name:
                self.list.setCurrentRow(row)
        self._show_card()

    def _lay_out(self) -> None:
        page = QWidget()
        page.setObjectName("body")
        page.setLayout(self._card)
        about = scrolled(page, "About the model")
        close = button("Close", self.reject)
        tools = in_row(self.use, self.give, self.remove, None, close)
        left = in_column(self.list, self.take, self.train, grow=self.list)
        right = in_column(about, tools, grow=about)
        columns = in_row(left, right, grow=right, spacing=14, margins=(16, 16, 16, 16))
        self.setLayout(in_column(self.notice, columns, grow=columns, spacing=0))

    # -------------------------------------------------------------- the card

    def _show_card(self) -> None:
        clear(self._card)
        card = self._cards.get(self.current())
        for tool in (self.use, self.give, self.remove):
            tool.setEnabled(card is not None)
        if card is None:
            return
        used = card.name == self._models.used
        self.use.setEnabled(not used)
        self.use.setText("In use" if used else "Use this model")
        self.remove.setEnabled(is_own(card.name))
        self.remove.setToolTip("" if is_own(card.name) else "It comes with MigBar")
        self._card.addWidget(label(f"{card.name}, version {card.version}", "formula", wrap=True))
        self._card.addWidget(label(card.summary, wrap=True))
        scores = score_grid(card.scores)
        if scores is not None:
            self._section("How good it is", scores)
        verdict = card.scores.get("own_validation", {}).get("verdict_text")
        if verdict:
            self._card.addWidget(label(energies.in_text(verdict), wrap=True))
        facts = card_facts(card.training)
        if facts:
            rows = [(name, label(text, wrap=True)) for name, text in facts]
            holder = QWidget()
            grid = field_rows(rows)
            grid.setContentsMargins(0, 0, 0, 0)
            grid.setVerticalSpacing(4)
            holder.setLayout(grid)
            self._section("How it was made", holder)
        if card.notes:
            holder = QWidget()
            holder.setLayout(in_column(*(bulleted(energies.in_text(note)) for note in card.notes)))
            self._section("What to know", holder)
        self._card.addStretch(1)

    def _section(self, title: str, content: QWidget) -> None:
        self._card.addWidget(line())
        self._card.addWidget(label(title, "section"))
        self._card.addWidget(content)

    # -------------------------------------------------------------- buttons

    def _use(self) -> None:
        self._models.use(self.current())

    def _train(self) -> None:
        self.accept()
        self.training_asked.emit()

    def _ask_give(self) -> None:
        name = self.current()
        suggested = str(Path.home() / f"{name}{SUFFIX}")
        path = ask_path(self, "Export model", suggested, {f"Model file (*{SUFFIX})": SUFFIX})
        if path is not None:
            self.export(name, path)

    def export(self, name: str, path: Path) -> None:
        """Write a model as one file, and say so."""
        notices = self._notices
        self._models.give(
            name, path, lambda done: open_notice(*notices).show_message(f"Wrote {done}.")
        )

    def _ask_take(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Import model", str(Path.home()), FILES)
        if path:
            self.take_in(Path(path))

    def take_in(self, path: Path) -> None:
        """Import a model file; of a checkpoint ask first which network it is."""
        if path.suffix not in (".pt", ".bz2"):
            self._take(path, "", "")
            return
        question = CheckpointDialog(path, self)
        question.chosen.connect(partial(self._take, path))
        question.open()

    def _take(self, path: Path, published_as: str, name: str) -> None:
        self.notice.show_message(f"Reading {path.name} …")
        notices = self._notices
        self._models.take_in(
            path,
            self._taken,
            lambda error: open_notice(*notices).show_error(error),
            published_as,
            name,
        )

    def _taken(self, card: ModelCard) -> None:
        notice = open_notice(*self._notices)
        notice.show_message(f"{card.name} is among your models now.")
        if notice is self.notice:
            self._select(card.name)

    def _ask_remove(self) -> None:
        name = self.current()
        text = f"“{name}” and its files will be deleted."
        if name == self._models.used:
            text += f" It is in use: barriers are predicted with {DEFAULT_MODEL} from then on, those in the table, too."
        question = RemovalQuestion("Delete this model?", text, "Delete", self)
        question.accepted.connect(partial(self._models.remove, name))
        question.open()


class CheckpointDialog(Question):
    """Asks which of the paper's networks a published checkpoint is."""

    chosen = Signal(str, str)

    def __init__(self, path: Path, parent: QWidget | None) -> None:
        super().__init__(
            "Which network is it?",
            f"{path.name} is a published checkpoint. It does not say itself which of the paper's models "
            "it belongs to. Every weight is checked against the network before anything is stored.",
            "Import",
            parent,
        )
        self.network = choice_box()
        self.network.addItems(list(NETWORKS))
        self.network.setCurrentText("MODEL-3")
        self.name = QLineEdit()
        self.name.setPlaceholderText("as the network")
        self.body.addLayout(
            field_rows((("&Network of the paper", self.network), ("Call it", self.name)))
        )
        self.accepted.connect(
            lambda: self.chosen.emit(self.network.currentText(), self.name.text().strip())
        )


def score_grid(scores: Mapping[str, Any]) -> QWidget | None:
    """Lay out the scores of a card, a row for each protocol; None where there are none."""
    rows = {
        name: s for name, s in scores.items() if isinstance(s, dict) and {"n", "mae_ev"} <= s.keys()
    }
    if not rows:
        return None
    holder = QWidget()
    grid = QGridLayout(holder)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(4)
    grid.setColumnStretch(0, 1)
    add_titles(grid)
    for row, (name, values) in enumerate(rows.items(), start=1):
        words = PROTOCOLS.get(name, name.replace("_", " "))
        cells = [label(words[:1].upper() + words[1:], wrap=True), label(str(values.get("n", "")))]
        cells += [label(with_error(values, key, digits)) for key, _, digits in SCORES]
        for column, cell in enumerate(cells):
            grid.addWidget(cell, row, column, Qt.AlignmentFlag.AlignTop)
    return holder


def add_titles(grid: QGridLayout) -> None:
    """Write what the columns of a grid of scores hold."""
    for column, text in enumerate(("", "Paths", *(title for _, title, _ in SCORES))):
        grid.addWidget(label(text.format(unit=energies.unit()), "muted"), 0, column)


def with_error(values: Mapping[str, Any], key: str, digits: int) -> str:
    """Write a score with its standard error; empty where there is none, or where it says nothing."""
    value = values.get(key)
    if not isinstance(value, int | float):
        return ""
    if key == "r2" and values.get("n", FEWEST_FOR_R2) < FEWEST_FOR_R2:
        return "–"
    error = values.get(f"{key.removesuffix('_ev')}_se{'_ev' if key.endswith('_ev') else ''}")
    numbers = [n for n in (value, error) if isinstance(n, int | float)]
    if key.endswith("_ev"):
        return " ± ".join(energies.number(n, digits) for n in numbers)
    return with_minus(" ± ".join(f"{round(n, digits) + 0.0:.{digits}f}" for n in numbers))


def card_facts(training: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pick what people want to know of how a model was made."""
    names = {
        "recipe": "Recipe",
        "architecture": "Network",
        "published_as": "Network of the paper",
        "start": "Started from",
        "preset": "Preset",
        "paths": "Paths",
        "ions": "Ions",
        "seed": "Seed",
        "hardware": "Hardware",
        "device": "Device",
        "wall_time_s": "Time (s)",
        "date": "Date",
        "data_sha256": "Data (SHA-256)",
        "checkpoint_sha256": "Checkpoint (SHA-256)",
    }
    facts = []
    known = {**training.get("options", {}), **training}
    for key, name in names.items():
        value = known.get(key)
        if value in (None, "", []) or isinstance(value, dict):
            continue
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        facts.append((name, text[:16] + " …" if key.endswith("sha256") else text))
    own = training.get("own_data", {})
    if own:
        facts.append(("Own paths", f"{own['paths']} (SHA-256 {own['data_sha256'][:16]} …)"))
    made_by = ", ".join(f"{name} {v}" for name, v in training.get("versions", {}).items())
    return [*facts, ("Made by", made_by)] if made_by else facts
