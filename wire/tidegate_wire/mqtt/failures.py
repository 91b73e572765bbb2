"""What can go wrong between us and a broker, in words for people.

TidegateError               (tidegate_schemas.codes)
└── BusError                the broker is not to be had, or refused something
    ├── VersionError        this MQTT version is refused; another one may be accepted
    └── DisplacedError      another client took over this client's session
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Final

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.flood import MAX_PACKET_BYTES
from tidegate_wire.mqtt.slim_paho import WebsocketConnectionError

if TYPE_CHECKING:
    from paho.mqtt.reasoncodes import ReasonCode

    from tidegate_wire.mqtt.endpoint import Endpoint
    from tidegate_wire.mqtt.messages import Version

# MQTT 5.0, section 2.4; paho turns the return codes of 3.1.1 (section 3.2.2.3) into these.
_UNSUPPORTED_VERSION: Final = 0x84
_SESSION_TAKEN_OVER: Final = 0x8E
_CREDENTIALS: Final = {
    0x85: "does not accept this client id",
    0x86: "does not accept the username or password",
    0x87: "says that this client is not authorised",
    0x8A: "has banned this client",
    0x8C: "does not accept the authentication method",
}


class BusError(TidegateError):
    """The broker is not to be had, or refused something."""


class VersionError(BusError):
    """The broker does not speak this MQTT version, or gave up on us without an answer."""


class DisplacedError(BusError):
    """Another client connected with the same client id."""


def from_exception(error: Exception, endpoint: Endpoint) -> BusError:
    """An error of the network or of TLS, or of decoding what came."""
    if isinstance(error, ssl.SSLError):
        return BusError(Code.BUS_CERTIFICATE, _explain_tls(error, endpoint))
    return BusError(Code.BUS_UNREACHABLE, _explain_network(error, endpoint))


def _explain_tls(error: ssl.SSLError, endpoint: Endpoint) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {endpoint.label} was not accepted: {error.verify_message}"
    return f"TLS with {endpoint.label} failed: {error.reason or error}"


def _explain_network(error: Exception, endpoint: Endpoint) -> str:
    where = endpoint.label
    match error:
        case socket.gaierror():
            return f"The name {endpoint.host} does not resolve: {error.strerror}"
        case WebsocketConnectionError():
            return f"{where} does not speak MQTT over WebSocket at {endpoint.path}: {error}"
        case ConnectionRefusedError():
            return f"Nothing listens at {where}"
        case TimeoutError():
            return f"{where} did not answer in time"
        case OSError():
            return f"The connection to {where} failed: {error.strerror or error}"
    return f"{where} sent what is not MQTT: {type(error).__name__}: {error}"


def from_connack(code: ReasonCode, version: Version, endpoint: Endpoint) -> BusError:
    """A CONNACK that refuses."""
    if code.value == _UNSUPPORTED_VERSION:
        return VersionError(Code.BUS_PROTOCOL, f"{endpoint.label} does not speak MQTT {version}")
    if code.value in _CREDENTIALS:
        return BusError(Code.BUS_REFUSED, f"{endpoint.label} {_CREDENTIALS[code.value]}")
    return BusError(Code.BUS_UNREACHABLE, f"{endpoint.label} refused the connection: {code.getName()}")


def from_silence(detail: str, version: Version, endpoint: Endpoint) -> BusError:
    """A connection that was closed before the CONNACK. `detail` is the client library's last complaint."""
    where = endpoint.label
    if endpoint.tls and ("CERTIFICATE" in detail or "ALERT" in detail):
        # With TLS 1.3 the server judges our certificate after our side of the handshake (RFC 8446, 4.4.2).
        return BusError(Code.BUS_CERTIFICATE, f"{where} did not accept this client's certificate: {detail}")
    reason = f"{where} closed the connection without an answer to MQTT {version}"
    return VersionError(Code.BUS_UNREACHABLE, reason)


def from_disconnect(code: ReasonCode, endpoint: Endpoint) -> BusError:
    """A DISCONNECT by the broker (MQTT 5, section 3.14)."""
    where = endpoint.label
    if code.value == _SESSION_TAKEN_OVER:
        reason = (
            f"Another client connected to {where} with this client's id: two hosts may have the same host.id"
        )
        return DisplacedError(Code.BUS_REFUSED, reason)
    if code.value in _CREDENTIALS:
        return BusError(Code.BUS_REFUSED, f"{where} {_CREDENTIALS[code.value]} any longer")
    return BusError(Code.BUS_UNREACHABLE, f"{where} ended the connection: {code.getName()}")


def from_no_answer(silent_s: float, endpoint: Endpoint) -> BusError:
    """A broker that does not answer any more, over a connection that nobody has closed."""
    reason = f"{endpoint.label} has said nothing for {silent_s:.0f} s; the connection was given up"
    return BusError(Code.BUS_UNREACHABLE, reason)


def from_no_acknowledgement(waited_s: float, endpoint: Endpoint) -> BusError:
    """A broker that answers, and takes nothing over."""
    reason = f"{endpoint.label} has acknowledged nothing for {waited_s:.0f} s; the connection was given up"
    return BusError(Code.BUS_UNREACHABLE, reason)


def from_size(size: int, largest: int, topic: str, endpoint: Endpoint) -> BusError:
    """A message that the broker has said that it will not take (MQTT 5.0, 3.2.2.3.6)."""
    reason = f"{endpoint.label} takes packets of {largest} bytes; a message for {topic} has about {size}"
    return BusError(Code.BUS_REFUSED, reason)


def from_flood(endpoint: Endpoint) -> BusError:
    """A packet that is larger than we take."""
    reason = (
        f"{endpoint.label} sent a packet of more than {MAX_PACKET_BYTES} bytes; the connection was given up. "
        "Limit the size of messages at the broker (docs/brokers.md)"
    )
    return BusError(Code.BUS_UNREACHABLE, reason)


def from_excess_qos(endpoint: Endpoint) -> BusError:
    """A message at QoS 2, where every subscription is at 1 ([MQTT-3.8.4-8]; 3.1.1: [MQTT-3.8.4-6])."""
    reason = f"{endpoint.label} sent a message at QoS 2, which was not asked for; the connection was given up"
    return BusError(Code.BUS_UNREACHABLE, reason)


def from_suback(code: ReasonCode, topic_filter: str, endpoint: Endpoint) -> BusError:
    """A subscription that was not granted."""
    reason = f"{endpoint.label} does not let this client subscribe to {topic_filter}: {code.getName()}"
    return BusError(Code.BUS_REFUSED, reason)


def from_puback(code: ReasonCode, topic: str, endpoint: Endpoint) -> BusError:
    """A publication that was not accepted (MQTT 5 only; 3.1.1 has no way to say so)."""
    reason = f"{endpoint.label} does not let this client publish to {topic}: {code.getName()}"
    return BusError(Code.BUS_REFUSED, reason)
