"""The ostree repository, through the `ostree` command: commits, refs, labels."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from tidegate_agent.errors import EngineError
from tidegate_agent.plaintext import one_line
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tidegate_agent.engines.ostree.limited import Limited

_COMMIT = re.compile(rb"([0-9a-f]{64})\n?")
_LABEL = re.compile(rb"'([^'\\]*)'\n?")
_REF_BYTES = 100


class Repository:
    """One repository in bare mode, whose files are what hosts run.

    Args:
        ostree: the command.
        path: the repository.
    """

    def __init__(self, ostree: Limited, path: Path) -> None:
        self.path = path
        self._ostree = ostree
        self._labels: dict[tuple[str, str], str | None] = {}

    def commit_archive(self, archive: IO[bytes], subject: str, cancelled: Callable[[], bool]) -> str:
        """Commit a tar archive out of a pipe, under no name. Returns the commit.

        Raises:
            EngineError: STAGE_FAILED, DISK_FULL, DISK_IO or an ENGINE_* code.
            Cancelled: see Tool.run.
        """
        how = ("--tree=tar=/dev/stdin", "--tar-autocreate-parents")
        words = ("commit", self._repo, "--orphan", f"--subject={subject}", *how)
        output = self._ostree.work(*words, code=Code.STAGE_FAILED, stdin=archive, cancelled=cancelled)
        return self._commit_of(output, words)

    def commit_folder(
        self, folder: Path, subject: str, labels: Mapping[str, str], cancelled: Callable[[], bool]
    ) -> str:
        """Commit a bootable tree, whose files are mostly links to this repository's, and take it away.

        Raises: see commit_archive.
        """
        told = (f"--add-metadata-string={key}={value}" for key, value in labels.items())
        how = ("--bootable", "--link-checkout-speedup", "--consume", f"--tree=dir={folder}")
        words = ("commit", self._repo, "--orphan", f"--subject={subject}", *told, *how)
        output = self._ostree.work(*words, code=Code.STAGE_FAILED, cancelled=cancelled)
        return self._commit_of(output, words)

    def check_out(self, ref: str, folder: Path, cancelled: Callable[[], bool]) -> None:
        """Lay a commit out as links to the repository's files, for a short while."""
        words = ("checkout", self._repo, "--require-hardlinks", "--fsync=no", ref, str(folder))
        self._ostree.work(*words, code=Code.STAGE_FAILED, cancelled=cancelled)

    def resolve(self, ref: str) -> str | None:
        """The commit that a ref names, or None when there is no such ref.

        Refs are read as the files that they are (libostree, "Anatomy of an OSTree repository"): a program for
        each would take most of the time of a status.

        Raises:
            EngineError: ENGINE_OUTPUT, when the file is damaged.
            OSError: the disk's.
        """
        try:
            with self._ref(ref).open("rb") as file:
                content = file.read(_REF_BYTES)
        except (FileNotFoundError, IsADirectoryError):
            return None
        match = _COMMIT.fullmatch(content)
        if match is None:
            reason = f"the ref {ref} in {self.path} names no commit; remove it with `ostree refs --delete`"
            raise EngineError(Code.ENGINE_OUTPUT, reason)
        return match[1].decode()

    def point(self, ref: str, commit: str) -> None:
        """Let a ref name this commit, whether or not it names another one."""
        if self.resolve(ref) != commit:
            self._ostree.query(
                "refs", self._repo, f"--create={ref}", "--force", commit, code=Code.STAGE_FAILED
            )

    def drop(self, ref: str) -> None:
        """Remove a ref. A no-op when there is none."""
        if self._ref(ref).exists():
            self._ostree.query("refs", self._repo, "--delete", ref, code=Code.STAGE_FAILED)

    def refs(self, folder: str) -> set[str]:
        """All refs right below one of their folders, whole."""
        place = self._ref(folder)
        return {f"{folder}/{file.name}" for file in place.iterdir()} if place.is_dir() else set()

    def label(self, commit: str, key: str) -> str | None:
        """A text in a commit's metadata; None where there is none, or no such commit.

        Raises:
            EngineError: ENGINE_OUTPUT, when that cannot be told.
        """
        if (commit, key) not in self._labels:
            words = ("show", self._repo, f"--print-metadata-key={key}", commit)
            output = self._ostree.attempt(*words)
            if output.status != 0 and "No such metadata" not in output.stderr:
                raise self._ostree.failure(output, words, Code.ENGINE_OUTPUT)
            if "No such metadata object" in output.stderr:
                return None
            # For ever: a commit's name is the digest of its metadata.
            match = _LABEL.fullmatch(output.stdout)
            self._labels[commit, key] = match[1].decode(errors="replace") if match else None
        return self._labels[commit, key]

    def _ref(self, ref: str) -> Path:
        return self.path / "refs" / "heads" / ref

    @property
    def _repo(self) -> str:
        return f"--repo={self.path}"

    def _commit_of(self, output: bytes, words: tuple[str, ...]) -> str:
        match = _COMMIT.fullmatch(output)
        if match is None:
            reason = f"`ostree {words[0]}` printed something that is no commit: {one_line(str(output[:80]))}"
            raise EngineError(Code.ENGINE_OUTPUT, reason, retryable=True)
        return match[1].decode()
