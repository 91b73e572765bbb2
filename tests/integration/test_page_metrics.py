"""`/metrics` of the page: behind its login, and told to a program that it is."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.history import FakeHistory
from tests.support.statements import NOON, a_status
from tidegate_fleet.outward.assembly import outgoing
from tidegate_fleet.web.app import create_app
from tidegate_fleet.web.doors.token_door import TokenDoor
from tidegate_fleet.web.listening import Listen
from tidegate_fleet.web.serving import serve

TOKEN = "t" * 32


def asked(url: str, token: str | None = None) -> tuple[int, str]:
    request = urllib.request.Request(f"{url}/metrics")  # noqa: S310 - the scheme is http
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"]


def test_a_page_tells_prometheus_the_fleet_to_whom_it_lets_in() -> None:
    history = FakeHistory()
    history.take(a_status(), NOON)
    with serve(create_app(history, login=TokenDoor(TOKEN)), Listen("127.0.0.1", 0)) as served:
        assert asked(served.address) == (401, "application/problem+json")
        assert asked(served.address, "x" * 32)[0] == 401
        status, text = asked(served.address, TOKEN)
    assert status == 200
    families = {family.name for family in text_string_to_metric_families(text)}
    assert "tidegate_fleet_hosts" in families
    assert "tidegate_collector_events" not in families


@pytest.mark.parametrize("name", ["tidegate_fleet_hosts", "tidegate_collector_events", "process_open_fds"])
def test_a_page_beside_a_collector_tells_its_numbers_too(name: str) -> None:
    history = FakeHistory()
    with (
        outgoing(None, history) as out,
        serve(
            create_app(history, login=TokenDoor(TOKEN), metrics=out.registry), Listen("127.0.0.1", 0)
        ) as served,
    ):
        status, text = asked(served.address, TOKEN)
    assert status == 200
    assert name in {family.name for family in text_string_to_metric_families(text)}
