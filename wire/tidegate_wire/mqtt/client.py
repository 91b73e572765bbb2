"""A paho client for one connection with one protocol version.

A new one is made for every attempt: certificates and password are read anew (they get rotated), the will is
fresh, and no half-sent message of an earlier connection lingers. What was not acknowledged is sent again by
whoever owns it (the agent's outbox), not by the client.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.flood import MAX_PACKET_BYTES
from tidegate_wire.mqtt.messages import Version
from tidegate_wire.mqtt.slim_paho import Client

if TYPE_CHECKING:
    from tidegate_wire.mqtt.messages import Publication
    from tidegate_wire.mqtt.settings import BusSettings

MAX_IN_FLIGHT: Final = 20
MAX_QUEUED: Final = 1000


class _ClosingSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 -- the signature of SSLSocket
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def build_client(
    settings: BusSettings,
    version: Version,
    client_id: str,
    will: Publication | None,
    *,
    persistent: bool,
    late: bool = False,
) -> Client:
    """A client that is ready for `connect`; with `late` it leaves acknowledging to its user.

    Raises:
        TidegateError: CONFIG_MISSING or CONFIG_VALUE for credentials and certificates that cannot be read.
    """
    endpoint = settings.endpoint
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if version is Version.V5 else not persistent,
        protocol=MQTTProtocolVersion.MQTTv5 if version is Version.V5 else MQTTProtocolVersion.MQTTv311,
        transport="tcp" if endpoint.path is None else "websockets",
        reconnect_on_failure=False,
        manual_ack=late,
    )
    client.connect_timeout = settings.connect_timeout_s
    client.max_inflight_messages = MAX_IN_FLIGHT
    client.max_queued_messages = MAX_QUEUED
    if endpoint.path is not None:
        client.ws_set_options(path=endpoint.path)
    if endpoint.tls:
        client.tls_set_context(tls_context(settings))
    if settings.username is not None:
        client.username_pw_set(settings.username, settings.read_password())
    if will is not None:
        properties = message_properties(will, PacketTypes.WILLMESSAGE) if version is Version.V5 else None
        client.will_set(will.topic, will.payload, qos=1, retain=will.retain, properties=properties)
    return client


def connect(
    client: Client,
    settings: BusSettings,
    version: Version,
    *,
    persistent: bool,
    at_once: int = MAX_IN_FLIGHT,
) -> None:
    """Open the connection and send CONNECT; the CONNACK is still to come. Raises OSError.

    `at_once` is how many messages an MQTT 5 broker may send that were not acknowledged.
    """
    endpoint = settings.endpoint
    if version is Version.V311:
        client.connect(endpoint.host, endpoint.port, settings.keepalive_s)
        return
    properties = _Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = settings.session_expiry_s if persistent else 0
    properties.MaximumPacketSize = MAX_PACKET_BYTES
    properties.ReceiveMaximum = at_once
    client.connect(
        endpoint.host,
        endpoint.port,
        settings.keepalive_s,
        clean_start=not persistent,
        properties=properties,
    )


def message_properties(publication: Publication, packet: int) -> Properties:
    """The MQTT 5 properties of a message (section 3.3.2.3)."""
    properties = _Properties(packet)
    properties.ContentType = publication.content_type
    if publication.properties:
        properties.UserProperty = list(publication.properties)
    return properties


def tls_context(settings: BusSettings) -> ssl.SSLContext:
    """TLS 1.2 or newer, the system's CAs or the configured ones, and the client's certificate if any."""
    named = settings.ca
    try:
        context = ssl.create_default_context(cafile=settings.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = _ClosingSocket
        if settings.cert is not None:
            named = settings.key or settings.cert
            # Without a callback OpenSSL asks for a passphrase on the terminal, and a daemon would hang there.
            context.load_cert_chain(settings.cert, settings.key, password=lambda: "")
    except FileNotFoundError as error:
        missing = next(p for p in (settings.ca, settings.cert, settings.key) if p and not p.exists())
        raise TidegateError(Code.CONFIG_MISSING, f"{missing} does not exist") from error
    except ssl.SSLError as error:
        reason = f"{named} holds no usable PEM, or the key does not fit: {error.reason}"
        raise TidegateError(Code.CONFIG_VALUE, reason) from error
    except OSError as error:
        raise TidegateError(Code.CONFIG_MISSING, f"{named} cannot be read: {error.strerror}") from error
    return context


class _Properties(Properties):
    """paho's property bag with the types of the fields we set; paho resolves the names at run time."""

    SessionExpiryInterval: int
    MaximumPacketSize: int
    ReceiveMaximum: int
    ContentType: str
    UserProperty: list[tuple[str, str]]

    def __init__(self, packet: int) -> None:
        # paho leaves this one method without types
        super().__init__(packet)  # type: ignore[no-untyped-call]
