import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Structure

from migbar.bands import Band
from migbar.barriers import ModelCard
from migbar.descriptors import descriptor_names
from migbar.errors import ModelError
from migbar.models import store
from migbar.models.forest import LEAF, BandForest, Trees
from migbar.models.intervals import Calibration
from migbar.models.nearness import Domain
from migbar.models.opinions import ask_all_models


@pytest.fixture
def band(empty_layered: Structure) -> Band:
    host = empty_layered.make_supercell([3, 3, 2], in_place=False)
    return Band(host, "Li", np.linspace([0, 0, 0.25], [1 / 3, 0, 0.25], 5))


@pytest.fixture
def forest() -> BandForest:
    """Two stumps that ask whether the hop is longer than 3 Å."""
    names = list(descriptor_names())
    hop = names.index("hop_length")
    trees = Trees(
        roots=np.array([0, 3], np.int32),
        feature=np.array([hop, LEAF, LEAF, hop, LEAF, LEAF], np.int16),
        threshold=np.array([3.0, 0.0, 0.0, 3.0, 0.0, 0.0], np.float32),
        right=np.array([2, 0, 0, 2, 0, 0], np.int16),
        root_barrier=np.array([0.6, 0.5, 0.8, 0.6, 0.5, 0.8], np.float32),
        cover=np.array([3, 2, 1, 3, 2, 1], np.uint16),
    )
    zeros = np.zeros(len(names), np.float32)
    card = ModelCard(
        "stumps",
        "1",
        "",
        training={
            "recipe": "band-forest",
            "descriptors": names,
            "ions": ["Li"],
            "elements": ["S", "Ti"],
        },
    )
    domain = Domain(zeros, zeros + 1, zeros[None] + 1e3, 1e4)
    return BandForest(card, trees, Calibration(0.1, -1.0, 2.0), domain)


@pytest.fixture
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store, "user_models_dir", lambda: tmp_path / "models")
    return tmp_path / "models"


def test_that_trees_send_a_band_to_its_leaf(forest: BandForest, band: Band) -> None:
    long = Band(band.host, "Li", np.linspace(band.path[0], [0.45, 0, 0.25], 5))
    short, far = forest.predict([band.reversed(), long])
    assert band.length > 3 < long.length
    assert short.barrier_ev == far.barrier_ev == pytest.approx(0.64)
    tight = Structure(band.host.lattice.scale(100), band.host.species, band.host.frac_coords)
    assert forest.predict([Band(tight, "Li", band.path)])[0].barrier_ev == pytest.approx(0.25)


def test_that_the_best_model_has_a_name_of_its_own(forest: BandForest, own_store: Path) -> None:
    assert store.load_model("migbar") is store.load_model()
    card = replace(forest.card, name="migbar")
    store.save_model(BandForest(card, forest.trees, forest.calibration, forest.domain))
    assert store.load_model("migbar").card.name == "migbar"
    assert store.load_model("migbar").card.version == "1"  # nobody's own model is hidden


def test_that_intervals_hold_the_barrier_and_never_go_below_zero() -> None:
    barrier, spread = np.array([0.0, 0.01, 0.5, 3.0]), np.array([0.3, 0.3, 0.1, 0.5])
    low, high = Calibration(0.1, -1.5, 1.7).interval(barrier, spread)
    assert (low >= 0).all()
    assert (low <= barrier).all()
    assert (barrier <= high).all()
    wider = Calibration(0.1, -1.5, 1.7).interval(barrier, 2 * spread)
    assert (wider[1] > high).all()
    assert low[1] == 0
    for one_sided in (Calibration(0.1, 0.2, 1.7), Calibration(0.1, -1.5, -0.2)):
        low, high = one_sided.interval(barrier, spread)
        assert ((low <= barrier) & (barrier <= high)).all()
    ends = Calibration(0.1, -1.5, 1.7).interval(np.array([0.25]), np.array([0.1]))
    assert np.sqrt(ends).ravel() == pytest.approx([0.5 - 1.5 * 0.2, 0.5 + 1.7 * 0.2])


def test_that_an_ion_or_element_never_seen_is_remarked(forest: BandForest, band: Band) -> None:
    codes = [r.code for r in forest.predict([band])[0].remarks]
    assert codes == []
    sodium = forest.predict([Band(band.host, "Na", band.path)])[0]
    assert [r.code for r in sodium.remarks] == ["unseen_ion"]
    assert "Na" in sodium.remarks[0].text
    host = band.host.copy()
    host.replace_species({"Ti": "Nb"})
    other = forest.predict([Band(host, "Li", band.path)])[0]
    assert [r.code for r in other.remarks] == ["unseen_element"]


def test_that_a_path_far_from_the_training_paths_is_remarked(
    forest: BandForest, band: Band
) -> None:
    forest.domain = replace(forest.domain, reach=1.0)
    assert [r.code for r in forest.predict([band])[0].remarks] == ["outside_domain"]


def test_that_a_saved_model_predicts_the_same(
    forest: BandForest, band: Band, tmp_path: Path
) -> None:
    folder = store.save_model(forest, tmp_path / "stumps")
    again = store.load_model(str(folder))
    assert again.predict([band]) == forest.predict([band])
    assert again.card.files == json.loads((folder / "card.json").read_text())["files"]


def test_that_a_model_in_the_users_store_is_listed_and_never_hidden(
    forest: BandForest, own_store: Path
) -> None:
    names = [store.save_model(forest).name for _ in range(2)]
    assert names == ["stumps", "stumps-2"]
    listed = [card.name for card in store.list_models()]
    assert store.DEFAULT_MODEL in listed
    assert listed[-2:] == names
    assert store.load_model("stumps-2").card.name == "stumps-2"


def test_that_an_unknown_model_is_answered_with_the_known_names() -> None:
    with pytest.raises(ModelError, match=r"no model 'oracle'.*band-forest"):
        store.load_model("oracle")


def test_that_changed_weights_are_refused(forest: BandForest, tmp_path: Path) -> None:
    folder = store.save_model(forest, tmp_path / "stumps")
    weights = folder / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    with pytest.raises(ModelError, match="damaged"):
        store.load_model(str(folder))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": 1}', '{"name": "x", "color": 2}'])
def test_that_a_damaged_card_is_told_and_not_listed(
    text: str, forest: BandForest, own_store: Path
) -> None:
    folder = store.save_model(forest)
    (folder / "card.json").write_text(text)
    with pytest.raises(ModelError, match="damaged"):
        store.load_model("stumps")
    assert "stumps" not in [card.name for card in store.list_models()]


def test_that_a_model_for_other_descriptors_is_refused(forest: BandForest, tmp_path: Path) -> None:
    forest.card.training["descriptors"] = ["weather"]
    folder = store.save_model(forest, tmp_path / "stumps")
    with pytest.raises(
        ModelError, match=r"'stumps' was trained on other descriptors.*train it again"
    ):
        store.load_model(str(folder))


def test_that_the_default_model_predicts_with_light_imports(band: Band) -> None:
    script = (
        "import sys, numpy as np\n"
        "from pymatgen.core import Lattice, Structure\n"
        "from migbar.bands import Band\n"
        "from migbar.models.store import load_model\n"
        "host = Structure(Lattice.cubic(8.4), ['O', 'Ti'], [[0, 0, 0], [0.5, 0.5, 0.5]])\n"
        "path = np.linspace([0.2, 0.1, 0.3], [0.4, 0.4, 0.3], 5)\n"
        "assert load_model().predict([Band(host, 'Li', path)])[0].barrier_ev > 0\n"
        "print([m for m in ('torch', 'sklearn', 'matplotlib', 'pandas') if m in sys.modules])\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_that_the_default_model_beats_its_marks_on_its_own_card() -> None:
    card = store.load_model().card
    assert card.scores["random"]["mae_ev"] <= 0.258
    assert card.scores["grouped"]["mae_ev"] <= 0.283
    assert 0.87 <= card.scores["grouped"]["coverage"] <= 0.93


def test_that_the_default_models_prediction_has_no_direction(band: Band) -> None:
    model = store.load_model()
    one, other = model.predict([band, band.reversed()])
    assert one.barrier_ev == pytest.approx(other.barrier_ev, abs=1e-4)
    assert one.interval_ev[0] <= one.barrier_ev <= one.interval_ev[1]


def test_that_all_models_are_asked_and_one_that_cannot_be_hinders_no_other(
    forest: BandForest, band: Band, own_store: Path
) -> None:
    store.save_model(forest)  # its card knows no error
    bad = store.save_model(BandForest(replace(forest.card, name="bad"), *_parts(forest)))
    (bad / store.WEIGHTS).write_bytes(b"")
    foreign = store.save_model(BandForest(replace(forest.card, name="foreign"), *_parts(forest)))
    card = json.loads((foreign / store.CARD).read_text()) | {"scores": {"grouped": "good"}}
    (foreign / store.CARD).write_text(json.dumps(card))
    opinions = ask_all_models(band)
    names = [opinion.card.name for opinion in opinions]
    assert names[0] == store.DEFAULT_MODEL
    assert sorted(names) == sorted(card.name for card in store.list_models())
    errors = [o.card.usual_error_ev for o in opinions if o.card.usual_error_ev is not None]
    assert errors == sorted(errors)
    assert set(names[len(errors) :]) == {"stumps", "bad", "foreign"}
    found = {opinion.card.name: opinion for opinion in opinions}
    assert found["bad"].barrier is None
    assert "damaged" in found["bad"].problem
    assert found["stumps"].barrier == store.load_model("stumps").predict([band])[0]


def test_that_the_default_model_is_listed_first_and_the_others_by_name(
    forest: BandForest, own_store: Path
) -> None:
    store.save_model(BandForest(replace(forest.card, name="A"), *_parts(forest)))
    names = [card.name for card in store.list_models()]
    assert names[0] == store.DEFAULT_MODEL
    assert names[-1] == "A"
    assert names[1:-1] == sorted(names[1:-1])


def _parts(forest: BandForest) -> tuple[Trees, Calibration, Domain]:
    return forest.trees, forest.calibration, forest.domain


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no file's size")
@pytest.mark.parametrize("folder", ["None", "'model'"])
def test_that_a_full_disk_is_told_where_a_model_is_saved(folder: str, tmp_path: Path) -> None:
    program = f"""
import resource, signal
from migbar.errors import ModelError
from migbar.models import store

model = store.load_model("band-forest")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    store.save_model(model, {folder})
except ModelError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "MIGBAR_HOME": str(tmp_path / "home")},
    )
    place = "model" if folder != "None" else tmp_path / "home" / "models" / "band-forest-2"
    assert done.stdout.startswith(f"cannot write the model to {place}: File too large")
