"""The state directory: who may hold it, and the place where podman keeps blobs while it pulls."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidegate_agent.engines.podman.files import make_durable_folder
from tidegate_agent.errors import EngineError
from tidegate_agent.held_file import held
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class House:
    """A directory that is the agent's alone.

    Args:
        root: the directory; made when it is first written to.
        scratch: where the folder for blobs in flight is made; `root` when it is None.
        owner: the user and group that podman runs as, where that is not the agent's own.
    """

    def __init__(self, root: Path, scratch: Path | None, owner: tuple[int, int] | None) -> None:
        self.root = root
        self.ledger = root / "state.json"
        self.documents = root / "documents"
        self._scratch = scratch or root
        self._owner = owner
        self.key = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the directory alone.

        Raises:
            EngineError: ENGINE_BUSY, retryable, when another process holds it; CONFIG_VALUE when others than
                the agent may write to it.
            OSError: when it cannot be made.
        """
        make_durable_folder(self.root, 0o700)
        make_durable_folder(self.documents, 0o700)
        self._require_own()
        reason = f"another process works on the images of {self.root}"
        with held(self.root / "lock", EngineError(Code.ENGINE_BUSY, reason, retryable=True)):
            yield

    @contextmanager
    def pulling(self) -> Iterator[Path]:
        """A new folder for podman's blobs in flight, gone at the end. Raises OSError."""
        folder = self._scratch / f"{self._prefix}{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        try:
            if self._owner is not None:
                os.chown(folder, *self._owner)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what a staging left behind that was killed."""
        for folder in self._scratch.glob(f"{self._prefix}*"):
            found = folder.lstat()
            # In a folder like /var/tmp anybody may have made one of that name.
            if stat.S_ISDIR(found.st_mode) and found.st_uid in self._own_users():
                shutil.rmtree(folder, ignore_errors=True)
        for left in (*self.documents.glob("*"), *self.root.glob(".*.new")):
            left.unlink()

    @property
    def _prefix(self) -> str:
        return f"tidegate-pull-{self.key}-"

    def _own_users(self) -> set[int]:
        return {os.geteuid()} | ({self._owner[0]} if self._owner else set())

    def _require_own(self) -> None:
        found = self.root.stat()
        if found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return
        raise EngineError(
            Code.CONFIG_VALUE,
            f"others than user {os.geteuid()} may write to {self.root}: chown it to them, and chmod go-w",
        )
