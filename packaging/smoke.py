"""Try out a frozen app as its users would: ``python smoke.py FOLDER PICTURE.png``.

What it prints is compared with what the source tree prints; its window is opened on a virtual screen.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "resources" / "examples"
PREDICT = ("predict", str(EXAMPLES / "LiFePO4.cif"), "--ion", "Li", "--from", "0", "--to", "3")
TIMEOUT_S = 600


def main(folder: Path, picture: Path) -> None:
    """Try everything; the first fault ends it with its output."""
    migbar, window = folder / "migbar", folder / "migbar-gui"
    # The frozen app must not find anything of this Python.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    frozen = json.loads(output([str(migbar), *PREDICT, "--json"], alone))
    source = json.loads(output([sys.executable, "-m", "migbar.cli", *PREDICT, "--json"]))
    if frozen != source:
        sys.exit(f"The frozen app says {frozen}, the source tree {source}.")
    print(f"prediction: {frozen['barrier_ev']:.4f} eV, as the source tree says")
    with screen() as display:
        output([str(window), "--screenshot", str(picture)], alone | {"DISPLAY": display})
    print(f"window: {picture}, {picture.stat().st_size} bytes")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        try_neb(migbar, place, alone)
        try_dynamics(migbar, place, alone)
        try_calculations(migbar, place, alone)
        try_batch(migbar, place, alone)
        try_training(migbar, place, alone)


def try_neb(migbar: Path, place: Path, environment: dict[str, str]) -> None:
    """Relax a short band in a small cell."""
    cif = str(EXAMPLES / "LiCoO2.cif")
    ends = ("--ion", "Li", "--from", "0", "--to", "1", "--supercell", "none", "--ends", "given")
    quick = ("--images", "1", "--max-steps", "2", "--json", "--out", str(place / "neb"))
    told = json.loads(output([str(migbar), "neb", cif, *ends, *quick], environment))
    print(f"band relaxation: {told['steps']} steps with {told['potential']['name']}")


def try_dynamics(migbar: Path, place: Path, environment: dict[str, str]) -> None:
    """Simulate copper with a calculator of ASE's, which is imported by its name, and read it in other formats."""
    from pymatgen.core import Lattice, Structure

    copper = place / "Cu.cif"
    cell = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])
    cell.to(str(copper))
    quick = ("-T", "300", "--length", "5", "--warm-up", "0", "--step", "5", "--supercell", "2,2,2")
    words = [str(migbar), "dynamics", str(copper), "--ion", "Cu", "--potential", "ase:emt", *quick]
    told = json.loads(output([*words, "--json", "--out", str(place / "dynamics")], environment))
    print(
        f"molecular dynamics: {told['n_atoms']} atoms at {told['at'][0]['measured_kelvin']:.0f} K"
    )
    code = (
        "import sys, pathlib; from ase.io import read, write; "
        "from tests.core.test_reading_dynamics import write_lammps; "
        "place = pathlib.Path(sys.argv[1]); frames = read(place / '300K.xyz', ':'); "
        "write(place / '300K.traj', frames); write_lammps(place / '300K.lammpstrj', frames)"
    )
    words = [sys.executable, "-c", code, str(place / "dynamics")]
    output(words, os.environ | {"PYTHONPATH": str(ROOT)})
    for ending in ("xyz", "traj", "lammpstrj"):
        words = [str(migbar), "read-dynamics", str(place / "dynamics" / f"300K.{ending}")]
        words += ["--ion", "Cu", "--frame", "100", "--skip", "0", "--json"]
        read = json.loads(output(words, environment))["at"][0]
        print(f"simulation in .{ending}: {read['length_ps']:g} ps, {read['hops']} hops")


def try_calculations(migbar: Path, place: Path, environment: dict[str, str]) -> None:
    """Read finished NEBs of all codes."""
    code = (
        "import sys, pathlib; from tests.core import calculations as made; place = pathlib.Path(sys.argv[1]); "
        "[write(place / write.__name__, made.copper_images()) "
        "for write in (made.write_vasp, made.write_espresso, made.write_ase)]"
    )
    output([sys.executable, "-c", code, str(place)], os.environ | {"PYTHONPATH": str(ROOT)})
    for kind in ("vasp", "espresso", "ase"):
        words = [str(migbar), "read-dft", str(place / f"write_{kind}"), "--json"]
        told = json.loads(output(words, environment))
        print(f"calculation: {told['barrier_ev']:.4f} eV with {told['potential']['name']}")


def try_batch(migbar: Path, place: Path, environment: dict[str, str]) -> None:
    """Screen ten files with two worker processes."""
    folder = place / "ten"
    folder.mkdir()
    sources = sorted(EXAMPLES.glob("*.cif"))
    for number in range(10):
        shutil.copy(sources[number % len(sources)], folder / f"{number}.cif")
    options = ("--ion", "Li", "--out", str(place / "results.db"), "--workers", "2", "--json")
    told = json.loads(output([str(migbar), "batch", str(folder), *options], environment))
    print(f"batch: {told['judged']} of {told['total']} files judged, {told['failed']} refused")


def try_training(migbar: Path, place: Path, environment: dict[str, str]) -> None:
    """Train trees on self-made bands, and use them."""
    own = place / "own.json"
    code = (
        "import sys; from migbar.datasets import write_bands; "
        "from tests.core.own_bands import own_records; write_bands(own_records(24), sys.argv[1])"
    )
    output([sys.executable, "-c", code, str(own)], os.environ | {"PYTHONPATH": str(ROOT)})
    alone = environment | {"MIGBAR_HOME": str(place / "home")}
    data = place / "own.parquet"
    output([str(migbar), "data", "import", str(own), "--out", str(data)], alone)
    options = (
        "--data",
        str(data),
        "--from",
        "scratch",
        "--recipe",
        "band-forest",
        "--preset",
        "quick",
    )
    output([str(migbar), "train", "own", *options, "--scheme", "random"], alone)
    told = json.loads(output([str(migbar), *PREDICT, "--model", "own", "--json"], alone))
    print(f"training: {told['barrier_ev']:.4f} eV by trees that were trained here")


def output(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Run a command and return what it prints; on failure end with all of it."""
    ran = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=TIMEOUT_S, cwd="/"
    )
    if ran.returncode:
        sys.exit(f"{' '.join(command)}\n{ran.stdout}{ran.stderr}\nended with {ran.returncode}")
    return ran.stdout


@contextmanager
def screen() -> Iterator[str]:
    """Have a virtual screen; yield its name."""
    read, write = os.pipe()
    size = ("-screen", "0", "1440x900x24", "-nolisten", "tcp")
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), *size], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    try:
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
