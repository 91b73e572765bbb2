"""What pages and API ask of the history, in one place: an answer is put together of several questions."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tidegate_fleet.acts import acts
from tidegate_fleet.history import HostQuery, ReleaseKey
from tidegate_fleet.standing import Phase
from tidegate_fleet.web.answers.fleet import SummaryAnswer, approval, summarise, waits_as_planned
from tidegate_fleet.web.answers.releases import (
    ReleaseAnswer,
    ReleasesAnswer,
    act,
    adopted,
    brief_release,
    failure,
    runner,
    waves,
)
from tidegate_fleet.web.problems import PageError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from tidegate_fleet.history import History, HostRecord, ReleaseRecord, StatementRecord
    from tidegate_fleet.hosts import Channel
    from tidegate_fleet.web.site import Site

T = TypeVar("T")

_RELEASES: Final = 50
_LOOKED_UP: Final = 20
_LOCKS: Final = 64


@dataclass(slots=True)
class _Entry:
    at: float
    value: Any


class Reading:
    """Asks the history. What many look at while a release rolls out is asked once a second, not by each.

    Args:
        history: what was collected.
        site: how long a host may be silent.
        fresh_s: seconds for which the answer to one question serves the next who asks it.
    """

    def __init__(self, history: History, site: Site, fresh_s: float = 1.0) -> None:
        self.history = history
        self._site = site
        self._fresh_s = fresh_s
        self._kept: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._newest_lock = threading.Lock()
        self._lock = threading.Lock()

    def summary(self) -> SummaryAnswer:
        """The fleet in numbers."""
        return self._once("summary", self._summary)

    def releases(self, limit: int = _RELEASES) -> ReleasesAnswer:
        """The newest releases."""
        records = self._once(("releases", limit), lambda: self.history.releases(limit))
        newest = self._newest()
        return ReleasesAnswer(
            items=tuple(brief_release(record, newest.get(_channel(record.key))) for record in records)
        )

    def release(self, key: ReleaseKey) -> ReleaseAnswer:
        """One release. Raises PageError(PAGE_MISSING)."""
        return self._once(key, lambda: self._release(key))

    def host(self, name: str) -> HostRecord:
        """One host. Raises PageError(PAGE_MISSING)."""
        record = self.history.host(name)
        if record is None:
            raise PageError(Code.PAGE_MISSING, f"no host {name} was heard of")
        return record

    def silent_query(self, key: ReleaseKey, limit: int = 10) -> HostQuery:
        """Hosts that began to activate a release and have said nothing for too long."""
        since = self._site.now() - self._site.silent_after
        return HostQuery(release=key, phase=Phase.ACTIVATING, quiet_since=since, limit=limit)

    def _summary(self) -> SummaryAnswer:
        newest: dict[Channel, ReleaseRecord] = {}
        for channel, said in list(self._newest().items())[:_LOOKED_UP]:
            record = self.history.release(ReleaseKey(*channel, said.statement.digest))
            if record is not None:
                newest[channel] = record
        return summarise(self.history.summary(), newest, self._site.now())

    def _newest(self) -> Mapping[Channel, StatementRecord]:
        """The newest statement of each channel."""
        return self._once("newest", self._newest_statements, self._newest_lock)

    def _newest_statements(self) -> dict[Channel, StatementRecord]:
        found = self.history.newest_statements()
        return {(said.product, said.channel): one for one in found for said in [one.statement.predicate]}

    def _release(self, key: ReleaseKey) -> ReleaseAnswer:
        record = self.history.release(key)
        if record is None:
            raise PageError(Code.PAGE_MISSING, f"no release {key.digest} was heard of on that channel")
        now = self._site.now()
        return ReleaseAnswer(
            release=brief_release(record, self._newest().get(_channel(key))),
            runner=runner(record, now),
            approval=None if record.latest is None else approval(record.latest, now),
            waiting=waits_as_planned(record, now),
            waves=waves(record, now),
            failures=tuple(failure(one) for one in self.history.failures(key)),
            silent=self.history.count_hosts(self.silent_query(key)),
            timeline=tuple(act(one) for one in acts(self.history.statements(key))),
            adoption=tuple(adopted(point) for point in self.history.adoption(key)),
        )

    def _once(self, question: Hashable, ask: Callable[[], T], lock: threading.Lock | None = None) -> T:
        """The answer to a question, asked anew when the last answer is no longer fresh, by one at a time.

        Args:
            question: names it.
            ask: asks it.
            lock: of its own, where it is a part of other questions.
        """
        # Questions that share a lock wait for each other, and none of them leaves one behind.
        with lock or self._locks[hash(question) % _LOCKS]:
            entry = self._kept.get(question)
            if entry is None or time.monotonic() - entry.at >= self._fresh_s:
                entry = _Entry(time.monotonic(), ask())
                self._keep(question, entry)
        answer: T = entry.value
        return answer

    def _keep(self, question: Hashable, entry: _Entry) -> None:
        with self._lock:
            self._kept[question] = entry
            self._kept.move_to_end(question)
            while len(self._kept) > _RELEASES:
                self._kept.popitem(last=False)


def _channel(key: ReleaseKey) -> Channel:
    return key.product, key.channel
