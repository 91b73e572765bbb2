"""The composition root: the only place that joins use cases with adapters."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tidegate_publisher.adapters.channel_store import BrokerStore
from tidegate_publisher.adapters.clock import SystemClock
from tidegate_publisher.adapters.sigstore_signer import SigstoreSigner
from tidegate_publisher.announce import Announcing, ReleaseSigning
from tidegate_publisher.operations import Operating
from tidegate_publisher.publication import ChannelDesk, SigningDesk

if TYPE_CHECKING:
    from tidegate_publisher.adapters.identity import IdentitySource
    from tidegate_publisher.options.broker import Broker
    from tidegate_publisher.options.trust import Trust
    from tidegate_publisher.output import Output
    from tidegate_publisher.ports import Resolver
    from tidegate_wire.mqtt.session import PublisherSession

clock = SystemClock()


def new_seed() -> str:
    """A rollout's seed: no host is always among the first."""
    return secrets.token_hex(8)


def signing_desk(trust: Trust, identity: IdentitySource, output: Output) -> SigningDesk:
    """Signs and verifies."""
    return SigningDesk(SigstoreSigner(trust.trust_config, identity), trust.verifier(), output)


def release_signing(resolver: Resolver, desk: SigningDesk, output: Output) -> ReleaseSigning:
    """From a release to a signed statement."""
    return ReleaseSigning(resolver, desk, clock, output, new_seed)


def channel_desk(session: PublisherSession, broker: Broker, trust: Trust, output: Output) -> ChannelDesk:
    """Reads and publishes."""
    store = BrokerStore(session, broker.settings.topics, broker.timeout_s)
    return ChannelDesk(store, trust.verifier(), output)


def announcing(session: PublisherSession, broker: Broker, trust: Trust, output: Output) -> Announcing:
    """Brings a statement to a channel."""
    return Announcing(channel_desk(session, broker, trust, output), trust.verifier(), clock, output)


def operating(
    session: PublisherSession, broker: Broker, trust: Trust, identity: IdentitySource, output: Output
) -> Operating:
    """Changes what a channel holds."""
    channels = channel_desk(session, broker, trust, output)
    return Operating(channels, signing_desk(trust, identity, output), clock, output)
