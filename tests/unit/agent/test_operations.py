"""The slow work: whatever an engine does, the machine hears exactly one fitting word."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fakes.engine import FakeEngine
from tests.fakes.guard import FakeBootGuard
from tests.fakes.health import SICK, FakeHealth
from tests.fakes.host import FakeHost
from tests.fakes.journal import FakeJournal
from tests.fakes.signatures import FakeImageSignatures
from tests.fakes.verifier import FakeVerifier
from tests.support.updates import NEW, NEWER, OLD, a_target
from tidegate_agent.errors import EngineError, RefusedError
from tidegate_agent.model import (
    Capabilities,
    Failure,
    Follow,
    Health,
    ImageTarget,
    StageProgress,
    StageResult,
)
from tidegate_agent.operations import Operations
from tidegate_agent.update.events import (
    Activated,
    ActivateFailed,
    Event,
    Progressed,
    Proved,
    RollbackFailed,
    RolledBack,
    StageDone,
    StageFailed,
)
from tidegate_agent.warrant import Warrant
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable


class Chatty(FakeEngine):
    """Tells progress as often as it is told to, and stages what it likes."""

    def __init__(self, percents: list[int], found: str = NEW) -> None:
        super().__init__(OLD)
        self._percents = percents
        self._found = found

    def stage(
        self,
        target: ImageTarget,  # noqa: ARG002 - as the port has it
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],  # noqa: ARG002 - as the port has it
    ) -> StageResult:
        for percent in self._percents:
            progress(StageProgress(percent, percent, 100))
        return StageResult(self._found, 100, 1, 0)


class Broken(FakeEngine):
    """Breaks in a way that no port foresees."""

    def stage(self, *_: object) -> StageResult:
        raise KeyError("layers")


def operations(
    engine: FakeEngine,
    host: FakeHost | None = None,
    signatures: FakeImageSignatures | None = None,
    guard: FakeBootGuard | None = None,
) -> Operations:
    warrant = Warrant(Follow("os", "stable"), FakeVerifier(), FakeJournal())
    return Operations(
        engine=engine,
        signatures=signatures or FakeImageSignatures(),
        warrant=warrant,
        health=FakeHealth(SICK),
        host=host or FakeHost(),
        guard=guard or FakeBootGuard(),
        arch="amd64",
    )


def staged(engine: FakeEngine, *, cancelled: bool = False) -> tuple[Event | None, list[Event]]:
    told: list[Event] = []
    return operations(engine).stage(a_target(), told.append, lambda: cancelled), told


def test_progress_is_told_at_every_quarter_once() -> None:
    done, told = staged(Chatty([0, 1, 24, 25, 26, 30, 49, 50, 50, 40, 74, 99, 100]))
    assert told == [Progressed(NEW, 25, 25), Progressed(NEW, 50, 50), Progressed(NEW, 75, 99)]
    assert done == StageDone(NEW, NEW, 100)


def test_what_the_engine_found_is_told_and_not_what_it_was_asked() -> None:
    assert staged(Chatty([], found=NEWER))[0] == StageDone(NEW, NEWER, 100)


def test_a_cancelled_staging_says_nothing_more() -> None:
    assert staged(FakeEngine(OLD), cancelled=True)[0] is None


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (EngineError(Code.STAGE_FAILED, "x"), True),
        (EngineError(Code.IMAGE_UNREACHABLE, "x"), True),
        (EngineError(Code.DISK_IO, "x"), True),
        (EngineError(Code.DISK_FULL, "x"), False),
        (EngineError(Code.DISK_FULL, "x", retryable=True), True),
        (EngineError(Code.IMAGE_NOT_FOUND, "x"), False),
        (RefusedError(Code.IMAGE_HOSTILE, "x"), False),
        (TidegateError(Code.IMAGE_DIGEST_MISMATCH, "x"), False),
    ],
    ids=str,
)
def test_a_failure_to_stage_keeps_its_code(error: TidegateError, *, retryable: bool) -> None:
    engine = FakeEngine(OLD)
    engine.fail("stage", error)
    failed, _ = staged(engine)
    assert isinstance(failed, StageFailed)
    assert (failed.asked, failed.failure.code, failed.retryable) == (NEW, error.code, retryable)


@pytest.mark.parametrize(
    ("code", "retryable"),
    [
        (Code.IMAGE_UNSIGNED, True),
        (Code.IMAGE_UNREACHABLE, True),
        (Code.VERIFY_FAILED, True),
        (Code.TRUST_ROOT_MISSING, True),
        (Code.IMAGE_SIGNATURE, False),
        (Code.IMAGE_SIGNATURE_FORMAT, False),
    ],
)
def test_what_is_not_signed_is_not_fetched(code: Code, *, retryable: bool) -> None:
    engine, signatures = FakeEngine(OLD), FakeImageSignatures()
    signatures.fail(RefusedError(code, "x"))
    failed = operations(engine, signatures=signatures).stage(a_target(), lambda _: None, lambda: False)
    assert isinstance(failed, StageFailed)
    assert (failed.failure.code, failed.retryable, engine.calls) == (code, retryable, [])


def test_a_cancel_is_heard_while_signatures_are_looked_for() -> None:
    engine, signatures, cancelled = FakeEngine(OLD), FakeImageSignatures(), threading.Event()
    signatures.halfway = cancelled.set
    told = operations(engine, signatures=signatures).stage(a_target(), lambda _: None, cancelled.is_set)
    assert (told, signatures.asked, engine.calls) == (None, [NEW], [])


def test_what_nobody_foresaw_is_a_failure_too() -> None:
    failed, _ = staged(Broken(OLD))
    assert isinstance(failed, StageFailed)
    assert failed.failure.code is Code.STAGE_FAILED
    assert failed.failure.reason == "KeyError: 'layers'"


def test_the_digest_is_looked_at_again_before_activation() -> None:
    engine = FakeEngine(OLD)
    failed = operations(engine).activate(NEW)
    assert isinstance(failed, ActivateFailed)
    assert failed.failure.code is Code.IMAGE_DIGEST_MISMATCH
    assert engine.calls == []


def test_what_is_staged_is_activated() -> None:
    for reboots in (False, True):
        engine = FakeEngine(OLD, reboots=reboots)
        staged(engine)
        assert operations(engine).activate(NEW) == Activated(reboots)


@pytest.mark.parametrize("method", ["status", "activate"])
def test_a_failure_to_activate_keeps_its_code(method: str) -> None:
    engine = FakeEngine(OLD)
    staged(engine)
    engine.fail(method, EngineError(Code.ACTIVATE_REFUSED, "another update is in progress"))
    failed = operations(engine).activate(NEW)
    assert isinstance(failed, ActivateFailed)
    assert failed.failure.code is Code.ACTIVATE_REFUSED


def test_the_way_back() -> None:
    engine = FakeEngine(OLD)
    staged(engine)
    operations(engine).activate(NEW)
    assert operations(engine).rollback(OLD) == RolledBack(reboot_required=False)
    failed = operations(engine).rollback(NEWER)
    assert isinstance(failed, RollbackFailed)
    assert failed.failure.code is Code.ROLLBACK_FAILED


def test_a_failure_to_discard_is_no_event() -> None:
    engine = FakeEngine(OLD)
    engine.fail("discard", EngineError(Code.DISK_IO, "read-only"))
    operations(engine).discard()
    assert engine.calls == ["discard"]


def test_health_is_told_as_it_was_found() -> None:
    assert operations(FakeEngine(OLD)).prove() == Proved(SICK)


def test_a_reboot_is_asked_for_or_its_refusal_told() -> None:
    host = FakeHost()
    assert operations(FakeEngine(OLD), host).reboot("update to 2") is None
    assert host.reboots == ["update to 2"]
    host.refusal = "a shutdown is inhibited"
    failed = operations(FakeEngine(OLD), host).reboot("update to 2")
    assert isinstance(failed, ActivateFailed)
    assert failed.failure.code is Code.ACTIVATE_REFUSED


# The boot guard


FALLBACK = ("bootc", "rollback")
LATE = Failure(Code.BOOT_DEADLINE, "no word from the agent")


class Rebooting(FakeEngine):
    """An engine whose images come with a reboot, and which knows a way back without the agent."""

    def __init__(self) -> None:
        super().__init__(OLD, reboots=True)

    def capabilities(self) -> Capabilities:
        return Capabilities(reboots=True, fallback=FALLBACK)


def ready(engine: FakeEngine) -> FakeEngine:
    engine.stage(ImageTarget(NEW, (), "amd64"), lambda _: None, lambda: False)
    return engine


def test_a_guard_watches_what_comes_with_a_reboot() -> None:
    guard = FakeBootGuard()
    assert operations(ready(Rebooting()), guard=guard).activate(NEW) == Activated(reboot_required=True)
    assert guard.armed == (NEW, FALLBACK)


def test_no_guard_watches_what_runs_at_once() -> None:
    guard = FakeBootGuard()
    operations(ready(FakeEngine(OLD)), guard=guard).activate(NEW)
    assert guard.armed is None


def test_nothing_is_rebooted_into_that_no_guard_watches() -> None:
    guard = FakeBootGuard()
    guard.refusal = EngineError(Code.ACTIVATE_FAILED, "read-only file system")
    failed = operations(ready(Rebooting()), guard=guard).activate(NEW)
    assert failed == ActivateFailed(Failure(Code.ACTIVATE_FAILED, "read-only file system"))


def test_the_guards_word_is_passed_on_and_its_faults_are_not() -> None:
    guard = FakeBootGuard()
    guard.went_off = LATE
    assert operations(FakeEngine(OLD), guard=guard).guard_fired() == LATE

    class Unreadable(FakeBootGuard):
        def fired(self) -> Failure | None:
            raise OSError("input/output error")

        def disarm(self) -> None:
            raise OSError("input/output error")

    broken = operations(FakeEngine(OLD), guard=Unreadable())
    broken.disarm()
    assert broken.guard_fired() is None


@pytest.mark.parametrize(
    ("code", "retryable"),
    [(Code.ENGINE_BUSY, True), (Code.ENGINE_TIMEOUT, True), (Code.ACTIVATE_FAILED, False)],
)
def test_a_busy_tool_is_asked_again_and_a_failing_image_is_not(code: Code, *, retryable: bool) -> None:
    engine = ready(FakeEngine(OLD))
    engine.fail("activate", EngineError(code, "x", retryable=True))
    assert operations(engine).activate(NEW) == ActivateFailed(Failure(code, "x"), retryable)


def test_a_refused_reboot_is_asked_for_again() -> None:
    host = FakeHost()
    host.refusal = "a backup is running"
    refused = operations(FakeEngine(OLD), host).reboot("kiosk 2.0")
    assert refused == ActivateFailed(Failure(Code.ACTIVATE_REFUSED, "a backup is running"), retryable=True)


class Well(FakeHealth):
    """Everything works."""

    def run(self) -> Health:
        return Health(())


def test_what_works_is_no_longer_watched() -> None:
    guard = FakeBootGuard()
    guard.arm(NEW, FALLBACK)
    proved = replace(operations(FakeEngine(OLD), guard=guard), health=Well()).prove()
    assert proved == Proved(Health(()))
    assert guard.armed is None


def test_nothing_is_called_good_that_the_guard_is_leaving() -> None:
    class Decided(FakeBootGuard):
        def disarm(self) -> None:
            """Too late."""

    guard = Decided()
    guard.went_off = LATE
    proved = replace(operations(FakeEngine(OLD), guard=guard), health=Well()).prove()
    assert isinstance(proved, Proved)
    assert not proved.health.ok
    assert proved.health.reason == "boot guard: no word from the agent"


def test_a_failure_to_activate_tells_whether_the_image_runs_all_the_same() -> None:
    """A hook of an agent that was killed may still hold the engine's lock."""
    busy = EngineError(Code.ENGINE_BUSY, "a hook still runs", retryable=True)
    for current, runs in ((NEW, True), (OLD, False)):
        engine = FakeEngine(current)
        engine.disk.status = replace(engine.disk.status, staged=None if runs else NEW)
        engine.fail("activate", busy)
        failed = operations(engine).activate(NEW)
        assert isinstance(failed, ActivateFailed)
        assert (failed.runs, failed.retryable) == (runs, True)
