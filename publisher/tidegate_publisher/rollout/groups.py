"""Disruption budgets: how many hosts of a label group are admitted and not finished. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tidegate_schemas.gates import share_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tidegate_schemas.gates import Budget

Membership = tuple[int, str]
"""The number of a budget, and the group of it that a host belongs to: the value of its label, or ''."""


class Groups:
    """The label groups of a plan's budgets, counted.

    Args:
        budgets: each once.

    Attributes:
        size: known hosts by group.
        busy: hosts by group that are admitted, not finished, and not absent.
        away: the same of those that are absent: offline, and nothing heard of the release.
    """

    def __init__(self, budgets: tuple[Budget, ...]) -> None:
        self._budgets = budgets
        self.size: Counter[Membership] = Counter()
        self.busy: Counter[Membership] = Counter()
        self.away: Counter[Membership] = Counter()

    def of(self, labels: Mapping[str, str]) -> tuple[Membership, ...]:
        """The groups that a host with these labels belongs to."""
        return tuple(
            (number, "" if budget.by is None else labels.get(budget.by, ""))
            for number, budget in enumerate(self._budgets)
            if all(labels.get(key) == value for key, value in budget.labels.items())
        )

    def add(self, groups: Iterable[Membership], *, busy: bool, absent: bool, count: int) -> None:
        """Count a host; or take it out again, with a `count` of -1."""
        for group in groups:
            self.size[group] += count
            if busy:
                (self.away if absent else self.busy)[group] += count

    def limit(self, group: Membership) -> int:
        """How many hosts of a group may be admitted and not finished."""
        return share_of(self._budgets[group[0]].at_most, self.size[group])

    def numbers(self, budgets: Iterable[Budget]) -> frozenset[int]:
        """The numbers of these budgets."""
        return frozenset(map(self._budgets.index, budgets))

    def room(self, budgets: tuple[Budget, ...], *, offline_too: bool) -> Room:
        """What may be admitted more; only these budgets count."""
        return Room(self, self.numbers(budgets), offline_too=offline_too)


class Room:
    """What may be admitted at one moment. Lets hosts in one by one until a budget is used up."""

    def __init__(self, groups: Groups, budgets: frozenset[int], *, offline_too: bool) -> None:
        self._groups = groups
        self._budgets = budgets
        self._offline_too = offline_too
        self._taken: Counter[Membership] = Counter()

    def take(self, groups: Iterable[Membership]) -> bool:
        """Let a host in; False, and nothing changes, where one of its groups has no room."""
        mine = [group for group in groups if group[0] in self._budgets]
        if any(self._used(group) >= self._groups.limit(group) for group in mine):
            return False
        self._taken.update(mine)
        return True

    def _used(self, group: Membership) -> int:
        away = self._groups.away[group] if self._offline_too else 0
        return self._groups.busy[group] + away + self._taken[group]
