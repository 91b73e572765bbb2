"""Records what a real program asks of the disk below one folder, by strace(1).

recording = record([sys.executable, "-m", "tests.faults.storage.lives", "journal", folder], folder, scratch)

A program marks what it is done with by a line in the file `marks` beside the folder.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults.storage.disk import ROOT, Kind, Mark, Names, Recording, Resize, Sync, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MARKS: Final = "marks"

_CALLS: Final = (
    "open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile,fallocate,ftruncate,"
    "truncate,fsync,fdatasync,syncfs,sync,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,"
    "unlinkat,rmdir,mkdir,mkdirat,lseek,read"
)
_LINE: Final = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)")
_BEGUN: Final = re.compile(r"(\d+) +(\w+\(.*) <unfinished \.\.\.>$")
_RESUMED: Final = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)$")
_HANDLE: Final = re.compile(r"(?:\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?")
_STRING: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def record(command: Sequence[str | Path], folder: Path, scratch: Path) -> Recording:
    """Run a program that works in a folder, which is empty now, and record it.

    Args:
        command: the program; it has to end with status 0.
        folder: what is recorded.
        scratch: for the trace; the marks are here.
    """
    trace = scratch / "trace"
    strace = ["strace", "-f", "-y", "-xx", "-s", "8000000", "--seccomp-bpf", "-e", f"trace={_CALLS}"]
    done = subprocess.run(
        [*strace, "-o", trace, *command], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    clerk = _Clerk(folder, scratch / MARKS)
    with trace.open(encoding="ascii", errors="replace") as lines:
        for name, arguments, result in _calls(lines):
            clerk.note(name, arguments, result)
    assert clerk.recording.operations, "nothing of the trace was understood"
    return clerk.recording


def _calls(lines: Iterator[str]) -> Iterator[tuple[str, str, int]]:
    """Each call that succeeded, with its arguments' text and its result, in the order in which they ended."""
    begun: dict[str, str] = {}
    for line in lines:
        if (found := _BEGUN.match(line)) is not None:
            begun[found[1]] = found[2]
            continue
        whole = line
        if (found := _RESUMED.match(line)) is not None:
            whole = f"{found[1]} {begun.pop(found[1])}{found[2]}"
        if (found := _LINE.match(whole)) is not None and int(found[4]) >= 0:
            yield found[2], found[3], int(found[4])


def _text(hexed: str) -> bytes:
    return bytes.fromhex(hexed.replace("\\x", ""))


class _Clerk:
    """Turns calls into operations. Knows names as the program sees them, and where each file stands."""

    def __init__(self, folder: Path, marks: Path) -> None:
        self.recording = Recording()
        self._folder = str(folder)
        self._marks = str(marks).encode()
        self._names: dict[str, int] = {self._folder: ROOT}
        self._places: dict[tuple[str, int], int | None] = {}
        self._sizes: dict[int, int] = {}
        kinds: dict[str, Callable[[str, int], None]] = {
            "open": self._open,
            "openat": self._open,
            "creat": self._open,
            "write": self._append,
            "pwrite64": self._write,
            "ftruncate": self._resize,
            "fsync": self._sync,
            "fdatasync": self._sync,
            "syncfs": self._sync_all,
            "sync": self._sync_all,
            "rename": self._rename,
            "renameat": self._rename,
            "renameat2": self._rename,
            "link": self._link,
            "linkat": self._link,
            "symlink": self._symlink,
            "symlinkat": self._symlink,
            "unlink": self._remove,
            "unlinkat": self._remove,
            "rmdir": self._remove,
            "mkdir": self._make,
            "mkdirat": self._make,
            "lseek": self._seek,
            "read": self._read,
        }
        self._kinds = kinds

    def note(self, name: str, arguments: str, result: int) -> None:
        """Take one call down."""
        if name in self._kinds:
            self._kinds[name](arguments, result)
        else:
            assert self._handle(arguments) is None, f"{name} is not understood: {arguments[:200]}"

    # What each call does

    def _open(self, arguments: str, result: int) -> None:
        path = self._paths(arguments)[0]
        if not self._is_here(path):
            return
        flags = arguments.rpartition('"')[2]
        if "O_CREAT" in flags and path not in self._names:
            self._name(self._new(Kind.FILE), path)
        elif "O_TRUNC" in flags:
            self._resized(self._names[path], 0)
        if path in self._names:
            self._places[str(result), self._names[path]] = None if "O_APPEND" in flags else 0

    def _append(self, arguments: str, result: int) -> None:
        found, content = _HANDLE.search(arguments), _STRING.search(arguments)
        if found is None or content is None:
            return
        data = _text(content[1])[:result]
        if _text(found[1]) == self._marks:
            self.recording.operations.extend(Mark(label) for label in data.decode().split())
            return
        node = self._handle(arguments)
        if node is not None:
            handle = arguments.partition("<")[0], node
            place = self._places[handle]
            offset = self._sizes.get(node, 0) if place is None else place
            self._written(node, offset, data)
            self._places[handle] = None if place is None else place + result

    def _written(self, node: int, offset: int, data: bytes) -> None:
        self.recording.operations.append(Write(node, offset, data))
        self._sizes[node] = max(self._sizes.get(node, 0), offset + len(data))

    def _resized(self, node: int, size: int) -> None:
        self.recording.operations.append(Resize(node, size))
        self._sizes[node] = size

    def _write(self, arguments: str, result: int) -> None:
        node, content = self._handle(arguments), _STRING.search(arguments)
        if node is not None and content is not None:
            self._written(node, int(arguments.rpartition(",")[2]), _text(content[1])[:result])

    def _seek(self, arguments: str, result: int) -> None:
        node = self._handle(arguments)
        if node is not None:
            self._places[arguments.partition("<")[0], node] = result

    def _read(self, arguments: str, result: int) -> None:
        node = self._handle(arguments)
        if node is not None:
            handle = arguments.partition("<")[0], node
            self._places[handle] = (self._places[handle] or 0) + result

    def _resize(self, arguments: str, _: int) -> None:
        node = self._handle(arguments)
        if node is not None:
            self._resized(node, int(arguments.rpartition(",")[2]))

    def _sync(self, arguments: str, _: int) -> None:
        node = self._handle(arguments)
        if node is not None:
            self.recording.operations.append(Sync(node))

    def _sync_all(self, _: str, __: int) -> None:
        self.recording.operations.append(Sync(None))

    def _rename(self, arguments: str, _: int) -> None:
        source, target = self._paths(arguments)
        if not self._is_here(source) and not self._is_here(target):
            return
        node = self._names[source]
        changes = ((*self._entry(source), None), (*self._entry(target), node))
        self.recording.operations.append(Names(changes))
        moved = [path for path in self._names if path == source or path.startswith(f"{source}/")]
        for path in [each for each in self._names if each.startswith(f"{target}/")]:
            del self._names[path]
        for path in moved:
            self._names[target + path[len(source) :]] = self._names.pop(path)

    def _link(self, arguments: str, _: int) -> None:
        source, target = self._paths(arguments)
        if self._is_here(target):
            self._name(self._names[source], target)

    def _symlink(self, arguments: str, _: int) -> None:
        content = [_text(each) for each in _STRING.findall(arguments)]
        path = self._paths(arguments)[-1]
        if self._is_here(path):
            node = self._new(Kind.LINK)
            self.recording.targets[node] = content[0].decode()
            self._name(node, path)

    def _remove(self, arguments: str, _: int) -> None:
        path = self._paths(arguments)[0]
        if self._is_here(path):
            self.recording.operations.append(Names(((*self._entry(path), None),)))
            del self._names[path]

    def _make(self, arguments: str, _: int) -> None:
        path = self._paths(arguments)[0]
        if self._is_here(path):
            self._name(self._new(Kind.FOLDER), path)

    # Names and handles

    def _new(self, kind: Kind) -> int:
        self.recording.kinds.append(kind)
        return len(self.recording.kinds) - 1

    def _name(self, node: int, path: str) -> None:
        self.recording.operations.append(Names(((*self._entry(path), node),)))
        self._names[path] = node

    def _entry(self, path: str) -> tuple[int, str]:
        folder, _, name = path.rpartition("/")
        return self._names[folder], name

    def _is_here(self, path: str) -> bool:
        return path.startswith(f"{self._folder}/")

    def _handle(self, arguments: str) -> int | None:
        """The node that the first handle is open at, where it is one of ours that still has a name."""
        found = _HANDLE.search(arguments)
        if found is None or found[2] is not None:
            return None
        path = _text(found[1]).decode(errors="surrogateescape")
        return self._names.get(path) if self._is_here(path) or path == self._folder else None

    def _paths(self, arguments: str) -> list[str]:
        """The paths that the call names, absolute. A handle before a path is what it is relative to."""
        paths, base = [], ""
        for found in re.finditer(f"{_HANDLE.pattern}|{_STRING.pattern}", arguments):
            if found[1] is not None:
                base = _text(found[1]).decode()
            elif found[3] is not None:
                paths.append(str(Path(base) / _text(found[3]).decode(errors="surrogateescape")))
        return paths
