"""Wherever an enrolment is killed, the configuration is the old or the new one, whole; it can be repeated."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.enrolling import enrol, mount, values
from tidegate_agent.config import load
from tidegate_agent.enrolment.stepwise import PREFIX

if TYPE_CHECKING:
    from pathlib import Path

WATCHED = {
    *("open", "os.chmod", "os.chown", "os.link", "os.listdir", "os.mkdir", "os.remove", "os.rename"),
    *("os.rmdir", "os.scandir", "os.utime", "shutil.rmtree", "ctypes.dlsym"),
}
"""What Python tells of before it does it (PEP 578). dlsym is asked right before the folders change places."""


def killed_at(step: int, source: Path, etc: Path) -> bool:
    """Enrol in a child that is killed before the n-th step of the writing; False when it ended earlier."""
    child = os.fork()
    if child == 0:
        seen = -1

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal seen
            if (
                event == "tempfile.mkdtemp"
                and PREFIX in str(arguments[0])
                and str(etc.parent) in str(arguments[0])
            ):
                seen = 0
            elif seen >= 0 and event in WATCHED:
                seen += 1
                if seen == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        os._exit(enrol(source, "--into", etc).status)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        return False
    return os.WTERMSIG(status) == signal.SIGKILL


def state(etc: Path) -> tuple[str, str | None]:
    settings = load((etc,)).settings
    return settings.log.level, settings.bus.read_password()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_step(tmp_path: Path) -> None:
    content = values(tmp_path / "pki")
    etc, old, new = tmp_path / "etc" / "tidegate", ("info", "old"), ("debug", "new")
    sources = {
        pair: mount(
            tmp_path / pair[1],
            content
            | {"50-log.toml": f'[log]\nlevel = "{pair[0]}"\n'.encode(), "bus-password": pair[1].encode()},
        )
        for pair in (old, new)
    }
    found: list[tuple[str, str | None]] = []
    step = 0
    while True:
        step += 1
        assert enrol(sources[old], "--into", etc, "--force").status == 0
        (etc / "device.key").write_text("mine")
        killed = killed_at(step, sources[new], etc)
        found.append(state(etc))
        assert found[-1] in (old, new)
        assert (etc / "device.key").read_text() == "mine"
        if not killed:
            break
    # Both came up, in this order, and once only did it change.
    assert found == sorted(found, key=lambda each: each == new)
    assert {old, new} == set(found)
    assert len(found) > 30
    assert [each.name for each in etc.parent.iterdir()] == ["tidegate"]
