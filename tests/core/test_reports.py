"""The report page: complete, self-contained, and safe whatever the file is called."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser

import pytest
from pymatgen.core import Lattice, Structure

from migbar.barriers import Remark
from migbar.energies import EnergyFormat
from migbar.networks import DIRECTIONS
from migbar.paths import find_paths
from migbar.reports import Provenance, html_report, walk_text, write_report
from migbar.resources import examples
from migbar.structures import read_structure
from migbar.wording import formula_text, space_group_text, with_ranges, without_numbers
from tests.core.length_model import LengthModel


class Outline(HTMLParser):
    """What a page says and what it refers to; checks that its tags match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in ("meta", "img", "br"):
            self._open.append(tag)
        self.references += [v for k, v in attrs if k in ("src", "href", "xlink:href", "action")]

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.references += [v for k, v in attrs if k in ("src", "href", "xlink:href")]

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def olivine(examples_dir):
    structure = read_structure(examples_dir / "LiFePO4.cif")
    note = Remark("ordered", "Ordered <b>by hand</b>.")
    return structure, find_paths(structure, "Li", LengthModel(), notes=[note])


def provenance(name: str = "LiFePO4.cif") -> Provenance:
    return Provenance(name, "ab" * 32, LengthModel.card, {"symmetry tolerance": "0.01 Å"})


def test_that_what_is_alike_of_many_hops_is_said_once():
    assert with_ranges(["Image 2 of O2− is 1.50 Å away", "Image 2 of O2− is 1.2 Å away"]) == (
        "Image 2 of O2− is 1.2 to 1.50 Å away"
    )
    assert with_ranges(["−0.10 eV, Li7P3S11", "−0.10 eV, Li7P3S11"]) == "−0.10 eV, Li7P3S11"
    assert with_ranges(["−0.10 eV", "0.10 eV", "−0.50 eV"]) == "−0.50 to 0.10 eV"
    assert with_ranges(["1,024 atoms", "980 atoms", "2,048 atoms"]) == "980 to 2,048 atoms"
    assert without_numbers("1,024 atoms") == without_numbers("980 atoms")
    assert without_numbers("Li7P3S11 at 3 Å.") == without_numbers("Li7P3S11 at 12.5 Å.")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("LiFePO4", "LiFePO₄"),
        ("Li10GeP2S12", "Li₁₀GeP₂S₁₂"),
        ("Ca(BH4)2", "Ca(BH₄)₂"),
        ("Li7.002La3Zr2O12", "Li₇.₀₀₂La₃Zr₂O₁₂"),
        ("LiFePO4.cif", "LiFePO₄.cif"),
        ("a1-VOPO4_Ca", "a1-VOPO₄_Ca"),
        ("CaNi2O4_P21m", "CaNi₂O₄_P21m"),
        ("MgMn2O4_I41amd", "MgMn₂O₄_I41amd"),
        ("Path 1 (along b)", "Path 1 (along b)"),
    ],
)
def test_that_numbers_of_formulas_become_subscripts(name, written):
    assert formula_text(name) == written


def test_that_screw_axes_become_subscripts():
    assert space_group_text("P6_3/mmc") == "P6₃/mmc"
    assert space_group_text("Fd-3m") == "Fd-3m"


def test_that_many_hops_share_a_note(olivine):
    structure, result = olivine
    noted = [
        replace(path, remarks=(*path.remarks, Remark("close", f"{distance} Å from <O>.")))
        for path, distance in zip(result.paths, ("1.45", "0.90", "1.45", "1.60"), strict=True)
    ]
    *first, _ = [hop.label for hop in result.search.hops]
    for paths, before in ((noted, ""), ([*noted[:3], result.paths[3]], "; ".join(first) + ": ")):
        text = " ".join(
            Outline(html_report(structure, replace(result, paths=tuple(paths)), provenance())).text
        )
        most = "1.60" if not before else "1.45"
        assert f"{before}0.90 to {most} Å from <O>." in text
        assert text.count("Å from <O>.") == 1


def test_that_cells_break_where_they_can_be_read():
    from migbar.pages import table

    checksum = "ab" * 32
    page = table(("", "hop"), [("1D", "10 → 11@0,0,-1"), ("mean of all directions", checksum)])
    assert "<td>1D</td><td>10 → 11@0,0,-1</td>" in page  # on one line
    assert "<td class='text'>mean of all directions</td>" in page  # between words
    assert f"<td class='name'>{checksum}</td>" in page  # anywhere


def test_that_bars_left_out_of_the_picture_are_told(olivine, monkeypatch):
    from migbar import reports

    assert "<figcaption>Barriers with" in html_report(*olivine, provenance())
    monkeypatch.setattr(reports, "MOST_BARS", 2)
    assert "<figcaption>The 2 lowest barriers with" in html_report(*olivine, provenance())


def test_that_the_page_needs_nothing_from_outside(olivine):
    page = html_report(*olivine, provenance())
    outline = Outline(page)
    assert all(r.startswith(("#", "data:")) for r in outline.references)
    assert not {"script", "link", "iframe", "object"} & set(outline.tags)
    assert not re.search(r"@import|url\((?!#)", page)


def test_that_the_page_tells_hops_ways_and_where_they_come_from(olivine):
    structure, result = olivine
    text = " ".join(Outline(html_report(structure, result, provenance())).text)
    for hop in result.search.hops:
        assert hop.label in text
    for word in (
        *DIRECTIONS,
        "length 7",
        "ab" * 32,
        "Pnma",
        "0.01 Å",
        "estimate",
        "vacancy",
        "MigBar",
    ):
        assert word in text
    assert "length (Å)" in text  # heads and axes have their units in brackets
    assert not re.search(r" / (m?eV|Å|S/cm|cm²)", text)
    assert f"{result.percolation['b'].barrier_ev:.3f}" in text
    assert "0 → 3 → 0@0,1,0" in text
    # No line of the table ends within a number.
    assert re.search(r"\d\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", text)
    # structure, bars, Arrhenius
    assert Outline(html_report(structure, result, provenance())).tags.count("svg") == 3
    assert "Li paths in LiFePO₄" in text
    assert "LiFePO4.cif, LiFePO₄, 28 sites" in text


def test_that_names_and_notes_cannot_break_the_page(olivine):
    page = html_report(*olivine, provenance('"><script>alert(1)</script>.cif'))
    assert "script" not in Outline(page).tags
    assert "Ordered &lt;b&gt;by hand&lt;/b&gt;." in page


def test_that_a_given_picture_takes_the_place_of_the_plain_one(olivine):
    page = html_report(*olivine, provenance(), picture_png=b"\x89PNG picture")
    outline = Outline(page)
    assert outline.tags.count("svg") == 2
    assert any(r.startswith("data:image/png;base64,") for r in outline.references)


def test_that_no_way_through_is_said_and_not_estimated():
    sparse = Structure(Lattice.cubic(9.0), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    result = find_paths(sparse, "Li", LengthModel())
    text = " ".join(Outline(html_report(sparse, result, provenance())).text)
    assert "No hop of Li up to 7 Å" in text
    assert "no way through" in text
    assert "no long-range transport to estimate" in text
    chain = Structure(Lattice.tetragonal(6.8, 3.0), ["Li", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    result = find_paths(chain, "Li", LengthModel(), cutoff=4.0)
    text = " ".join(Outline(html_report(chain, result, provenance())).text)
    assert "gets through the crystal at 0.30 eV in 1D" in re.sub(r"\s+", " ", text)


def test_that_a_walk_names_the_cells_it_passes(olivine):
    _, result = olivine
    way = result.percolation["a"]
    assert way is not None
    text = walk_text(result.search, way.walks[0])
    assert text.startswith("0 → ")
    assert text.endswith("@1,0,0")


def test_that_the_report_is_written_as_a_file(olivine, tmp_path):
    file = tmp_path / "out.html"
    write_report(file, *olivine, provenance())
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in tmp_path.iterdir()] == ["out.html"]


# ------------------------------------------------------------------ by the command line


@pytest.fixture
def run(run, monkeypatch):
    monkeypatch.setattr("migbar.models.store.load_model", lambda name=None: LengthModel())
    return partial(run, "paths")


def test_that_paths_prints_the_documented_keys(run, examples_dir):
    code, out, err = run(examples_dir / "LiFePO4.cif", "--ion", "Li", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert result["cutoff_angstrom"] == 6.0
    first = result["paths"][0]
    assert {
        "from", "to", "image", "multiplicity", "path_length_angstrom", "barrier_ev", "interval_ev"
    } <= set(first)  # fmt: skip
    assert (first["from"], first["to"], first["image"]) == (0, 3, [0, 0, 0])
    assert first["multiplicity"] == 4
    assert list(result["percolation_ev"]) == list(DIRECTIONS)
    assert result["percolation_ev"]["b"] == pytest.approx(0.3005, abs=1e-3)
    low, high = result["percolation_interval_ev"]["b"]
    assert low < result["percolation_ev"]["b"] < high


def test_that_a_direction_without_a_way_is_null(run, examples_dir):
    code, out, _ = run(examples_dir / "LiFePO4.cif", "--ion", "Li", "--cutoff", "4", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["percolation_ev"]["3D"] is None
    assert result["percolation_ev"]["a"] is None
    assert result["percolation_interval_ev"]["a"] is None
    assert result["dimensionality"] == 1


def test_that_voids_are_named_as_predict_takes_them(run, examples_dir):
    code, out, err = run(examples_dir / "TiS2.cif", "--ion", "Li", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert result["mechanism"] == "insertion"
    assert result["paths"][0]["from"] == "v0"
    assert any("another place of the ion" in out["reason"] for out in result["left_out"])


@pytest.mark.parametrize("file", examples(), ids=lambda file: file.stem)
def test_that_every_example_goes_from_cif_to_report_in_one_command(run, file, tmp_path):
    structure = read_structure(file)
    page = tmp_path / "report.html"
    ion = "Li" if file.stem in ("FePO4", "TiS2") else structure.elements[0].symbol
    if not structure.is_ordered:
        code, _, err = run(file, "--report", page)
        assert code == 2
        assert "--order" in err
        return  # that it can be ordered is another test
    code, out, err = run(file, "--ion", ion, "--report", page)
    assert code == 0, err
    assert "through in 1D" in out
    Outline(page.read_text(encoding="utf-8"))


def test_that_a_partly_occupied_structure_is_ordered_on_request(run, tmp_path):
    mixed = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(5.6), [{"Li": 0.5}, "O"], [[0.25, 0.25, 0.25], [0, 0, 0]]
    )
    mixed.replace_species({"O": "Cl"})
    file = tmp_path / "mixed.cif"
    mixed.to(filename=str(file))
    code, out, err = run(file, "--order", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert {w["code"] for w in result["warnings"]} == {"ordered"}
    assert {"ordered"} <= {w["code"] for w in result["paths"][0]["warnings"]}


def test_that_wrong_use_is_one_line_on_stderr(run, examples_dir, tmp_path):
    for arguments, words in (
        (("--cutoff", "-1"), "cut-off"),
        (("--mechanism", "jump"), "not a mechanism"),
        (("--ion", "Na"), "no void"),
        (("--report", tmp_path / "none" / "out.html"), "no such folder"),
    ):
        code, out, err = run(examples_dir / "LiFePO4.cif", *arguments, "--json")
        assert (code, out) == (2, ""), words
        assert err.count("\n") == 1
        assert words in err


def test_that_energies_can_be_in_milli_electronvolts(olivine):
    structure, result = olivine
    page = html_report(structure, result, provenance(), energies=EnergyFormat("meV"))
    text = " ".join(Outline(page).text)
    assert "barrier (meV)" in text
    assert "at most 650 meV" in text
    for path in result.paths:
        assert f"{1000 * path.barrier.barrier_ev:.0f}" in text
    assert not re.search(r"\d eV", text)


def test_that_paths_and_structures_are_counted_in_whole_numbers_along_the_axes() -> None:
    from migbar.energies import IN_EV
    from migbar.screening.tables import _histogram
    from migbar.training.own.report import curve_figure

    curve = [
        {"fold": 0, "done": done, "unit": "own paths", "training_ev": 0.1, "validation_ev": 0.2}
        for done in (10, 20, 30)
    ]
    ticks = (
        curve_figure(curve).axes[0].get_xticks(),
        _histogram([0.2, 1.0], 0.65, IN_EV).axes[0].get_yticks(),
    )
    assert all((found == found.round()).all() for found in ticks)
