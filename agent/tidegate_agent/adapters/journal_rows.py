"""What the journal's tables hold as JSON. Made once: each takes time at a start, and memory."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter

from tidegate_agent.admission import Memory
from tidegate_agent.model import Failure
from tidegate_agent.update.states import State, Target

STATE: Final[TypeAdapter[State]] = TypeAdapter(State)
MEMORY: Final = TypeAdapter(Memory)
TARGET: Final = TypeAdapter(Target)
FAILURE: Final = TypeAdapter(Failure)
