"""The commands that README.md and docs/rollouts.md begin with are run as they stand, on a simulated fleet.

Nothing of them is changed but the broker's address, the page's port and the sequence that is approved.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import MosquittoBroker, free_port
from tests.support.documents import DOCS
from tests.support.layouts import ImageBuilder, file
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real("mosquitto")

PAGE, BROKER = "127.0.0.1:8080", "mqtts://broker.example:8883"
HOSTS = 12
RELEASE = """\
product: os
channel: stable
image: oci:{layout}:1
version: "1.2"
rollout:
  seed: a-seed
  waves:
    - {{name: canary, fraction: 25%}}
    - {{name: everybody, gate: {{approval: {approval}}}}}
gate: {{soak: 1s, minimum_hosts: 0, silence: {{after: 1m}}, dropouts: {{after: 1m}}}}
"""
WAIT_S = 120.0


def first_block(page: Path, heading: str) -> list[str]:
    """The lines of the first shell block below a heading."""
    below = page.read_text(encoding="utf-8").partition(f"{heading}\n")[2]
    found = re.search(r"```sh\n(.*?)```", below, re.DOTALL)
    assert found is not None
    return found[1].splitlines()


@dataclass
class Shell:
    """Runs lines of a page, each in a shell that has said its `export` line.

    Attributes:
        folder: where they run.
        lines: the block.
        instead: what stands in the place of what a page cannot know.
    """

    folder: Path
    lines: list[str]
    instead: dict[str, str] = field(default_factory=dict)

    def line(self, beginning: str) -> str:
        """The one line of the block that begins so, as it can be run here."""
        (found,) = [line for line in self.lines if line.startswith(beginning)]
        for there, here in self.instead.items():
            found = found.replace(there, here)
        return found

    def words(self, command: str) -> list[str]:
        """For a process of its own."""
        return ["/bin/bash", "-c", f"{self.line('export ')}\nexec {command}"]

    def run(self, command: str) -> str:
        """Run a command to its end, which has to be good; what it printed."""
        done = subprocess.run(
            self.words(command),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def running(self, command: str, ends_with: int, *, by_itself: bool = False) -> Iterator[Path]:
        """A command that goes on until it ends by itself, or by Ctrl-C; and where it writes."""
        said = self.folder / f"{len(list(self.folder.iterdir()))}.said"
        with (
            said.open("wb") as file,
            subprocess.Popen(
                self.words(command), cwd=self.folder, env=self.environment, stdout=file, stderr=file
            ) as process,
        ):
            try:
                yield said
                if not by_itself:
                    process.send_signal(signal.SIGINT)
                assert process.wait(WAIT_S) == ends_with, f"{command}\n{said.read_text()}"
            finally:
                process.kill()

    @property
    def environment(self) -> dict[str, str]:
        """A home, and a key to sign with: no CI is here, and nobody at a browser."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.folder), "TIDEGATE_KEY": "release.key"}


@contextlib.contextmanager
def a_fleet(folder: Path, lines: list[str], *, approval: bool) -> Iterator[Shell]:
    """A broker with simulated hosts, and what the pages take for given: a release and whom hosts trust."""
    layout = folder / "layout"
    ImageBuilder(layout).layer([file("etc/os-release", b"VERSION=1")]).build(tag="1")
    with MosquittoBroker(folder) as broker:
        shell = Shell(folder, lines, {BROKER: broker.url, PAGE: f"127.0.0.1:{free_port()}"})
        made = shell.run("tidegate keygen release")
        (folder / "signers.toml").write_text(made[made.index("[[signers]]") :])
        text = RELEASE.format(layout=layout, approval=str(approval).lower())
        (folder / "release.yaml").write_text(text)
        with shell.running(f"tidegate dev fleet os/stable --hosts {HOSTS} --speed 100", 0):
            wait_until(lambda: len(known(shell)) == HOSTS, "every host has told its status", WAIT_S)
            yield shell


def known(shell: Shell) -> list[str]:
    told = map(json.loads, shell.run("tidegate fleet --json").splitlines())
    return [one["host"] for one in told if one["type"] == "host"]


def test_the_readmes_commands_work_as_they_stand(tmp_path: Path) -> None:
    lines = first_block(DOCS.parent / "README.md", "## From one canary to the whole fleet")
    with a_fleet(tmp_path, lines, approval=False) as shell:
        commands = [line for line in lines if line.startswith("tidegate ")]
        assert len(commands) == 6
        page = shell.instead[PAGE]
        with shell.running(shell.line("tidegate collect"), 0) as collected:
            wait_until(lambda: page in collected.read_text(), "the page is served", WAIT_S)
            assert "canary" in shell.run(shell.line("tidegate rollout plan"))
            with shell.running(shell.line("tidegate watch"), 130) as watched:
                assert "wave everybody  done" in shell.run(shell.line("tidegate rollout run"))
                wait_until(lambda: f"{HOSTS} of {HOSTS}" in watched.read_text(), "all are done", WAIT_S)
            shell.run(shell.line("tidegate fleet"))
            with urllib.request.urlopen(f"http://{page}/healthz", timeout=30) as answer:
                assert answer.status == 200
        shell.run(shell.line("tidegate report"))
    assert "1.2" in (tmp_path / "report.html").read_text()


def test_the_readme_installs_what_its_commands_need() -> None:
    lines = first_block(DOCS.parent / "README.md", "## From one canary to the whole fleet")
    (extra,) = re.findall(r"pip install 'tidegate\[(\w+)\]'", "\n".join(lines))
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]
    needed = " ".join(project["optional-dependencies"][extra])
    for library in ("textual", "sqlalchemy", "fastapi", "matplotlib"):
        assert library in needed


def test_the_rollouts_pages_commands_work_as_they_stand(tmp_path: Path) -> None:
    lines = first_block(DOCS / "rollouts.md", "# Rollouts")
    with a_fleet(tmp_path, lines, approval=True) as shell:
        assert "opens when a person has approved it" in shell.run(shell.line("tidegate rollout plan"))
        with shell.running(shell.line("tidegate rollout run"), 0, by_itself=True) as led:
            wait_until(lambda: "waits for approval" in led.read_text(), "it waits for a person", WAIT_S)
            assert "canary" in shell.run(shell.line("tidegate rollout status"))
            stands = json.loads(shell.run("tidegate rollout status os/stable --json"))["sequence"]
            approve = shell.line("tidegate rollout approve")
            assert shlex.split(approve)[-2:] == ["--expect-sequence", "44"]
            shell.run(approve.replace(" 44", f" {stands}"))
