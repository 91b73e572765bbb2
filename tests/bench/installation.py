"""An installation as a host has it, in a folder: only what tidegate needs at run time, nobody else's to read.

That nobody else runs from it matters: the kernel does not drop pages of a file that some process has mapped,
and the bench itself has cryptography's libraries mapped.
"""

from __future__ import annotations

import compileall
import os
import re
import shutil
import sysconfig
import venv
from importlib import metadata
from pathlib import Path

import tidegate_agent
import tidegate_schemas
import tidegate_wire

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
_PACKAGES = (tidegate_agent, tidegate_schemas, tidegate_wire)


class Installation:
    """A virtual environment with copies of all files, compiled.

    Args:
        folder: where to; made here.
    """

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.python = folder / "bin" / "python"
        self._place = next((folder / "lib").glob("python3*/site-packages"))
        for name in _needed("tidegate"):
            for path in metadata.files(name) or ():
                _copy(Path(str(path.locate())), self._place / str(path))
        for package in _PACKAGES:
            where = Path(str(package.__file__)).parent
            shutil.copytree(where, self._place / where.name, dirs_exist_ok=True)
        self.compile()

    def compile(self) -> None:
        """Have a .pyc for each module, as pip leaves them."""
        compileall.compile_dir(self._place, quiet=2)
        # Pages that are not written yet are not dropped either.
        os.sync()

    def strip(self) -> None:
        """Have no .pyc, as where the file system is read-only and nobody compiled. Python's own stay."""
        for folder in list(self._place.rglob("__pycache__")):
            shutil.rmtree(folder)

    def forget(self) -> None:
        """Drop the files from the page cache, and the standard library's that nobody else has mapped."""
        for folder in (self._place, _STANDARD_LIBRARY):
            for path in folder.rglob("*"):
                if path.suffix in {".py", ".pyc", ".so", ".json"} and path.is_file():
                    _drop(path)


def _needed(distribution: str) -> set[str]:
    """The names of all distributions that one needs, directly or not; itself is not among them."""
    found: set[str] = set()
    waiting = [distribution]
    while waiting:
        for requirement in metadata.requires(waiting.pop()) or ():
            match = _NAME.match(requirement)
            name = match[0].lower() if match else ""
            if name in found or "extra ==" in requirement or not _installed(name):
                continue
            found.add(name)
            waiting.append(name)
    return found


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:  # for another system
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    if source.is_file() and ".." not in target.parts:  # scripts lie outside of site-packages
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _drop(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)
