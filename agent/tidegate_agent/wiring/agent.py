"""The running agent: every adapter made, and all of it put together."""

from __future__ import annotations

import random
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tidegate_agent.adapters.bus_paho import PahoBus
from tidegate_agent.adapters.clock_system import SystemClock
from tidegate_agent.adapters.control_unix import ControlServer
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.adapters.timer_apscheduler import ApschedulerTimer
from tidegate_agent.control import Control
from tidegate_agent.device_key import signer_of
from tidegate_agent.engine import Engine, Mainloop
from tidegate_agent.sealing import Sealing
from tidegate_agent.surroundings import Surroundings
from tidegate_agent.wiring.carried import layouts_of, with_layouts
from tidegate_agent.wiring.images import followed
from tidegate_agent.wiring.roots import keeper_of, rooted, upkeep_of
from tidegate_agent.wiring.trust import verifier_of
from tidegate_agent.wiring.values import (
    board_of,
    host_of,
    lock_of,
    manners_of,
    open_journal,
    policy_of,
    profile_of,
    rules_of,
)
from tidegate_wire.mqtt.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tidegate_agent.config import Settings

ANSWER_WITHIN_S: Final = 8.0
"""How long a local command waits for the engine's thread, in seconds."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A wired agent. `run` blocks until `stop`, which is safe in a signal handler."""

    engine: Engine
    loop: Mainloop
    control: ControlServer
    journal: SqliteJournal
    workers: tuple[ThreadPoolExecutor, ...]

    def run(self, ready: Callable[[], None]) -> None:
        """Start everything, say so, and work until stopped."""
        try:
            self.engine.start()
            self.control.start()
            ready()
            self.loop.run(self.engine)
        finally:
            self.control.stop()
            self.engine.stop()
            for worker in self.workers:
                # What is running is left to end with the process; the journal knows how to go on.
                worker.shutdown(wait=False, cancel_futures=True)
            self.journal.close()

    def stop(self) -> None:
        """Ask `run` to end."""
        self.loop.stop()


def build(settings: Settings) -> Agent:
    """Make every adapter and put the agent together.

    Raises:
        TidegateError: a setting that only shows its fault here (the host's id, a window that never opens).
    """
    signer = signer_of(settings)
    journal = open_journal(settings)
    loop = Mainloop()
    verifying, operating, signing = _worker("verify"), _worker("operate"), _worker("sign")
    asking = _worker("ask")
    keeper = keeper_of(settings)
    profile = profile_of(settings)
    bus = PahoBus(
        settings.bus,
        client_id=profile.facts.host,
        topics=_topics(settings, profile.facts.host),
        backoff=Backoff(random.random),
    )
    around = Surroundings(
        clock=SystemClock(),
        journal=journal,
        verifier=rooted(verifier_of(settings), keeper),
        timer=ApschedulerTimer(),
        host=host_of(settings),
        profile=profile,
        policy=policy_of(settings),
        manners=manners_of(settings),
        rules=rules_of(settings),
        post=loop.post,
        verifying=verifying.submit,
        operating=operating.submit,
        asking=asking.submit,
        splay=lambda: random.random() * settings.activate.splay,  # noqa: S311 - spreads load, guards nothing
        requests=None if settings.requests is None else settings.requests.bounds(),
        lock=lock_of(settings),
        lock_for_all=settings.activate.locks_all,
        board=board_of(settings),
    )
    layouts = layouts_of(settings)
    follows = [with_layouts(followed(settings, follow, around), layouts) for follow in settings.follow]
    sealing = (
        None if signer is None else Sealing(signer, around.clock, around.timer, loop.post, signing.submit)
    )
    upkeep = upkeep_of(settings, keeper, around)
    engine = Engine(follows, around, bus, settings.bus.topics, sealing, upkeep)
    answering = _on_engine_thread(loop, Control(engine, layouts.bring))
    control = ControlServer(settings.state.runtime_directory, answering)
    return Agent(engine, loop, control, journal, (verifying, operating, signing, asking))


def _topics(settings: Settings, host: str) -> list[str]:
    topics = settings.bus.topics
    channels = [topics.channel(each.product, each.channel) for each in settings.follow]
    return channels if settings.requests is None else [*channels, topics.requests(host)]


def _worker(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)


def _on_engine_thread(loop: Mainloop, control: Control) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        answered: Future[Mapping[str, Any]] = Future()
        loop.post(lambda: answered.set_result(control.answer(request)))
        return answered.result(ANSWER_WITHIN_S)

    return answer
