"""Holding and resuming from the view: find out who would sign, ask, do it, tell.

What takes time is done on a worker thread, and its outcome is fetched with the next turn. Who has to be asked
to sign in is asked on the bare terminal, for which the view steps aside.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from tidegate_fleet.phrases import short_digest
from tidegate_fleet.watch.plain import plain
from tidegate_fleet.watch.ports import Action
from tidegate_fleet.watch.screen.dialogs import Dialog
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App

    from tidegate_fleet.watch.picture import Picture, Release
    from tidegate_fleet.watch.ports import Preparation, Steering

_WILL: Final = {
    Action.HOLD: "No host begins any more; those that are under way go on, and those that run it keep it.",
    Action.RESUME: "Hosts begin again, in the waves that are open.",
}


class Helm:
    """One order at a time.

    Args:
        app: where questions are shown.
        steering: who signs.
    """

    def __init__(self, app: App[None], steering: Steering) -> None:
        self._app = app
        self._steering = steering
        self._outcomes: deque[Callable[[], None]] = deque()
        self._busy = False

    def ask(self, word: str, picture: Picture | None) -> None:
        """Begin with an order: find out who would sign."""
        action = Action(word)
        release = None if picture is None else picture.release
        reason = _pointless(action, release)
        if self._busy:
            reason = "the order before is still under way"
        if reason or release is None or picture is None:
            self._tell(f"Cannot {action}", reason)
            return
        channel = picture.channel
        self._work(lambda: self._prepared(action, channel, release, self._steering.prepare()), action)

    def turn(self) -> None:
        """Show what worker threads came to."""
        while self._outcomes:
            self._outcomes.popleft()()

    def _prepared(
        self, action: Action, channel: str, release: Release, ready: Preparation
    ) -> Callable[[], None]:
        text = "\n".join(
            [
                f"{channel} {release.version}, {short_digest(release.digest)}, #{release.sequence}",
                "",
                _WILL[action],
                "",
                f"Signs: {plain(ready.signer)}" + (". You will be asked." if ready.needs_terminal else ""),
            ]
        )

        def question() -> None:
            self._app.push_screen(
                Dialog(f"{action.value.capitalize()} this release?", text, asks=True),
                lambda yes: self._answered(action, release.sequence, ready, yes=bool(yes)),
            )

        return question

    def _answered(self, action: Action, sequence: int, ready: Preparation, *, yes: bool) -> None:
        if not yes:
            return
        if ready.needs_terminal:
            self._attempt(lambda: self._aside(action, sequence), action)()
            return
        self._app.notify("signing and publishing…", title=action.value.capitalize(), markup=False)
        self._work(lambda: self._done(action, sequence), action)

    def _done(self, action: Action, sequence: int) -> Callable[[], None]:
        said = self._steering.steer(action, sequence)
        return lambda: self._app.notify(plain(said), title=action.value.capitalize(), markup=False)

    def _aside(self, action: Action, sequence: int) -> Callable[[], None]:
        with self._app.suspend():
            return self._done(action, sequence)

    def _work(self, job: Callable[[], Callable[[], None]], action: Action) -> None:
        self._busy = True

        def run() -> None:
            self._outcomes.append(self._attempt(job, action))
            self._busy = False

        self._app.run_worker(run, thread=True, name=action.value, exit_on_error=False)

    def _attempt(self, job: Callable[[], Callable[[], None]], action: Action) -> Callable[[], None]:
        try:
            return job()
        except TidegateError as error:
            fault = error
        except Exception as error:  # noqa: BLE001 -- whatever signing raises is told, and the view goes on
            words = " ".join(str(error).split())[:300]
            fault = TidegateError(Code.INTERNAL_ERROR, f"{type(error).__name__}: {words}")
        return lambda: self._tell(
            f"Could not {action}", f"{plain(fault.reason, 1000)}\n[{fault.code}]\n\n{fault.remedy}"
        )

    def _tell(self, heading: str, text: str) -> None:
        self._app.push_screen(Dialog(heading, text))


def _pointless(action: Action, release: Release | None) -> str:
    if release is None:
        return "Nothing is announced on the channel, as far as is known here."
    if release.state is RolloutState.REVOKED:
        return "The release is revoked, which is final. Announce another one."
    if action is Action.HOLD and release.state is RolloutState.HELD:
        return "The release is held already."
    if action is Action.RESUME and release.state is RolloutState.ACTIVE:
        return "The release is not held."
    return ""
