"""What runs: the cluster, the fleet, the collector, and a release job at a time: a user's programs."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.reader import StoredHistory
from tidegate_publisher.devstack.cluster.cluster import SIZE, Cluster
from tidegate_publisher.devstack.demo.processes import Child
from tidegate_publisher.devstack.demo.programs import clean_environment
from tidegate_publisher.devstack.image import build_image, write_layout
from tidegate_publisher.devstack.rollout_demo import papers
from tidegate_publisher.devstack.rollout_demo.scenario import BAD, CHANNEL, FIXED, PRODUCT
from tidegate_publisher.devstack.rollout_demo.sight import Sight, look_at, settle_account
from tidegate_publisher.devstack.simulator.command import image_of
from tidegate_publisher.devstack.simulator.figures import Figures
from tidegate_publisher.devstack.simulator.ledger import read_ledger
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_fleet.history import History
    from tidegate_publisher.devstack.rollout_demo.scenario import Scenario
    from tidegate_publisher.devstack.rollout_demo.sight import Account

_COMMAND_S: Final = 120.0
_FAREWELL_S: Final = 60.0
_TAIL_BYTES: Final = 16_384
_LOOK_S: Final = 1.0
_OPEN_S: Final = 60.0
_CONNECTIONS_PER_S: Final = 1500
_MANY: Final = 1000
_AGAIN: Final = 8
"""How often a release job may be started again after its connection was lost: it goes on where it was."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of nats-server and tidegate."""

    broker: str
    tidegate: str


class World:
    """A context manager: leaving it ends every child.

    Attributes:
        root: the directory that all of it lies in.
        scenario: what is played.
        digests: the images, by version.
        broker: the brokers' URLs, as --broker takes them.
        restarts: how often a release job had to be started again.
    """

    def __init__(self, root: Path, programs: Programs, scenario: Scenario) -> None:
        images = {each: build_image([{"app/VERSION": f"{each}\n"}], "amd64") for each in (BAD, FIXED)}
        self.root = root
        self.digests = {"1.0": image_of("1.0"), **{each: image.digest for each, image in images.items()}}
        self.broker = ""
        self.restarts = 0
        self._images = images
        self._programs = programs
        self.scenario = scenario
        self._children = ExitStack()
        self._cluster: Cluster | None = None
        self._nodes = 0
        self._fleet: Child | None = None
        self._jobs: dict[str, Child] = {}
        self._exits: dict[str, int] = {}
        self._lost_before: int | None = None
        self._collector: Child | None = None
        self._history: History | None = None
        self._figures = Figures()

    def __enter__(self) -> Self:
        self._children.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._children.close()

    # What is done

    def write_papers(self) -> None:
        """Lay out what a release needs: images, a key, release files, who may sign."""
        root = self.root
        write_layout(root / "images", self._images)
        self._run("keygen", str(root / "release"), "--quiet")
        (root / "signers.toml").write_text(papers.signers_file(root / "release.pub"), encoding="utf-8")
        for version in (BAD, FIXED):
            text = papers.release_file(self.scenario, root / "images", version)
            self._release_file(version).write_text(text, encoding="utf-8")

    def start_cluster(self) -> None:
        """Bring up three brokers."""
        patience_s = 30 if self.scenario.hosts > _MANY else 5
        cluster = Cluster(self.root, self._programs.broker, patience_s)
        self._cluster = self._children.enter_context(cluster)
        self._nodes = SIZE
        self.broker = ",".join(self._cluster.urls)
        environment = f"export TIDEGATE_BROKER={self.broker}\nexport TIDEGATE_STORE={self.store_url}\n"
        (self.root / "env").write_text(environment, encoding="utf-8")

    def start_collector(self) -> None:
        """Start collecting, and open what is collected."""
        words = ["collect", "--store", self.store_url, "--name", "demo", "--json"]
        words += ["--signers", str(self.root / "signers.toml"), "--broker", self.broker, "--mqtt", "3.1.1"]
        self._collector = self._child("collector", words)
        self._collector.wait_until(self._opens, _OPEN_S)

    def start_fleet(self, processes: int | None) -> None:
        """Start the simulated hosts."""
        scenario, share = self.scenario, self.scenario.share
        words = ["dev", "fleet", f"{PRODUCT}/{CHANNEL}", "--hosts", str(scenario.hosts), "--json"]
        words += ["--speed", f"{scenario.speed:g}", "--seed", scenario.seed]
        words += ["--behave", f"{share.name}={share.fraction}@{share.version}"]
        words += ["--running", self.digests["1.0"], "--reboots", "0.05", "--no-progress"]
        words += ["--subscribe-qos", "0", "--ask-again", "60", "--keepalive", "60"]
        # docs/brokers.md: three times hosts over the connections that the brokers take in a second.
        words += ["--reconnect-first", f"{max(1.0, 3 * scenario.hosts / _CONNECTIONS_PER_S):g}"]
        words += ["--signers", str(self.root / "signers.toml"), "--broker", self.broker, "--mqtt", "3.1.1"]
        words += ["--ledger", str(self.root / "ledger.txt")]
        words += [] if processes is None else ["--processes", str(processes)]
        self._fleet = self._child("fleet", words, _FAREWELL_S)

    def start_job(self, version: str) -> None:
        """Start the release job of a version; `look` says when it has ended."""
        words = ["rollout", "run", str(self._release_file(version)), "--run-id", f"release-{version}"]
        words += ["--key", str(self.root / "release.key"), "--signers", str(self.root / "signers.toml")]
        words += ["--broker", self.broker, "--mqtt", "3.1.1", "--json"]
        self._jobs[version] = self._child(f"rollout-{version}", words)

    def kill_node(self) -> int:
        """Kill the broker that leads the others; which."""
        if self._cluster is None:
            raise AssertionError
        place = self._cluster.busiest()
        self._lost_before = self._figures.losses
        self._cluster.kill(place)
        self._nodes -= 1
        return place

    def start_node(self, place: int) -> None:
        """Bring a broker back."""
        if self._cluster is not None:
            self._cluster.start(place)
            self._nodes += 1

    def stop_fleet(self) -> None:
        """Let every host say goodbye."""
        if self._fleet is not None:
            self._fleet.stop(_FAREWELL_S)
            self._figures = self._read_figures()
            self._fleet = None

    def settle(self) -> Account:
        """The account of all events, once the fleet has been stopped."""
        if self._history is None:
            raise AssertionError
        return settle_account(self._history, *read_ledger(self.root / "ledger.txt"))

    def report(self) -> Path:
        """Write the report on the release that was finished."""
        page = self.root / "report.html"
        self._run("report", f"{PRODUCT}/{CHANNEL}", "--store", self.store_url, "-o", str(page))
        return page

    # What is seen

    def look(self) -> Sight:
        """What is seen at this moment.

        Raises:
            TidegateError: one of the programs has ended before its time.
        """
        for child in (self._fleet, self._collector):
            if child is not None:
                child.require_alive()
        self._see_to_jobs()
        sight = Sight() if self._history is None else look_at(self._history, self._known)
        if self._fleet is not None:
            self._figures = self._read_figures()
        before = self._lost_before
        cut_off = 0 if before is None else self._figures.losses - before
        return replace(
            sight,
            fleet=self._figures,
            leads=self._leads(),
            exits=dict(self._exits),
            nodes=self._nodes,
            cut_off=cut_off,
        )

    @property
    def store_url(self) -> str:
        """The collector's database."""
        return f"sqlite:///{self.root / 'fleet.db'}"

    @property
    def _known(self) -> dict[str, str]:
        return {version: self.digests[version] for version in (BAD, FIXED)}

    def _see_to_jobs(self) -> None:
        """Note how jobs ended. One whose connection was lost goes on where it was, as a CI's retry would."""
        for version, job in list(self._jobs.items()):
            status = job.ended()
            if status is None:
                continue
            del self._jobs[version]
            if self._lost_broker(version) and self.restarts < _AGAIN:
                self.restarts += 1
                self.start_job(version)
            else:
                self._exits[version] = status

    def _leads(self) -> dict[str, str]:
        """The wave that each release job spoke of last."""
        found: dict[str, str] = {}
        for version in (BAD, FIXED):
            for document in self._last_documents(f"rollout-{version}"):
                if isinstance(wave := document.get("wave"), str):
                    found[version] = wave
        return found

    def _lost_broker(self, version: str) -> bool:
        """Whether the job's last word is that it lost the broker, or could not reach it."""
        said = self._last_documents(f"rollout-{version}")
        return bool(said) and str(said[-1].get("code", "")).startswith("bus.")

    def _opens(self) -> bool:
        with suppress(TidegateError):
            store = open_store(self.store_url, make=False)
            self._children.callback(store.close)
            self._history = StoredHistory(store)
        return self._history is not None

    def _read_figures(self) -> Figures:
        for document in reversed(self._last_documents("fleet")):
            with suppress(TypeError):
                return Figures(**document)
        return self._figures

    def _last_documents(self, name: str) -> list[dict[str, Any]]:
        """The JSON documents at the end of what a program said; a line that is not whole yet is left out."""
        path = self.root / f"{name}.log"
        if not path.exists():
            return []
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = log.read().split(b"\n")[:-1]
        found = []
        for line in lines:
            with suppress(ValueError):
                document = json.loads(line)
                found += [document] if isinstance(document, dict) else []
        return found

    # How programs are run

    def _release_file(self, version: str) -> Path:
        return self.root / f"release-{version}.yaml"

    def _child(self, name: str, words: list[str], patience_s: float = 10.0) -> Child:
        command = [self._programs.tidegate, *words]
        child = Child(f"tidegate {words[0]}", Code.INTERNAL_ERROR, self.root / f"{name}.log", command)
        self._children.callback(child.stop, patience_s)
        return child

    def _run(self, *words: str) -> None:
        """Run `tidegate` to its end."""
        done = subprocess.run(
            [self._programs.tidegate, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=clean_environment(os.environ),
            timeout=_COMMAND_S,
            check=False,
            text=True,
        )
        if done.returncode != 0:
            reason = f"tidegate {words[0]} failed: {(done.stderr or done.stdout).strip()[-600:]}"
            raise TidegateError(Code.INTERNAL_ERROR, reason)


def pause() -> None:
    """Between two looks."""
    time.sleep(_LOOK_S)
