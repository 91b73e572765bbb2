"""What is told at the end of a run: how it ended, what state it leaves, and what to do now. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tidegate_publisher.rollout.decisions import Outcome
from tidegate_publisher.rollout.endings import CODES
from tidegate_publisher.rollout.story import ADD_UP
from tidegate_schemas.codes import REGISTRY
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_publisher.rollout.decisions import Finished
    from tidegate_publisher.rollout.prompts import Prompts
    from tidegate_publisher.rollout.story import Story

_ALWAYS: Final = frozenset({"succeeded", "failed"})


def end_rows(ended: Finished, story: Story, prompts: Prompts) -> list[tuple[str, str]]:
    """The end of a run for a person."""
    document = story.document(ended)
    rows = [("result", ended.outcome.value), ("because", ended.reason)]
    state = _state(story)
    if state is not None:
        rows.append(("release", state))
    rows += [(f"wave {wave['name']}", f"{wave['outcome']}: {_numbers(wave)}") for wave in document["waves"]]
    rows += [
        ("failures", f"{found['hosts']} x {code}: {found['reason']}")
        for code, found in document["failures"].items()
    ]
    code = CODES.get(ended.outcome)
    if code is not None:
        todo = advice(ended.outcome, story, prompts) or REGISTRY[code].remedy
        rows += [("code", code.value), ("what to do", todo)]
    return rows


def advice(outcome: Outcome, story: Story, prompts: Prompts) -> str | None:
    """What to do now, with commands that can be pasted; None where the code's own remedy says all."""
    statement = story.statement
    if statement is None:
        return None
    rollout, resume = statement.predicate.rollout, prompts.resume(statement.predicate.sequence)
    held, again, told = rollout.state is RolloutState.HELD, prompts.again(), None
    match outcome:
        case Outcome.HELD:
            told = f"when it may go on:\n{resume}\n{again}"
        case Outcome.FAILED if held:
            told = (
                "see who failed, and who went: tidegate fleet --phase failed, tidegate fleet --offline\n"
                f"announce a better release; or, if it was a false alarm:\n{resume}\n{again}"
            )
        case Outcome.TIMED_OUT:
            how = "with a longer timeout or a lower threshold in the release file, if need be"
            first = f"let it go on, then run it again ({how}):\n{resume}" if held else f"run it again, {how}:"
            told = f"see what hosts wait for: tidegate fleet\n{first}\n{again}"
        case Outcome.INTERRUPTED if rollout.state is RolloutState.ACTIVE:
            told = f"to go on:\n{again}\nto stop what is open:\n{prompts.hold()}"
        case Outcome.CLAIMED:
            other = "" if rollout.runner is None else prompts.again(rollout.runner.id)
            dead = f"\nif it is dead, go on as that run:\n{other}" if other else ""
            told = f"let it finish: {prompts.status()}{dead}"
        case _:
            pass
    return told


def _state(story: Story) -> str | None:
    """Whether the release is held or open now, and how far."""
    statement = story.statement
    if statement is None:
        return None
    state = statement.predicate.rollout.state
    if state is RolloutState.HELD:
        return "held: no host begins"
    if state is RolloutState.REVOKED:
        return "revoked: hosts discard what they staged"
    waves = story.open_waves
    if not waves:
        return "active; no wave is open"
    noun = "wave" if len(waves) == 1 else "waves"
    return f"active; {noun} {', '.join(waves)} open"


def _numbers(wave: dict[str, Any]) -> str:
    told = [f"{wave[count]} {count}" for count in ADD_UP if wave[count] or count in _ALWAYS]
    bad = [f"{wave[count]} {count}" for count in ("silent", "gone") if wave[count]]
    of_these = f"; of these {', '.join(bad)}" if bad else ""
    return f"{wave['known']} hosts: {', '.join(told)}{of_these}"
