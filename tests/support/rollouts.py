"""Whole rollouts on fakes: a release, a park of hosts, and runs that may be killed and started anew."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.fakes.clock import FakeClock
from tests.fakes.publisher import FakeResolver, FakeSigner, FakeVerifier, RecordedProgress
from tests.fakes.rollout import OS_STABLE, TOPICS, FakeEar, Killed, Park, RecordedTeller, SimHost
from tests.support.publishing import IMAGE
from tests.support.statements import NOON
from tidegate_publisher.announce import ReleaseSigning
from tidegate_publisher.operations import Conditions, Operating, Operation
from tidegate_publisher.publication import ChannelDesk, SigningDesk
from tidegate_publisher.rollout.approving import Approving
from tidegate_publisher.rollout.parts import Audience, Parts
from tidegate_publisher.rollout.plan import make_plan, with_waves
from tidegate_publisher.rollout.run import Run
from tidegate_publisher.rollout.steering import Steering
from tidegate_schemas.release import Release

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate_publisher.announce import Outcome
    from tidegate_publisher.rollout.decisions import Finished
    from tidegate_publisher.rollout.plan import Plan
    from tidegate_schemas.statement import ChannelStatement

QUICK: dict[str, Any] = {"soak": timedelta(minutes=1), "timeout": timedelta(hours=6)}
WAVES: tuple[dict[str, Any], ...] = (
    {"name": "canary", "labels": {"ring": "canary"}},
    {"name": "everybody"},
)


def a_gated_release(
    waves: Sequence[dict[str, Any]] = WAVES, *, gate: dict[str, Any] | None = None, **changes: Any
) -> Release:
    """A release of `os/stable` with these waves; `gate` is added to a quick one."""
    content = {
        "product": "os",
        "channel": "stable",
        "image": "registry.example/os:1.2",
        "version": "1.2",
        "rollout": {"seed": "a-seed", "waves": tuple(waves), **changes.pop("rollout", {})},
        "gate": {**QUICK, **(gate or {})},
    }
    return Release.model_validate({**content, **changes})


def a_fleet(size: int, canaries: int = 1, **changes: Any) -> list[SimHost]:
    """Hosts `edge-0`…, of which the first ones have the label ring=canary."""
    return [
        SimHost(
            f"edge-{number}",
            {"ring": "canary" if number < canaries else "rest", "site": f"s{number % 4}"},
            **changes,
        )
        for number in range(size)
    ]


@dataclass
class Stage:
    """A park, and all that a publisher has.

    Attributes:
        release: what is rolled out.
        hosts: the fleet.
        park: where they live.
        teller: is told by every run.
        make_ear: what each of them hears with.
    """

    release: Release
    hosts: list[SimHost]
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON))
    verifier: FakeVerifier = field(default_factory=FakeVerifier)
    signer: FakeSigner = field(default_factory=FakeSigner)
    progress: RecordedProgress = field(default_factory=RecordedProgress)
    teller: RecordedTeller = field(default_factory=RecordedTeller)
    audience: Audience = field(default_factory=lambda: Audience(TOPICS))
    make_ear: type[FakeEar] = FakeEar

    def __post_init__(self) -> None:
        self.park = Park(self.clock, self.verifier, self.hosts)
        self._processes = 0

    def plan(self, run: str = "run-1", *, until: str | None = None, **changes: Any) -> Plan:
        """The plan of a process of a run."""
        self._processes += 1
        plan = make_plan(with_waves(self.release), run, f"process-{self._processes}", until=until)
        return replace(plan, **changes)

    def run(
        self,
        plan: Plan | None = None,
        *,
        killed_after: int | None = None,
        interrupted_after: int | None = None,
    ) -> Finished | None:
        """Lead the release; None when the process is killed after it has heard so often."""
        ear = self.make_ear(self.park, killed_after, interrupted_after)
        plan = plan or self.plan()
        desk = self._steering()
        parts = Parts(ear, desk, self.clock, self.teller, lambda: 0.5)
        run = Run(plan, self.release.version, parts, self.audience)
        try:
            return run.lead()
        except Killed:
            return None
        except KeyboardInterrupt:
            return run.leave()

    def stands(self) -> ChannelStatement:
        """What the channel holds."""
        return self.verifier.verify(self.park.store.held[OS_STABLE], OS_STABLE).statement

    def operate(self, operation: Operation, wave: str | None = None) -> Outcome:
        """What an operator does by hand."""
        operating = Operating(self.channels(), self.desk(), self.clock, self.progress)
        return operating.run(operation, *OS_STABLE, Conditions(), wave=wave)

    def approve(self, wave: str) -> Outcome:
        """Let a wave through."""
        approving = Approving(self.channels(), self.desk(), self.clock, self.progress)
        return approving.approve(*OS_STABLE, wave, Conditions())

    def _steering(self) -> Steering:
        @contextlib.contextmanager
        def channels() -> Iterator[ChannelDesk]:
            yield self.channels()

        resolver = FakeResolver({"registry.example/os:1.2": IMAGE})
        releases = ReleaseSigning(resolver, self.desk(), self.clock, self.progress, lambda: "drawn")
        return Steering(
            with_waves(self.release),
            channels,
            releases,
            self.desk(),
            verifier=self.verifier,
            clock=self.clock,
            progress=self.progress,
        )

    def channels(self) -> ChannelDesk:
        return ChannelDesk(self.park.store, self.verifier, self.progress)

    def desk(self) -> SigningDesk:
        return SigningDesk(self.signer, self.verifier, self.progress)
