"""Structures from databases on the web: asked by OPTIMADE, understood with care, kept as CIF."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Structure

from migbar import online
from migbar.online import (
    Database,
    OnlineError,
    filter_of,
    own_database,
    save_entry,
    search,
)
from migbar.structures import read_structure
from tests.optimade_server import Server, entry, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def database(server: Server) -> Database:
    return Database("own", "Laboratory", server.url, "", (("_lab_hull", "pbe"), ("_lab_ehull",)))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("LiFePO4", 'chemical_formula_reduced="FeLiO4P"'),
        (" NaTi2(PO4)3 ", 'chemical_formula_reduced="NaO12P3Ti2"'),
        ("Li0.5CoO2", 'chemical_formula_reduced="Co2LiO4"'),
        ("Li-Fe-P-O", 'elements HAS ALL "Fe", "Li", "O", "P" AND nelements=4'),
        ("O, Li", 'elements HAS ALL "Li", "O" AND nelements=2'),
        ("mp-19017", 'id="mp-19017"'),
        ("1000041", 'id="1000041"'),
    ],
)
def test_that_formula_elements_and_identifiers_are_told_apart(text, asked):
    assert filter_of(text) == asked


@pytest.mark.parametrize("text", ["", "olivine", 'a"1', "Li*O", "LiXx2 O", "Li(Fe"])
def test_that_what_is_none_of_them_is_refused(text):
    with pytest.raises(OnlineError, match="is no formula"):
        filter_of(text)


def test_that_structures_come_as_they_are_the_most_stable_first(
    server, database, layered_oxide, rock_salt
):
    server.entries = [
        entry("lab-1", rock_salt, _lab_ehull=0.2),
        entry("lab-2", layered_oxide, _lab_hull={"pbe": 0.0}, _lab_ehull=9.0),
        entry("lab-3", rock_salt, _lab_ehull="unknown"),
    ]
    found = search("Li-Co-O", database)
    assert [e.id for e in found.entries] == ["lab-2", "lab-1", "lab-3"]
    assert [e.above_hull for e in found.entries] == [0.0, 0.2, None]
    first = found.entries[0]
    assert (first.formula, first.space_group) == ("LiCoO2", "R-3m")
    np.testing.assert_allclose(first.structure.lattice.matrix, layered_oxide.lattice.matrix)
    for site, known in zip(first.structure, layered_oxide, strict=True):
        assert site.distance(known) < 1e-6
        assert site.specie.symbol == known.specie.symbol
    assert (found.available, found.left_out) == (3, ())
    fields = server.asked[0]["response_fields"].split(",")
    assert {"lattice_vectors", "species", "_lab_hull", "_lab_ehull"} <= set(fields)


def test_that_the_rest_is_fetched_page_by_page_up_to_the_count(server, database, rock_salt):
    server.page = 2
    server.entries = [entry(f"lab-{k}", rock_salt) for k in range(7)]
    found = search("LiF", database, count=5)
    assert [e.id for e in found.entries] == [f"lab-{k}" for k in range(5)]
    assert (found.available, len(server.asked)) == (7, 3)


def test_that_partly_occupied_sites_keep_their_shares(server, database, rock_salt):
    kinds = [
        {"name": "M", "chemical_symbols": ["Li", "vacancy"], "concentration": [0.7, 0.3]},
        {"name": "F", "chemical_symbols": ["F"], "concentration": [1]},
    ]
    at_sites = ["M" if site.specie.symbol == "Li" else "F" for site in rock_salt]
    server.entries = [entry("lab-1", rock_salt, species=kinds, species_at_sites=at_sites)]
    found = search("LiF", database).entries[0]
    assert found.space_group == ""
    assert found.structure.composition["Li"] == pytest.approx(2.8)


def test_that_what_is_no_crystal_is_left_out_and_why(server, database, rock_salt):
    overlapping = Structure(rock_salt.lattice, ["Li", "F"], [[0, 0, 0], [0.01, 0, 0]])
    ghost = [{"name": "Li", "chemical_symbols": ["X"], "concentration": [1.0]}]
    server.entries = [
        entry("good", rock_salt),
        entry("no-cell", rock_salt, lattice_vectors=None),
        entry("flat", rock_salt, lattice_vectors=[[1, 0, 0], [0, 1, 0], [1, 1, 0]]),
        entry("short", rock_salt, species_at_sites=["Li"]),
        entry("text", rock_salt, cartesian_site_positions=[["a", "b", "c"]]),
        entry("nan", rock_salt, lattice_vectors=[[float("nan"), 0, 0], [0, 1, 0], [0, 0, 1]]),
        entry("close", overlapping),
        entry("ghost", rock_salt, species=ghost),
        {"id": "bare"},
        "nothing",
    ]
    found = search("LiF", database)
    assert [e.id for e in found.entries] == ["good"]
    reasons = dict(found.left_out)
    assert len(reasons) == 9
    assert "without a cell" in reasons["no-cell"]
    assert "apart" in reasons["close"]
    assert "not a chemical element" in reasons["ghost"]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (400, b'{"errors": [{"detail": "cannot parse the filter"}]}', "says: cannot parse"),
        (503, b"<html>busy</html>", "says: 503"),
        (200, b"<html>welcome</html>", "something else than OPTIMADE"),
        (200, b"[1, 2]", "something else than OPTIMADE"),
        (200, b'{"data": ' + b"[" * 100_000, "something else than OPTIMADE"),
    ],
)
def test_that_a_server_that_does_not_understand_is_quoted(server, database, status, body, told):
    server.answer = lambda query: (status, body)
    with pytest.raises(OnlineError, match=told):
        search("LiF", database)


def test_that_a_link_to_nowhere_does_not_go_on_for_ever(server, database):
    body = {"data": [], "links": {"next": f"{server.url}/v1/structures"}}
    server.answer = lambda query: (200, json.dumps(body).encode())
    assert search("LiF", database).entries == ()
    assert len(server.asked) == 1


def test_that_a_server_that_is_silent_or_away_is_told_so(monkeypatch):
    monkeypatch.setattr(online, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(OnlineError, match="did not answer"):
            search("LiF", own_database(f"http://127.0.0.1:{port}"))
    with pytest.raises(OnlineError, match="cannot be reached"):
        search("LiF", own_database(f"http://127.0.0.1:{port}"))


def test_that_only_addresses_on_the_web_are_asked():
    with pytest.raises(OnlineError, match="no address"):
        own_database("file:///etc/passwd")


def test_that_a_saved_entry_says_where_it_is_from(server, database, layered_oxide, tmp_path):
    server.entries = [entry("../lab 1", layered_oxide)]
    file = save_entry(search("LiCoO2", database).entries[0], tmp_path / "new")
    assert file == tmp_path / "new" / "LiCoO2_.._lab_1.cif"
    assert file.read_text().startswith("# Laboratory ../lab 1, fetched from http://127.0.0.1")
    assert read_structure(file).composition == layered_oxide.composition


def test_that_the_command_lists_and_writes_what_it_finds(
    run, server, layered_oxide, rock_salt, tmp_path: Path
):
    server.entries = [entry("lab-1", layered_oxide), entry("lab-2", rock_salt, nsites=0)]
    code, out, _ = run("search", "LiCoO2", "--url", server.url, "--out", tmp_path, "--json")
    assert code == 0
    told = json.loads(out)
    assert [e["id"] for e in told["entries"]] == ["lab-1", "lab-2"]
    assert told["entries"][0]["space_group"] == "R-3m"
    assert Path(told["entries"][0]["file"]).name == "LiCoO2_lab-1.cif"
    code, out, _ = run("search", "LiCoO2", "--url", server.url)
    assert code == 0
    assert "2 of 2 that fit" in out


def test_that_one_silent_database_does_not_hide_the_others(run, server, layered_oxide, monkeypatch):
    server.entries = [entry("lab-1", layered_oxide)]
    near = Database("near", "Near", server.url, "")
    away = Database("away", "Away", "http://127.0.0.1:1", "")
    monkeypatch.setattr(online, "DATABASES", (near, away))
    code, out, _ = run("search", "LiCoO2")
    assert code == 0
    assert "lab-1" in out
    assert "Away cannot be reached" in " ".join(out.split())
    code, _, err = run("search", "LiCoO2", "-d", "away")
    assert code == 2
    assert "no database answered" in err
