"""Proof bundles as whoever took one home has them: unpacked, and verified without us."""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from types import ModuleType

import cryptography

from config import ROOT

FOLDER = ROOT / "templates" / "bundle"
PROGRAM = FOLDER / "verify.py"
SUMS = "files.txt"
SENTENCE = "✗ 不符 NOT VERIFIED: "
LIBRARIES = Path(cryptography.__file__).parents[1]
# What the other machine has besides Python: cryptography, and what that consists of.
INSTALLED = ("cryptography", "cffi", "_cffi_backend*", "pycparser", "typing_extensions.py")
# No network, and nothing of ours: whoever asks for a socket, or finds us, has failed.
ALONE = """
import runpy, sys
def watch(event, _):
    if event.startswith("socket."):
        raise OSError("no network here")
sys.addaudithook(watch)
sys.path.append(sys.argv[1])
sys.argv = sys.argv[2:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    assert not {"repair_app", "config", "flask", "sqlalchemy"} & set(sys.modules)
"""


def unpack(content: bytes, folder: Path) -> Path:
    """Unpack a bundle into a new folder; return it."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


def verify(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the bundle's own program as on another machine (see run_elsewhere)."""
    return run_elsewhere(folder.parent, str(folder / "verify.py"), str(folder), *more)


def run_elsewhere(place: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program as on another machine: see ALONE.

    An isolated interpreter with no environment and no library but cryptography, started elsewhere,
    and in a network of its own where the system grants one. place: a folder to set that up in.
    """
    other = place / "other-machine"
    if not other.exists():
        other.mkdir(parents=True)
        for pattern in INSTALLED:
            for one in LIBRARIES.glob(pattern):
                (other / one.name).symlink_to(one)
    python = [sys.executable, "-I", "-S", "-B", "-c", ALONE, str(other)]
    return subprocess.run(
        [*without_network(), *python, *command],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd="/",
        env={},
    )


@cache
def without_network() -> tuple[str, ...]:
    """Return what starts a program in a network of its own, without any line; nothing if denied."""
    unshare = shutil.which("unshare")
    prefix = (unshare, "--map-root-user", "--net") if unshare else ()
    if prefix and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        return ()
    return prefix


def load_module(path: Path) -> ModuleType:
    """Return a program as a module of this process."""
    spec = importlib.util.spec_from_file_location(f"bundle_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_program(path: Path = PROGRAM) -> Callable[..., int]:
    """Return a program as a function of its arguments, for who runs it a thousand times."""
    module = load_module(path)

    def run(*arguments: Path | str) -> int:
        before = sys.argv
        sys.argv = [path.name, *map(str, arguments)]
        try:
            return int(module.main())
        finally:
            sys.argv = before

    return run


def judge(run: Callable[..., int], *arguments: Path | str) -> tuple[int, str]:
    """Return what such a function says: its code, and its words."""
    with redirect_stdout(StringIO()) as said:
        code = run(*arguments)
    return code, said.getvalue()


def sum_up(folder: Path) -> None:
    """Write the sums of a bundle anew, as a forger does who changed, added or left out a file."""
    lines = [
        f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.relative_to(folder).as_posix()}\n"
        for one in list_files(folder)
        if one.name != SUMS
    ]
    lines.sort(key=lambda line: line[66:])
    (folder / SUMS).write_text("".join(lines))


def list_files(folder: Path) -> list[Path]:
    """Return the files of a bundle, those of its folders too."""
    return sorted(one for one in folder.rglob("*") if one.is_file())


def flip(content: bytes, place: int) -> bytes:
    """Return a file with one bit of one byte changed."""
    changed = bytearray(content)
    changed[place] ^= 1 << (place % 8)
    return bytes(changed)
