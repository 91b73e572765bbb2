"""The drawing of the update machine, made by walking it: every given state with every given event. PURE.

`./dev generate` writes docs/state-machine.md with it, from the samples of the tests' table.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from tidegate_agent import machine
from tidegate_agent.machine.rules import Rules
from tidegate_agent.update import events, states
from tidegate_agent.update.commands import ReportNonsense
from tidegate_agent.update.events import (
    Activated,
    Admitted,
    Assessed,
    Event,
    Proved,
    Restarted,
    StageDone,
    StageFailed,
)
from tidegate_agent.update.states import Resting, State, Verifying, Wait, WaitFor
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

ORDER: Final[tuple[type[State], ...]] = (
    states.Idle,
    states.Verifying,
    states.Waiting,
    states.Staging,
    states.Staged,
    states.Activating,
    states.Rebooting,
    states.Proving,
    states.RollingBack,
    states.Settled,
)
"""The states in the order of an update that goes well, the way back, the end."""

INTRODUCTION: Final = """\
# The update machine

<!-- Generated from agent/tidegate_agent/machine/ by ./dev generate; do not edit. -->

For each channel that it follows, a host runs one machine. It is a pure function: from a state, an event and
the time to the next state and the commands to run. The state is written to the journal before any command
runs, and every command is safe to repeat, so that a host that loses power goes on from where it stood.

- A message that is refused changes nothing but what is reported.
- A newer statement supersedes an update up to the moment of activation; later ones wait until it is over.
- Success is said only after the health checks. An image that fails them is left and quarantined.
- An event that makes no sense in a state is logged and otherwise ignored; the drawing leaves it out.
"""

Edges = dict[tuple[str, str], list[str]]


def page(samples: Sequence[State], events: Sequence[Event], now: datetime) -> str:
    """The whole page, in Markdown: rules, drawing, what each state means."""
    drawn = "\n".join(mermaid(edges(samples, events, now)))
    meanings = "\n".join(f"| `{_kind(each)}` | {_meaning(each)} |" for each in ORDER)
    return (
        f"{INTRODUCTION}\n```mermaid\n{drawn}\n```\n\n"
        f"## What each state means\n\n| state | meaning |\n|---|---|\n{meanings}\n"
    )


def edges(samples: Sequence[State], events: Sequence[Event], now: datetime) -> Edges:
    """From where to where the machine goes, and the words for what takes it there, in the order met."""
    found: Edges = {}
    for state in samples:
        for event in events:
            transition = machine.step(state, event, now, Rules())
            nonsense = any(isinstance(command, ReportNonsense) for command in transition.commands)
            if nonsense or transition.state.kind == state.kind:
                continue
            words = found.setdefault((state.kind, transition.state.kind), [])
            if (word := _word(state, event)) not in words:
                words.append(word)
    return found


def mermaid(found: Edges) -> Iterator[str]:
    """The lines of a stateDiagram-v2; states in ORDER, one arrow for each pair."""
    kinds = [_kind(each) for each in ORDER]
    yield "stateDiagram-v2"
    for kind in kinds:
        if "-" in kind:
            yield f'    state "{kind}" as {_name(kind)}'
    yield f"    [*] --> {_name(kinds[0])}"
    for before, after in sorted(found, key=lambda pair: (kinds.index(pair[0]), kinds.index(pair[1]))):
        yield f"    {_name(before)} --> {_name(after)} : {', '.join(found[before, after])}"


def _name(kind: str) -> str:
    return kind.replace("-", "_")


def _kind(state: type[State]) -> str:
    default = state.__dataclass_fields__["kind"].default
    return str(default)


def _meaning(state: type[State]) -> str:
    return " ".join((inspect.getdoc(state) or "").split())


def _word(state: State, event: Event) -> str:  # noqa: PLR0911 - one table, a row a line
    update = machine.update_of(state)
    digest = None if update is None or isinstance(state, Resting | Verifying) else update.target.digest
    match event:
        case Restarted() if digest is not None:
            return _restarted(event, digest)
        case Admitted():
            return _admitted(event, digest)
        case Assessed(wait=Wait(reason=WaitFor.BUDGET | WaitFor.METERED)):
            return "costs too much now"
        case Assessed(wait=Wait()):
            return "must wait"
        case Assessed():
            return "may go on"
        case StageDone() if event.found != event.asked:
            return "staged something else"
        case StageFailed(retryable=True):
            return "staging failed for now"
        case Activated(reboot_required=True):
            return "activated for the next boot"
        case Proved():
            return "healthy" if event.health.ok else "unhealthy"
        case _:
            return WORDS[type(event)]


def _restarted(event: Restarted, digest: str) -> str:
    if event.image.current == digest:
        return "restarted on the target"
    return (
        "restarted with the target staged" if event.image.staged == digest else "restarted without the target"
    )


def _admitted(event: Admitted, digest: str | None) -> str:
    if event.image.current == event.target.digest:
        return "runs already"
    if event.target.rollout.state is RolloutState.REVOKED:
        return "withdrawn"
    if event.unfit is not None:
        return "not for this host"
    return "admitted" if digest in (None, event.target.digest) else "superseded"


WORDS: Final[dict[type[Event], str]] = {
    events.Restarted: "restarted",
    events.Heard: "message",
    events.Refused: "refused",
    events.Known: "known",
    events.Woken: "woken",
    events.Progressed: "progress",
    events.StageDone: "staged",
    events.StageFailed: "staging failed",
    events.Activated: "activated",
    events.ActivateFailed: "activation failed",
    events.RolledBack: "rolled back",
    events.RollbackFailed: "rollback failed",
    events.CancelRequested: "cancelled",
    events.RollbackRequested: "rollback asked for",
}
