"""One channel's messages, from mailbox to verdict. One is verified at a time; none is lost to a fault."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tidegate_agent.errors import JournalError
from tidegate_agent.mailbox import Mailbox, name_of
from tidegate_agent.operations import failure_of
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.model import Follow, Verdict
    from tidegate_agent.surroundings import Surroundings

PATIENCE: Final = timedelta(seconds=30)
"""How long an activation waits for verdicts at most. A full mailbox is worked off in about ten seconds."""


class Reception:
    """Runs on the engine's thread, but for the verification itself.

    Args:
        follow: the channel.
        around: for the verifier, its worker and the queue.
        heard: told that a message is there, by name; asks for its verification in turn.
        decide: told a message's name, its bytes, and what the verifier found.
    """

    def __init__(
        self,
        follow: Follow,
        around: Surroundings,
        heard: Callable[[str], None],
        decide: Callable[[str, bytes, Verdict | TidegateError], None],
    ) -> None:
        self.mailbox = Mailbox()
        self._follow = follow
        self._around = around
        self._heard = heard
        self._decide = decide
        self._in_hand: tuple[str, bytes] | None = None
        self._standing: tuple[str, bytes] | None = None
        self._judged: tuple[str, bytes] | None = None
        self._waited_since: timedelta | None = None
        self._waiting: Callable[[], None] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being verified."""
        return self._in_hand is None and self.mailbox.empty

    def hear(self) -> None:
        """Take the next message out of the mailbox, unless one is being verified."""
        if self._in_hand is None and (letter := self.mailbox.take()) is not None:
            self._in_hand = letter
            try:
                self._heard(letter[0])
            except JournalError:
                # Back into the box, or nothing would ever take it out of hand again.
                self._in_hand = None
                self._hear_again(letter)
                raise

    def hear_from_here(self, message: bytes) -> None:
        """Take in a message that did not come over the broker."""
        self._hear_again((name_of(message), message))
        self.hear()

    def verify(self, announcement: str) -> None:
        """Have the message in hand verified; the verdict comes back by way of the queue."""
        if self._in_hand is None or self._in_hand[0] != announcement:
            return
        letter = self._in_hand

        def work() -> None:
            verdict = self._verdict(letter[1])
            self._around.post(lambda: self._finish(letter, verdict))

        self._around.verifying(work)

    def heard_out(self, again: Callable[[], None]) -> bool:
        """Whether all that came is judged: it may stop what is about to be done.

        If not, `again` is queued after each verdict, until it is or was waited for through PATIENCE: whoever
        sends rubbish without end holds nothing up for longer.
        """
        now, since = self._around.clock.elapsed(), self._waited_since
        if self.idle or (since is not None and PATIENCE <= now - since < 2 * PATIENCE):
            self._waited_since = self._waiting = None
            return True
        if since is None or now - since >= 2 * PATIENCE:
            self._waited_since = now
            name = f"heard out {self._follow.key}"
            self._around.timer.after(name, PATIENCE, lambda: self._around.post(again))
        self._waiting = again
        return False

    def leave_open(self, announcement: str) -> None:
        """The message was refused for a reason that may pass: it is heard again when it comes again."""
        self.mailbox.reopen(announcement)

    def stands(self) -> None:
        """The channel stands at the message judged last; the one before is a replay if it comes again."""
        if self._standing is not None and self._standing != self._judged:
            self.mailbox.forget(self._standing[0])
        self._standing = self._judged
        if self._standing is not None:
            self.mailbox.stand(self._standing[0])

    def recheck(self) -> None:
        """Look again at what the channel stands at."""
        if self._standing is not None:
            self._hear_again(self._standing)
            self.hear()

    def forget(self) -> None:
        """Stand at nothing, and hear everything again that comes again."""
        self._standing = None
        self.mailbox.forget_all()

    def _hear_again(self, letter: tuple[str, bytes]) -> None:
        self.mailbox.forget(letter[0])
        self.mailbox.put(letter[1])

    def _finish(self, letter: tuple[str, bytes], verdict: Verdict | TidegateError) -> None:
        if self._in_hand == letter:
            self._in_hand = None
        self._judged = letter
        # A call of its own: a fault in this decision must not leave what waits in the mailbox unheard.
        self._around.post(self.hear)
        again, self._waiting = self._waiting, None
        self._decide(*letter, verdict)
        if again is not None:
            self._around.post(again)

    def _verdict(self, payload: bytes) -> Verdict | TidegateError:
        try:
            return self._around.verifier.verify(self._follow, payload)
        except TidegateError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever breaks, the message is refused (fail closed)
            return TidegateError(Code.VERIFY_FAILED, failure_of(error, Code.VERIFY_FAILED).reason)
