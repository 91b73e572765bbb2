"""One round of all health checks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.health.answer import Answer, failed, failed_by, span
from tidegate_agent.adapters.health.command import ask_command
from tidegate_agent.adapters.health.greenboot import FOLDERS, ask_greenboot
from tidegate_agent.adapters.health.http import ask_http
from tidegate_agent.adapters.health.space import ask_space
from tidegate_agent.adapters.health.tcp import ask_tcp
from tidegate_agent.adapters.health.units import BOOT_COMPLETE, SYSTEMCTL, ask_failed_units, ask_units
from tidegate_agent.model import CheckResult, Health
from tidegate_agent.process import OUTPUT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from tidegate_agent.config.checks import CheckSettings

_A_DAY_S: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Places:
    """Where checks look: the command that asks systemd, and greenboot's folders."""

    systemctl: Sequence[str] = SYSTEMCTL
    greenboot: Sequence[Path] = FOLDERS


class HealthRounds:
    """One round asks every check once, in order, each within its own timeout and the round's.

    Args:
        checks: what is asked.
        within: how long a round may take; checks that it does not reach have failed.
        places: where they look.
    """

    def __init__(
        self, checks: Sequence[CheckSettings], within: timedelta | None = None, places: Places | None = None
    ) -> None:
        self._checks = tuple(checks)
        self._within_s = _A_DAY_S if within is None else within.total_seconds()
        self._places = places or Places()

    def run(self) -> Health:
        """One round of all checks. Never raises."""
        until = time.monotonic() + self._within_s
        return Health(tuple(result for check in self._checks for result in self._results(check, until)))

    def _results(self, check: CheckSettings, until: float) -> Iterator[CheckResult]:
        """What a check found: one result, or one for each of greenboot's scripts."""
        try:
            if check.greenboot:
                yield from self._greenboot(check, until)
            else:
                yield _result(check.name, check.required, self._ask(check, until))
        except Exception as error:  # noqa: BLE001 # whatever goes wrong, it has not passed and the round goes on
            yield _result(check.name, check.required, failed_by(error))

    def _greenboot(self, check: CheckSettings, until: float) -> Iterator[CheckResult]:
        scripts = ask_greenboot(self._places.greenboot, check.timeout.total_seconds(), until)
        for name, required, answer in scripts:
            yield _result(f"{check.name}: {name}", check.required and required, answer)

    def _ask(self, check: CheckSettings, until: float) -> Answer:
        timeout_s = min(check.timeout.total_seconds(), until - time.monotonic())
        if timeout_s <= 0:
            return failed(f"not asked: the round's {span(self._within_s)} were used up")
        if check.units or check.boot_complete or check.failed_units:
            return self._ask_systemd(check, timeout_s)
        return _ask_other(check, timeout_s)

    def _ask_systemd(self, check: CheckSettings, timeout_s: float) -> Answer:
        if check.failed_units:
            return ask_failed_units(check.ignore, timeout_s, self._places.systemctl)
        units = (BOOT_COMPLETE,) if check.boot_complete else check.units
        return ask_units(units, timeout_s, self._places.systemctl)


def _ask_other(check: CheckSettings, timeout_s: float) -> Answer:
    if check.command is not None:
        return ask_command(check.command, check.name, timeout_s)
    if check.url is not None:
        return ask_http(check.url, check.status, timeout_s)
    if check.tcp is not None:
        return ask_tcp(check.tcp, timeout_s)
    if check.free is not None:
        return ask_space(check.free, timeout_s)
    message = "a check asks one thing, which its settings make sure of"
    raise AssertionError(message)


def _result(name: str, required: bool, answer: Answer) -> CheckResult:  # noqa: FBT001 # a record's field
    return CheckResult(name, answer.passed, required, answer.output[:OUTPUT_BYTES])
