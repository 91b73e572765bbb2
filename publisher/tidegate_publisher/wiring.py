"""The composition root: the only place that joins use cases with adapters."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

from tidegate_publisher.adapters.channel_store import BrokerStore
from tidegate_publisher.adapters.clock import SystemClock
from tidegate_publisher.adapters.request_line import BrokerLine
from tidegate_publisher.adapters.request_verifier import SigstoreRequestVerifier
from tidegate_publisher.announce import Announcing, ReleaseSigning
from tidegate_publisher.countersign import Countersigning
from tidegate_publisher.operations import Operating
from tidegate_publisher.publication import ChannelDesk, SigningDesk
from tidegate_publisher.requesting import RequestDesk
from tidegate_publisher.rollout.approving import Approving
from tidegate_publisher.rollout.steering import Steering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_fleet.words import EventCheck
    from tidegate_publisher.options.broker import Broker
    from tidegate_publisher.options.identity import Identity
    from tidegate_publisher.options.trust import Trust
    from tidegate_publisher.output import Output
    from tidegate_publisher.ports import ImageSignatures, Resolver
    from tidegate_publisher.request_ports import RequestLine
    from tidegate_schemas.release import Release
    from tidegate_wire.mqtt.session import PublisherSession
    from tidegate_wire.trust.policy import ImagePolicy

clock = SystemClock()


def new_seed() -> str:
    """A rollout's seed: no host is always among the first."""
    return secrets.token_hex(8)


def new_nonce() -> str:
    """What makes a request unique: 192 random bits."""
    return secrets.token_urlsafe(24)


def signing_desk(trust: Trust, identity: Identity, output: Output) -> SigningDesk:
    """Signs and verifies."""
    return SigningDesk(identity.signer(trust.trust_config), trust.verifier(), output)


def countersigning(trust: Trust, identity: Identity, output: Output) -> Countersigning:
    """Adds a signer."""
    return Countersigning(identity.signer(trust.trust_config), trust.verifier(), clock, output)


def release_signing(
    resolver: Resolver, desk: SigningDesk, output: Output, signatures: ImageSignatures | None = None
) -> ReleaseSigning:
    """From a release to a signed statement."""
    return ReleaseSigning(resolver, desk, clock, output, new_seed, signatures)


def image_signatures(policy: ImagePolicy, trust: Trust) -> ImageSignatures:
    """Verifies images' own signatures, where container tools would pull them from."""
    from tidegate_publisher.adapters.image_signatures import RegistryImageSignatures  # noqa: PLC0415 -- urllib3
    from tidegate_wire.registry.settings import RegistrySettings  # noqa: PLC0415 -- the same

    settings = RegistrySettings.from_environment(os.environ, os.getuid())
    return RegistryImageSignatures(trust.root, policy, settings)


def channel_desk(session: PublisherSession, broker: Broker, trust: Trust, output: Output) -> ChannelDesk:
    """Reads and publishes."""
    store = BrokerStore(session, broker.settings.topics, broker.timeout_s)
    return ChannelDesk(store, trust.verifier(), output)


def announcing(session: PublisherSession, broker: Broker, trust: Trust, output: Output) -> Announcing:
    """Brings a statement to a channel."""
    return Announcing(channel_desk(session, broker, trust, output), trust.verifier(), clock, output)


def operating(
    session: PublisherSession, broker: Broker, trust: Trust, identity: Identity, output: Output
) -> Operating:
    """Changes what a channel holds."""
    channels = channel_desk(session, broker, trust, output)
    return Operating(channels, signing_desk(trust, identity, output), clock, output)


def request_desk(trust: Trust, identity: Identity, output: Output) -> RequestDesk:
    """Signs and verifies requests to hosts."""
    verifier = SigstoreRequestVerifier(trust.root, trust.policy())
    return RequestDesk(identity.signer(trust.trust_config), verifier, clock, output, new_nonce)


def request_line(
    session: PublisherSession, broker: Broker, check: EventCheck | None, output: Output
) -> RequestLine:
    """Carries requests to hosts, and their answers back."""
    return BrokerLine(session, broker.settings.topics, broker.timeout_s, check, output)


def new_run() -> str:
    """The id of a run of which no CI says a better one; also the name of a process."""
    return secrets.token_hex(4)


def steering(
    release: Release,
    releases: ReleaseSigning,
    broker: Broker,
    trust: Trust,
    identity: Identity,
    output: Output,
) -> Steering:
    """Reads and changes the channel of a run, each time on a connection of its own."""

    @contextlib.contextmanager
    def channels() -> Iterator[ChannelDesk]:
        with broker.open(output) as session:
            yield channel_desk(session, broker, trust, output)

    desk = signing_desk(trust, identity, output)
    verifier = trust.verifier()
    return Steering(release, channels, releases, desk, verifier=verifier, clock=clock, progress=output)


def approving(
    session: PublisherSession, broker: Broker, trust: Trust, identity: Identity, output: Output
) -> Approving:
    """Lets waves through."""
    channels = channel_desk(session, broker, trust, output)
    return Approving(channels, signing_desk(trust, identity, output), clock, output)
