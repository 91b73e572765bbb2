"""`tidegate fleet` on a real broker: what it lists, what it believes, and what hosts that lie do to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.brokers import Broker, MosquittoBroker, NatsBroker
from tests.support.host_words import A, B, a_follow, says, will
from tests.support.key_pairs import KeyPair
from tests.support.statements import a_statement
from tests.support.waiting import wait_until
from tidegate_publisher.commands.fleet import fleet as fleet_command
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, Wave
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tidegate_schemas.statement import ChannelStatement
    from tidegate_schemas.status import HostStatus

TOPICS = Topics()
TIDEGATE = Path(sys.executable).with_name("tidegate")
RUNS_IT = a_follow(state="succeeded", target=A, current=A, sequence=7, version="2.0")
RUNS_OLD = a_follow(state="succeeded", target=B, current=B, sequence=6, version="1.0")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with MosquittoBroker(tmp_path) as running:
        yield running


def retain(broker: Broker, *messages: tuple[str, bytes]) -> None:
    with PublisherSession(BusSettings(url=broker.url)) as session:
        for topic, payload in messages:
            session.publish(topic, payload, retain=True)


def words(statuses: Iterable[HostStatus]) -> list[tuple[str, bytes]]:
    return [
        (TOPICS.will(status.host) if status.is_will else TOPICS.status(status.host), status.to_json())
        for status in statuses
    ]


def announced(statement: ChannelStatement, key: KeyPair) -> tuple[str, bytes]:
    return TOPICS.channel("os", "stable"), key.bundle(statement.to_json())


def environment(broker: Broker) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", "TIDEGATE_BROKER": broker.url}


def fleet(broker: Broker, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TIDEGATE, "fleet", *options],
        env=environment(broker),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def listed(broker: Broker, *options: str) -> list[dict[str, Any]]:
    done = fleet(broker, "--json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(MosquittoBroker, marks=pytest.mark.real("mosquitto")),
        pytest.param(NatsBroker, marks=pytest.mark.real("nats-server")),
    ],
)
def test_a_fleet_is_listed_with_why_hosts_do_not_run_what_is_announced(
    tmp_path: Path, kind: type[MosquittoBroker | NatsBroker]
) -> None:
    key = KeyPair()
    (tmp_path / "release.pub").write_text(key.pem)
    signers = tmp_path / "signers.toml"
    signers.write_text('[[signers]]\nkey = "release.pub"\n')
    statement = a_statement(A, sequence=7, version="2.0")
    hosts = [says(RUNS_IT, host=f"edge-{n}", labels={"site": "kiel"}) for n in range(40)]
    others = [says(RUNS_OLD, host="late"), will("gone")]
    with kind(tmp_path) as broker:
        retain(broker, announced(statement, key), *words([*hosts, *others]))
        total, channel, *rows = listed(broker, "--signers", str(signers))
        assert (total["complete"], total["hosts"], total["online"]) == (True, 42, 41)
        assert (channel["announced"]["verified"], channel["announced"]["signerCompared"]) == (True, True)
        assert channel["drift"] == {"current": 40, "unheard": 1}
        assert [(row["host"], row.get("drift")) for row in rows[:3]] == [
            ("late", "unheard"),
            ("gone", None),
            ("edge-0", "current"),
        ]
        kiel = listed(broker, "--label", "site=kiel", "--state", "succeeded")
        assert (kiel[0]["hosts"], kiel[1]["announced"]["verified"]) == (40, False)


STORY = (
    says(RUNS_IT, host="edge-1", labels={"site": "kiel"}),
    says(RUNS_OLD, host="edge-2", labels={"site": "kiel"}),
    says(
        a_follow(state="staged", target=A, current=B, sequence=7, version="1.0", waiting_for="window"),
        host="edge-3",
        labels={"site": "bonn"},
    ),
    says(
        a_follow(
            state="rolled-back",
            target=A,
            current=B,
            sequence=7,
            version="1.0",
            code=Code.HEALTH_FAILED,
            quarantined=(A,),
        ),
        host="edge-0811",
    ),
    says(RUNS_OLD, host="edge-5", labels={"site": "kiel"}),
    will("edge-5"),
)
"""A fleet in which each example of the help and of docs/fleet.md finds somebody."""


def examples() -> list[str]:
    """What the help and docs/fleet.md tell to type."""
    page = (Path(__file__).parents[2] / "docs/fleet.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    options = [
        f"tidegate fleet {one}"
        for row in re.findall(r"^\|[^|]+\| (`--.*) \|$", page, re.MULTILINE)
        for one in re.findall(r"`(--[^`]+)`", row)
    ]
    help_text = (fleet_command.help or "").partition("Examples:")[2].partition("\n\n")[0]
    lines = [*help_text.splitlines(), *"".join(blocks).splitlines(), *options]
    return [line.strip() for line in lines if line.strip()]


@pytest.mark.real("mosquitto", "bash", "jq")
def test_each_example_finds_somebody(mosquitto: Broker) -> None:
    waves = (Wave(name="canary", labels={"site": "kiel"}, open=True), Wave(name="rest"))
    statement = a_statement(A, sequence=7, version="2.0", rollout=Rollout(seed="s", waves=waves))
    stale = says(RUNS_OLD.model_copy(update={"stale_since": statement.predicate.issued_at}), host="edge-6")
    retain(mosquitto, announced(statement, KeyPair()), *words([*STORY, stale]))
    bash = shutil.which("bash") or "bash"

    def run(line: str) -> subprocess.CompletedProcess[str]:
        command = line.replace("--broker mqtts://broker.example", "").replace("--watch", "--watch --for 1s")
        return subprocess.run(
            [bash, "-c", f"set -o pipefail; {command}"],
            env={**environment(mosquitto), "PATH": f"{TIDEGATE.parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    lines = examples()
    assert len(lines) > 15
    with ThreadPoolExecutor(6) as pool:
        told = dict(zip(lines, pool.map(run, lines), strict=True))
    assert not {line: done.stderr for line, done in told.items() if done.returncode != 0}
    nobody = [line for line, done in told.items() if not done.stdout.strip() or done.stdout[0] == "0"]
    assert not nobody


@pytest.mark.real("mosquitto")
def test_a_wave_or_host_that_nobody_knows_is_told(mosquitto: Broker) -> None:
    statement = a_statement(A, rollout=Rollout(seed="s", waves=(Wave(name="canary"),)))
    retain(mosquitto, announced(statement, KeyPair()), *words(STORY))
    told = fleet(mosquitto, "--wave", "canry", "--host", "edge-99").stderr
    assert "nothing that is announced has a wave canry; there are: canary" in told
    assert "no host edge-99 is known" in told


@pytest.mark.real("mosquitto")
def test_nobody_drifts_from_what_does_not_verify(mosquitto: Broker, tmp_path: Path) -> None:
    (tmp_path / "release.pub").write_text(KeyPair().pem)
    signers = tmp_path / "signers.toml"
    signers.write_text('[[signers]]\nkey = "release.pub"\n')
    retain(mosquitto, announced(a_statement(A, sequence=7), KeyPair()), *words([says(RUNS_OLD)]))
    _, channel, row = listed(mosquitto, "--signers", str(signers))
    assert channel["announced"]["fault"]["code"] == "signature.identity"
    assert (row["drift"], row["drifts"]) == ("unknown", False)


@pytest.mark.real("mosquitto")
def test_hosts_that_lie_harm_their_own_row_alone(mosquitto: Broker) -> None:
    hostile = "\x1b]0;owned\x07\u202e\x9b31m\r\nfake"
    loud = a_follow(state=hostile, version=hostile, current=A, reason=hostile * 50, waiting_for=hostile)
    lies = [
        (TOPICS.status("loud"), says(loud, host="loud", labels={hostile: hostile}).to_json()),
        (TOPICS.status("other"), says(RUNS_OLD, host="edge-1").to_json()),
        (TOPICS.status("deep"), b"[" * 60_000),
        (TOPICS.status("huge"), b'{"host":"' + b"x" * 65_000 + b'"}'),
        (TOPICS.status("nul"), b"\0\xff\xfe"),
        (f"{TOPICS.prefix}/channels/os/stable", b"not signed"),
        (f"{TOPICS.prefix}/channels/os/beta", b"\xff" * 60_000),
    ]
    retain(mosquitto, *lies, *words([says(RUNS_IT, host="edge-1")]))
    done = fleet(mosquitto, "--all")
    assert done.returncode == 0, done.stderr
    assert all(line.isprintable() for line in done.stdout.splitlines())
    head, table = done.stdout.split("\n\n")
    assert head.splitlines()[0] == "2 hosts, 2 online"
    assert sorted(line.split()[0] for line in table.splitlines()[1:]) == ["edge-1", "loud"]
    assert "passed over" in done.stderr


@pytest.mark.real("mosquitto")
def test_a_listing_that_goes_on_tells_what_changes_and_nothing_else(
    mosquitto: Broker, tmp_path: Path
) -> None:
    retain(mosquitto, *words([says(RUNS_IT, host="edge-1"), says(RUNS_IT, host="edge-2")]))
    out = tmp_path / "out"
    with out.open("w") as file:
        command = [str(TIDEGATE), "fleet", "--json", "--watch"]
        watching = subprocess.Popen(command, env=environment(mosquitto), stdout=file, text=True)
    try:
        wait_until(lambda: len(out.read_text().splitlines()) == 4, "it has listed what there is", 60)
        failed = RUNS_IT.model_copy(update={"state": "failed", "current": B})
        retain(mosquitto, *words([says(RUNS_IT, host="edge-2"), says(failed, host="edge-1")]))
        wait_until(lambda: len(out.read_text().splitlines()) == 5, "it tells the change", 60)
    finally:
        watching.kill()
        watching.wait(10)
    last = json.loads(out.read_text().splitlines()[-1])
    assert (last["type"], last["host"], last["state"]) == ("host", "edge-1", "failed")


@pytest.mark.parametrize("words", [("--label", "site"), ("--for", "5m"), ("--sort", "luck")])
def test_what_makes_no_sense_is_refused(words: tuple[str, ...]) -> None:
    done = subprocess.run([TIDEGATE, "fleet", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "tidegate fleet --help" in done.stderr
