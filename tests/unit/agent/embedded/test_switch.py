"""Switching between generations, and the command that makes the application follow."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.layouts import file
from tests.support.processes import alive
from tests.support.waiting import wait_until
from tidegate_agent.engines.embedded.generations import Generations, Pointers
from tidegate_agent.model import ImageStatus
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.agent.embedded.conftest import Site


def image(site: Site, version: str) -> str:
    return site.builder.layer([file("version", version.encode())]).build()


def running(site: Site) -> str:
    return (site.root / "current" / "rootfs" / "version").read_text()


def test_current_leads_to_the_running_tree(site: Site) -> None:
    for version in ("1", "2"):
        site.run(image(site, version))
        assert running(site) == version
    assert (site.root / "previous" / "rootfs" / "version").read_text() == "1"


def test_the_command_learns_what_is_current(site: Site, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    digest = image(site, "1")
    site.stage(digest)
    site.engine("sh", "-c", f'echo "$TIDEGATE_DIGEST $TIDEGATE_ROOTFS" > {seen}').activate(digest)
    assert seen.read_text().split() == [digest, str(site.rootfs(digest))]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("sh", "-c", "echo no such port; exit 3"), "status 3: no such port"),
        (("/nonexistent/restart",), "cannot be run: No such file"),
    ],
)
def test_a_command_that_fails_puts_everything_back(site: Site, command: tuple[str, ...], reason: str) -> None:
    first, second = image(site, "1"), image(site, "2")
    site.run(first)
    site.stage(second)
    before = site.engine().status()
    with pytest.raises(TidegateError) as caught:
        site.engine(*command).activate(second)
    assert caught.value.code is Code.ACTIVATE_FAILED
    assert reason in caught.value.reason
    assert site.engine().status() == before == ImageStatus(first, second, None)
    assert running(site) == "1"


def test_after_a_failure_the_command_is_run_for_the_old_image(site: Site, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    first, second = image(site, "1"), image(site, "2")
    site.run(first)
    site.stage(second)
    script = f'cat "$TIDEGATE_ROOTFS/version" >> {seen}; grep -q 1 "$TIDEGATE_ROOTFS/version"'
    with pytest.raises(TidegateError):
        site.engine("sh", "-c", script).activate(second)
    assert seen.read_text() == "21"


def test_a_command_that_hangs_is_ended(site: Site) -> None:
    digest = image(site, "1")
    site.stage(digest)
    with pytest.raises(TidegateError, match="was not done in") as caught:
        site.engine("sh", "-c", "read forever < /dev/zero", timeout=0.1).activate(digest)
    assert caught.value.code is Code.ACTIVATE_FAILED
    assert site.engine().status() == ImageStatus(None, digest, None)


def test_what_a_command_leaves_running_goes_on(site: Site, tmp_path: Path) -> None:
    digest = image(site, "1")
    site.stage(digest)
    script = f"sleep 600 > /dev/null 2>&1 & echo $! > {tmp_path}/child; echo started"
    site.engine("sh", "-c", script).activate(digest)
    child = int((tmp_path / "child").read_text())
    assert alive(child)
    os.kill(child, signal.SIGKILL)


def test_what_a_command_leaves_running_cannot_write_without_end(site: Site, tmp_path: Path) -> None:
    digest = image(site, "1")
    site.stage(digest)
    site.engine("sh", "-c", f"yes & echo $! > {tmp_path}/child").activate(digest)
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not alive(child), "what it writes has nowhere to go")


def test_of_what_a_command_says_the_end_is_told_without_control_characters(site: Site) -> None:
    digest = image(site, "1")
    site.stage(digest)
    script = "head -c 3000000 /dev/zero; printf '\\033[2Jthe end'; exit 1"
    with pytest.raises(TidegateError) as caught:
        site.engine("sh", "-c", script).activate(digest)
    assert caught.value.reason.endswith("[2Jthe end")
    assert len(caught.value.reason) < 2200
    assert not {"\x1b", "\0"} & set(caught.value.reason)


def test_a_command_that_a_signal_ends_has_failed(site: Site) -> None:
    digest = image(site, "1")
    site.stage(digest)
    with pytest.raises(TidegateError, match="was ended by signal 9: no output"):
        site.engine("sh", "-c", "kill -9 $$").activate(digest)


def test_a_rollback_whose_command_fails_stays(site: Site) -> None:
    first, second = image(site, "1"), image(site, "2")
    site.run(first)
    site.run(second)
    with pytest.raises(TidegateError) as caught:
        site.engine("false").rollback(first)
    assert caught.value.code is Code.ROLLBACK_FAILED
    assert site.engine().status() == ImageStatus(second, None, first)


def test_a_rollback_keeps_what_is_staged(site: Site) -> None:
    first, second, third = (image(site, version) for version in "123")
    site.run(first)
    site.run(second)
    site.stage(third)
    site.engine().rollback(first)
    assert site.engine().status() == ImageStatus(first, third, None)
    assert running(site) == "1"


def test_pointers_change_together(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    assert generations.read() == Pointers()
    generations.prepare()
    for pointers in (Pointers("a", None, "b"), Pointers("b", "a", None), Pointers()):
        generations.switch(pointers, pending=pointers.current == "b")
        assert generations.read() == pointers
        assert generations.pending == (pointers.current == "b")
    assert len(list((tmp_path / ".links").iterdir())) == 1


def test_settling_takes_the_mark_away(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    generations.prepare()
    generations.switch(Pointers("a"), pending=True)
    generations.settle()
    assert not generations.pending
    assert generations.read() == Pointers("a")
