"""Putting files into a configuration folder so that either all of them are there, or none.

The whole folder is made anew beside the old one: its new files, and hard links to what was there and stays.
Then both change places in one step (`exchange`), and the old folder is kept until the new one has been read
where it is. Where a folder cannot change places, as in the lower layer of an overlay or as a mount point, its
files are replaced one by one (`stepwise`), and put back when one of them cannot be.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.own_place import require_own_folder
from tidegate_agent.enrolment.exchange import exchange
from tidegate_agent.enrolment.stepwise import PREFIX, replace_one_by_one
from tidegate_agent.enrolment.writing import FOLDER_MODE, undone_unless, write
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from tidegate_agent.enrolment.plan import Planned

_MAX_KEPT: Final = 10_000
# A mount, an overlay, an old C library; or a parent that is read-only, or somebody else's.
_UNMOVABLE: Final = {
    errno.EXDEV,
    errno.EBUSY,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
}


def install(
    folder: Path,
    files: Mapping[PurePosixPath, Planned],
    gone: Collection[PurePosixPath],
    check: Callable[[], object],
) -> None:
    """Make a folder hold these files, and `gone` no more; all else in it stays.

    Args:
        folder: where; it is made if there is none.
        files: what it is to hold.
        gone: what it is to hold no more.
        check: called when the files are there; if it raises, everything is as before.

    Raises:
        ConfigError: CONFIG_VALUE, the folder is not this user's alone, or holds too much to be configuration.
        OSError: it cannot be written; everything is as before.
    """
    # A link may lead here; what changes places is the folder itself.
    folder = Path(os.path.realpath(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        require_own_folder(folder, "the folder of configuration")
    with _alone(folder):
        try:
            _as_a_whole(folder, files, gone, check)
        except OSError as error:
            if error.errno not in _UNMOVABLE or not folder.exists():
                raise
            replace_one_by_one(folder, files, gone, check)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else enrols meanwhile; what one that was killed has left is swept up."""
    parent = folder.parent
    handle = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for left in [*parent.glob(f"{PREFIX}*"), *folder.glob(f"{PREFIX}*")]:
            shutil.rmtree(left)
        yield
        os.fsync(handle)
    finally:
        os.close(handle)


def _as_a_whole(
    folder: Path,
    files: Mapping[PurePosixPath, Planned],
    gone: Collection[PurePosixPath],
    check: Callable[[], object],
) -> None:
    fresh = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder.parent))
    try:
        if not folder.exists():
            write(fresh, files)
            fresh.chmod(FOLDER_MODE)
            fresh.rename(folder)
            undone_unless(check, lambda: folder.rename(fresh))
            return
        kept = _keep(folder, fresh, {*files, *gone})
        write(fresh, files)
        _be_like(folder, fresh)
        exchange(fresh, folder)
        undone_unless(check, lambda: exchange(fresh, folder))
        _bring_along(fresh, folder, {*files, *gone, *kept})
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _keep(folder: Path, fresh: Path, besides: set[PurePosixPath]) -> set[PurePosixPath]:
    """Link everything into the new folder that is not replaced; the places of it."""
    kept: set[PurePosixPath] = set()
    for parent, folders, names in os.walk(folder, onerror=_raise):
        at = PurePosixPath(Path(parent).relative_to(folder))
        for name in folders:
            here = Path(parent, name)
            if here.is_symlink():
                names.append(name)
                continue
            (fresh / at / name).mkdir()
            _be_like(here, fresh / at / name)
        for name in names:
            if at / name not in besides:
                os.link(folder / at / name, fresh / at / name, follow_symlinks=False)
                kept.add(at / name)
        if len(kept) > _MAX_KEPT:
            reason = f"{folder} holds more than {_MAX_KEPT} files: it is no folder of configuration"
            raise ConfigError(Code.CONFIG_VALUE, reason)
    return kept


def _be_like(folder: Path, other: Path) -> None:
    """Give a folder the owner, the mode and the labels of another."""
    found = folder.stat()
    os.chown(other, found.st_uid, found.st_gid)
    shutil.copystat(folder, other)


def _raise(error: OSError) -> None:
    # os.walk would pass over a folder that cannot be read, and it would be lost.
    raise error


def _bring_along(old: Path, folder: Path, known: set[PurePosixPath]) -> None:
    """What somebody put there while this worked, such as a hold."""
    for file in old.iterdir():
        if not file.is_dir() and PurePosixPath(file.name) not in known:
            file.rename(folder / file.name)
