"""What became of each wave: collected while a run decides, told at its end. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.decisions import Finished, Hold, Outcome, Revoke
from tidegate_publisher.rollout.endings import CODES, EXITS, exit_for
from tidegate_publisher.rollout.figures import Figures, judge
from tidegate_publisher.rollout.plan import PlannedWave
from tidegate_schemas.base import rfc3339

if TYPE_CHECKING:
    from tidegate_publisher.rollout.decisions import Decision
    from tidegate_publisher.rollout.plan import Plan
    from tidegate_publisher.rollout.ports import View
    from tidegate_schemas.codes import Code, TidegateError
    from tidegate_schemas.statement import ChannelStatement


_NAMES: Final = {"absent": "offline", "away": "succeededOffline"}
"""What figures are called in a document, where that is not their name."""

ADD_UP: Final = ("succeeded", "failed", "activating", "waiting", "skipped", "offline")
"""In a document: each known host of a wave is in one of these."""


@dataclass(slots=True)
class Chapter:
    """One wave.

    Attributes:
        wave: which one.
        figures: its hosts, when they were last counted.
        outcome: `closed`, `open`, `done`; `failed`: a threshold was passed; `late`: it took too long;
            `stopped`: the run ended while it waited for this wave.
        opened: since when it is open, as far as this run knows.
        met: when its gate was met, the same.
        words: how far it is; why it failed.
    """

    wave: PlannedWave
    figures: Figures = field(default_factory=Figures)
    outcome: str = "closed"
    opened: datetime | None = None
    met: datetime | None = None
    words: str = ""


class Story:
    """See the module's docstring.

    Attributes:
        chapters: by wave, in their order.
        view: the newest one.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.chapters = {wave.name: Chapter(wave) for wave in plan.waves}
        self.began: datetime | None = None
        self.view: View | None = None
        self._current = plan.waves[0].name
        self._announced: ChannelStatement | None = None

    def take(self, decision: Decision, view: View) -> None:
        """See Teller.decided."""
        self.view = view
        self.began = self.began or view.now
        for name, figures in view.figures.items():
            self.chapters[name].figures = figures
        overtaken = isinstance(decision, Finished) and decision.outcome is Outcome.OVERTAKEN
        stands = view.statement
        if stands is not None and not overtaken and self._plan.describes(stands.predicate.rollout):
            self._read(stands, view.now)
        if isinstance(decision, Hold | Revoke):
            late = decision.outcome is Outcome.TIMED_OUT
            self._end(decision.wave, "late" if late else "failed", decision.reason)
        elif isinstance(decision, Finished) and decision.wave:
            if decision.outcome is Outcome.DONE:
                self.chapters[decision.wave].outcome = "done"
            else:
                late = decision.outcome is Outcome.TIMED_OUT
                self._end(decision.wave, "late" if late else "failed", decision.reason)

    def published(self, statement: ChannelStatement) -> None:
        """See Teller.published."""
        self._announced = statement

    @property
    def statement(self) -> ChannelStatement | None:
        """The newest statement that this run knows; None where it came to none."""
        seen = self.view.statement if self.view is not None else None
        known = [one for one in (seen, self._announced) if one is not None]
        return max(known, key=lambda one: one.predicate.sequence, default=None)

    @property
    def open_waves(self) -> list[str]:
        """The waves that are open, as far as this run knows."""
        if self.statement is None or self.view is None:
            return []
        rollout = self.statement.predicate.rollout
        return [wave.name for wave in rollout.waves if is_open(wave, self.view.now)]

    def _read(self, statement: ChannelStatement, now: datetime) -> None:
        rollout = statement.predicate.rollout
        runner = rollout.runner
        names = list(self.chapters)
        current = 0 if runner is None or runner.wave not in names else names.index(runner.wave)
        self._current = names[current]
        for place, (chapter, wave) in enumerate(zip(self.chapters.values(), rollout.waves, strict=True)):
            if not is_open(wave, now):
                continue
            chapter.outcome = "done" if place < current else "open"
            chapter.words = judge(chapter.wave.gate, chapter.figures).words
            if runner is not None and place == current:
                chapter.opened, chapter.met = runner.opened_at or chapter.opened, runner.met_at or chapter.met

    def _end(self, wave: str, outcome: str, reason: str) -> None:
        if wave in self.chapters:
            self.chapters[wave].outcome, self.chapters[wave].words = outcome, reason

    def document(self, ended: Finished) -> dict[str, Any]:
        """The whole of it for a machine."""
        if ended.outcome is not Outcome.DONE:
            self._stop(ended.reason)
        code = CODES.get(ended.outcome)
        return self._document(ended.outcome.value, int(EXITS[ended.outcome]), code, ended.reason)

    def broken(self, error: TidegateError) -> dict[str, Any]:
        """The same of a run that an error ended."""
        self._stop(error.reason)
        return self._document("error", int(exit_for(error.code)), error.code, error.reason)

    def _stop(self, reason: str) -> None:
        if not any(chapter.outcome in {"failed", "late"} for chapter in self.chapters.values()):
            chapter = self.chapters[self._current]
            chapter.outcome, chapter.words = "stopped", reason

    def _document(self, outcome: str, status: int, code: Code | None, reason: str) -> dict[str, Any]:
        view = self.view
        statement = self.statement
        predicate = statement.predicate if statement is not None else None
        found = {
            "decision": "finished",
            "outcome": outcome,
            "exitCode": status,
            "code": code.value if code else None,
            "reason": reason,
            "product": self._plan.product,
            "channel": self._plan.channel,
            "run": self._plan.run,
            "version": predicate.version if predicate else None,
            "digest": statement.digest if statement else None,
            "sequence": predicate.sequence if predicate else None,
            "state": predicate.rollout.state.value if predicate else None,
            "waves": [
                chapter_document(chapter, open_now=name in self.open_waves)
                for name, chapter in self.chapters.items()
            ],
            "failures": failures_document(view) if view is not None else {},
        }
        return {key: value for key, value in found.items() if value is not None}


def chapter_document(chapter: Chapter, *, open_now: bool) -> dict[str, Any]:
    """One wave for a machine."""
    found = {
        "name": chapter.wave.name,
        "outcome": chapter.outcome,
        "open": open_now,
        "openedAt": rfc3339(chapter.opened) if chapter.opened else None,
        "metAt": rfc3339(chapter.met) if chapter.met else None,
        "reason": chapter.words or None,
        **figures_document(chapter.figures),
    }
    return {key: value for key, value in found.items() if value is not None}


def figures_document(figures: Figures) -> dict[str, int]:
    """Counts for a machine."""
    return {_NAMES.get(name, name): getattr(figures, name) for name in Figures.__dataclass_fields__}


def failures_document(view: View) -> dict[str, Any]:
    """Failures by code for a machine."""
    return {
        code or "unknown": {"hosts": found.hosts, "reason": found.reason}
        for code, found in sorted(view.failures.items(), key=lambda item: -item[1].hosts)
    }
