"""What the service manager is asked for: read the unit anew, restart it, tell how it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tidegate_agent.engines.podman.pin import VARIABLE
from tidegate_agent.engines.tool import Tool
from tidegate_agent.errors import EngineError
from tidegate_agent.plaintext import one_line
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.engines.podman.session import Session

_TIMEOUT_S: Final = 120.0
_LOOK_S: Final = 0.2
_LAST_LINES: Final = "5"
_LAST_CHARACTERS: Final = 300
_PROPERTIES: Final = "LoadState,ActiveState,SubState,Result,NRestarts,InvocationID,Environment,ExecStart"


class Unit:
    """A container's unit.

    Args:
        name: the unit's name, `app.service`.
        session: how its service manager is reached.
        start_s: seconds that it may take to come up.
        settle_s: seconds that it has to stay up before it counts as started.
        pause: waits for some seconds.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        name: str,
        session: Session,
        start_s: float,
        settle_s: float,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._systemctl = Tool(session.systemctl, session.environment)
        journal = tuple(word.replace("{unit}", name) for word in session.journal)
        self._journal = Tool(journal, session.environment)
        self._start_s, self._settle_s = start_s, settle_s
        self._pause, self._clock = pause, clock

    def reload(self) -> None:
        """Have the manager read all unit files again, which runs quadlet's generator. Raises EngineError."""
        self._systemctl.check("daemon-reload", code=Code.ACTIVATE_FAILED, timeout_s=_TIMEOUT_S)

    def require(self, image: str) -> None:
        """Refuse a unit that would not run this image, while the old one still runs.

        Raises:
            EngineError: ACTIVATE_FAILED.
        """
        found = self._show()
        if found.get("LoadState") != "loaded":
            raise self._failed(f"cannot be loaded ({found.get('LoadState') or 'unknown'}): is it installed?")
        if f"{VARIABLE}={image}" not in found.get("Environment", ""):
            raise self._failed(f"has another {VARIABLE}; see `systemctl cat {self.name}` for what sets it")

    def names_image(self) -> bool:
        """Whether the unit's command has the pin's variable in it. Raises EngineError."""
        command = self._show().get("ExecStart", "")
        return f"${{{VARIABLE}}}" in command or f"${VARIABLE}" in command

    def restart(self) -> None:
        """Restart it, and wait until it has come up and stayed up.

        Raises:
            EngineError: ACTIVATE_FAILED with the last lines of its log.
        """
        # A unit that failed often of late would not be started again: "start-limit-hit".
        self._systemctl.run("reset-failed", self.name, timeout_s=_TIMEOUT_S)
        deadline = self._clock() + self._start_s
        try:
            output = self._systemctl.run("restart", self.name, timeout_s=self._start_s)
        except EngineError as error:
            if error.code is not Code.ENGINE_TIMEOUT:
                raise
            raise self._failed(f"was not up after {self._start_s:g} s", self._last_words()) from error
        if output.status != 0:
            said = one_line(output.stderr)[-_LAST_CHARACTERS:]
            raise self._failed(f"cannot be started: {said}", self._last_words())
        self._settle(deadline)

    def stop(self) -> None:
        """Stop it. Raises EngineError(ACTIVATE_FAILED)."""
        self._systemctl.check("stop", self.name, code=Code.ACTIVATE_FAILED, timeout_s=self._start_s)

    def _settle(self, deadline: float) -> None:
        """Wait until it is active, and goes on being so as the same invocation for a while."""
        since, invocation = self._clock(), ""
        while True:
            found, now = self._show(), self._clock()
            state = found.get("ActiveState", "")
            if state == "active" and found.get("SubState") != "exited":
                if found.get("InvocationID", "") != invocation:
                    since, invocation = now, found.get("InvocationID", "")
                if now - since >= self._settle_s:
                    return
            elif state != "activating" or invocation or found.get("SubState") == "auto-restart":
                result = found.get("Result") or "unknown"
                sub = found.get("SubState", "")
                raise self._failed(f"did not stay up: {state} ({sub}, {result})", self._last_words())
            if now > deadline + self._settle_s:
                raise self._failed(f"was not up after {self._start_s:g} s: {state}", self._last_words())
            self._pause(_LOOK_S)

    def _show(self) -> dict[str, str]:
        words = ("show", f"--property={_PROPERTIES}", self.name)
        output = self._systemctl.check(*words, code=Code.ACTIVATE_FAILED, timeout_s=_TIMEOUT_S)
        lines = output.stdout.decode(errors="replace").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def _last_words(self) -> str:
        """The end of its log, where there is one to be had."""
        words = ("--lines", _LAST_LINES, "--output", "cat", "--no-pager", "--quiet")
        try:
            output = self._journal.run(*words, timeout_s=_TIMEOUT_S)
        except EngineError:
            return ""
        return one_line(output.stdout.decode(errors="replace").strip())[-_LAST_CHARACTERS:]

    def _failed(self, what: str, last_words: str = "") -> EngineError:
        log = f"; the end of its log: {last_words}" if last_words else ""
        return EngineError(Code.ACTIVATE_FAILED, f"{self.name} {what}{log}")
