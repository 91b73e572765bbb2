"""A fleet that comes back to its broker: real backoffs on a clock that jumps from attempt to attempt.

All hosts lose their connection at the same moment, after which the broker is away for a while. It then takes
so many connections each second; who comes on top waits for its answer in vain, as in a full backlog.

`python -m tests.faults.bus.fleet` prints the table of docs/reliability.md.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Final

from tidegate_wire.mqtt.backoff import CAP_S, FIRST_S, STABLE_S, Backoff

HOSTS: Final = 10_000
TAKEN_EACH_SECOND: Final = 1000
IN_VAIN_S: Final = 20.0
"""`connect_timeout_s` by default."""


@dataclass(frozen=True, slots=True)
class Return:
    """How a fleet came back. Times in seconds since the broker was there again.

    Attributes:
        peak: the most attempts in one second.
        attempts: from then on, by all hosts.
        half: when half of the hosts were connected.
        last: when all were.
    """

    peak: int
    attempts: int
    half: float
    last: float


def come_back(
    away_s: float,
    *,
    hosts: int = HOSTS,
    first_s: float = FIRST_S,
    taken_each_second: int = TAKEN_EACH_SECOND,
    seed: int = 5,
) -> Return:
    """Play it, from the loss of all connections until the last host is back."""
    backoffs = [
        Backoff(random.Random(f"{seed}/{host}").random, first_s=first_s)  # noqa: S311 - jitter is no secret
        for host in range(hosts)
    ]
    due = [(backoff.failed(STABLE_S), host) for host, backoff in enumerate(backoffs)]
    heapq.heapify(due)
    tried: Counter[int] = Counter()
    taken: Counter[int] = Counter()
    back: list[float] = []
    while due:
        now, host = heapq.heappop(due)
        second = int(now - away_s)
        refused_after = 0.0
        if now >= away_s:
            tried[second] += 1
            if taken[second] < taken_each_second:
                taken[second] += 1
                back.append(now - away_s)
                continue
            refused_after = IN_VAIN_S
        heapq.heappush(due, (now + refused_after + backoffs[host].failed(), host))
    return Return(max(tried.values()), tried.total(), back[hosts // 2 - 1], back[-1])


def ideal_peak(away_s: float, hosts: int = HOSTS, first_s: float = FIRST_S) -> float:
    """Connections per second if the hosts came evenly over the longest pause that they had come to."""
    ceiling = first_s
    # On average a pause is half its ceiling: after `away_s` of them the ceiling is about twice as long.
    while ceiling < 2 * away_s and ceiling < CAP_S:
        ceiling *= 2
    return hosts / min(ceiling, CAP_S)


_HEAD: Final = ("first pause", "away", "peak", "evenly", "attempts", "half back", "all back")


def table() -> str:
    """What docs/reliability.md shows."""
    rows = [_HEAD]
    for first_s in (FIRST_S, 30.0):
        for away_s in (0.5, 10.0, 60.0, 600.0):
            seen, ideal = come_back(away_s, first_s=first_s), ideal_peak(away_s, first_s=first_s)
            times = f"{seen.half:.1f} s", f"{seen.last:.0f} s"
            row = f"{first_s:g} s", f"{away_s:g} s", f"{seen.peak}/s", f"{ideal:.0f}/s", str(seen.attempts)
            rows.append((*row, *times))
    return "".join("".join(f"{cell:>12}" for cell in row).rstrip() + "\n" for row in rows)


if __name__ == "__main__":
    sys.stdout.write(table())
