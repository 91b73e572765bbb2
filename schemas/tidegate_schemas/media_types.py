"""Media types of events. Apart from the models, so that a process which only signs need not load pydantic."""

from __future__ import annotations

from typing import Final

STRUCTURED: Final = "application/cloudevents+json"
"""A whole CloudEvent (CloudEvents JSON format 1.0.2, section 3); the payload of an envelope around one."""

BINARY: Final = "application/json"
"""A CloudEvent's data alone; its attributes are in MQTT 5's user properties."""

ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
"""A signed event (DSSE envelope.md)."""
