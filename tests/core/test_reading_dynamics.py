"""Simulations of other programs: trajectories are followed from frame to frame, whatever they are written as."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from typer.testing import CliRunner

from migbar.cli import app
from migbar.dynamics import (
    DynamicsError,
    DynamicsResult,
    Simulation,
    free_energy_landscape,
    read_dynamics,
    read_simulation,
    read_trajectory,
    tracer_diffusion,
)
from migbar.dynamics.frames import first_frame, guessed
from migbar.dynamics.reading import run
from migbar.progress import SILENT
from migbar.transport import explain

CELL = np.array([[6.0, 0.0, 0.0], [1.0, 7.0, 0.0], [0.0, 0.5, 8.0]])
IONS, HOST = 6, 6


def walk(kelvin: float = 900.0, frames: int = 400, seed: int = 0) -> list[Atoms]:
    """Lithium that hops at random in a quiet host, never wrapped."""
    rng = np.random.default_rng(seed)
    hops = rng.random((frames, IONS)) < 0.05 * kelvin / 900
    steps = hops[..., None] * rng.choice([-1.0, 1.0], (frames, IONS, 3)) * 1.2
    ions = rng.random((IONS, 3)) @ CELL + np.cumsum(steps, axis=0)
    host = rng.random((HOST, 3)) @ CELL + 0.05 * rng.standard_normal((frames, HOST, 3))
    numbers = [3] * IONS + [16] * HOST
    positions = np.concatenate([ions, host], axis=1)
    return [Atoms(numbers, frame, cell=CELL, pbc=True) for frame in positions]


def wrapped(frames: list[Atoms]) -> list[Atoms]:
    inside = [frame.copy() for frame in frames]
    for frame in inside:
        frame.wrap()
    return inside


def write_lammps(path: Path, frames: list[Atoms], element: bool = True) -> None:
    """Write a dump of a cell with right angles."""
    lines = []
    for number, frame in enumerate(frames):
        lines += ["ITEM: TIMESTEP", str(10 * number), "ITEM: NUMBER OF ATOMS", str(len(frame))]
        lines += [
            "ITEM: BOX BOUNDS pp pp pp",
            *(f"0.0 {length}" for length in frame.cell.lengths()),
        ]
        lines.append(f"ITEM: ATOMS id type {'element ' if element else ''}x y z")
        for index in reversed(range(len(frame))):  # in no order, as LAMMPS writes them
            symbol = frame.symbols[index]
            kind = f"{1 + (symbol == 'S')} {f'{symbol} ' if element else ''}"
            lines.append(f"{index + 1} {kind}" + " ".join(map(str, frame.positions[index])))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def squares(positions: np.ndarray) -> np.ndarray:
    """Squared ways since the first frame."""
    return ((positions - positions[0]) ** 2).sum(axis=-1)


@pytest.mark.parametrize("name", ["XDATCAR", "XDATCAR_900K", "run.xyz", "run.extxyz", "run.traj"])
def test_that_wrapped_atoms_are_followed(tmp_path, name):
    frames = walk()
    path = tmp_path / name
    write(path, wrapped(frames), format="vasp-xdatcar" if "XDATCAR" in name else None)
    read = read_simulation(Simulation(path, 900.0, 20.0))
    assert read.numbers.tolist() == frames[0].numbers.tolist()
    assert read.frame_ps == 0.02
    assert np.allclose(read.cell, CELL, atol=1e-5)
    truth = np.array([frame.positions for frame in frames])
    assert np.allclose(squares(read.positions), squares(truth), atol=1e-2)
    assert first_frame(path).composition.reduced_formula == "LiS"


def test_that_dumps_of_lammps_are_read_by_their_elements(tmp_path):
    frames = walk()
    for frame in frames:
        frame.set_cell(np.diag([6.0, 7.0, 8.0]))
    path = tmp_path / "run.lammpstrj"
    write_lammps(path, wrapped(frames))
    read = read_simulation(Simulation(path, 900.0, 20.0))
    assert read.numbers.tolist() == frames[0].numbers.tolist()
    truth = np.array([frame.positions for frame in frames])
    assert np.allclose(squares(read.positions), squares(truth), atol=1e-2)


LOG = """LAMMPS (29 Aug 2024)
units metal
variable T equal 900
read_data cell.data
mass 1 6.94
mass 2 32.06
pair_style mace no_domain_decomposition
pair_coeff * * lps.model-lammps.pt Li S
  pair_coeff is what this line is not
timestep 0.002
fix heat all nvt temp 10 ${T} $(100*dt)
fix heat all nvt temp 10 900 0.2
run 5000
fix hold all nvt temp ${T} ${T} $(100*dt)
fix hold all nvt temp 900 900 0.2
"""
DATA = "made by hand\n\n12 atoms\n2 atom types\n\nMasses\n\n1 6.94 # Li\n2 32\n\nAtoms # atomic\n\n1 1 0 0 0\n"


def without(text: str, *commands: str) -> str:
    return "".join(line for line in text.splitlines(True) if not line.startswith(commands))


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"log.lammps": LOG}, (900.0, 20.0)),
        ({"log.lammps": without(LOG, "pair_coeff"), "cell.data": "damaged"}, (900.0, 20.0)),
        ({"run.log": without(LOG, "pair_coeff", "mass"), "cell.data": DATA}, (900.0, 20.0)),
        ({"log.1": without(LOG, "mass"), "log.2": LOG.replace("900", "600")}, (None, 20.0)),
        ({"data.cell": DATA}, (None, None)),
        ({"cell.lmp": DATA, "log.lammps": "of another program\ntimestep 3\n"}, (None, None)),
        ({"log.lammps": without(LOG, "timestep", "fix hold")}, (None, 10.0)),
        ({"log.lammps": LOG.replace("metal", "lj")}, (None, None)),
        ({"log.lammps": LOG.replace("timestep", "  timestep")}, (900.0, 20.0)),
        ({"log.lammps": LOG, "log.gz": gzip.compress(LOG.encode() * 9)[:150]}, (900.0, 20.0)),
        ({"log.lammps": LOG, "log.xz": "not compressed"}, (900.0, 20.0)),
        # Only the one that wrote this trajectory counts, and only the data file that it read.
        (
            {
                "log.2": LOG + "dump 1 all custom 10 out/prod.dump id type x y z\n",
                "log.3": LOG.replace("900", "600").replace("Li S", "Na O"),
                "log.4": LOG.replace("900", "1200")
                + "clear\nunits metal\nmass 1 22.99\nmass 2 16\n",
            },
            (900.0, 20.0),
        ),
        ({"log.1": LOG + "dump 1 all custom 10 other.dump id type x y z\n"}, (None, 20.0)),
        (
            {
                "log.lammps": without(LOG, "pair_coeff", "mass"),
                "cell.data": DATA,
                "old.data": DATA.replace("6.94", "22.99"),
            },
            (900.0, 20.0),
        ),
        # A restarted simulation goes on with the time step that it had.
        (
            {"log.lammps": without(LOG, "timestep", "read_data") + "read_restart end.1\n"},
            (900.0, None),
        ),
        (
            {
                "log.lammps": LOG.replace(
                    "nvt temp 900 900 0.2", "temp/rescale 100 900 900 10 1.0"
                ).replace("nvt temp ${T}", "nve ${T}")
            },
            (900.0, 20.0),
        ),
    ],
)
def test_that_dumps_of_types_are_read_by_what_lies_beside_them(tmp_path, files, found):
    frames = walk(frames=3)
    for frame in frames:
        frame.set_cell(np.diag([6.0, 7.0, 8.0]))
    path = tmp_path / "prod.dump"
    write_lammps(path, wrapped(frames), element=False)
    for name, told in files.items():
        (tmp_path / name).write_bytes(told if isinstance(told, bytes) else told.encode())
    assert guessed(path) == found
    read = read_simulation(Simulation(path, 900.0, 20.0))
    assert read.numbers.tolist() == frames[0].numbers.tolist()


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cell.data": DATA.replace("6.94", "2.0")},
        {"cell.data": DATA.replace("2 32\n", "3 32\n")},
        {"a.data": DATA, "b.data": DATA.replace("32", "16")},
        {"log.lammps": LOG.replace("Li S", "Li NULL").replace("mass 2", "mass 3")},
        {"log.1": LOG, "log.2": LOG.replace("Li S", "Na O"), "cell.data": DATA},
        {"log.1": LOG, "log.2": without(LOG, "pair_coeff").replace("6.94", "22.99")},
        {"log.1": without(LOG, "pair_coeff") + "clear\nmass 1 22.99\nmass 2 16.0\n"},
        {"cell.data": DATA.replace("6.94", "40")},  # calcium or argon
    ],
)
def test_that_a_dump_of_types_is_refused_where_nothing_tells_the_elements(tmp_path, files):
    path = tmp_path / "prod.lammpstrj"
    write_lammps(path, walk(frames=2), element=False)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DynamicsError, match="does not tell elements, nor do files beside it"):
        first_frame(path)


def test_that_elements_of_fewer_types_are_not_enough(tmp_path):
    path = tmp_path / "prod.lammpstrj"
    write_lammps(path, walk(frames=2), element=False)
    (tmp_path / "cell.data").write_text(DATA.replace("2 32\n", ""))
    with pytest.raises(DynamicsError, match="the elements of 1: Li"):
        first_frame(path)


def test_that_masses_in_a_dump_are_those_of_elements(tmp_path):
    path = tmp_path / "prod.lammpstrj"
    write_lammps(path, walk(frames=2), element=False)
    text = path.read_text().replace("id type", "id mass")
    path.write_text(re.sub(r"^(\d+) [12] ", r"\1 6.94 ", text, flags=re.MULTILINE))
    assert first_frame(path).composition.reduced_formula == "Li"
    path.write_text(path.read_text().replace(" 6.94 ", " 2.0 "))
    with pytest.raises(DynamicsError, match=r"a mass of 2\.0 does not tell an element"):
        first_frame(path)


def test_that_steps_that_are_counted_anew_tell_no_time(tmp_path):
    path = tmp_path / "prod.dump"
    frames = walk(frames=2)
    write_lammps(path, frames, element=False)
    (tmp_path / "log.lammps").write_text(LOG)
    text = path.read_text()
    path.write_text(text.replace("TIMESTEP\n0\n", "TIMESTEP\n5000\n", 1))
    assert guessed(path) == (900.0, None)


def test_that_an_xdatcar_of_vasp_4_is_refused_in_words(tmp_path):
    (tmp_path / "XDATCAR").write_text(
        "   2   2   1\n 0.1E+02 0.4E-09\n 1000\n CAR\n x\n 0 0 0\n" * 3
    )
    with pytest.raises(DynamicsError, match=r"above its frame 1 .* as VASP 5 and later write them"):
        first_frame(tmp_path / "XDATCAR")


def test_that_a_dump_is_known_by_its_first_words(tmp_path):
    write_lammps(tmp_path / "run.traj", walk(frames=2))
    assert first_frame(tmp_path / "run.traj").composition.reduced_formula == "LiS"


def test_that_frames_of_lammps_are_equally_far_apart(tmp_path):
    frames = walk(frames=40)
    for frame in frames:
        frame.set_cell(np.diag([6.0, 7.0, 8.0]))
    path = tmp_path / "run.lammpstrj"
    write_lammps(path, frames)
    whole = path.read_text()
    simulation = Simulation(path, 900.0, 20.0)
    once = read_simulation(simulation)
    last = whole.rindex("ITEM: TIMESTEP")
    path.write_text(whole + whole[last:])  # as a run that was gone on with writes it
    assert np.array_equal(read_simulation(simulation).positions, once.positions)
    write_lammps(path, frames[::-1])
    path.write_text(whole + path.read_text())  # counted anew
    assert len(read_simulation(simulation).positions) == 80
    path.write_text(whole[:last] + whole[last:].replace("390", "500", 1))
    with pytest.raises(DynamicsError, match="are 10 steps apart, but those of steps 380 and 500"):
        read_simulation(simulation)


@pytest.mark.parametrize("name", ["XDATCAR", "run.xyz", "run.lammpstrj"])
def test_that_compressed_files_are_read(tmp_path, name):
    frames = walk(frames=5)
    path = tmp_path / name
    if name == "run.lammpstrj":
        for frame in frames:
            frame.set_cell(np.diag([6.0, 7.0, 8.0]))
        write_lammps(path, frames)
    else:
        write(path, frames, format="vasp-xdatcar" if name == "XDATCAR" else None)
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    plain, read = (read_simulation(Simulation(one, 900.0, 20.0)) for one in (path, packed))
    assert np.array_equal(read.positions, plain.positions)


def test_that_frames_that_are_close_are_thinned_after_they_were_followed(tmp_path):
    frames = walk()
    write(tmp_path / "run.xyz", wrapped(frames))
    read = read_simulation(Simulation(tmp_path / "run.xyz", 900.0, 4.0), skip_ps=0.2)
    assert read.frame_ps == pytest.approx(0.02)
    truth = np.array([frame.positions for frame in frames])[50::5]
    assert np.allclose(squares(read.positions), squares(truth), atol=1e-2)


def test_that_a_cell_that_changes_is_taken_as_it_is_on_average(tmp_path):
    frames = walk(frames=60)
    for number, frame in enumerate(frames):
        frame.set_cell(CELL * (1 + 0.001 * (number % 3)), scale_atoms=True)
    path = tmp_path / "XDATCAR"
    with path.open("w") as file:  # with a head before each frame, as VASP writes it then
        for number, frame in enumerate(frames, start=1):
            rows = "\n".join(" ".join(map(str, row)) for row in frame.cell.array / 2)
            file.write(f"LiS\n 2.0\n{rows}\n Li S\n {IONS} {HOST}\n")
            file.write(f"Direct configuration= {number:5d}\n")
            file.writelines(" ".join(map(str, row)) + "\n" for row in frame.get_scaled_positions())
    read = read_simulation(Simulation(path, 900.0, 20.0))
    assert len(read.positions) == 60
    assert np.allclose(read.cell, 1.001 * CELL, atol=1e-6)


def test_that_a_killed_run_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "XDATCAR"
    write(path, walk(frames=5), format="vasp-xdatcar")
    whole = path.read_text()
    path.write_text(whole[:-30])
    assert len(read_simulation(Simulation(path, 900.0, 20.0)).positions) == 4


def test_that_the_diffusivities_are_those_of_the_walk(tmp_path):
    made = {kelvin: walk(kelvin, seed=int(kelvin)) for kelvin in (900.0, 700.0)}
    sources = []
    for kelvin, frames in made.items():
        path = tmp_path / f"{kelvin:g}K" / "XDATCAR"
        path.parent.mkdir()
        write(path, wrapped(frames), format="vasp-xdatcar")
        sources.append(Simulation(path, kelvin, 20.0))
    options = {"simulations": [one.to_dict() for one in sources], "ion": "Li", "skip_ps": 0.0}
    data = run(tmp_path, json.loads(json.dumps(options)), SILENT)
    found = DynamicsResult.from_dict(data)
    assert found == read_dynamics(sources, "Li")
    assert [one.kelvin for one in found.at] == [700, 900]
    assert (found.n_ions, found.n_atoms, found.potential) == (IONS, IONS + HOST, "")
    assert found.ion_density == pytest.approx(IONS / np.linalg.det(CELL))
    assert found.read_from == "900K/XDATCAR, 700K/XDATCAR"
    assert "read from 900K/XDATCAR, 700K/XDATCAR, a cell of 12 atoms with 6 Li: " in found.story
    assert "what its forces get wrong" in explain(found, found.parameters(300.0))
    kept = read_trajectory(tmp_path / "900K.npz")
    again = tracer_diffusion(kept, "Li")
    assert again == found.at[1]
    assert again.hops > 50
    structure = first_frame(sources[0].path)
    assert free_energy_landscape(kept, structure, "Li").energies.min() == 0
    turned = structure.copy()
    turned.lattice = turned.lattice.from_parameters(6, 9, 8, 90, 90, 90)
    with pytest.raises(DynamicsError, match="no supercell"):
        free_energy_landscape(kept, turned, "Li")


@pytest.mark.parametrize(
    ("folder", "name", "incar", "found"),
    [
        ("a", "XDATCAR", "TEBEG = 800; TEEND = 800\nPOTIM = 2.0\nNBLOCK = 5", (800.0, 10.0)),
        ("a", "XDATCAR", "POTIM=1.5 ! fs\n TEBEG=650", (650.0, 1.5)),
        ("800K", "XDATCAR", "TEBEG = 300; TEEND = 800; POTIM = 1", (800.0, 1.0)),
        ("800K", "XDATCAR_600K", "TEBEG = 700; POTIM = 1", (600.0, 1.0)),
        ("a", "run_1200K.xyz", "TEBEG = 800", (1200.0, None)),
        ("Li6PS5Cl_700 K", "run.xyz", None, (700.0, None)),
        ("K2", "run5Kcal.traj", None, (None, None)),
        ("a", "XDATCAR", None, (None, None)),
        ("a", "nvt.900K.lammpstrj", None, (900.0, None)),
        # As in VASP: what stands first counts, and all after # or ! is a remark.
        (
            "a",
            "XDATCAR",
            "TEBEG = 800\nTEBEG = 900\n# POTIM = 5\nPOTIM = 2 ! not; POTIM = 1",
            (800.0, 2.0),
        ),
        ("a", "XDATCAR", "TEBEG=800\nPOTIM=2\nML_MODE = run\nML_OUTBLOCK=10", (800.0, 20.0)),
        (
            "a",
            "XDATCAR",
            "TEBEG=800\nPOTIM=2\nNBLOCK=50\nML_MODE=RUN\nML_OUTBLOCK=10",
            (800.0, 100.0),
        ),
        (
            "a",
            "XDATCAR",
            "TEBEG=800\nPOTIM=2\nNBLOCK=5\nML_MODE=train\nML_OUTBLOCK=10",
            (800.0, 10.0),
        ),
        ("a", "XDATCAR", "TEBEG=800\nPOTIM=2\nML_MODE = run", (800.0, None)),
    ],
)
def test_that_files_tell_temperature_and_time(tmp_path, folder, name, incar, found):
    path = tmp_path / folder / name
    path.parent.mkdir()
    if incar is not None:
        (path.parent / "INCAR").write_text(incar)
    assert guessed(path) == found


def test_what_cannot_be_followed(tmp_path):
    frames = wrapped(walk(frames=40))
    path = tmp_path / "run.xyz"
    write(path, [*frames[:3], frames[3][:5]])
    with pytest.raises(DynamicsError, match="frame 4 holds other atoms"):
        read_simulation(Simulation(path, 900.0, 20.0))
    far = frames[3].copy()
    far.positions[0] += 0.5 * CELL[0]
    write(path, [*frames[:3], far])
    with pytest.raises(DynamicsError, match="half the cell between frames 3 and 4"):
        read_simulation(Simulation(path, 900.0, 20.0))
    lost = frames[3].copy()
    lost.positions[0, 0] = np.nan
    write(path, [*frames[:3], lost])
    with pytest.raises(DynamicsError, match="in frame 4 the place of an atom is no number"):
        read_simulation(Simulation(path, 900.0, 20.0))
    write(tmp_path / "XDATCAR", frames[:3], format="vasp-xdatcar")
    whole = (tmp_path / "XDATCAR").read_text()
    (tmp_path / "XDATCAR").write_text(
        whole[:-60] + "\n" + whole
    )  # gone on with after it was killed
    with pytest.raises(DynamicsError, match="XDATCAR: frame 3 is damaged"):
        read_simulation(Simulation(tmp_path / "XDATCAR", 900.0, 20.0))
    write(path, [Atoms("Li", [[0, 0, 0]])])
    with pytest.raises(DynamicsError, match="holds no cell"):
        read_simulation(Simulation(path, 900.0, 20.0))
    for name in ("XDATCAR", "run.traj", "run.xyz"):
        (tmp_path / name).write_text("nothing of the kind\n" * 9)
        with pytest.raises(DynamicsError, match="cannot be read as a trajectory"):
            read_simulation(Simulation(tmp_path / name, 900.0, 20.0))
    for name, told in (("gone.xyz", "is not there"), ("run.pdb", "no trajectory by its name")):
        with pytest.raises(DynamicsError, match=told):
            read_simulation(Simulation(tmp_path / name, 900.0, 20.0))
    write(path, frames)
    with pytest.raises(DynamicsError, match="no frame after the first 10 ps"):
        read_simulation(Simulation(path, 900.0, 20.0), skip_ps=10)
    with pytest.raises(DynamicsError, match="two trajectories are of 900 K"):
        read_dynamics([Simulation(path, 900.0, 20.0)] * 2, "Li")
    for kelvin, frame_fs in ((0.0, 20.0), (900.0, 0.0), (900.0, 1e6), (1e6, 20.0)):
        with pytest.raises(DynamicsError, match=r"run\.xyz: give"):
            Simulation(path, kelvin, frame_fs)


def test_the_command(tmp_path):
    path = tmp_path / "run_900K.xyz"
    write(path, wrapped(walk()))
    words = ["read-dynamics", str(path), "--skip", "0"]
    answer = CliRunner().invoke(app, words)
    assert "nothing tells the time between its frames" in str(answer.exception)
    missing = CliRunner().invoke(app, ["read-dynamics", str(tmp_path / "rnu.xyz")])
    assert "There is no file" in str(missing.exception)
    shown = CliRunner().invoke(app, [*words, "--frame", "20"]).stdout
    assert (
        "Li   Molecular dynamics read from run_900K.xyz, a cell of 12 atoms with 6 Li: 7.98 ps"
        in shown
    )
    told = json.loads(CliRunner().invoke(app, [*words, "--frame", "20", "--json"]).stdout)
    assert told["read_from"] == "run_900K.xyz"
    assert told["at"][0]["kelvin"] == 900
    answer = CliRunner().invoke(app, [*words, "--frame", "20", "-T", "800", "-T", "900"])
    assert "once for each file" in str(answer.exception)
