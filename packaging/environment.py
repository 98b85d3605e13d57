"""Make, update or mend the environment that ``packaging/run`` and ``packaging/test`` work in.

``packaging/setup.sh`` calls it as ``python environment.py FOLDER PURPOSE…`` with any Python from
3.11 to 3.13, so it uses the standard library alone. Purposes: ``headless``, ``window``, ``test``,
``package``, ``docs``.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"

# Shared libraries that the wheels of Qt (platform xcb) and VTK leave to the system, and
# the Debian and Ubuntu packages that hold them.
LIBRARIES = {
    "window": {
        "libGL.so.1": "libgl1",
        "libEGL.so.1": "libegl1",
        "libglib-2.0.so.0": "libglib2.0-0",
        "libdbus-1.so.3": "libdbus-1-3",
        "libfontconfig.so.1": "libfontconfig1",
        "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
        "libxcb-cursor.so.0": "libxcb-cursor0",
        "libxcb-icccm.so.4": "libxcb-icccm4",
        "libxcb-keysyms.so.1": "libxcb-keysyms1",
        "libxcb-shape.so.0": "libxcb-shape0",
    },
}
PROGRAMS = {
    "test": {"Xvfb": "xvfb", "xdotool": "xdotool"},
    "package": {"Xvfb": "xvfb", "objdump": "binutils"},
}
# CHGNet 0.4 has wheels for Pythons before this one; from this one on pip compiles a module of it.
COMPILING_SINCE = (3, 13)
EXTRAS = ("test", "package", "docs")
APT_INSTALL = ("apt-get", "install", "--no-install-recommends")

# They would send packages elsewhere than into the environment.
MISLEADING_SETTINGS = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON")


class SetupError(Exception):
    """Raised when the environment cannot be made; its text says what to do."""


def say(text: str) -> None:
    """Tell the user what happens; never on stdout, which belongs to the command."""
    print(text, file=sys.stderr, flush=True)


class Environment:
    """A virtual environment for the project, with a log of what is done to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.log = folder / "install.log"
        # Empty while the environment is being changed; afterwards it tells where and with which
        # interpreter the environment was made, either of which may change under it. An environment
        # without this file was made by hand: it is used as it is, and never deleted.
        self.made = folder / "made"
        # Written by setup.sh after the last step: what the environment is ready for.
        self.ready = folder / "ready"

    def prepare(self) -> None:
        """Have a sound folder to install into: the environment that is there, or an empty one."""
        if (self.folder / "pyvenv.cfg").exists() and not self.made.exists():
            return
        if not (self.made.exists() and self.made.read_text() == self.identity()):
            self.clear()
            say(f"Making an environment for MigBar in {self.folder} …")
            self.folder.mkdir(parents=True)
            self.made.write_text("")

    def clear(self) -> None:
        """Delete what an interrupted set-up, a move or an upgrade of Python has left behind."""
        if self.made.exists():
            say("The environment is incomplete, or was made elsewhere or by another Python.")
            shutil.rmtree(self.folder)
        elif self.folder.exists():
            try:
                self.folder.rmdir()
            except OSError:
                raise SetupError(
                    f"{self.folder} is neither an environment nor an empty folder; "
                    "name another one in MIGBAR_VENV."
                ) from None

    def ensure_pip(self) -> None:
        """Have the tested pip; a Python without ensurepip (Debian's own) lends its pip for that."""
        # sys.executable may belong to the environment that has just been deleted.
        base = sys._base_executable  # type: ignore[attr-defined]
        if not self.python.exists():
            self.run(base, "-m", "venv", "--without-pip", self.folder)
        if not any(self.folder.glob("lib/python3*/site-packages/pip")):
            if not (has_module("ensurepip") or has_module("pip")):
                version = f"{sys.version_info.major}.{sys.version_info.minor}"
                install_system_packages([f"python{version}-venv"], self)
            if has_module("ensurepip"):
                self.run(self.python, "-I", "-m", "ensurepip")
            else:
                (site,) = self.folder.glob("lib/python3*/site-packages")
                self.run(base, "-I", "-m", "pip", "install", "--target", site, "pip")
        self.pip("--upgrade", "pip")

    def pip(self, *arguments: str | Path) -> None:
        """Install into the environment, with the tested versions as constraints."""
        self.run(self.python, "-I", "-m", "pip", "install", "-c", CONSTRAINTS, *arguments)

    @contextmanager
    def being_changed(self) -> Iterator[None]:
        """Mark the environment as unfinished until the block has ended."""
        self.ready.unlink(missing_ok=True)
        before = self.made.read_text() if self.made.exists() else None
        if before is not None:
            self.made.write_text("")
        try:
            yield
        except SetupError:  # pip has undone what it had begun
            if before is not None:
                self.made.write_text(before)
            raise
        self.made.write_text(self.identity() or "")

    def identity(self) -> str | None:
        """Where the environment lies and what its interpreter is; None if it does not start."""
        code = "import sys; print(sys.prefix, sys.version)"
        try:
            return subprocess.run(
                [self.python, "-I", "-c", code], check=True, capture_output=True, text=True
            ).stdout
        except (OSError, subprocess.CalledProcessError):
            return None

    def run(self, *command: str | Path, timeout: float | None = None) -> None:
        """Run a command with its output in the log; raise SetupError with the tail on failure."""
        words = [str(word) for word in command]
        with self.log.open("a", encoding="utf-8") as log:
            print("$", shlex.join(words), file=log, flush=True)
            failure = None
            try:
                subprocess.run(
                    words,
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=timeout,
                )
            except (OSError, subprocess.SubprocessError) as error:
                failure = error
        if failure:
            last = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
            raise SetupError("\n".join([*last, f"This failed; the whole log is {self.log}"]))


def has_module(name: str) -> bool:
    """Whether the Python that runs this script has a module."""
    importlib.invalidate_caches()  # it may just have been installed
    return importlib.util.find_spec(name) is not None


def missing_packages(purposes: Sequence[str]) -> list[str]:
    """Debian packages of the libraries and programs that the system lacks."""
    if sys.platform != "linux":
        return []
    missing = []
    for purpose in purposes:
        libraries, programs = LIBRARIES.get(purpose, {}), PROGRAMS.get(purpose, {})
        missing += [package for library, package in libraries.items() if not loads(library)]
        missing += [package for program, package in programs.items() if not shutil.which(program)]
    return missing + missing_compiler()


def missing_compiler() -> list[str]:
    """Debian packages that pip lacks for compiling CHGNet, which has no wheel for this Python."""
    if sys.version_info[:2] < COMPILING_SINCE:
        return []
    missing = []
    if not shutil.which(shlex.split(sysconfig.get_config_var("CC") or "cc")[0]):
        missing += ["gcc", "libc6-dev"]
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        missing += [f"python{sys.version_info.major}.{sys.version_info.minor}-dev"]
    return missing


def loads(library: str) -> bool:
    """Whether the dynamic linker finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def check_may_install(packages: Sequence[str]) -> None:
    """Tell what to type where system packages are missing and this user may not install them."""
    if packages and shutil.which("apt-get") is None:
        raise SetupError(f"Please install what Debian calls: {' '.join(packages)}")
    if packages and os.geteuid() != 0:
        line = f"sudo apt-get update && sudo {shlex.join([*APT_INSTALL, *packages])}"
        raise SetupError(f"System packages are missing. Type this line, then try again:\n{line}")


def install_system_packages(packages: Sequence[str], environment: Environment) -> None:
    """Install Debian packages."""
    if not packages:
        return
    check_may_install(packages)
    say(f"Installing system packages: {' '.join(packages)} …")
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    environment.run("apt-get", "update")
    environment.run(*APT_INSTALL, "--yes", *packages)


def provide_torch(environment: Environment) -> None:
    """Install PyTorch's CPU build where pip would bring CUDA to a machine without an NVIDIA GPU."""
    downloads = pending_downloads("torch", environment)
    if not any(name.startswith(("cuda-", "nvidia-")) for name in downloads):
        return  # there already, or a CPU build, which comes along with the rest
    if not has_nvidia_gpu():
        say("Asking for the CPU build of PyTorch …")
        if install_cpu_torch(environment):
            return
        say("The CPU build of PyTorch cannot be had here; taking the CUDA build instead.")
    say(f"PyTorch with CUDA: {describe_size(downloads.values())} to download.")


def pending_downloads(requirement: str, environment: Environment) -> dict[str, str]:
    """Names and addresses of what pip would fetch for a requirement."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # fast-deps: an index without separate metadata is asked for a part of each wheel, not all.
        environment.pip("--dry-run", "--use-feature=fast-deps", "--report", report, requirement)
        items = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {item["metadata"]["name"]: item["download_info"]["url"] for item in items}


def has_nvidia_gpu() -> bool:
    """Whether the NVIDIA driver lists a GPU."""
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listing.returncode == 0 and "GPU " in listing.stdout


def install_cpu_torch(environment: Environment) -> bool:
    """Install PyTorch from its index of CPU builds, which uv knows; False if it is out of reach."""
    with tempfile.TemporaryDirectory() as folder:
        install: list[str | Path] = [Path(folder) / "bin" / "uv", "pip", "install", "--no-deps"]
        install += ["--python", environment.python, "--constraint", CONSTRAINTS]
        install += ["--system-certs", "--torch-backend", "cpu", "torch"]
        try:
            environment.pip("--target", folder, "uv")
            environment.run(*install, "--dry-run", timeout=60)
        except SetupError:
            return False
        environment.run(*install)
    return True


def describe_size(addresses: Iterable[str]) -> str:
    """Size of some downloads, in words, as far as the servers tell it."""
    size, untold = 0, 0
    for address in addresses:
        try:
            request = urllib.request.Request(address, method="HEAD")
            with urllib.request.urlopen(request, timeout=20) as answer:
                size += int(answer.headers["Content-Length"])
        except (OSError, TypeError):
            untold += 1
    more = f" and {untold} files of unknown size" if untold else ""
    return f"{size / 1e9:.1f} GB{more}"


def main(folder: str, *purposes: str) -> None:
    """Set up the environment in a folder, for some purposes."""
    for name in MISLEADING_SETTINGS:
        os.environ.pop(name, None)
    environment = Environment(Path(folder))
    with lock():
        missing = missing_packages(purposes)
        check_may_install(missing)
        environment.prepare()
        install_system_packages(missing, environment)
        with environment.being_changed():
            environment.ensure_pip()
            provide_torch(environment)
            say(f"Installing MigBar and its libraries; tail -f {environment.log} shows details …")
            extras = ",".join(purpose for purpose in purposes if purpose in EXTRAS)
            environment.pip("--editable", f"{ROOT}[{extras}]" if extras else ROOT)
    say("Ready.")


@contextmanager
def lock() -> Iterator[None]:
    """Keep a second start from setting up at the same time."""
    descriptor = os.open(ROOT / "packaging", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except SetupError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        say("Stopped; the next start begins anew.")
        sys.exit(130)
