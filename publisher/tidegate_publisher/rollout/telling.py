"""What a run tells while it goes on: lines for a person, JSON lines for a machine."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tidegate_publisher.durations import format_duration, format_moment
from tidegate_publisher.rollout.decisions import (
    Ask,
    AskApproval,
    Claim,
    Finished,
    Hold,
    Lose,
    Open,
    Revoke,
    Soak,
    Wait,
    Widen,
)
from tidegate_publisher.rollout.prompts import Prompts
from tidegate_publisher.rollout.story import Story, failures_document, figures_document
from tidegate_schemas.base import rfc3339
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_publisher.output import Output
    from tidegate_publisher.rollout.decisions import Decision
    from tidegate_publisher.rollout.plan import Plan
    from tidegate_publisher.rollout.ports import View
    from tidegate_schemas.rollout import Rollout
    from tidegate_schemas.statement import ChannelStatement

EVERY: Final = timedelta(seconds=10)
"""How often it is told that the same is waited for, while the numbers change."""

_INDENT: Final = " " * 11

_KINDS: Final = {
    Wait: "wait",
    Ask: "ask",
    AskApproval: "ask-approval",
    Claim: "claim",
    Open: "open",
    Widen: "widen",
    Soak: "soak",
    Lose: "lose",
    Hold: "hold",
    Revoke: "revoke",
    Finished: "finished",
}


class Telling:
    """See ports.Teller. Says what is new at once, and what only counts on every few seconds.

    Args:
        plan: what the run is about.
        output: where it is told.
        prompts: the commands that a person may give.

    Attributes:
        story: collects what became of each wave.
    """

    def __init__(self, plan: Plan, output: Output, prompts: Prompts | None = None) -> None:
        self._plan = plan
        self._output = output
        self._prompts = prompts or Prompts(f"{plan.product}/{plan.channel}", plan.run)
        self._said: tuple[object, ...] = ()
        self._reason = ""
        self._said_at: datetime | None = None
        self._named = False
        self.story = Story(plan)

    def decided(self, decision: Decision, view: View) -> None:
        """See Teller.decided."""
        self.story.take(decision, view)
        if isinstance(decision, Finished):
            return
        self._name()
        # What is asked for is told when it can be given: with the sequence of the statement that asks.
        if isinstance(decision, Ask) or not self._is_news(decision, view):
            return
        if self._output.as_json:
            document = decision_document(decision, view)
            if isinstance(decision, AskApproval):
                document["command"] = self._approval(decision.wave, view)
            self._output.line(document)
            return
        self._output.note(f"{view.now:%H:%M:%SZ}  {_sentence(decision, view)}")
        if isinstance(decision, AskApproval):
            self._output.ask(f"{_INDENT}{self._approval(decision.wave, view)}")

    def published(self, statement: ChannelStatement) -> None:
        """See Teller.published."""
        self.story.published(statement)
        self._name()
        predicate = statement.predicate
        self._output.note(f"{_INDENT}announced as sequence {predicate.sequence}{_why(predicate.rollout)}")

    def note(self, text: str) -> None:
        """See Teller.note."""
        if self._output.as_json:
            self._output.line({"decision": "note", "reason": text})
        else:
            self._output.note(f"{_INDENT}{text}")

    def _name(self) -> None:
        """Say how to go on as this run: only where there is something to go on with."""
        if not self._named:
            self._named = True
            self.note(f"this is the run {self._plan.run}; --run-id {self._plan.run} goes on with it")

    def _approval(self, wave: str, view: View) -> str:
        sequence = view.statement.predicate.sequence if view.statement is not None else 0
        return self._prompts.approve(wave, sequence)

    def _is_news(self, decision: Decision, view: View) -> bool:
        what: tuple[object, ...] = (_KINDS[type(decision)], getattr(decision, "wave", ""))
        if isinstance(decision, AskApproval) and view.statement is not None:
            # The command names the sequence: at another one it is another command.
            what = (*what, view.statement.predicate.sequence)
        soon = self._said_at is not None and view.now < self._said_at + EVERY
        if isinstance(decision, Wait | AskApproval) and what == self._said:
            if soon or decision.reason == self._reason:
                return False
        elif isinstance(decision, Wait) and self._said == (_KINDS[Widen], decision.wave) and soon:
            # While a wave is widened step by step, what lies between two steps is no news.
            return False
        self._said, self._reason, self._said_at = what, decision.reason, view.now
        return True


def _sentence(decision: Decision, view: View) -> str:  # noqa: PLR0911 -- one for each decision
    match decision:
        case AskApproval(wave, reason):
            return f"{wave}: waits for approval: {reason}"
        case Wait(wave, reason, until):
            waits = "" if decision.soaks else "waits: "
            return f"{wave}: {waits}{reason}{_until(until, view.now)}"
        case Soak(wave, until, reason):
            return f"{wave}: its gate is met: {reason}; soaks{_until(until, view.now)}"
        case Lose(wave, reason):
            return f"{wave}: its gate is not met any more: {reason}"
        case Open(wave, fraction, reason) | Widen(wave, fraction, reason):
            verb = "opens" if isinstance(decision, Open) else "widens"
            return f"{wave}: {verb} to {fraction * 100:.3g} % of hosts: {reason}"
        case Hold() | Revoke():
            verb = "holding" if isinstance(decision, Hold) else "revoking"
            return f"{verb} the release: {decision.reason}{_failures(view)}"
        case _:
            return decision.reason


def _why(rollout: Rollout) -> str:
    if rollout.state is not RolloutState.ACTIVE:
        return f": the release is {rollout.state}"
    runner = rollout.runner
    gives_back = runner is not None and runner.until is None and runner.ended is not None
    return ": the claim is given back" if gives_back else ""


def decision_document(decision: Decision, view: View) -> dict[str, Any]:
    """A decision for a machine."""
    found = {
        "time": rfc3339(view.now),
        "decision": _KINDS[type(decision)],
        "wave": getattr(decision, "wave", None),
        "fraction": getattr(decision, "fraction", None),
        "reason": decision.reason,
        "until": _moment(getattr(decision, "until", None)),
        "sequence": view.statement.predicate.sequence if view.statement is not None else None,
        "waves": [{"name": name, **figures_document(figures)} for name, figures in view.figures.items()],
        "failures": failures_document(view),
    }
    return {key: value for key, value in found.items() if value is not None}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _until(moment: datetime | None, now: datetime) -> str:
    return "" if moment is None else f" (until {format_moment(moment)}, in {format_duration(moment - now)})"


def _failures(view: View) -> str:
    lines = [f"{one['hosts']} x {code}: {one['reason']}" for code, one in failures_document(view).items()]
    return "".join(f"\n{_INDENT}{line}" for line in lines[:10])
