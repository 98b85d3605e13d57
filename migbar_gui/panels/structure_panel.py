"""The dock with the structure's facts and the choices for the next path."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from migbar.errors import MigbarError
from migbar.hops import Mechanism
from migbar.supercells import parse_supercell
from migbar.wording import space_group_text
from migbar_gui.looks.colours import element_colour
from migbar_gui.looks.texts import in_words, sentence
from migbar_gui.looks.widgets import (
    PAGE,
    ElidedLabel,
    RemarkList,
    button,
    choice_box,
    clear,
    label,
    line,
    scroll,
    swatch,
)
from migbar_gui.panels.path_table import MECHANISM_NAMES
from migbar_gui.workspace import Document, Workspace, whenever

EXPLANATIONS = {
    Mechanism.VACANCY: "Into an empty neighbour site; all other ions stay.",
    Mechanism.SINGLE_ION: "One ion alone in the host: the charged limit.",
    Mechanism.INTERSTITIAL: "One extra ion, from void to void.",
    Mechanism.INSERTION: "One ion put into the empty host, from void to void.",
}
SUPERCELLS = {
    "auto": "Automatic (at least 8 Å)",
    "none": "None: the cell as read",
    "choose": "Choose…",
}
REASONS = {
    True: "The structure already holds this ion.",
    False: "The structure holds no such ion; it can only be put in.",
}


class StructurePanel(QScrollArea):
    """Facts of the open structure, ion, mechanism, supercell, and which elements are shown."""

    hidden_elements_changed = Signal(object)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._body = QWidget()
        self._body.setObjectName("body")
        column = QVBoxLayout(self._body)
        column.setContentsMargins(*PAGE)
        scroll(self, self._body, "Structure")
        column.setSpacing(8)
        self._add_facts(column)
        self._add_ion(column)
        self._add_mechanisms(column)
        self._add_supercell(column)
        self._add_emptied(column)
        self._add_elements(column)
        column.addStretch(1)
        workspace.document_changed.connect(self._show_document)
        workspace.setup_changed.connect(self._show_setup)
        workspace.voids_changed.connect(self._show_voids)
        whenever(
            self._show_emptied,
            workspace.emptied_changed,
            workspace.picks_changed,
            workspace.setup_changed,
        )
        self._show_document()
        self._show_setup()
        self._show_emptied()

    # ---- building

    def _add_facts(self, column: QVBoxLayout) -> None:
        self.formula = label("", "formula")
        self.formula.setTextFormat(Qt.TextFormat.RichText)
        self._name = ElidedLabel("muted")
        self._facts = QFormLayout()
        self._facts.setContentsMargins(0, 4, 0, 0)
        self._facts.setVerticalSpacing(4)
        self._facts.setHorizontalSpacing(10)
        self._fact_labels: dict[str, QLabel] = {}
        for key in ("Space group", "Atoms", "a, b, c (Å)", "α, β, γ (°)", "Volume (Å³)"):
            self._fact_labels[key] = label(wrap=True)
            self._facts.addRow(label(key, "muted"), self._fact_labels[key])
        self.notes = RemarkList()
        column.addWidget(self.formula)
        column.addWidget(self._name)
        column.addLayout(self._facts)
        column.addWidget(self.notes)
        column.addWidget(line())

    def _add_ion(self, column: QVBoxLayout) -> None:
        self.ion = choice_box(name="Migrating ion")
        self.ion.activated.connect(lambda: self._workspace.set_ion(self.ion.currentData()))
        column.addWidget(label("Migrating ion", "section"))
        column.addWidget(self.ion)

    def _add_mechanisms(self, column: QVBoxLayout) -> None:
        column.addSpacing(4)
        column.addWidget(label("Mechanism", "section"))
        self.mechanisms: dict[Mechanism, QRadioButton] = {}
        for mechanism in Mechanism:
            choice = QRadioButton(MECHANISM_NAMES[mechanism].capitalize())
            choice.setToolTip(EXPLANATIONS[mechanism])
            choice.clicked.connect(lambda _=False, m=mechanism: self._workspace.set_mechanism(m))
            self.mechanisms[mechanism] = choice
            column.addWidget(choice)
        self._explanation = label("", "muted", wrap=True)
        column.addWidget(self._explanation)
        self.show_voids = QCheckBox("Show voids")
        self.show_voids.setToolTip("Places with room for one more ion, as ghosts")
        self.show_voids.toggled.connect(self._workspace.set_show_voids)
        column.addWidget(self.show_voids)

    def _add_supercell(self, column: QVBoxLayout) -> None:
        column.addSpacing(4)
        column.addWidget(label("Supercell for the next path", "section"))
        self.supercell = choice_box(SUPERCELLS, "Supercell")
        self.repeats = QLineEdit(placeholderText="2,2,1")
        self.repeats.setAccessibleName("Repeats along a, b, c")
        self.repeats.setAcceptDrops(False)
        self._supercell_problem = label("", "muted", wrap=True)
        self.supercell.activated.connect(self._supercell_chosen)
        self.repeats.editingFinished.connect(self._repeats_entered)
        for widget in (self.supercell, self.repeats, self._supercell_problem):
            column.addWidget(widget)

    def _add_emptied(self, column: QVBoxLayout) -> None:
        self._emptied_part = QWidget()
        part = QVBoxLayout(self._emptied_part)
        part.setContentsMargins(0, 4, 0, 0)
        part.setSpacing(6)
        self.emptied = label("", "muted", wrap=True)
        self.empty_site = button("", self._workspace.empty_picked, "link")
        self.fill_sites = button("Clear", self._workspace.fill_emptied, "link")
        choices = QHBoxLayout()
        choices.addWidget(self.empty_site)
        choices.addWidget(self.fill_sites)
        choices.addStretch(1)
        part.addWidget(label("Further vacancies", "section"))
        part.addWidget(self.emptied)
        part.addLayout(choices)
        column.addWidget(self._emptied_part)

    def _add_elements(self, column: QVBoxLayout) -> None:
        column.addSpacing(4)
        column.addWidget(label("Shown elements", "section"))
        self._elements = QGridLayout()
        self._elements.setHorizontalSpacing(8)
        self._elements.setVerticalSpacing(4)
        self._elements.setColumnStretch(2, 1)
        self.element_boxes: dict[str, QCheckBox] = {}
        self._spots: dict[str, QLabel] = {}
        column.addLayout(self._elements)

    # ---- following the workspace

    def _show_document(self) -> None:
        document = self._workspace.document
        self._body.setEnabled(document is not None)
        if document is None:
            return
        structure = document.structure
        lattice = structure.lattice
        self.formula.setText(_with_subscripts(document.formula))
        self._name.setText(document.name)
        self._name.setToolTip(str(document.source or document.name))
        symmetry = document.symmetry
        texts = {
            "Space group": f"{space_group_text(symmetry.symbol)} ({symmetry.number})"
            if symmetry
            else "not found",
            "Atoms": f"{len(structure)} in the cell",
            "a, b, c (Å)": "  ".join(f"{x:.3f}" for x in lattice.abc),
            "α, β, γ (°)": "  ".join(f"{x:.2f}" for x in lattice.angles),
            "Volume (Å³)": f"{lattice.volume:.2f}",
        }
        for key, text in texts.items():
            self._fact_labels[key].setText(text)
        self.notes.tell(document.notes)
        self._list_ions(document)
        self._list_elements(document)

    def _list_ions(self, document: Document) -> None:
        self.ion.clear()
        for ion in document.ions:
            count = int(document.structure.composition[ion])
            self.ion.addItem(f"{ion}   ({count} in the cell)", ion)
        if document.ions and document.guests:
            self.ion.insertSeparator(self.ion.count())
        for ion in document.guests:
            self.ion.addItem(f"{ion}   (to be put in)", ion)

    def _list_elements(self, document: Document) -> None:
        clear(self._elements)
        self.element_boxes, self._spots = {}, {}
        amounts = document.structure.composition.get_el_amt_dict()
        for row, (symbol, amount) in enumerate(amounts.items()):
            spot = self._spots[symbol] = QLabel()
            box = self.element_boxes[symbol] = QCheckBox(symbol)
            box.setChecked(True)
            box.toggled.connect(self._element_toggled)
            self._elements.addWidget(box, row, 0)
            self._elements.addWidget(spot, row, 1)
            count = label(f"{amount:g}", "muted")
            self._elements.addWidget(count, row, 3, Qt.AlignmentFlag.AlignRight)
        ways = [self.fill_sites, *self.element_boxes.values()]
        for one, following in pairwise(ways):  # else Tab came here last of all in the window
            QWidget.setTabOrder(one, following)
        self.refresh_colours()
        self.hidden_elements_changed.emit(frozenset())

    def refresh_colours(self) -> None:
        """Show the elements' colours again."""
        for symbol, spot in self._spots.items():
            spot.setPixmap(swatch(element_colour(symbol), 16))

    @property
    def hidden_elements(self) -> frozenset[str]:
        """Elements that are not drawn."""
        return frozenset(s for s, box in self.element_boxes.items() if not box.isChecked())

    def hide_elements(self, symbols: Iterable[str]) -> None:
        """Draw all elements but these."""
        for symbol, box in self.element_boxes.items():
            box.setChecked(symbol not in symbols)

    def _show_setup(self) -> None:
        document, state = self._workspace.document, self._workspace.state
        if document is None:
            return
        self.ion.setCurrentIndex(self.ion.findData(state.ion))
        sensible = document.mechanisms(state.ion)
        for mechanism, choice in self.mechanisms.items():
            possible = mechanism in sensible
            with QSignalBlocker(choice):
                choice.setChecked(mechanism is state.mechanism)
            choice.setEnabled(possible)
            why = REASONS[mechanism is Mechanism.INSERTION]
            choice.setToolTip(EXPLANATIONS[mechanism] if possible else why)
        self._explanation.setText(EXPLANATIONS[state.mechanism])
        self._show_voids()
        self._show_supercell(state.supercell)

    def _show_voids(self) -> None:
        needed = not self._workspace.state.mechanism.between_sites
        with QSignalBlocker(self.show_voids):
            self.show_voids.setChecked(needed or self._workspace.show_voids)
        self.show_voids.setEnabled(not needed)
        found = self._workspace.voids
        count = f" ({len(found)})" if found is not None and self._workspace.voids_wanted else ""
        self.show_voids.setText(f"Show voids{count}")

    def _show_emptied(self) -> None:
        workspace = self._workspace
        emptied, ion = workspace.state.emptied, workspace.state.ion
        mechanism = workspace.state.mechanism
        picked = workspace.picks[0].site if workspace.picks else None
        usual = mechanism is Mechanism.VACANCY
        self._emptied_part.setVisible(
            usual or bool(emptied and mechanism is Mechanism.INTERSTITIAL)
        )
        sites = "  ".join(map(str, emptied))
        hint = "None. To empty a site, click it first."
        self.emptied.setText(f"The next path is without {ion} at {sites}." if emptied else hint)
        self.emptied.setVisible(bool(emptied) or picked is None)
        self.empty_site.setVisible(usual and picked is not None)
        self.empty_site.setText(f"Empty site {picked}")
        self.empty_site.setToolTip("One more vacancy in the next path")
        self.fill_sites.setVisible(bool(emptied))

    def _show_supercell(self, text: str) -> None:
        known = self.supercell.findData(text)
        self.supercell.setCurrentIndex(known if known >= 0 else self.supercell.findData("choose"))
        self.repeats.setVisible(known < 0)
        self._supercell_problem.hide()
        if known < 0:
            self.repeats.setText(text)

    # ---- telling the workspace

    def _supercell_chosen(self) -> None:
        choice = self.supercell.currentData()
        if choice == "choose":
            self.repeats.show()
            self.repeats.setFocus()
        else:
            self._workspace.set_supercell(choice)
            self._show_supercell(choice)

    def _repeats_entered(self) -> None:
        text = self.repeats.text().strip()
        if not text:
            return
        try:
            parse_supercell(text)
        except MigbarError as error:
            self._supercell_problem.setText(sentence(in_words(error)))
            self._supercell_problem.show()
            return
        self._supercell_problem.hide()
        self._workspace.set_supercell(text)

    def _element_toggled(self) -> None:
        self.hidden_elements_changed.emit(self.hidden_elements)


def _with_subscripts(formula: str) -> str:
    return re.sub(r"(\d+(?:\.\d+)?)", r"<sub>\1</sub>", formula)
