"""Bringing an image into podman's storage: what has to come, room for it, the pull, and a look at the result.

1. Manifest and configuration are read by the agent itself: clear refusals, and sizes for the progress.
2. The image is written down before podman begins: what a kill leaves behind is found again.
3. podman pulls it by the announced digest, which it verifies as it does every layer's.
4. What podman has then must bear that digest. It is tagged, made durable, and written down as whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.engines.images.durable import sync_file_system
from tidegate_agent.engines.images.pull import Puller
from tidegate_agent.engines.images.space import require_free
from tidegate_agent.engines.podman.ledger import Kept
from tidegate_agent.engines.podman.pulling import Growth, pull
from tidegate_agent.errors import EngineError
from tidegate_agent.model import StageResult
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.reference import Reference, parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate_agent.engines.images.limits import Limits
    from tidegate_agent.engines.images.meter import Meter
    from tidegate_agent.engines.images.pull import Layer
    from tidegate_agent.engines.podman.house import House
    from tidegate_agent.engines.podman.images import Found, Images
    from tidegate_agent.engines.podman.ledger import Ledger
    from tidegate_agent.engines.podman.session import Session
    from tidegate_agent.engines.podman.times import Times
    from tidegate_agent.model import ImageTarget
    from tidegate_wire.registry.source import ImageSource

# The fault lies with this host: no other registry would mend it.
_OWN: Final = frozenset({Code.DISK_FULL, Code.DISK_IO, Code.ENGINE_MISSING, Code.ENGINE_OUTPUT})
# Where containers/storage puts files of layers that it fetches in parts (zstd:chunked).
_PARTIAL: Final = "overlay/staging"


class Staging:
    """Stages images; the caller holds the state directory.

    Args:
        house: the state directory.
        ledger: where images are written down.
        images: podman's storage.
        open_source: opens a reference.
        session: as whom podman runs.
        times: how long things may take.
        limits: what an image may cost.
    """

    def __init__(  # noqa: PLR0913 - the engine's parts, put together in one place
        self,
        house: House,
        ledger: Ledger,
        images: Images,
        open_source: Callable[[str], ImageSource],
        session: Session,
        *,
        times: Times,
        limits: Limits,
    ) -> None:
        self._house, self._ledger, self._images = house, ledger, images
        self._open_source, self._session = open_source, session
        self._times, self._limits = times, limits

    def run(self, target: ImageTarget, meter: Meter) -> StageResult:
        """Have the image in podman's storage. What is staged is not changed.

        Raises:
            TidegateError: see `PodmanEngine.stage`.
            OSError: the state directory cannot be written.
        """
        self._house.sweep()
        if (found := self._whole(target.digest)) is not None:
            return StageResult(target.digest, 0, 0, len(found.layers))
        references = _registries(target)
        image = Puller(target, self._open_source, self._house.documents, meter).image(self._limits)
        fresh = self._fresh(image.layers)
        size = sum(layer.blob.size for layer in fresh)
        storage = self._images.root()
        with self._house.pulling() as folder:
            self._require_room(storage, folder, size)
            meter.expect(size, 0)
            growth = Growth((folder, storage / _PARTIAL), size, meter, self._times.stall)
            self._from_any(references, target, folder, growth)
        # podman itself leaves it to the kernel when its layers reach the disk.
        sync_file_system(storage)
        self._settle(target)
        return StageResult(target.digest, meter.bytes_fetched, len(fresh), len(image.layers) - len(fresh))

    def _whole(self, digest: str) -> Found | None:
        """The image, if an earlier staging completed it and podman still has it."""
        kept = self._ledger.read().images.get(digest)
        found = None if kept is None or kept.image_id is None else self._images.find(kept.name)
        if kept is None or found is None or found.image_id != kept.image_id or digest not in found.digests:
            return None
        return found

    def _fresh(self, layers: tuple[Layer, ...]) -> list[Layer]:
        """The layers that no image of ours has. podman may find more of them in its storage."""
        names = [kept.name for kept in self._ledger.read().images.values() if kept.image_id is not None]
        there = {layer for name in names if (found := self._images.find(name)) for layer in found.layers}
        return [layer for layer in layers if layer.diff_id not in there]

    def _require_room(self, storage: Path, folder: Path, size: int) -> None:
        reserve = self._limits.free_reserve
        require_free(folder, size, reserve, fresh=False)
        # Unpacked, and on many hosts the blobs in flight beside it on the same file system.
        require_free(storage, size, reserve, fresh=True)

    def _from_any(
        self, references: list[Reference], target: ImageTarget, folder: Path, growth: Growth
    ) -> None:
        failures: list[TidegateError] = []
        for reference in references:
            try:
                self._from(reference, target, folder, growth)
            except TidegateError as error:
                if error.code in _OWN:
                    raise
                failures.append(error)
            else:
                return
        code, passing = failures[0].code, any(getattr(one, "retryable", False) for one in failures)
        raise EngineError(code, "; ".join(failure.reason for failure in failures), retryable=passing)

    def _from(self, reference: Reference, target: ImageTarget, folder: Path, growth: Growth) -> None:
        """Pull from one repository, written down before."""
        state, name = self._ledger.read(), f"{reference.name}@{target.digest}"
        known = state.images.get(target.digest)
        if known is not None and known.name != name:
            self._images.remove(target.digest, known)
            known = None
        ours = known.ours if known is not None else not self._images.has_of_others(name)
        self._ledger.write(state.keeping(target.digest, Kept(name=name, ours=ours)))
        auth_file = self._session.auth_file
        credentials = () if auth_file is None else ("--authfile", str(auth_file))
        words = ("--arch", target.arch, *credentials, name)
        environment = dict(self._session.environment) | {"TMPDIR": str(folder)}
        pull(self._session.podman, environment, words, growth, self._times.pull)

    def _settle(self, target: ImageTarget) -> None:
        """See that what podman has is what was asked for; tag it, and write it down as whole."""
        state = self._ledger.read()
        kept = state.images[target.digest]
        found = self._images.find(kept.name)
        if found is None:
            raise EngineError(
                Code.STAGE_FAILED, f"podman pulled {kept.name}, but does not have it", retryable=True
            )
        if target.digest not in found.digests:
            there = ", ".join(sorted(found.digests)) or "none"
            reason = f"podman pulled {kept.name}, but what it has bears the digests {there}"
            raise EngineError(Code.IMAGE_DIGEST_MISMATCH, reason)
        if found.architecture != target.arch:
            reason = f"{kept.name} is for {found.architecture}, this host is {target.arch}"
            raise EngineError(Code.IMAGE_PLATFORM, reason)
        self._images.protect(found.image_id, target.digest)
        whole = kept.model_copy(update={"image_id": found.image_id})
        self._ledger.write(state.keeping(target.digest, whole))


def _registries(target: ImageTarget) -> list[Reference]:
    """The references that podman can pull from.

    Raises:
        EngineError: REFERENCE_INVALID when there is none.
    """
    parsed = [parse_reference(reference) for reference in target.references]
    if registries := [reference for reference in parsed if isinstance(reference, Reference)]:
        return registries
    raise EngineError(
        Code.REFERENCE_INVALID,
        f"no reference names a registry that has {target.digest}: the podman engine pulls from registries",
    )
