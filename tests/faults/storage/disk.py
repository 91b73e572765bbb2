"""A disk as a power cut finds it: what was asked of it, and every state it can be left in.

The method is ALICE's (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014): of what was done
since a file was last synced any part may have reached the disk, in any order, a write also by sectors; a name
(create, rename, unlink) is durable with the sync of its directory. What was synced is there.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults import extent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECTOR: Final = 512
"""Bytes that a disk writes whole or not at all."""

WIDER: Final = 16
"""What everything is to a sample: for most commits, all moments."""

EVEN: Final = 0.5
"""One chance in two."""

ROOT: Final = 0
"""The node of the folder that was watched."""


class Kind(Enum):
    """What a node is."""

    FILE = auto()
    FOLDER = auto()
    LINK = auto()


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes into a file."""

    node: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A file cut or extended to a size."""

    node: int
    size: int


@dataclass(frozen=True, slots=True)
class Names:
    """Names given (to a node) or taken (None), in one step: a rename is two."""

    changes: tuple[tuple[int, str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Sync:
    """A file's content or a folder's names made durable; everything, where `node` is None."""

    node: int | None


@dataclass(frozen=True, slots=True)
class Mark:
    """The program said that it is done with something: from here on it has to be durable."""

    label: str


Effect = Write | Resize | Names
Operation = Effect | Sync | Mark


@dataclass
class Recording:
    """What a program did to a folder that was empty: operations in order, and the nodes that they name."""

    operations: list[Operation] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=lambda: [Kind.FOLDER])
    targets: dict[int, str] = field(default_factory=dict)


Files = Mapping[str, bytes | str | None]


@dataclass(frozen=True, slots=True)
class Crash:
    """One state of the disk after a power cut.

    Attributes:
        after: how many operations had been asked for.
        returned: the labels of the marks before the cut.
        files: content of each file by its path, None for a folder, a str for a symbolic link's target.
        nodes: what each path names: two names of one file are hard links.
    """

    after: int
    returned: tuple[str, ...]
    files: Files
    nodes: Mapping[str, int]

    def put(self, folder: Path) -> None:
        """Make it real in an empty folder."""
        made: dict[int, Path] = {}
        for name, content in sorted(self.files.items()):
            path = folder / name
            first = made.setdefault(self.nodes[name], path)
            if first != path:
                path.hardlink_to(first)
            elif content is None:
                path.mkdir(mode=0o700)
            elif isinstance(content, str):
                path.symlink_to(content)
            else:
                path.write_bytes(content)
                path.chmod(0o600)


def moments(recording: Recording, most: int) -> list[int]:
    """When the power may be cut, as numbers of operations before it: `most` between any two marks.

    WIDER times as many where everything is asked for.
    """
    marks = [place for place, each in enumerate(recording.operations) if isinstance(each, Mark)]
    ends = [0, *(place + 1 for place in marks), len(recording.operations) + 1]
    return [moment for first, end in pairwise(ends) for moment in _some(range(first, end), most)]


def _some(span: range, most: int) -> list[int]:
    most = WIDER * most if extent.everything() else most
    if len(span) <= most:
        return list(span)
    chance = random.Random(f"{extent.SEED} {span.start}")  # noqa: S311 - chooses tests, guards nothing
    return sorted(chance.sample(span, most))


def crashes(recording: Recording, points: Sequence[int], most: int, chance: random.Random) -> Iterator[Crash]:
    """States that a power cut after each of these numbers of operations can leave, each once.

    Where there are no more than `most` subsets of what is not durable, all of them; else the two extremes and
    `most` others by chance. One state more for each has its last write torn.

    Args:
        recording: what was done.
        points: the moments, in ascending order.
        most: see above.
        chance: chooses.
    """
    seen: set[int] = set()
    disk = _Disk(recording)
    for after in points:
        disk.go_on_to(after)
        for kept, torn in _choices(recording.operations, disk.pending, most, chance):
            files, nodes = disk.files(kept, torn)
            if (known := hash((disk.returned, frozenset(files.items())))) not in seen:
                seen.add(known)
                yield Crash(after, disk.returned, files, nodes)


class _Disk:
    """What is durable after a number of operations, and what is not yet."""

    def __init__(self, recording: Recording) -> None:
        self.pending: list[int] = []
        self.returned: tuple[str, ...] = ()
        self._recording = recording
        self._after = 0
        self._contents: dict[int, bytes] = {}
        self._folders: dict[int, dict[str, int]] = {}

    def go_on_to(self, after: int) -> None:
        """Take the operations up to this number."""
        operations = self._recording.operations
        while self._after < min(after, len(operations)):
            match operations[self._after]:
                case Sync() as sync:
                    durable = [each for each in self.pending if _covers(sync, operations[each])]
                    self.pending = [each for each in self.pending if each not in set(durable)]
                    self._contents, self._folders = self._with(durable, {})
                case Mark(label):
                    self.returned = (*self.returned, label)
                case _:
                    self.pending.append(self._after)
            self._after += 1

    def files(
        self, kept: frozenset[int], torn: Mapping[int, frozenset[int]]
    ) -> tuple[Files, Mapping[str, int]]:
        """What is there when these of the pending operations reached the disk."""
        contents, folders = self._with(sorted(kept), torn)
        found = list(_walk(self._recording, ROOT, "", contents, folders))
        return {path: content for path, _, content in found}, {path: node for path, node, _ in found}

    def _with(
        self, places: Sequence[int], torn: Mapping[int, frozenset[int]]
    ) -> tuple[dict[int, bytes], dict[int, dict[str, int]]]:
        touched: dict[int, bytearray] = {}
        folders = dict(self._folders)
        for place in places:
            match self._recording.operations[place]:
                case Write(node) as write:
                    content = touched.setdefault(node, bytearray(self._contents.get(node, b"")))
                    _write(content, write, torn.get(place))
                case Resize(node, size):
                    content = touched.setdefault(node, bytearray(self._contents.get(node, b"")))
                    content[size:] = bytes(max(0, size - len(content)))
                case Names(changes):
                    for folder, name, node_ in changes:
                        folders[folder] = _named(folders.get(folder, {}), name, node_)
        return {**self._contents, **{node: bytes(each) for node, each in touched.items()}}, folders


def _covers(sync: Sync, effect: Operation) -> bool:
    if sync.node is None:
        return True
    if isinstance(effect, Names):
        return any(folder == sync.node for folder, _, _ in effect.changes)
    return isinstance(effect, Write | Resize) and effect.node == sync.node


def _choices(
    operations: Sequence[Operation], pending: Sequence[int], most: int, chance: random.Random
) -> Iterator[tuple[frozenset[int], Mapping[int, frozenset[int]]]]:
    """Which of the pending effects reached the disk, and which sectors of those that are torn."""
    if 2 ** len(pending) <= most:
        subsets = [
            frozenset(each for bit, each in enumerate(pending) if number >> bit & 1)
            for number in range(2 ** len(pending))
        ]
    else:
        subsets = [frozenset[int](), frozenset(pending)]
        subsets += [frozenset(each for each in pending if chance.random() < share) for share in _shares(most)]
    for kept in subsets:
        yield kept, {}
        torn = _torn(operations, kept, chance)
        if torn:
            yield kept, torn


def _shares(most: int) -> list[float]:
    return [(0.5, 0.9, 0.1)[number % 3] for number in range(most)]


def _torn(
    operations: Sequence[Operation], kept: frozenset[int], chance: random.Random
) -> Mapping[int, frozenset[int]]:
    writes = [each for each in sorted(kept) if isinstance(operations[each], Write)]
    for place in reversed(writes):
        write = operations[place]
        assert isinstance(write, Write)
        sectors = range(write.offset // SECTOR, (write.offset + len(write.data) - 1) // SECTOR + 1)
        if len(sectors) > 1:
            end = chance.randrange(1, len(sectors))
            some = [each for each in sectors if chance.random() < EVEN]
            chosen = some if chance.random() < EVEN else sectors[:end]
            return {place: frozenset(chosen)}
    return {}


def _write(content: bytearray, write: Write, sectors: frozenset[int] | None) -> None:
    for start, data in _pieces(write, sectors):
        if len(content) < start:
            content.extend(bytes(start - len(content)))
        content[start : start + len(data)] = data


def _pieces(write: Write, sectors: frozenset[int] | None) -> Iterator[tuple[int, bytes]]:
    if sectors is None:
        yield write.offset, write.data
        return
    end = write.offset + len(write.data)
    for sector in sorted(sectors):
        start, stop = max(write.offset, sector * SECTOR), min(end, (sector + 1) * SECTOR)
        yield start, write.data[start - write.offset : stop - write.offset]


def _named(folder: Mapping[str, int], name: str, node: int | None) -> dict[str, int]:
    others = {each: child for each, child in folder.items() if each != name}
    return others if node is None else {**others, name: node}


def _walk(
    recording: Recording,
    node: int,
    prefix: str,
    contents: Mapping[int, bytes],
    folders: Mapping[int, Mapping[str, int]],
) -> Iterator[tuple[str, int, bytes | str | None]]:
    for name, child in folders.get(node, {}).items():
        path = str(Path(prefix) / name)
        match recording.kinds[child]:
            case Kind.FILE:
                yield path, child, contents.get(child, b"")
            case Kind.LINK:
                yield path, child, recording.targets[child]
            case Kind.FOLDER:
                yield path, child, None
                yield from _walk(recording, child, path, contents, folders)
