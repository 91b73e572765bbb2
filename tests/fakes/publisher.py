"""The publisher's ports without I/O: a broker in a dictionary, and signatures that are JSON."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from tidegate_publisher.ports import ResolvedImage, SignerId, Verified
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState
from tidegate_schemas.statement import parse_statement
from tidegate_wire.trust.cosigned import split

if TYPE_CHECKING:
    from collections.abc import Iterator

RELEASER = SignerId("release@example.org", "https://issuer.example")


def fake_bundle(payload: bytes, signer: SignerId = RELEASER) -> bytes:
    """What FakeSigner makes and FakeVerifier believes."""
    return json.dumps(
        {"identity": signer.identity, "issuer": signer.issuer, "payload": payload.decode()}
    ).encode()


@dataclass
class FakeSigner:
    """ports.Signer: signs as `name`; `garble` alters what was signed, `error` is raised instead.

    `foretold` is whom it says beforehand that it will sign as; True is `name`. `meanwhile` happens
    once while it signs.
    """

    name: SignerId = RELEASER
    garble: Callable[[bytes], bytes] | None = None
    error: TidegateError | None = None
    signed: list[bytes] = field(default_factory=list)
    foretold: SignerId | Literal[True] | None = True
    meanwhile: Callable[[], object] | None = None

    def identity(self) -> SignerId | None:
        """See ports.Signer.identity."""
        return self.name if self.foretold is True else self.foretold

    def sign(self, payload: bytes) -> bytes:
        """See ports.Signer.sign."""
        if self.error is not None:
            raise self.error
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        self.signed.append(payload)
        return fake_bundle(self.garble(payload) if self.garble else payload, self.name)


@dataclass
class FakeVerifier:
    """ports.Verifier: believes the fake signers in `trusted`, or all when it is None; `needed` of them."""

    trusted: frozenset[SignerId] | None = None
    needed: int = 1

    @property
    def policy(self) -> str | None:
        """See ports.Verifier.policy."""
        return None if self.trusted is None else " or ".join(map(str, self.trusted))

    def verify(self, message: bytes, target: tuple[str, str] | None) -> Verified:
        """See ports.Verifier.verify."""
        found = self.verify_each(message, target)
        if not found.enough and found.statement.predicate.rollout.state is RolloutState.ACTIVE:
            raise TidegateError(Code.SIGNATURE_THRESHOLD, f"only {found.standing} of {found.needed}")
        return found

    def verify_each(self, message: bytes, target: tuple[str, str] | None) -> Verified:
        """See ports.Verifier.verify_each."""
        try:
            bundles = split(message)
        except TidegateError as error:
            raise TidegateError(Code.SIGNATURE_MISSING, "nobody signed it") from error
        found = [self._one(bundle, target) for bundle in bundles]
        signers = tuple(dict.fromkeys(signer for one in found for signer in one.signers))
        if len({one.payload for one in found}) > 1:
            raise TidegateError(Code.SIGNATURE_MALFORMED, "they sign different things")
        return replace(found[0], signers=signers, standing=len(signers), needed=self.needed)

    def _one(self, bundle: bytes, target: tuple[str, str] | None) -> Verified:
        try:
            content = json.loads(bundle)
            signer = SignerId(content["identity"], content["issuer"])
        except (ValueError, KeyError, TypeError) as error:
            raise TidegateError(Code.SIGNATURE_MISSING, "nobody signed it") from error
        if self.trusted is not None and signer not in self.trusted:
            raise TidegateError(Code.SIGNATURE_IDENTITY, f"{signer} is not trusted")
        payload = content["payload"].encode()
        statement = parse_statement(payload)
        found = statement.predicate.product, statement.predicate.channel
        if target not in {None, found}:
            raise TidegateError(Code.STATEMENT_TARGET, f"it speaks for {found}")
        return Verified(statement, (signer,), payload)


@dataclass
class FakeStore:
    """ports.ChannelStore in a dictionary.

    Attributes:
        held: what is retained.
        deaf: acknowledges and drops, as a 3.1.1 broker does with what its ACL forbids.
        rival: put in the place of whatever is published, as a second publisher would.
    """

    held: dict[tuple[str, str], bytes] = field(default_factory=dict)
    deaf: bool = False
    rival: bytes | None = None
    published: list[bytes] = field(default_factory=list)

    def read(self, product: str, channel: str) -> bytes | None:
        """See ports.ChannelStore.read."""
        return self.held.get((product, channel))

    def publish(self, product: str, channel: str, bundle: bytes) -> None:
        """See ports.ChannelStore.publish."""
        self.published.append(bundle)
        if not self.deaf:
            self.held[product, channel] = self.rival or bundle

    def confirm(self, product: str, channel: str, bundle: bytes) -> bytes | None:
        """See ports.ChannelStore.confirm."""
        del bundle
        return self.read(product, channel)


@dataclass
class FakeResolver:
    """ports.Resolver over a dictionary; asked for anything else it finds no digest."""

    images: dict[str, ResolvedImage]

    def resolve(self, reference: str) -> ResolvedImage:
        """See ports.Resolver.resolve."""
        if reference not in self.images:
            raise TidegateError(Code.REFERENCE_NO_DIGEST, f"{reference} cannot be resolved")
        return self.images[reference]


@dataclass
class RecordedProgress:
    """ports.Progress that remembers."""

    phases: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def phase(self, text: str) -> Iterator[None]:
        """See ports.Progress.phase."""
        self.phases.append(text)
        yield

    def note(self, text: str) -> None:
        """See ports.Progress.note."""
        self.notes.append(text)
