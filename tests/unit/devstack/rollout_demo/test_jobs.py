"""Release jobs of the demo: what they say, how they end, and that a lost broker is no end."""

from __future__ import annotations

from typing import Any

from tidegate_publisher.devstack.rollout_demo.jobs import Jobs


class FakeChild:
    """A job whose end the test decides."""

    def __init__(self) -> None:
        self.status: int | None = None

    def ended(self) -> int | None:
        return self.status


class FakeRunner:
    """See Runner: what was started, and what the test has it say."""

    def __init__(self) -> None:
        self.started: list[tuple[str, list[str]]] = []
        self.children: list[FakeChild] = []
        self.said: list[dict[str, Any]] = []

    def start(self, name: str, words: list[str], patience_s: float = 10.0) -> FakeChild:
        del patience_s
        self.started.append((name, words))
        self.children.append(FakeChild())
        return self.children[-1]

    def last_documents(self, name: str) -> list[dict[str, Any]]:
        assert name == "rollout-2.0"
        return self.said


def a_job() -> tuple[FakeRunner, Jobs]:
    runner = FakeRunner()
    jobs = Jobs(runner)  # type: ignore[arg-type] # what Jobs uses of a Runner
    jobs.start("2.0", ["rollout", "run"])
    return runner, jobs


def test_the_wave_that_a_job_speaks_of_last_is_the_one_that_it_leads() -> None:
    runner, jobs = a_job()
    runner.said = [{"decision": "note"}, {"wave": "canary"}, {"wave": "early"}, {"decision": "note"}]
    jobs.look()
    assert jobs.leads == {"2.0": "early"}
    assert jobs.exits == {}


def test_what_a_job_said_last_is_heard_though_it_has_ended() -> None:
    runner, jobs = a_job()
    runner.said, runner.children[0].status = [{"wave": "early", "decision": "hold"}], 1
    jobs.look()
    assert (jobs.leads, jobs.exits) == ({"2.0": "early"}, {"2.0": 1})


def test_a_job_that_lost_its_broker_is_started_again_with_the_same_words() -> None:
    runner, jobs = a_job()
    runner.said, runner.children[0].status = [{"code": "bus.unreachable"}], 1
    jobs.look()
    assert runner.started == [("rollout-2.0", ["rollout", "run"])] * 2
    assert (jobs.restarts, jobs.exits) == (1, {})


def test_not_for_ever() -> None:
    runner, jobs = a_job()
    runner.said = [{"code": "bus.unreachable"}]
    for _ in range(20):
        runner.children[-1].status = 1
        jobs.look()
    assert (jobs.restarts, jobs.exits) == (8, {"2.0": 1})
