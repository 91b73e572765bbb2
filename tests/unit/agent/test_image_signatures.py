"""Looking for an image's signatures: how it ends when it is not let finish, and what the child is asked."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.fakes.image_source import FakeImageSource
from tests.support.attaching import BUNDLE_V03, artifact, cosign2_manifest, fallback_tag
from tests.support.images import describe
from tests.support.key_pairs import KeyPair
from tidegate_agent.adapters import verify_messages
from tidegate_agent.adapters.image_signatures import DEADLINE_S, RegistryImageSignatures
from tidegate_agent.adapters.verifier_child import VerifyingChild
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import ImageTarget
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_MANIFEST
from tidegate_wire.registry.source import Cancelled
from tidegate_wire.trust.policy import (
    ATTACHMENT_BYTES,
    MAX_ATTACHMENTS,
    MAX_SIGNERS,
    ImagePolicy,
    SignerPolicy,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate_wire.registry.descriptor import Descriptor

IMAGE = b'{"schemaVersion":2}'
DIGEST = digest_of(IMAGE)
KEY = KeyPair("release")
POLICY = ImagePolicy(SignerPolicy((KEY.signer,)))


class Child(VerifyingChild):
    """Holds everything for genuine, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(None)
        self.asked: list[verify_messages.Subject] = []

    def judge(self, about: verify_messages.Subject) -> verify_messages.Genuine:
        self.asked.append(about)
        name = verify_messages.SignerName(identity="release", issuer="a key")
        return verify_messages.Genuine(signers=(name,), enough=True)


class Dripping(FakeImageSource):
    """Sends blobs in small pieces, and something happens with each of them, as with each question."""

    step: Callable[[], None] = staticmethod(lambda: None)

    def referrers(self, digest: str, artifact_type: str) -> tuple[Descriptor, ...]:
        self.step()
        return super().referrers(digest, artifact_type)

    def manifest(self, digest: str) -> bytes:
        self.step()
        return super().manifest(digest)

    @contextlib.contextmanager
    def open_blob(self, blob: Descriptor, offset: int = 0) -> Iterator[Iterator[bytes]]:
        with super().open_blob(blob, offset) as chunks:
            yield self._pieces(b"".join(chunks))

    def _pieces(self, content: bytes) -> Iterator[bytes]:
        for at in range(len(content)):
            self.step()
            yield content[at : at + 1]


class Search:
    """A search in a repository with three bundles and a simple signature: it has 40 steps."""

    def __init__(self) -> None:
        self.steps, self.now, self.cancel_at, self.step_s = 0, 0.0, -1, 1.0
        self.child = Child()
        self.source = Dripping()
        for letter in "abc":
            self.source.put(artifact(describe(IMAGE, OCI_MANIFEST), letter.encode() * 8, BUNDLE_V03))
        self.source.put(cosign2_manifest((b"payload", b"signature")), f"{fallback_tag(DIGEST)}.sig")
        self.source.listed.pop()
        self.source.step = self._step
        self._port = RegistryImageSignatures(self.child, POLICY, lambda _: self.source, lambda: self.now)

    def run(self, references: tuple[str, ...] = ("a",)) -> tuple[str, ...]:
        target = ImageTarget(DIGEST, references, "amd64")
        return self._port.require(target, lambda: 0 <= self.cancel_at <= self.steps)

    def _step(self) -> None:
        self.steps += 1
        self.now += self.step_s


def test_what_was_found_is_judged_at_once() -> None:
    search = Search()
    assert search.run() == ("release (a key)",)
    (asked,) = search.child.asked
    assert isinstance(asked, verify_messages.AboutImage)
    assert [verify_messages.to_bytes(each) for each in asked.bundles] == [b"a" * 8, b"b" * 8, b"c" * 8]
    assert len(asked.simple) == 1


def test_a_cancel_is_heard_at_each_step() -> None:
    whole = Search()
    whole.run()
    for step in range(whole.steps + 1):
        search = Search()
        search.cancel_at = step
        with pytest.raises(Cancelled):
            search.run(("a", "b"))
        assert search.steps <= step + 1
        assert search.child.asked == []


def test_a_registry_that_drips_does_not_hold_an_update_for_ever() -> None:
    search = Search()
    search.step_s = DEADLINE_S / 10
    with pytest.raises(TidegateError) as caught:
        search.run(("a", "b", "c"))
    assert (caught.value.code, search.steps) == (Code.IMAGE_UNREACHABLE, 10)
    assert f"the signatures of {DIGEST} could not be fetched within 600 s" in caught.value.reason
    assert search.child.asked == []


def test_each_search_has_its_own_deadline() -> None:
    search = Search()
    search.now = 10 * DEADLINE_S
    assert search.run() == ("release (a key)",)


def test_nothing_found_is_a_refusal() -> None:
    search = Search()
    search.source.listed.clear()
    search.source.tags.clear()
    with pytest.raises(RefusedError) as caught:
        search.run()
    assert caught.value.code is Code.IMAGE_UNSIGNED


def test_all_that_is_looked_at_fits_into_one_question() -> None:
    content = verify_messages.to_text(b"x" * ATTACHMENT_BYTES)
    keys = tuple(KeyPair(f"{number:064d}").signer for number in range(MAX_SIGNERS))
    about = verify_messages.AboutImage(
        bundles=(content,) * MAX_ATTACHMENTS,
        simple=((content, verify_messages.to_text(b"y" * 4096)),) * MAX_ATTACHMENTS,
        policy=ImagePolicy(SignerPolicy(keys)),
        digest=DIGEST,
    )
    question = verify_messages.VerifyRequest(about=about, root="/" + "r" * 4096).to_json()
    assert len(question) <= verify_messages.REQUEST_BYTES
