"""`tidegate rollout run` as CI runs it: real processes, a real broker, signatures, a simulated fleet."""

from __future__ import annotations

import shlex
import signal
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.support.brokers import MosquittoBroker, NatsBroker
from tests.support.rollout_site import RolloutSite
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.brokers import Broker

HOSTS = 16
CANARY = {"name": "canary", "fraction": 0.3}
REST = {"name": "rest"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RolloutSite]:
    folder = tmp_path_factory.mktemp("rollout")
    behave = ("fails-health=0.5@2.0",)
    with MosquittoBroker(folder) as broker, RolloutSite(folder, broker.url, HOSTS, behave) as made:
        yield made


def through_waves(site: RolloutSite, hosts: int, gate: dict[str, object]) -> None:
    site.release("1.0", [CANARY, {**REST, "gate": gate}])
    run = site.begin("--junit", "waves.xml", "--summary", "summary.md")
    status, end = run.end()
    assert (status, end["outcome"], end["exitCode"]) == (0, "done", 0), end
    assert [(wave["name"], wave["outcome"]) for wave in end["waves"]] == [
        ("canary", "done"),
        ("rest", "done"),
    ]
    assert sum(wave["known"] for wave in end["waves"]) == hosts
    runner = site.channel()["rollout"]["runner"]
    assert ("until" in runner, runner["ended"]) == (False, "done")
    suite = ET.fromstring((site.folder / "waves.xml").read_text())  # noqa: S314 -- we wrote it
    assert (suite.get("tests"), suite.get("failures")) == ("2", "0")
    assert "| `canary` | done |" in (site.folder / "summary.md").read_text()


@pytest.mark.real("mosquitto")
def test_a_release_is_led_through_its_waves(site: RolloutSite) -> None:
    through_waves(site, HOSTS, {"budget": [{"at_most": "50%"}]})


@pytest.mark.real("nats-server")
def test_the_same_on_nats(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("nats")
    broker: Broker = NatsBroker(folder)
    with broker, RolloutSite(folder, broker.url, 8) as site:
        through_waves(site, 8, {})


@pytest.mark.real("mosquitto")
def test_a_release_that_fails_on_too_many_hosts_is_held(site: RolloutSite) -> None:
    site.release("2.0", [{"name": "all"}], failures={"share": "20%", "minimum": 5})
    status, end = site.lead()
    assert (status, end["outcome"], end["code"]) == (1, "failed", "rollout.failed"), end
    assert end["waves"][0]["outcome"] == "failed"
    assert sum(found["hosts"] for found in end["failures"].values()) == end["waves"][0]["failed"] > 1
    assert site.channel()["rollout"]["state"] == "held"


@pytest.mark.real("mosquitto")
def test_a_run_that_is_killed_goes_on_and_another_is_refused_meanwhile(site: RolloutSite) -> None:
    site.release("3.0", [CANARY, {**REST, "gate": {"approval": True}}])
    first = site.begin("--run-id", "one")
    first.wait_for("ask-approval", "rest")
    status, refused = site.lead("--run-id", "two")
    assert (status, refused["code"]) == (5, "rollout.claimed"), refused
    assert "The run one leads this release until" in refused["reason"]
    first.kill()
    held = site.channel()
    again = site.begin("--run-id", "one")
    asked = again.wait_for("ask-approval", "rest")
    assert site.channel()["rollout"]["waves"] == held["rollout"]["waves"]
    promoted = site.run(*shlex.split(asked["command"])[1:])
    assert promoted.status == 0, promoted.stderr
    status, end = again.end()
    assert (status, end["outcome"]) == (0, "done"), end


@pytest.mark.real("mosquitto")
def test_a_run_ends_when_an_operator_holds_the_release(site: RolloutSite) -> None:
    site.release("4.0", [CANARY, {**REST, "gate": {"approval": True}}])
    run = site.begin()
    run.wait_for("ask-approval", "rest")
    assert site.run("hold", "os/stable").status == 0
    status, end = run.end()
    assert (status, end["outcome"], end["code"]) == (4, "held", "rollout.held"), end
    assert site.channel()["rollout"]["state"] == "held"


@pytest.mark.real("mosquitto")
def test_of_two_runs_that_begin_at_once_one_leads_and_the_other_ends(site: RolloutSite) -> None:
    # Whoever leads cannot come to an end before the other has begun.
    site.release("5.0", [CANARY, {**REST, "gate": {"approval": True}}])
    runs = {name: site.begin("--run-id", name) for name in ("left", "right")}
    wait_until(lambda: any(run.process.poll() is not None for run in runs.values()), "one of them ends", 120)
    loser = next(name for name, run in runs.items() if run.process.poll() is not None)
    winner = next(name for name in runs if name != loser)
    status, end = runs[loser].end()
    assert (status, end["code"]) in [(5, "rollout.claimed"), (5, "rollout.overtaken")], end
    runs[winner].wait_for("ask-approval", "rest")
    assert site.channel()["rollout"]["runner"]["id"] == winner
    status, end = runs[winner].interrupt()
    assert status == 130, end


@pytest.mark.real("mosquitto")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_end_lets_the_same_command_go_on(
    site: RolloutSite, number: signal.Signals
) -> None:
    site.release(f"6.{number:d}", [CANARY, {**REST, "gate": {"approval": True}}])
    options = ("--broker", site.broker, "--signers", "signers.toml")
    first = site.begin(*options)
    first.wait_for("ask-approval", "rest")
    status, end = first.interrupt(number)
    assert (status, end["outcome"], end["code"], end["state"]) == (
        130,
        "interrupted",
        "rollout.interrupted",
        "active",
    ), end
    runner = site.channel()["rollout"]["runner"]
    assert ("until" in runner, runner["ended"], "asks" in runner) == (False, "interrupted", False)
    again = site.begin(*options)
    asked = again.wait_for("ask-approval", "rest")
    assert asked["command"].endswith(f" --signers signers.toml --broker {site.broker}")
    shown = site.run("rollout", "status", "os/stable", "--json").document
    assert (shown["approval"]["wave"], shown["led"]) == ("rest", True)
    wrong = site.run("rollout", "approve", "os/stable", "canary", "--expect-sequence", str(asked["sequence"]))
    assert (wrong.status, "[rollout.unasked]" in wrong.stderr) == (1, True), wrong.stderr
    # As a person pastes it, in a shell where nothing else says where the broker is.
    assert site.run(*shlex.split(asked["command"])[1:]).status == 0
    status, end = again.end()
    assert (status, end["outcome"]) == (0, "done"), end
