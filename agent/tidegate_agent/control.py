"""What a person on the host may ask of the running agent, and its answers. Runs on the engine's thread.

A request is a JSON object with `command` and its arguments, an answer one with `ok` and what was found;
a refusal says `code` and `reason`. The socket is adapters/control_unix.py.
"""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tidegate_agent.errors import ControlError
from tidegate_agent.model import Failure
from tidegate_agent.operations import failure_of
from tidegate_agent.orders import Orders
from tidegate_agent.plaintext import one_line
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tidegate_agent.engine import Engine
    from tidegate_agent.follower import Follower
    from tidegate_agent.model import Follow

Answer = dict[str, Any]

SNOOZE: Final = timedelta(hours=1)
"""How long an update is put off when nobody says for how long."""

LONGEST: Final = timedelta(days=366)
"""The longest stretch that anybody can ask for."""

PERSON: Final = "a person on this host"
"""Who asks for what comes here, in the words of status and events."""


class Control:
    """Answers requests with the engine.

    Args:
        engine: the agent.
        bring: makes a channel's images be looked for in a layout.
    """

    def __init__(self, engine: Engine, bring: Callable[[Follow, Path], None]) -> None:
        self._engine = engine
        self._bring = bring
        self._commands: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "status": self._status,
            "apply": self._apply,
            "approve": self._approve,
            "snooze": self._snooze,
            "pardon": self._pardon,
            "rollback": self._rollback,
            "cancel": self._cancel,
            "hold": self._hold,
            "resume": self._resume,
            "refresh-root": self._refresh_root,
        }

    def answer(self, request: Mapping[str, Any]) -> Answer:
        """Answer one request; a refusal or a fault is an answer too. Never raises."""
        try:
            return {"ok": True, **self._dispatch(request)}
        except TidegateError as error:
            return {"ok": False, "code": error.code.value, "reason": error.reason}
        except Exception as error:  # noqa: BLE001 - the caller must not be left without an answer
            failure = failure_of(error, Code.INTERNAL_ERROR)
            return {"ok": False, "code": failure.code.value, "reason": failure.reason}

    def _dispatch(self, request: Mapping[str, Any]) -> Answer:
        command = self._commands.get(str(request.get("command")))
        if command is None:
            known = ", ".join(sorted(self._commands))
            raise ControlError(Code.REQUEST_INVALID, f"this agent knows only the commands {known}")
        return command(request)

    def _status(self, _: Mapping[str, Any]) -> Answer:
        broker = self._engine.broker_failure
        return {
            "status": self._engine.status().model_dump(mode="json", exclude_none=True),
            "broker": None if broker is None else f"[{broker.code}] {broker.reason}",
        }

    def _approve(self, request: Mapping[str, Any]) -> Answer:
        follower = self._follower(request)
        approved = Orders(follower).approve(at_once=request.get("now") is True, length=_length(request))
        if approved is None:
            reason = f"there is no update to approve for {follower.follow.key}"
            raise ControlError(Code.REQUEST_POINTLESS, reason)
        digest, wait = approved
        return {"follow": follower.follow.key, "digest": digest, "waits": None if wait is None else wait.text}

    def _apply(self, request: Mapping[str, Any]) -> Answer:
        follower, bundle = self._follower(request), _bundle(request)
        self._bring(follower.follow, Path(str(request.get("layout"))))
        approved = request.get("approve")
        Orders(follower).take_up(bundle, None if approved is None else str(approved))
        return {"follow": follower.follow.key}

    def _snooze(self, request: Mapping[str, Any]) -> Answer:
        follower = self._follower(request)
        snooze = Orders(follower).snooze(_length(request) or SNOOZE)
        if snooze is None:
            reason = f"{follower.follow.key} has no update that could still be put off"
            raise ControlError(Code.REQUEST_POINTLESS, reason)
        until = rfc3339(snooze.until)
        return {"follow": follower.follow.key, "digest": snooze.digest, "until": until}

    def _pardon(self, request: Mapping[str, Any]) -> Answer:
        follower, digest = self._follower(request), str(request.get("digest"))
        if not Orders(follower).pardon(digest):
            raise ControlError(
                Code.REQUEST_POINTLESS, f"{digest} is not quarantined for {follower.follow.key}"
            )
        return {"follow": follower.follow.key, "digest": digest}

    def _rollback(self, request: Mapping[str, Any]) -> Answer:
        follower = self._follower(request)
        failure = Failure(Code.ROLLBACK_REQUESTED, _reason(request, "a person asked for it"))
        if not Orders(follower).roll_back(failure):
            reason = f"{follower.follow.key} has no previous image to return to, or an update is in progress"
            raise ControlError(Code.REQUEST_POINTLESS, reason)
        return {"follow": follower.follow.key}

    def _cancel(self, request: Mapping[str, Any]) -> Answer:
        follower = self._follower(request)
        failure = Failure(Code.UPDATE_CANCELLED, _reason(request, "a person asked for it"))
        if not Orders(follower).cancel(failure):
            reason = f"{follower.follow.key} has no update that could still be cancelled"
            raise ControlError(Code.REQUEST_POINTLESS, reason)
        return {"follow": follower.follow.key}

    def _refresh_root(self, _: Mapping[str, Any]) -> Answer:
        if self._engine.upkeep is None:
            raise ControlError(Code.REQUEST_POINTLESS, "this agent keeps no trusted root")
        self._engine.upkeep.refresh()
        return {}

    def _hold(self, request: Mapping[str, Any]) -> Answer:
        follower = self._follower(request)
        if not Orders(follower).hold(held=True, by=PERSON, reason=_reason(request, "")):
            raise ControlError(Code.REQUEST_POINTLESS, f"{follower.follow.key} is held already")
        return {"follow": follower.follow.key}

    def _resume(self, request: Mapping[str, Any]) -> Answer:
        follower = self._follower(request)
        if not Orders(follower).hold(held=False, by=PERSON, reason=""):
            raise ControlError(Code.REQUEST_POINTLESS, f"nobody holds {follower.follow.key} on this host")
        return {"follow": follower.follow.key}

    def _follower(self, request: Mapping[str, Any]) -> Follower:
        key = request.get("follow")
        follower = self._engine.follower(None if key is None else str(key))
        if follower is None:
            known = ", ".join(f.follow.key for f in self._engine.followers)
            raise ControlError(Code.REQUEST_INVALID, f"name one of the follows of this host: {known}")
        return follower


def _bundle(request: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(str(request.get("bundle")), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ControlError(Code.REQUEST_INVALID, "the bundle is not in base64") from error


def _length(request: Mapping[str, Any]) -> timedelta | None:
    """The stretch of time that a request names in seconds, if it names one."""
    seconds = request.get("seconds")
    if seconds is None:
        return None
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int)
        or not 0 < seconds <= LONGEST.total_seconds()
    ):
        raise ControlError(Code.REQUEST_INVALID, "expected a stretch of at least a second, up to 366 days")
    return timedelta(seconds=seconds)


def _reason(request: Mapping[str, Any], otherwise: str) -> str:
    return one_line(str(request.get("reason") or otherwise)[:200])
