"""What runs: the cluster, the fleet, the collector, and a release job at a time: a user's programs."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.reader import StoredHistory
from tidegate_publisher.devstack.cluster.cluster import SIZE, Cluster
from tidegate_publisher.devstack.image import build_image, write_layout
from tidegate_publisher.devstack.rollout_demo import papers
from tidegate_publisher.devstack.rollout_demo.jobs import Jobs
from tidegate_publisher.devstack.rollout_demo.runner import Runner
from tidegate_publisher.devstack.rollout_demo.scenario import BAD, CHANNEL, FIXED, PRODUCT
from tidegate_publisher.devstack.rollout_demo.sight import Sight, collected_ids, look_at, settle_account
from tidegate_publisher.devstack.simulator.command import image_of
from tidegate_publisher.devstack.simulator.figures import Figures
from tidegate_publisher.devstack.simulator.ledger import read_ledger
from tidegate_schemas.codes import TidegateError

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_fleet.history import History
    from tidegate_fleet.store.connect import Store
    from tidegate_publisher.devstack.demo.processes import Child
    from tidegate_publisher.devstack.rollout_demo.runner import Programs
    from tidegate_publisher.devstack.rollout_demo.scenario import Scenario
    from tidegate_publisher.devstack.rollout_demo.sight import Account

_FAREWELL_S: Final = 60.0
_LOOK_S: Final = 1.0
_OPEN_S: Final = 60.0
_MANY: Final = 1000


class World:
    """A context manager: leaving it ends every child.

    Attributes:
        root: the directory that all of it lies in.
        scenario: what is played.
        digests: the images, by version.
        broker: the brokers' URLs, as --broker takes them.
    """

    def __init__(self, root: Path, programs: Programs, scenario: Scenario) -> None:
        images = {each: build_image([{"app/VERSION": f"{each}\n"}], "amd64") for each in (BAD, FIXED)}
        self.root = root
        self.digests = {"1.0": image_of("1.0"), **{each: image.digest for each, image in images.items()}}
        self.broker = ""
        self._images = images
        self._broker_program = programs.broker
        self.scenario = scenario
        self._runner = Runner(root, programs.tidegate)
        self._jobs = Jobs(self._runner)
        self._cluster: Cluster | None = None
        self._nodes = 0
        self._fleet: Child | None = None
        self._lost_before: int | None = None
        self._collector: Child | None = None
        self._store: Store | None = None
        self._history: History | None = None
        self._figures = Figures()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.__exit__()

    # What is done

    def write_papers(self) -> None:
        """Lay out what a release needs: images, a key, release files, who may sign."""
        root = self.root
        write_layout(root / "images", self._images)
        self._runner.run("keygen", str(root / "release"), "--quiet")
        (root / "signers.toml").write_text(papers.signers_file(root / "release.pub"), encoding="utf-8")
        for version in (BAD, FIXED):
            text = papers.release_file(self.scenario, root / "images", version)
            self._release_file(version).write_text(text, encoding="utf-8")

    def start_cluster(self) -> None:
        """Bring up three brokers."""
        patience_s = 30 if self.scenario.hosts > _MANY else 5
        cluster = Cluster(self.root, self._broker_program, patience_s)
        self._cluster = cluster.__enter__()
        self._runner.keep(cluster.__exit__)
        self._nodes = SIZE
        self.broker = ",".join(self._cluster.urls)
        environment = f"export TIDEGATE_BROKER={self.broker}\nexport TIDEGATE_STORE={self.store_url}\n"
        (self.root / "env").write_text(environment, encoding="utf-8")

    def start_collector(self) -> None:
        """Start collecting, and open what is collected."""
        words = ["collect", "--store", self.store_url, "--name", "demo", "--json"]
        words += ["--signers", str(self.root / "signers.toml"), "--broker", self.broker, "--mqtt", "3.1.1"]
        self._collector = self._runner.start("collector", words)
        self._collector.wait_until(self._opens, _OPEN_S)

    def start_fleet(self, processes: int | None) -> None:
        """Start the simulated hosts."""
        words = papers.fleet_words(self.scenario, self.digests["1.0"], self.root, processes)
        words += ["--broker", self.broker, "--mqtt", "3.1.1"]
        self._fleet = self._runner.start("fleet", words, _FAREWELL_S)

    def start_job(self, version: str) -> None:
        """Start the release job of a version; `look` says when it has ended."""
        words = ["rollout", "run", str(self._release_file(version)), "--run-id", f"release-{version}"]
        words += ["--key", str(self.root / "release.key"), "--signers", str(self.root / "signers.toml")]
        words += ["--broker", self.broker, "--mqtt", "3.1.1", "--json"]
        self._jobs.start(version, words)

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
        if self._store is None:
            raise AssertionError
        return settle_account(collected_ids(self._store), *read_ledger(self.root / "ledger.txt"))

    def report(self) -> Path:
        """Write the report on the release that was finished."""
        page = self.root / "report.html"
        self._runner.run("report", f"{PRODUCT}/{CHANNEL}", "--store", self.store_url, "-o", str(page))
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
        self._jobs.look()
        sight = Sight() if self._history is None else look_at(self._history, self._known)
        if self._fleet is not None:
            self._figures = self._read_figures()
        before = self._lost_before
        cut_off = 0 if before is None else self._figures.losses - before
        return replace(
            sight,
            fleet=self._figures,
            leads=dict(self._jobs.leads),
            exits=dict(self._jobs.exits),
            nodes=self._nodes,
            cut_off=cut_off,
        )

    @property
    def restarts(self) -> int:
        """How often a release job had to be started again."""
        return self._jobs.restarts

    @property
    def store_url(self) -> str:
        """The collector's database."""
        return f"sqlite:///{self.root / 'fleet.db'}"

    @property
    def _known(self) -> dict[str, str]:
        return {version: self.digests[version] for version in (BAD, FIXED)}

    def _opens(self) -> bool:
        with suppress(TidegateError):
            store = open_store(self.store_url, make=False)
            self._runner.keep(store.close)
            self._store, self._history = store, StoredHistory(store)
        return self._history is not None

    def _read_figures(self) -> Figures:
        for document in reversed(self._runner.last_documents("fleet")):
            with suppress(TypeError):
                return Figures(**document)
        return self._figures

    def _release_file(self, version: str) -> Path:
        return self.root / f"release-{version}.yaml"


def pause() -> None:
    """Between two looks."""
    time.sleep(_LOOK_S)
