"""One refresh from a TUF repository (TUF specification 1.0.33, section 5). Runs in the refreshing child.

python-tuf decides what is signed, by whom, and what may follow what. Added here: the agent's own idea of the
time, since python-tuf asks the system's clock only; a memory of versions that survives the loss of its files;
and whether the trusted root is one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tuf.api.exceptions import DownloadError, RepositoryError

# tuf documents these here, and gives them out without an __all__.
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    Root,
    Snapshot,
    Targets,
    Timestamp,
)
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.updater import Updater

from tidegate_agent.adapters import refresh_messages as messages
from tidegate_agent.adapters.tuf_folder import mend
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.root import ROOT_BYTES, parse_root
from tidegate_wire.trust.usable import require_usable

if TYPE_CHECKING:
    from datetime import datetime

    from tuf.ngclient.fetcher import FetcherInterface

ROTATIONS: Final = 64
"""How many times a repository's root may have changed since the one that was put on the host."""

_CAPS: Final = {"root": 128 * 1024, "timestamp": 16 * 1024, "snapshot": 256 * 1024, "targets": 512 * 1024}
LARGEST: Final = max(_CAPS.values())
"""The largest piece of metadata, in bytes."""

_DOWNLOAD: Final = "target.download"


class RefreshError(TidegateError):
    """The root could not be refreshed: TRUST_REFRESH_FAILED."""

    def __init__(self, reason: str) -> None:
        super().__init__(Code.TRUST_REFRESH_FAILED, reason)


def refresh(request: messages.RefreshRequest, fetcher: FetcherInterface) -> messages.Refreshed:
    """Ask the repository for the trusted root.

    1. Damaged files of the last time are put away.
    2. Roots, one signed by the one before, from the host's own on; timestamp, snapshot, targets (5.3 to 5.6).
    3. None has expired at `request.now`, and none is older than what was accepted before.
    4. The target, its length and hashes (5.7).
    5. It is a trusted root by which something that is signed today could be verified.

    Raises:
        RefreshError: it failed, and nothing but the metadata in the folder has changed.
        MemoryError: there was too little memory to tell.
    """
    folder = Path(request.folder)
    try:
        mended = mend(folder, LARGEST)  # 1
        updater = _updater(request, fetcher)
        updater.refresh()  # 2
        seen = _read(folder)
        _require_current(seen, request.now)  # 3
        _require_progress(seen, request.seen)
        raw = _download(updater, request, folder)  # 4
        require_usable(parse_root(raw, f"the target {request.target}"), request.now)  # 5
    except (DownloadError, RepositoryError) as error:
        text = str(error) or type(error).__name__
        raise RefreshError(text if request.url in text else f"{request.url}: {text}") from error
    except OSError as error:
        place = error.filename or folder
        raise RefreshError(f"{place} cannot be used: {error.strerror or error}") from error
    except TidegateError as error:
        raise RefreshError(f"{request.url}: {error.reason}") from error
    return messages.Refreshed(root=messages.to_text(raw), seen=seen, mended=mended)


def _updater(request: messages.RefreshRequest, fetcher: FetcherInterface) -> Updater:
    with Path(request.root).open("rb") as file:
        first = file.read(_CAPS["root"])
    return Updater(
        request.folder,
        request.url,
        target_base_url=request.url.rstrip("/") + "/targets/",
        fetcher=fetcher,
        config=UpdaterConfig(
            max_root_rotations=ROTATIONS,
            max_delegations=0,
            root_max_length=_CAPS["root"],
            timestamp_max_length=_CAPS["timestamp"],
            snapshot_max_length=_CAPS["snapshot"],
            targets_max_length=_CAPS["targets"],
        ),
        bootstrap=first,
    )


def _read(folder: Path) -> messages.Seen:
    """What was just verified and written: python-tuf does not give it out in another way."""
    root = Metadata[Root].from_file(str(folder / "root.json")).signed
    signed: dict[messages.Role, Root | Timestamp | Snapshot | Targets] = {
        "root": root,
        "timestamp": Metadata[Timestamp].from_file(str(folder / "timestamp.json")).signed,
        "snapshot": Metadata[Snapshot].from_file(str(folder / "snapshot.json")).signed,
        "targets": Metadata[Targets].from_file(str(folder / "targets.json")).signed,
    }
    keys = {*root.roles["timestamp"].keyids, *root.roles["snapshot"].keyids}
    return messages.Seen(
        versions={role: one.version for role, one in signed.items()},
        expires={role: one.expires for role, one in signed.items()},
        online_keys=tuple(sorted(keys)),
    )


def _require_current(seen: messages.Seen, now: datetime) -> None:
    for role, expires in seen.expires.items():
        if expires <= now:
            raise RepositoryError(
                f"{role}.json expired at {rfc3339(expires)}, and it is {rfc3339(now)} or later"
            )


def _require_progress(seen: messages.Seen, before: messages.Seen | None) -> None:
    if before is None:
        return
    # A repository that lost its online keys starts its numbers anew with other ones (specification, 5.3.11).
    same = seen.online_keys == before.online_keys
    for role in messages.ROLES if same else ("root",):
        found, known = seen.versions[role], before.versions.get(role, 0)
        if found < known:
            raise RepositoryError(f"{role}.json has version {found}, and {known} was accepted before")


def _download(updater: Updater, request: messages.RefreshRequest, folder: Path) -> bytes:
    target = updater.get_targetinfo(request.target)
    if target is None:
        raise RepositoryError(f"it has no target {request.target}")
    if target.length > ROOT_BYTES:
        raise RepositoryError(f"the target {request.target} has more than {ROOT_BYTES} bytes")
    path = folder / _DOWNLOAD
    try:
        updater.download_target(target, str(path))
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)
