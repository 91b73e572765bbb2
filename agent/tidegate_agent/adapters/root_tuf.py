"""The root keeper of a host whose root comes from a TUF repository.

<folder>/trusted_root.json           the root in force
<folder>/trusted_root.previous.json  the one before, for people
<folder>/refreshed.json              what the last refresh accepted: versions, expiries, when
<folder>/metadata/                   the child's: python-tuf's own memory of the repository

The versions are kept twice, and the child refuses to go below either: damage to `metadata` is cleared away
without a way back to older roots, and without anybody having to repair the host.

Longer than the habit, because all of it is about these places and the order in which they are written.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loguru import logger
from pydantic import ValidationError

from tidegate_agent.adapters import refresh_messages as messages
from tidegate_agent.adapters.child_process import ChildError, ask
from tidegate_agent.adapters.own_place import make_own_folder, require_own_folder
from tidegate_agent.adapters.root_pinned import PinnedRoot
from tidegate_agent.adapters.whole_file import replace_file
from tidegate_agent.root_watch import RootInForce, ends_of_metadata
from tidegate_schemas import jsontext
from tidegate_schemas.base import Digest, Form, Moment
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.root import RootError, parse_root, read_root

if TYPE_CHECKING:
    from datetime import datetime

MODULE: Final = "tidegate_agent.adapters.refresh_child"
MEMORY_MIB: Final = 512
"""Address space for the child. Measured need: 80 MiB, of which 62 MiB become resident."""

DOWNLOAD_SHARE: Final = 0.8
"""The share of the time that downloads may take; the rest is for starting, checking and answering."""

ROOT: Final = "trusted_root.json"
PREVIOUS: Final = "trusted_root.previous.json"
RECORD: Final = "refreshed.json"
METADATA: Final = "metadata"

_NAME: Final = "the trusted root's directory"
_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
_RECORD_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Repository:
    """Where the root comes from.

    Attributes:
        url: of the metadata; the targets are below it in `targets/`.
        first_root: the path of its first root.json.
        target: the trusted root's name in it.
        timeout_s: seconds for one refresh in all.
        proxy: the URL of a proxy.
        ca_file: PEM file in place of the system's certificate authorities.
    """

    url: str
    first_root: Path
    target: str = ROOT
    timeout_s: float = 20.0
    proxy: str | None = None
    ca_file: str | None = None


class _Record(Form):
    refreshed_at: Moment
    digest: Digest
    seen: messages.Seen


class TufRoot:
    """See ports.RootKeeper.

    Args:
        folder: the agent's own, made at the first refresh.
        repository: where the root comes from.
        memory_mib: address space for a child, MiB.
        python: the interpreter that runs the child.

    Raises:
        ConfigError: CONFIG_VALUE, when others could write to the folder: they could say what is trusted.
    """

    def __init__(
        self,
        folder: Path,
        repository: Repository,
        memory_mib: int = MEMORY_MIB,
        python: str = sys.executable,
    ) -> None:
        # One that cannot be looked at cannot be used either, and says so then.
        with contextlib.suppress(OSError):
            require_own_folder(folder, _NAME)
        self._folder = folder
        self._repository = repository
        self._memory_mib = memory_mib
        self._python = python
        self._pinned = PinnedRoot(folder / ROOT)
        self._last = "is under way"

    def look(self, now: datetime) -> RootInForce:
        """See RootKeeper.look."""
        if (why := self.why_missing()) is not None:
            raise RootError(why)
        found, record = self._pinned.look(now), self._record()
        if record is None or record.digest != found.digest:
            return found
        ends = found.ends + ends_of_metadata(record.seen.expires.items())
        return RootInForce(found.origin, found.digest, ends, record.refreshed_at)

    def refresh(self, now: datetime) -> RootInForce:
        """See RootKeeper.refresh."""
        try:
            answer = self._ask(now)
            self._put(answer, now)
        except TidegateError as error:
            self._last = f"failed: {error.reason}"
            raise
        except OSError as error:
            reason = f"{error.filename or self._folder} cannot be written: {error.strerror}"
            self._last = f"failed: {reason}"
            raise _failed(reason) from error
        return self.look(now)

    def why_missing(self) -> str | None:
        """Why there is no root in force, in a sentence; None where there is one. Thread-safe."""
        try:
            (self._folder / ROOT).stat()
        except FileNotFoundError:
            pass
        except OSError as error:
            return f"the trusted root {self._folder / ROOT} cannot be read: {error.strerror}"
        else:
            return None
        return f"there is no trusted root yet: its first refresh from {self._repository.url} {self._last}"

    def _ask(self, now: datetime) -> messages.Refreshed:
        workplace = self._workplace()
        record, repository = self._record(), self._repository
        question = messages.RefreshRequest(
            url=repository.url,
            root=str(repository.first_root),
            target=repository.target,
            folder=str(workplace),
            seconds=repository.timeout_s * DOWNLOAD_SHARE,
            now=now,
            seen=None if record is None else record.seen,
            proxy=repository.proxy,
            ca_file=repository.ca_file,
        ).to_json()
        try:
            raw = ask(
                self._command(),
                question,
                environment=_ENVIRONMENT,
                timeout_s=repository.timeout_s,
                cap=messages.MESSAGE_BYTES,
            )
        except ChildError as error:
            raise _failed(f"{repository.url}: the refreshing process gave no answer: {error}") from error
        return _read(raw)

    def _workplace(self) -> Path:
        make_own_folder(self._folder, _NAME)
        workplace = self._folder / METADATA
        if workplace.is_symlink() or (workplace.exists() and not workplace.is_dir()):
            workplace.unlink()
        workplace.mkdir(mode=0o700, exist_ok=True)
        return workplace

    def _command(self) -> list[str]:
        limits_for_child = [str(self._memory_mib), str(math.ceil(self._repository.timeout_s))]
        return [self._python, "-I", "-B", "-X", "utf8", "-m", MODULE, *limits_for_child]

    def _put(self, answer: messages.Refreshed, now: datetime) -> None:
        """The new root first, then what is known of it: power may fail in between."""
        if answer.mended:
            logger.warning("the refreshed root's metadata was damaged: {}", ", ".join(answer.mended))
        new, place = messages.to_bytes(answer.root), self._folder / ROOT
        parse_root(new, f"the target {self._repository.target}")
        old = read_root(place) if place.exists() else b""
        if new != old:
            if _is_root(old):
                replace_file(self._folder / PREVIOUS, old)
            replace_file(place, new)
        digest = f"sha256:{hashlib.sha256(new).hexdigest()}"
        record = _Record(refreshed_at=now, digest=digest, seen=answer.seen)
        replace_file(self._folder / RECORD, record.to_json())

    def _record(self) -> _Record | None:
        try:
            raw = (self._folder / RECORD).read_bytes()
            jsontext.parse(raw, _RECORD_BYTES)
            return _Record.model_validate_json(raw)
        except FileNotFoundError:
            return None
        except (OSError, ValidationError, TidegateError) as error:
            # python-tuf's own memory still stands against a rollback.
            logger.warning("{} cannot be read: {}", self._folder / RECORD, type(error).__name__)
            return None


def _read(raw: bytes) -> messages.Refreshed:
    try:
        jsontext.parse(raw, messages.MESSAGE_BYTES)
        answer = messages.ANSWER.validate_json(raw)
    # A ValueError of pydantic, a TidegateError of jsontext: an answer that is not whole is none.
    except (ValueError, TidegateError) as error:
        raise _failed("the refreshing process gave no answer: it cannot be read") from error
    if isinstance(answer, messages.NotRefreshed):
        raise _failed(answer.reason)
    return answer


def _is_root(raw: bytes) -> bool:
    try:
        parse_root(raw, "the root before")
    except RootError:
        return False
    return True


def _failed(reason: str) -> TidegateError:
    return TidegateError(Code.TRUST_REFRESH_FAILED, reason)
