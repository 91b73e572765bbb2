"""The numbers of a real agent through a real update, as Prometheus reads them."""

from __future__ import annotations

import contextlib
import http.client
import socket
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.site import site
from tests.support.waiting import wait_until
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = pytest.mark.real("mosquitto")

CHANNEL = {"product": "os", "channel": "stable"}

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Numbers:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def number(found: Numbers, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def scraped(path: Path) -> Numbers:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(30)
        caller.connect(str(path))
        caller.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        with contextlib.closing(http.client.HTTPResponse(caller)) as answer:
            answer.begin()
            text = answer.read().decode()
    return read(text)


def test_an_agent_that_waits_for_its_disk_tells_that(tmp_path: Path, sigstore: LocalSigstore) -> None:
    listen = tmp_path / "metrics.sock"
    with site(tmp_path, sigstore, tables={"metrics": {"listen": f"unix:{listen}"}}, started=False) as here:
        journal = here.host.directory / "state" / "journal.db"
        journal.mkdir(parents=True)
        (journal.parent).chmod(0o700)
        here.host.start()
        wait_until(listen.exists, "the numbers are told", 60)
        found = scraped(listen)
        assert number(found, "tidegate_agent_engine_responding") == 1
        faults = {name: value for name, value in found.items() if name[0] == "tidegate_agent_disk_fault"}
        assert sum(faults.values()) == 1
        journal.rmdir()
        wait_until(
            lambda: number(told(listen), "tidegate_agent_statement_sequence", **CHANNEL) == 0,
            "the agent goes on, and tells all its numbers",
            120,
        )


def told(path: Path) -> Numbers:
    """What is told there, if anybody tells anything."""
    try:
        return scraped(path)
    except (OSError, http.client.HTTPException):
        return {}


def test_a_real_agent_tells_its_numbers_in_a_file_and_to_whoever_asks(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    textfile, listen = tmp_path / "tidegate.prom", tmp_path / "metrics.sock"
    metrics = {"textfile": str(textfile), "every": "1s", "listen": f"unix:{listen}"}
    with site(tmp_path, sigstore, tables={"metrics": metrics}) as here:
        digest = here.images.release("1")
        here.channel.announce(digest)
        here.watcher.wait_for(Step.SUCCEEDED, digest)
        found = scraped(listen)
        assert number(found, "tidegate_agent_engine_responding") == 1
        assert number(found, "tidegate_agent_bus_connected") == 1
        assert number(found, "tidegate_agent_updates_total", **CHANNEL, outcome="succeeded") == 1
        assert number(found, "tidegate_agent_verifications_total", subject="statement", outcome="genuine")
        assert number(found, "tidegate_agent_verifications_total", subject="warrant", outcome="genuine") == 1
        fetched = number(found, "tidegate_agent_downloaded_bytes_total", **CHANNEL)
        assert fetched is not None
        assert fetched > 100
        assert number(found, "tidegate_agent_trust_root_present") == 1
        assert (number(found, "process_resident_memory_bytes") or 0) > 2**20
        updated = "tidegate_agent_updates_total"
        wait_until(
            lambda: number(read(textfile.read_text()), updated, **CHANNEL, outcome="succeeded") == 1,
            "the file says it, too",
            60,
        )
    assert not textfile.exists()
    assert not listen.exists()
