"""In which wave and groups a host counts: those in which it began, whatever it tells afterwards. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.standing import Phase
from tidegate_publisher.rollout.groups import Membership

_BEGUN: Final = frozenset({Phase.ACTIVATING, Phase.SUCCEEDED, Phase.FAILED})


@dataclass(frozen=True, slots=True)
class _Began:
    """The wave and the groups in which a host began to activate."""

    wave: str
    groups: tuple[Membership, ...]


class Attached:
    """See the module's docstring. Labels are what a host says of itself: they move no failure elsewhere."""

    def __init__(self) -> None:
        self._began: dict[str, _Began] = {}

    def clear(self) -> None:
        """Another announcement: nobody has begun."""
        self._began.clear()

    def place(
        self, host: str, wave: str, groups: tuple[Membership, ...], phase: Phase, *, waited_for: str | None
    ) -> tuple[str, tuple[Membership, ...]]:
        """Where a host counts.

        Args:
            host: its name.
            wave: that its labels and its place put it in now.
            groups: the same of the budgets' groups.
            phase: how far it is.
            waited_for: the wave for which one counts that is in none, and has begun all the same.
        """
        if phase is Phase.PENDING:
            self._began.pop(host, None)
            return wave, groups
        if phase not in _BEGUN and host not in self._began:
            return wave, groups
        if wave == NO_WAVE and waited_for is not None:
            wave = waited_for
        began = self._began.setdefault(host, _Began(wave, groups))
        return began.wave, (began.groups if phase is Phase.ACTIVATING else groups)
