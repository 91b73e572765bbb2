"""Cases 34 and 40: the statement is genuine, and what the registry or the engine holds is something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.trust.checks import Start, takes_up
from tests.trust.images import EVIL, NEXT, RUNNING, write_images
from tests.trust.releases import FIRST_SEQUENCE, statement, the_truth
from tests.trust.world import Places, real_engine
from tidegate_agent.model import (
    Activation,
    Capabilities,
    ImageStatus,
    ImageTarget,
    StageProgress,
    StageResult,
)
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.trust.forge import Forge
    from tests.trust.world import Host
    from tidegate_agent.engines.embedded.engine import EmbeddedEngine
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

LATER: Final = FIRST_SEQUENCE + 3


@pytest.fixture(params=["v1", "v2"])
def rekor(request: pytest.FixtureRequest) -> RekorVersion:
    version: RekorVersion = request.param
    return version


def _fails(host: Host, message: bytes, code: Code) -> None:
    """The statement is taken up, and its image is not: the update ends with this code, all runs as before.

    What a genuine statement leaves in the journal is what it has to: its sequence, that it was tried, and why
    it failed. The store holds what it held, and nothing is staged.
    """
    before, told = host.snapshot(), len(host.events())
    host.hear(message)
    final = [event.data for event in host.events()[told:] if event.data.step.final]
    assert [(data.step, data.code) for data in final] == [(Step.FAILED, code)], final
    after = host.snapshot()
    assert after.contents() == before.contents()
    assert after.running == before.running
    assert after.journal["approval"] == before.journal["approval"]
    assert host.image.status() == ImageStatus(RUNNING.digest, None, None)
    assert host.version() == b"1"


def test_case_34g_digest_of_no_image(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    """The digest is well formed, and no image has it: the one that is there is not taken in its place."""
    host = start(forge.beliefs)
    _fails(host, forge.signing(rekor, statement("sha256:" + "0" * 64)).message(), Code.IMAGE_NOT_FOUND)
    takes_up(host, forge.signing(rekor, the_truth()).message())


class Substituting:
    """The real engine, which stages another image than it was asked to.

    Args:
        real: the engine.
        digest: of the image that it stages.
        honest: whether it says so when it has staged; else only `status` tells.
    """

    def __init__(self, real: EmbeddedEngine, digest: str, *, honest: bool) -> None:
        self._real = real
        self._honest = honest
        self.digest: str | None = digest
        self.activated: list[str] = []

    def capabilities(self) -> Capabilities:
        return self._real.capabilities()

    def status(self) -> ImageStatus:
        return self._real.status()

    def stage(
        self, target: ImageTarget, progress: Callable[[StageProgress], None], cancelled: Callable[[], bool]
    ) -> StageResult:
        if self.digest is None:
            return self._real.stage(target, progress, cancelled)
        other = ImageTarget(self.digest, target.references, target.arch)
        result = self._real.stage(other, progress, cancelled)
        told = result.digest if self._honest else target.digest
        return StageResult(told, result.bytes_fetched, result.files_new, result.files_reused)

    def activate(self, digest: str) -> Activation:
        self.activated.append(digest)
        return self._real.activate(digest)

    def rollback(self, digest: str) -> Activation:
        return self._real.rollback(digest)

    def discard(self) -> None:
        self._real.discard()


def test_case_34h_engine_stages_another_digest(
    forge: Forge, places: Places, start: Start, rekor: RekorVersion
) -> None:
    """The digest that is staged is compared with the one that was signed (step 9)."""
    engine = Substituting(real_engine(places), EVIL.digest, honest=True)
    host = start(forge.beliefs, engine=engine)
    _fails(host, forge.signing(rekor, the_truth()).message(), Code.IMAGE_DIGEST_MISMATCH)
    assert engine.activated == []
    engine.digest = None
    _lift_quarantine(host)
    takes_up(host, forge.signing(rekor, the_truth(sequence=LATER)).message())


def test_case_34i_engine_stages_another_digest_and_conceals_it(
    forge: Forge, places: Places, start: Start, rekor: RekorVersion
) -> None:
    """It is compared again right before activation, with what the engine's status says."""
    engine = Substituting(real_engine(places), EVIL.digest, honest=False)
    host = start(forge.beliefs, engine=engine)
    told = len(host.events())
    host.hear(forge.signing(rekor, the_truth()).message())
    ends = [event.data for event in host.events()[told:] if event.data.step.final]
    assert [(data.step, data.code) for data in ends] == [(Step.FAILED, Code.IMAGE_DIGEST_MISMATCH)]
    assert engine.activated == []
    assert (host.running(), host.version()) == (RUNNING.digest, b"1")
    engine.digest = None
    _lift_quarantine(host)
    takes_up(host, forge.signing(rekor, the_truth(sequence=LATER)).message())


def test_case_34j_what_was_found_to_be_another_image_does_not_stay_staged(
    forge: Forge, start: Start, rekor: RekorVersion, places: Places
) -> None:
    """On a host whose next boot takes what is staged, any reboot would bring it up."""
    host = start(forge.beliefs, engine=Substituting(real_engine(places), EVIL.digest, honest=False))
    host.hear(forge.signing(rekor, the_truth()).message())
    assert host.image.status().staged is None


def _lift_quarantine(host: Host) -> None:
    """Where the digest was given up on, a person says that it may be tried again."""
    host.pardon(NEXT.digest)


BLOBS: Final = {
    "layer": NEXT.layers[0].digest,
    "config": NEXT.config.digest,
    "manifest": NEXT.digest,
}


def _flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def _swapped(content: bytes) -> bytes:
    del content
    return EVIL.blobs[EVIL.layers[0].digest]


def _longer(content: bytes) -> bytes:
    return content + b" "


@pytest.mark.parametrize("alter", [_flipped, _swapped, _longer])
@pytest.mark.parametrize("what", BLOBS)
def test_case_40a_blob_of_another_hash(
    forge: Forge, places: Places, start: Start, what: str, alter: Callable[[bytes], bytes]
) -> None:
    """The registry sends other bytes than the descriptor, and through it the statement, speaks of."""
    blob = places.images / "blobs" / "sha256" / BLOBS[what].removeprefix("sha256:")
    blob.write_bytes(alter(blob.read_bytes()))
    host = start(forge.beliefs)
    _fails(host, forge.signing("v1", the_truth()).message(), Code.IMAGE_DIGEST_MISMATCH)
    write_images(places.images)
    _lift_quarantine(host)
    takes_up(host, forge.signing("v1", the_truth(sequence=LATER)).message())
