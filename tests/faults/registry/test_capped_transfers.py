"""Transfers below a bandwidth cap: how long they take, what is counted; slow servers are found out still."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest

from tests.fakes.pacing import FakeTime
from tests.fakes.registry import FakeRegistry, dropping_after
from tests.support.pulling import BLOB, CONTENT, IMAGE, fetch, refusal
from tidegate_schemas.codes import Code
from tidegate_wire.registry.download import fetch_blob
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.pacing import Pacing
from tidegate_wire.registry.pauses import Pauses
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import Limits, RegistrySettings
from tidegate_wire.registry.source import Cancelled
from tidegate_wire.registry.throttle import Throttle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.registry import Exchange
    from tidegate_wire.registry.source import ImageSource


def capped(registry: FakeRegistry, folder: Path, pacing: Pacing) -> ImageSource:
    conf = folder / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
    return open_source(
        parse_reference(f"{registry.host}/app"), RegistrySettings(registries_conf=conf), pacing
    )


def test_a_transfer_takes_the_time_that_the_cap_gives_it_and_no_byte_goes_uncounted(
    registry: FakeRegistry, tmp_path: Path, store: Path, time: FakeTime
) -> None:
    counted: list[int] = []
    pacing = replace(time.pacing(), throttle=Throttle(lambda: 30_000), count=counted.append)
    source = capped(registry, tmp_path, pacing)
    assert source.manifest(IMAGE.digest) == IMAGE.manifest
    began = time.now
    assert fetch(source, store) == CONTENT
    # 600 kB in pieces of 7500 bytes at most, each of which takes its quarter of a second.
    assert time.now - began == pytest.approx(20.0, abs=0.5)
    assert max(counted) <= 7500
    assert sum(counted) == len(IMAGE.manifest) + len(CONTENT)


def test_a_cap_below_the_minimum_rate_is_not_taken_for_a_slow_server(
    registry: FakeRegistry, tmp_path: Path, store: Path, time: FakeTime
) -> None:
    limits = Limits(minimum_rate=1_000_000, rate_window=0.001, attempts=1)
    pacing = replace(time.pacing(limits), throttle=Throttle(lambda: 50_000))
    assert fetch(capped(registry, tmp_path, pacing), store) == CONTENT


def test_a_slow_drip_is_found_out_below_a_cap(registry: FakeRegistry, tmp_path: Path, store: Path) -> None:
    time = FakeTime(step=40.0)
    registry.always("/blobs/", dropping_after(100, CONTENT))
    pacing = replace(time.pacing(), throttle=Throttle(lambda: 10_000_000))
    error = refusal(capped(registry, tmp_path, pacing), store)
    assert error.code is Code.IMAGE_UNREACHABLE
    assert "bytes came in 40 s" in error.reason


def test_two_transfers_share_one_cap(registry: FakeRegistry, tmp_path: Path, time: FakeTime) -> None:
    """Each is handed chunk after chunk in turn: the second waits for what the first owes, and the reverse."""
    pacing = replace(time.pacing(), throttle=Throttle(lambda: 30_000))
    sources = [capped(registry, tmp_path, pacing) for _ in range(2)]
    with sources[0].open_blob(BLOB) as first, sources[1].open_blob(BLOB) as second:
        began, came = time.now, 0
        for one, other in zip_longest(first, second, fillvalue=b""):
            came += len(one) + len(other)
    assert came == 2 * len(CONTENT)
    assert time.now - began == pytest.approx(40.0, abs=1.0)


def test_whoever_waits_for_the_cap_stops_at_once(registry: FakeRegistry, tmp_path: Path, store: Path) -> None:
    """In real time: with this cap, all of it would take ten minutes."""
    pauses, cancelled = Pauses(), threading.Event()
    source = capped(registry, tmp_path, Pacing(sleep=pauses.sleep, throttle=Throttle(lambda: 1000)))
    with pytest.raises(Cancelled), pauses.unless(cancelled.is_set):
        fetch_blob(source, BLOB, store, lambda _: cancelled.set(), lambda: False)
    (partial,) = store.iterdir()
    assert 0 < partial.stat().st_size <= 500


def test_whoever_waits_for_a_busy_server_stops_at_once(registry: FakeRegistry, tmp_path: Path) -> None:
    """In real time: it asks for five times a minute."""
    pauses, cancelled = Pauses(), threading.Event()

    def busy(exchange: Exchange) -> None:
        exchange.send(429, Retry_After="3600")
        cancelled.set()

    registry.always("/manifests/", busy)
    source = capped(registry, tmp_path, Pacing(sleep=pauses.sleep))
    with pytest.raises(Cancelled), pauses.unless(cancelled.is_set):
        source.manifest(IMAGE.digest)
    assert len(registry.requests("/manifests/")) == 1
