"""A publisher on fakes: every use case wired as `wiring.py` does, with nothing real behind."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.fakes.clock import FakeClock
from tests.fakes.publisher import FakeResolver, FakeSigner, FakeStore, FakeVerifier, RecordedProgress
from tests.support.statements import NOON, digest_of
from tidegate_publisher.announce import Announcing, ReleaseSigning
from tidegate_publisher.operations import Operating
from tidegate_publisher.ports import ResolvedImage, Verified
from tidegate_publisher.publication import ChannelDesk, SigningDesk
from tidegate_schemas.release import Release

IMAGE = ResolvedImage("registry.example/os", digest_of("a"), tag="1.2", platforms={"arm64": digest_of("b")})
OS_STABLE = ("os", "stable")


@dataclass
class World:
    """The fakes, and the use cases on them."""

    store: FakeStore = field(default_factory=FakeStore)
    signer: FakeSigner = field(default_factory=FakeSigner)
    verifier: FakeVerifier = field(default_factory=FakeVerifier)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON))
    progress: RecordedProgress = field(default_factory=RecordedProgress)

    @property
    def signing(self) -> ReleaseSigning:
        resolver = FakeResolver({"registry.example/os:1.2": IMAGE})
        return ReleaseSigning(resolver, self._desk, self.clock, self.progress, lambda: "a-seed")

    @property
    def announcing(self) -> Announcing:
        return Announcing(self._channels, self.verifier, self.clock, self.progress)

    @property
    def operating(self) -> Operating:
        return Operating(self._channels, self._desk, self.clock, self.progress)

    def announce(self, *, replace_unverified: bool = False, **changes: object) -> Verified:
        """Announce a release and say what was announced."""
        outcome = self.announcing.release(
            a_release(**changes), self.signing, replace_unverified=replace_unverified
        )
        return outcome.signed.verified

    def stands(self) -> Verified:
        """What the channel holds, as far as it is believed."""
        return self.verifier.verify(self.store.held[OS_STABLE], OS_STABLE)

    @property
    def _desk(self) -> SigningDesk:
        return SigningDesk(self.signer, self.verifier, self.progress)

    @property
    def _channels(self) -> ChannelDesk:
        return ChannelDesk(self.store, self.verifier, self.progress)


def a_release(**changes: object) -> Release:
    """A release of `os/stable`; keyword arguments replace its keys."""
    content = {"product": "os", "channel": "stable", "image": "registry.example/os:1.2", "version": "1.2"}
    return Release.model_validate({**content, **changes})
