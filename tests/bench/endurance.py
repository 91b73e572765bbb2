"""What the daemon keeps of many verifications: nothing, if all is well.

One real agent on a real broker; every announcement is genuine and new, so each costs one verifying child. The
maintenance window is half a year away, as in `latency`: a verification and its event are all that happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.bench import procfs
from tests.bench.figure import Figure
from tests.bench.latency import HOST, decide, far_window, is_online
from tests.bench.probe import Probe
from tests.conftest import find_program
from tests.support.agent_process import AgentHost
from tests.support.broker_kinds import premises
from tests.support.channel import Channel
from tidegate_schemas.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.effort import Effort

WARM_UP = 10
SAMPLES = 10


class Holding(NamedTuple):
    """What a process holds."""

    rss_mib: float
    descriptors: int
    threads: int


def measure(effort: Effort) -> Iterator[Figure]:
    """Memory, descriptors and threads of the daemon, before and after; `--runs 1000` takes ten minutes."""
    times = effort.times(100, 20)
    name = f"daemon, {times} verifications"
    if find_program("mosquitto") is None:
        yield Figure(name, "", missing="mosquitto is missing")
        return
    held = _holdings(effort, times)
    memory = tuple(each.rss_mib for each in held)
    yield Figure(f"{name}, RSS after the first {WARM_UP}", "MiB", memory[:1])
    yield Figure(f"{name}, RSS after the last", "MiB", memory[-1:])
    # Of the second half alone: what Python grows by until it has seen everything once is no leak.
    middle, last = held[len(held) // 2], held[-1]
    half = times - times * (len(held) // 2) // SAMPLES
    growth = 1024 * (last.rss_mib - middle.rss_mib) / half
    yield Figure(f"{name}, growth in the second half", "KiB each", (growth,), "0")
    yield Figure(f"{name}, open descriptors", "", tuple(float(each.descriptors) for each in held))
    yield Figure(f"{name}, threads", "", tuple(float(each.threads) for each in held))


def _holdings(effort: Effort, times: int) -> list[Holding]:
    """After the warm-up, and after every tenth part of the rest."""
    made = premises("mosquitto-5", effort.folder)
    settings = made.identified(HOST)
    host = AgentHost(effort.folder / "host", settings, effort.sigstore, tables=far_window(), name=HOST)
    topics = Topics()
    with made.broker, Probe(settings, [topics.events(HOST), topics.status(HOST)]) as probe, host.running():
        probe.wait(is_online, "the host is online")
        channel = Channel(settings, effort.sigstore, "registry.example/os")
        for _ in range(WARM_UP):
            decide(channel, probe)
        held = [_holding(host.pid)]
        for sample in range(SAMPLES):
            for _ in range(times * sample // SAMPLES, times * (sample + 1) // SAMPLES):
                decide(channel, probe)
            held.append(_holding(host.pid))
    return held


def _holding(pid: int) -> Holding:
    return Holding(procfs.rss_mib(pid), procfs.descriptors(pid), procfs.threads(pid))
