"""The running agent: the adapters, and all of it put together."""

from __future__ import annotations

import random
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tidegate_agent.adapters.control_unix import ControlServer
from tidegate_agent.adapters.worker import Worker, end_all
from tidegate_agent.control import Control
from tidegate_agent.downloads import Downloads
from tidegate_agent.engine import Engine, Mainloop
from tidegate_agent.records import WAITED_NOT, Waited
from tidegate_agent.sealing import Sealing
from tidegate_agent.surroundings import Surroundings
from tidegate_agent.wiring.carried import layouts_of, with_layouts
from tidegate_agent.wiring.downloads import account_of
from tidegate_agent.wiring.images import followed
from tidegate_agent.wiring.metrics import Metrics, metrics_of
from tidegate_agent.wiring.outside import Outside, outside_of
from tidegate_agent.wiring.roots import upkeep_of
from tidegate_agent.wiring.values import manners_of, policy_of, profile_of, rules_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tidegate_agent.config import Settings
    from tidegate_agent.ports import Journal

ANSWER_WITHIN_S: Final = 8.0
"""How long a local command waits for the engine's thread, in seconds."""

END_WITHIN_S: Final = 5.0
"""How long slow work under way may take to end when the agent is stopped, in seconds."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A wired agent. `run` blocks until `stop`, which is safe in a signal handler."""

    engine: Engine
    loop: Mainloop
    control: ControlServer
    outside: Outside
    workers: tuple[Worker, ...]
    metrics: Metrics | None = None

    @property
    def journal(self) -> Journal:
        """Its state on disk."""
        return self.outside.journal

    def run(self, ready: Callable[[], None], waited: Waited = WAITED_NOT) -> None:
        """Start everything, say so, and work until stopped; `waited` tells what came before."""
        try:
            self.engine.start(waited)
            self.control.start()
            if self.metrics is not None:
                self.metrics.begin(self.engine, self.loop, self.outside)
            ready()
            self.loop.run(self.engine)
        finally:
            if self.metrics is not None:
                self.metrics.end()
            self.control.stop()
            self.engine.stop()
            # What takes longer is left to end with the process; the journal knows how to go on.
            end_all(self.workers, END_WITHIN_S)
            self.journal.close()

    def stop(self) -> None:
        """Ask `run` to end."""
        self.loop.stop()


def build(settings: Settings) -> Agent:
    """Make every adapter and put the agent together.

    Raises:
        TidegateError: a setting that only shows its fault here (the host's id, a window that never opens).
    """
    return put_together(settings, outside_of(settings))


def put_together(settings: Settings, outside: Outside) -> Agent:
    """Put an agent together that acts through these adapters. Raises as `build`."""
    loop = Mainloop()
    metrics = metrics_of(settings, outside)
    if metrics is not None:
        outside = metrics.watching(outside)

    def latest_known() -> datetime:
        return around.latest_known()

    account = account_of(settings, outside.journal, latest_known)
    if account is not None:
        outside.transfers.counter.tell(account)
    workers = tuple(Worker(name) for name in ("verify", "operate", "sign", "ask"))
    verifying, operating, signing, asking = workers
    around = Surroundings(
        clock=outside.clock,
        journal=outside.journal,
        verifier=outside.verifier,
        timer=outside.timer,
        host=outside.host,
        profile=profile_of(settings, outside.host),
        policy=policy_of(settings),
        manners=manners_of(settings),
        rules=rules_of(settings),
        post=loop.post,
        verifying=verifying.submit,
        operating=operating.submit,
        asking=asking.submit,
        splay=lambda: random.random() * settings.activate.splay,  # noqa: S311 - spreads load, guards nothing
        requests=None if settings.requests is None else settings.requests.bounds(),
        lock=outside.lock,
        lock_for_all=settings.activate.locks_all,
        board=outside.board,
        downloads=Downloads(outside.network, account),
    )
    layouts = layouts_of(settings)
    follows = [
        with_layouts(followed(follow, images, around, outside), layouts)
        for follow, images in zip(settings.follow, outside.images, strict=True)
    ]
    signer = outside.signer
    sealing = (
        None if signer is None else Sealing(signer, around.clock, around.timer, loop.post, signing.submit)
    )
    upkeep = upkeep_of(settings, outside.keeper, around)
    engine = Engine(follows, around, outside.bus, settings.bus.topics, sealing, upkeep)
    answering = _on_engine_thread(loop, Control(engine, layouts.bring))
    control = ControlServer(settings.state.runtime_directory, answering)
    return Agent(engine, loop, control, outside, workers, metrics)


def _on_engine_thread(loop: Mainloop, control: Control) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        answered: Future[Mapping[str, Any]] = Future()
        loop.post(lambda: answered.set_result(control.answer(request)))
        return answered.result(ANSWER_WITHIN_S)

    return answer
