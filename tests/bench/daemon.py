"""The daemon on Mosquitto: how soon it listens after its start, and what it costs while nothing happens."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from tests.bench import procfs
from tests.bench.figure import Figure
from tests.bench.probe import Heard, Probe
from tests.conftest import find_program
from tests.support.agent_process import AgentHost
from tests.support.broker_kinds import premises
from tests.support.site import HOST, site
from tidegate_schemas.events import Step
from tidegate_schemas.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.effort import Effort
    from tidegate_wire.mqtt.settings import BusSettings

MISSING = "mosquitto is missing"
START = "start-up: exec to status online at a subscriber"
CONNECT = "bare paho, connect to subscribed"
BEFORE = "idle daemon, RSS before any update"
SETTLE_S = 5.0


def start_up(effort: Effort) -> Iterator[Figure]:
    """From exec to the status that says online, which the agent sends once its subscriptions are granted."""
    if find_program("mosquitto") is None:
        yield from (Figure(name, "ms", missing=MISSING) for name in (START, CONNECT))
        return
    made = premises("mosquitto-5", effort.folder)
    settings = made.identified(HOST)
    host = AgentHost(effort.folder / "host", settings, effort.sigstore, name=HOST)
    times = effort.times(5, 3)
    with made.broker, Probe(settings, [Topics().status(HOST)]) as probe:
        # The first start makes the journal and compiles what is not compiled yet.
        starts = [_start_ms(host, probe) for _ in range(times + 1)]
        connects = [_connect_ms(settings) for _ in range(times)]
    yield Figure(START, "ms", tuple(starts[1:]), "<= 500")
    yield Figure(CONNECT, "ms", tuple(connects))


def idle(effort: Effort) -> Iterator[Figure]:
    """Memory, processor and wake-ups of a host that has settled on an image."""
    if find_program("mosquitto") is None:
        yield Figure(BEFORE, "MiB", missing=MISSING)
        return
    span_s = 10.0 if effort.quick else 30.0
    with site(effort.folder, effort.sigstore) as here:
        pid = here.host.pid
        yield Figure(BEFORE, "MiB", (procfs.rss_mib(pid),))
        digest = here.images.release("1")
        here.channel.announce(digest)
        here.watcher.wait_for(Step.SUCCEEDED, digest)
        time.sleep(SETTLE_S)
        earlier, began = procfs.activity(pid), time.perf_counter()
        time.sleep(span_s)
        used, passed_s = procfs.activity(pid).since(earlier), time.perf_counter() - began
        yield Figure("idle daemon, RSS after an update", "MiB", (procfs.rss_mib(pid),), "<= 40")
        yield Figure("idle daemon, PSS after an update", "MiB", (procfs.pss_mib(pid),))
    yield Figure(
        f"idle daemon, CPU over {span_s:.0f} s", "% of a core", (100 * used.cpu_s / passed_s,), "< 0.05"
    )
    yield Figure(f"idle daemon, wake-ups over {span_s:.0f} s", "1/s", (used.switches / passed_s,), "< 1")


def _start_ms(host: AgentHost, probe: Probe) -> float:
    began = time.perf_counter()
    with host.running():
        return 1000 * (probe.wait(_is_birth, "the host is online") - began)


def _connect_ms(settings: BusSettings) -> float:
    probe = Probe(settings, ["bench/nothing"])
    began = time.perf_counter()
    with probe:
        return 1000 * (time.perf_counter() - began)


def _is_birth(heard: Heard) -> bool:
    return not heard.retained and bool(json.loads(heard.payload)["presence"] == "online")
