"""The update machine. PURE: `step(state, event, now, rules)` says where to go and what to do.

Rules that hold in every line:
1. One update at a time; a newer statement supersedes an older one up to the moment of activation.
2. A message that is refused changes nothing but what is reported.
3. Success is only said after health.
4. Every command is safe to repeat: after a restart the state alone says what to do next.
5. An event that makes no sense in a state is a reported no-op.

The drawing in docs/state-machine.md is generated from this file by walking every state with every event.
"""

from __future__ import annotations

from tidegate_agent.machine.questions import blocks_others, is_about, is_committed, update_of
from tidegate_agent.machine.rules import Rules
from tidegate_agent.machine.step import step

__all__ = ["Rules", "blocks_others", "is_about", "is_committed", "step", "update_of"]
