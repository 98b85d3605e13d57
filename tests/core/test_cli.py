"""The command line's contract: documented keys on stdout, errors in one line on stderr."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

from migbar.structures import write_cif

PREDICT_KEYS = {
    "barrier_ev", "interval_ev", "interval_level", "model", "model_version", "path_length_angstrom",
    "mechanism", "supercell", "good_conductor", "threshold_ev", "warnings",
}  # fmt: skip


@pytest.fixture
def layered_cif(layered_oxide, tmp_path) -> Path:
    file = tmp_path / "LiCoO2.cif"
    write_cif(layered_oxide, file)
    return file


def lithium(structure: Structure) -> int:
    return next(i for i, site in enumerate(structure) if site.specie.symbol == "Li")


def test_that_predict_prints_the_documented_keys(run, layered_cif):
    code, out, err = run(
        "predict", layered_cif, "--ion", "Li", "--from", "0", "--to", "0@1,0,0", "--json"
    )
    assert code == 0, err
    result = json.loads(out)
    assert set(result) >= PREDICT_KEYS
    low, high = result["interval_ev"]
    assert 0 <= low <= result["barrier_ev"] <= high
    assert result["interval_level"] == 0.9
    assert result["path_length_angstrom"] == pytest.approx(2.816, abs=1e-3)
    assert result["mechanism"] == "vacancy"
    assert len(result["supercell"]) == 3
    assert result["good_conductor"] == (result["barrier_ev"] <= result["threshold_ev"])


def test_that_all_models_stand_beside_the_chosen_one(run, layered_cif):
    hop = ("predict", layered_cif, "--from", "0", "--to", "0@1,0,0", "--all-models")
    _, out, _ = run(*hop, "--model", "band-forest", "--json")
    result = json.loads(out)
    assert result["model"] == "band-forest"
    found = {answer["model"]: answer for answer in result["models"]}
    assert {"migbar-fast", "MODEL-1-CC-compact", "MODEL-3-compact"} <= found.keys()
    assert found["band-forest"]["barrier_ev"] == result["barrier_ev"]
    assert found["band-forest"]["problem"] == ""
    assert found["migbar-fast"]["usual_error_ev"] < found["MODEL-3-compact"]["usual_error_ev"]
    said = {name: {w["code"] for w in answer["warnings"]} for name, answer in found.items()}
    assert {name for name, codes in said.items() if "ends_only" in codes} == {
        "MODEL-1-CC-compact",
        "MODEL-2-compact",
    }
    _, text, _ = run(*hop)
    barrier = f"{found['MODEL-3-compact']['barrier_ev']:.3f} eV"
    assert re.search(rf"^ +MODEL-3-compact +{barrier} .*MAE 0\.34 eV$", text, re.MULTILINE)


def test_that_the_nearest_image_is_taken_and_the_tie_is_told(run, layered_cif):
    code, out, _ = run("predict", layered_cif, "--from", "0", "--to", "0", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["to"] == "0@1,0,0"
    assert "tied_images" in {w["code"] for w in result["warnings"]}


def test_that_a_table_in_a_file_has_one_line_for_each_hop_or_site(run, layered_cif, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    _, out, _ = run("sites", layered_cif)
    assert re.fullmatch(r" +0 +Li +Li\d* +\w+ +(\d\.\d{4} *){3}", out.splitlines()[1])
    _, out, _ = run("paths", layered_cif)
    assert re.search(r"^0 → 0@1,0,0 +9 +2\.82 .* good +close approach", out, re.MULTILINE)


def test_that_the_verdict_follows_the_threshold(run, layered_cif):
    verdicts = []
    for threshold in ("0.0", "10"):
        _, out, _ = run(
            "predict",
            layered_cif,
            "--from",
            "0",
            "--to",
            "0@1,0,0",
            "--threshold",
            threshold,
            "--json",
        )
        verdicts.append(json.loads(out)["good_conductor"])
    assert verdicts == [False, True]


def test_that_sites_lists_index_label_wyckoff_and_coordinates(run, layered_cif):
    code, out, _ = run("sites", layered_cif, "--ion", "Li", "--json")
    assert code == 0
    rows = json.loads(out)
    assert len(rows) == 3
    assert set(rows[0]) == {"index", "element", "label", "wyckoff", "frac_coords"}
    assert {row["element"] for row in rows} == {"Li"}


def test_that_voids_are_named_so_that_predict_takes_them(run, empty_layered, tmp_path):
    file = tmp_path / "TiS2.cif"
    write_cif(empty_layered, file)
    code, out, _ = run("sites", file, "--ion", "Li", "--voids", "--json")
    assert code == 0
    first = json.loads(out)[0]["label"]
    code, out, err = run(
        "predict", file, "--ion", "Li", "--from", first, "--to", f"{first}@1,0,0", "--json"
    )
    assert code == 0, err
    result = json.loads(out)
    assert result["mechanism"] == "insertion"
    assert result["path_length_angstrom"] == pytest.approx(3.407, abs=1e-3)


def test_that_text_output_says_barrier_interval_model_and_verdict(run, layered_cif):
    code, out, _ = run("predict", layered_cif, "--from", "0", "--to", "0@1,0,0")
    assert code == 0
    assert "E_m =" in out
    assert "90 % interval" in out
    assert "conductor" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "0", "--to", "99"), "no site 99"),
        (("--from", "0"), "--to SITE"),
        (("--from", "x", "--to", "0"), "not a site"),
        (("--from", "0", "--to", "0@1,0,0", "--supercell", "none"), "own periodic image"),
        (("--from", "0", "--to", "0@1,0,0", "--supercell", "a"), "not a supercell"),
        (("--from", "0", "--to", "0@1,0,0", "--mechanism", "jump"), "not a mechanism"),
        (("--from", "0", "--to", "0@1,0,0", "--model", "oracle"), "oracle"),
        (("--ion", "Xx", "--from", "0", "--to", "1"), "not a chemical element"),
        (("--ion", "Na", "--from", "0", "--to", "1"), "no site of Na"),
        (("--from", "0", "--to-frac", "0.5,0.5"), "not a position"),
        (("--from", "0", "--to-frac", "0.5,0.5,0.3"), "Frenkel"),
        (("--from", "0", "--to", "0@1,0,0", "--threshold", "low"), "threshold"),
        (("--from", "0", "--to", "0@1,0,0", "--threshold", "650"), "threshold"),  # meant in meV
    ],
)
def test_that_wrong_use_is_one_line_on_stderr_and_exit_code_2(run, layered_cif, arguments, words):
    code, out, err = run("predict", layered_cif, *arguments, "--json")
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert words in err


def test_that_a_missing_file_is_one_line_on_stderr(run, tmp_path):
    code, out, err = run("predict", tmp_path / "none.cif", "--from", "0", "--to", "1", "--json")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "none.cif" in err


def test_that_partial_occupancy_asks_for_an_ordering(run, tmp_path):
    mixed = Structure(Lattice.cubic(4.2), [{"Li": 0.5}, "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    file = tmp_path / "mixed.cif"
    mixed.to(filename=str(file))
    code, _, err = run("predict", file, "--ion", "Li", "--from", "0", "--to", "0@1,0,0", "--json")
    assert code == 2
    assert "--order" in err


def test_that_evaluate_prints_scores_with_errors_and_writes_a_row_per_path(run, tmp_path):
    from migbar.datasets import write_bands
    from tests.core.records import three_records

    bands, table = tmp_path / "bands.json", tmp_path / "out.csv"
    write_bands(three_records(), bands)
    code, out, err = run(
        "evaluate", "--bands", bands, "--model", "band-forest", "--csv", table, "--json"
    )
    assert code == 0, err
    result = json.loads(out)
    keys = {"n", "mae_ev", "r2", "rmse_ev", "accuracy"}
    assert set(result) >= keys | {f"{k}_se" for k in keys - {"n"}} | {"paths"}
    assert result["n"] == 3
    one = {"sys_name", "target_ev", "predicted_ev", "interval_ev", "warnings"}
    assert set(result["paths"][0]) == one
    assert result["warnings"] == []
    assert len(table.read_text().splitlines()) == 4
    code, out, _ = run("evaluate", "--bands", bands, "--model", "band-forest")
    assert code == 0
    assert "on 3 paths" in out
    assert "R²" not in out  # of so few it says nothing
    assert "±" in out
    write_bands(three_records()[:1], bands)
    _, out, _ = run("evaluate", "--bands", bands, "--model", "band-forest")
    assert "on 1 path\n  error " in out
    assert "±" not in out


def test_that_scores_on_training_paths_are_told_as_such_in_both_forms(run, tmp_path, monkeypatch):
    from migbar.barriers import ModelCard, Remark
    from migbar.datasets import write_bands
    from tests.core.records import three_records

    class Remembering:
        card = ModelCard("remembering", "1", "Knows the first path by heart.")

        def predict(self, bands, progress):
            known = [Remark("training_path", "Known.")]
            said = [known, *([[]] * (len(bands) - 1))]
            return [self.card.barrier(0.6, (0.5, 0.7), 0.9, remarks) for remarks in said]

    monkeypatch.setattr("migbar.models.store.load_model", lambda name: Remembering())
    write_bands(three_records(), tmp_path / "bands.json")
    _, out, _ = run("evaluate", "--bands", tmp_path / "bands.json")
    assert "1 of these paths is in the model's training data" in out
    _, out, _ = run("evaluate", "--bands", tmp_path / "bands.json", "--json")
    result = json.loads(out)
    assert [note["code"] for note in result["warnings"]] == ["training_path"]
    assert result["warnings"][0]["text"].startswith("1 of these paths")
    assert [len(path["warnings"]) for path in result["paths"]] == [1, 0, 0]


def test_that_a_file_of_no_known_kind_is_named_once(run, tmp_path):
    (tmp_path / "notes.doc").write_text("rain")
    code, _, err = run("evaluate", "--bands", tmp_path / "notes.doc")
    assert code == 2
    assert err.count("notes.doc") == 1


def test_that_a_file_in_place_of_a_folder_is_told(run, layered_cif, tmp_path):
    (tmp_path / "taken").write_text("rain")
    hop = ("--from", "0", "--to", "0@1,0,0")
    code, _, err = run("export-dft", layered_cif, *hop, "--out", tmp_path / "taken")
    assert code == 2
    assert "a file stands where a folder is needed" in err


def test_that_why_names_known_paths_reasons_and_the_domain(run, layered_cif):
    ends = ("--from", "0", "--to", "0@1,0,0", "--why")
    code, out, err = run("predict", layered_cif, *ends, "--json")
    assert code == 0, err
    why = json.loads(out)["explanation"]
    assert why["domain"] in ("in", "near", "outside")
    assert all(known["barrier_ev"] > 0 for known in why["similar"])
    assert why["reasons"]
    _, text, _ = run("predict", layered_cif, *ends)
    assert "most similar known paths" in text
    code, _, err = run("predict", layered_cif, *ends, "--model", "band-forest")
    assert code == 2
    assert "cannot say why" in err


def test_that_models_list_names_the_default(run):
    code, out, _ = run("models", "list", "--json")
    assert code == 0
    cards = json.loads(out)
    assert any(card["default"] for card in cards)
    assert {"name", "version", "summary", "scores"} <= set(cards[0])


@pytest.mark.parametrize(
    ("arguments", "problem", "command"),
    [
        (["predict"], "Missing argument 'structure_file'", "predict"),
        (["data"], "Missing command", "data"),
        (["paths", "x.cif", "--ionn", "Li"], "No such option: --ionn", "paths"),
    ],
)
def test_that_a_wrong_call_says_where_the_help_is(run, arguments, problem, command):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert problem in err
    assert f"(see migbar {command} --help)" in err
    assert err.count("\n") == 1
