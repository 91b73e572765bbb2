"""The contract for other languages, made from the models: JSON Schemas, AsyncAPI 3, golden vectors.

Checked-in copies lie in `generated/`; `./dev generate` writes them and a test compares them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tidegate_schemas import __version__, vectors
from tidegate_schemas.envelope import EventEnvelope
from tidegate_schemas.events import UpdateData, UpdateEvent
from tidegate_schemas.media_types import ENVELOPE
from tidegate_schemas.release import Release
from tidegate_schemas.requests import HostRequest
from tidegate_schemas.statement import ChannelStatement
from tidegate_schemas.status import HostStatus
from tidegate_schemas.topics import DEFAULT_PREFIX

if TYPE_CHECKING:
    from pydantic import BaseModel

BUNDLE_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"

MODELS: Final[dict[str, type[BaseModel]]] = {
    "statement": ChannelStatement,
    "status": HostStatus,
    "event": UpdateEvent,
    "event-data": UpdateData,
    "event-envelope": EventEnvelope,
    "request": HostRequest,
    "release": Release,
}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one message, by its name in MODELS."""
    schema = MODELS[name].model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://tidegate.dev/schemas/{name}.schema.json",
        **schema,
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document: channels, operations as a publisher or operator sees them, messages."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tidegate",
            "version": __version__,
            "license": {"name": "Apache-2.0"},
            "description": "Signed channel statements to a fleet of hosts, and their answers, over MQTT.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "channelStatement": _channel(
                "channels/{product}/{channel}", ("product", "channel"), "statementBundle"
            ),
            "hostStatus": _channel("hosts/{host}/status", ("host",), "status"),
            "hostWill": _channel("hosts/{host}/will", ("host",), "status"),
            "hostEvents": _channel("hosts/{host}/events", ("host",), "event", "signedEvent"),
            "hostRequests": _channel("hosts/{host}/requests", ("host",), "requestBundle"),
        },
        "operations": {
            "announce": _operation("send", "channelStatement", retain=True),
            "watchStatus": _operation("receive", "hostStatus", retain=True),
            "watchWills": _operation("receive", "hostWill", retain=True),
            "watchEvents": _operation("receive", "hostEvents", retain=False),
            "request": _operation("send", "hostRequests", retain=False),
        },
        "components": {"messages": _messages()},
    }


def _channel(path: str, parameters: tuple[str, ...], *messages: str) -> dict[str, Any]:
    return {
        "address": f"{DEFAULT_PREFIX}/{path}",
        "parameters": {name: {"description": f"{name}: one topic level"} for name in parameters},
        "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
    }


def _operation(action: str, channel: str, *, retain: bool) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "bindings": {"mqtt": {"qos": 1, "retain": retain, "bindingVersion": "0.2.0"}},
    }


def _messages() -> dict[str, Any]:
    return {
        "statementBundle": _bundle(
            "statement", "A channel statement, DSSE-signed, in a Sigstore bundle v0.3."
        ),
        "requestBundle": _bundle("request", "A request to one host, DSSE-signed, in a Sigstore bundle v0.3."),
        "status": {
            "summary": "Presence and state of one host; the last will says offline.",
            "payload": {"$ref": "status.schema.json"},
        },
        "event": {
            "summary": "One step of an update: a CloudEvent, structured on MQTT 3.1.1.",
            "description": "On MQTT 5 binary mode: attributes as user properties, event-data as payload.",
            "contentType": "application/cloudevents+json",
            "payload": {"$ref": "event.schema.json"},
        },
        "signedEvent": {
            "summary": "The same in a DSSE envelope under the host's device key, in every protocol version.",
            "description": "An object with a member payloadType is an envelope; properties say nothing.",
            "contentType": ENVELOPE,
            "payload": {"$ref": "event-envelope.schema.json"},
            "x-signed-payload": {"$ref": "event.schema.json"},
        },
    }


def _bundle(name: str, summary: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "contentType": BUNDLE_TYPE,
        "payload": {"type": "object", "description": f"its DSSE payload obeys {name}.schema.json"},
        "x-signed-payload": {"$ref": f"{name}.schema.json"},
    }


def documents() -> dict[str, str]:
    """Every generated file: name to content."""
    schemas = {f"{name}.schema.json": json_schema(name) for name in MODELS}
    everything = {**schemas, "asyncapi.json": asyncapi(), "waves.vectors.json": vectors.waves()}
    return {
        name: json.dumps(content, indent=2, sort_keys=True) + "\n" for name, content in everything.items()
    }
