"""`tidegate report` over a real database: what was written down of a story; the fake that heard the same."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tests.fakes.history import FakeHistory
from tests.support.fleet_story import KEY, NEW, NOW, OLD, Story
from tests.support.outline import outline
from tidegate_fleet.report.gathering import Terms, gather
from tidegate_fleet.report.selection import Wanted, select
from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.reader import StoredHistory
from tidegate_fleet.store.writer import Writer
from tidegate_fleet.words import HostEvent
from tidegate_publisher.cli import cli
from tidegate_schemas.events import UpdateEvent

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from click.testing import Result

    from tidegate_fleet.store.rows import Word

HOSTS = 60


def heard() -> list[tuple[Word, datetime]]:
    """The story in the order in which it is heard."""
    told = sorted(Story(hosts=HOSTS).tell(), key=lambda told: told[1])
    return [(HostEvent(word) if isinstance(word, UpdateEvent) else word, now) for word, now in told]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database in which the story is written down."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store')}/fleet.db"
    with open_store(url) as opened:
        writer = Writer(opened, "collector")
        for word, now in heard():
            writer.write([word], now)
        while writer.place():
            pass
    return url


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["report", *words], env={"TIDEGATE_STORE": None})


def document(*words: str) -> tuple[int, Any]:
    result = run(*words, "--json")
    return result.exit_code, json.loads(result.stdout)


def test_the_page_is_written_and_told(store: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    result = run("os/stable", "--store", store, "-o", str(file), "--title", "Autumn release")
    assert result.exit_code == 0, result.output
    assert f"report   {file}" in result.stdout
    assert "of 60 hosts succeeded (" in result.stdout
    assert "\N{REPLACEMENT CHARACTER}" not in result.stdout
    found = outline(file.read_text("utf-8"))
    assert found.lines[0] == "title: Autumn release: release report"
    assert "h2: Beside the release before" in found.lines


def test_the_database_and_the_fake_give_the_same_figures(store: str) -> None:
    fake = FakeHistory()
    for word, now in heard():
        fake.take(word, now)
    terms = Terms(NOW)
    channel, wanted = ("os", "stable"), Wanted(digest=NEW)
    with open_store(store, make=False) as opened:
        stored = StoredHistory(opened)
        found = gather(stored, *select(stored, channel, wanted), terms)
    assert found == gather(fake, *select(fake, channel, wanted), terms)
    assert found.release.key == KEY
    assert found.release.hosts == HOSTS
    assert found.timeline.held == ((5700.0, 7800.0),)


def test_the_document_has_the_figures_and_every_host(store: str) -> None:
    status, told = document("os/stable", "--store", store)
    assert status == 0
    assert told["release"]["key"]["digest"] == NEW
    assert sum(told["phases"].values()) == HOSTS
    assert len(told["hosts"]) == told["evidence"]["passages"]
    assert told["evidence"]["events"] == sum(host["events"] for host in told["hosts"])
    assert told["state"] == "active"


def test_page_and_document_come_together(store: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    status, told = document("os/stable", "--store", store, "-o", str(file), "--anonymous")
    assert status == 0
    assert told["anonymous"] is True
    assert file.stat().st_size > 10_000
    assert "till-0" not in file.read_text("utf-8") + json.dumps(told)
    # The page shows hosts by the names that the document has.
    assert told["slowest"][0]["host"] in file.read_text("utf-8")


def test_the_summary_is_markdown(store: str) -> None:
    result = run("os/stable", "--store", store, "--markdown")
    assert result.exit_code == 0
    assert result.stdout.startswith("## `os/stable 2.4.0`: ")


def test_an_older_release_is_chosen_by_its_version(store: str) -> None:
    status, told = document("os/stable", "--store", store, "--version", "2.3.0")
    assert (status, told["release"]["key"]["digest"]) == (0, OLD)


def test_the_last_releases_stand_beside_each_other(store: str, tmp_path: Path) -> None:
    file = tmp_path / "releases.html"
    status, told = document("os/stable", "--store", store, "--last", "10", "-o", str(file))
    assert status == 0
    assert [one["version"] for one in told["releases"]] == ["2.4.0", "2.3.0"]
    assert outline(file.read_text("utf-8")).number_of("tr") == 3
    summary = run("os/stable", "--store", store, "--last", "1", "--markdown").stdout
    assert "`2.4.0`" in summary
    assert "`2.3.0`" not in summary


def test_a_release_that_is_not_there_is_refused_with_those_that_are(store: str) -> None:
    status, told = document("os/stable", "--store", store, "--version", "9.9")
    assert status == 1
    assert told["code"] == "report.no-release"
    assert re.search(r"there are 2\.4\.0 \(sha256:[0-9a-f]{12}…\), 2\.3\.0", told["reason"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["os/stable"], "say where to"),
        (["os/stable", "--json", "--markdown"], "give one of them"),
        (["os/stable", "--digest", "latest", "--json"], "is not sha256:"),
        (["os/stable", "--last", "3", "--version", "2.4.0", "--json"], "leave --digest"),
        (["os", "--json"], "is not PRODUCT/CHANNEL"),
        (["os/stable", "-o", "/nowhere/at/all.html"], "there is no folder"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(store: str, words: list[str], expected: str) -> None:
    result = run(*words, "--store", store)
    assert result.exit_code == 2
    assert expected in result.output


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "none.db"
    status, told = document("os/stable", "--store", f"sqlite:///{file}")
    assert status == 1
    assert told["code"].startswith("store.")
    assert not file.exists()
