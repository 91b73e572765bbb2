"""Pages of docs/ are run as they stand: every `sh` block, in order, in one shell, in a home of their own.

A page may say three things about a block, for its reader and for this module alike:

- a `text` block right behind it is what it prints: these lines, in this order, among others; `…` is any text
- a line `*Needs NAME …*` above it: it is run where the program is installed, and in CI it has to be
- a line `*Not run by the tests: REASON*` above it

Nothing of a page is changed but its TCP ports.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import find_program
from tests.support.brokers import free_port
from tests.support.documents import DOCS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PORTS = ("1883", "4222", "5000", "5557", "8100")
"""The ports that pages use, each of which becomes a free one."""

INSTALLED_AS = {"cosign": "cosign3"}
"""Programs that tests have under another name than people."""

_BLOCK = re.compile(
    r"(?:^\*(?P<remark>(?:Needs|Not run by the tests:) .+?)\*\n\n?)?"
    r"^```sh\n(?P<script>.*?)^```\n"
    r"(?:\n?(?:[^\n`]{0,120}:\n\n)?^```text\n(?P<printed>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_MARK = "\x1e"


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Attributes:
        script: what is typed.
        printed: what the page says that it prints.
        needs: the program that it needs beside those that every test has.
        not_run: why it is not run.
    """

    script: str
    printed: str = ""
    needs: str = ""
    not_run: str = ""

    @property
    def runs_here(self) -> bool:
        """Whether it can be run; what CI lacks is a failure and not an excuse."""
        if self.not_run:
            return False
        program = INSTALLED_AS.get(self.needs, self.needs)
        return not program or find_program(program) is not None or bool(os.environ.get("CI"))


def blocks(page: str) -> list[Block]:
    """The shell blocks of a page of docs/, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = [_block(match) for match in _BLOCK.finditer(text)]
    assert len(found) == text.count("```sh\n"), f"{page} has a block that is not understood"
    return found


def _block(match: re.Match[str]) -> Block:
    remark = match["remark"] or ""
    needs, reason = re.match(r"Needs `?([\w-]+)", remark), remark.partition("Not run by the tests: ")[2]
    return Block(match["script"], match["printed"] or "", needs[1] if needs else "", reason)


@dataclass(frozen=True)
class Transcript:
    """What became of a page.

    Attributes:
        page: its name.
        blocks: those that were run.
        outputs: what each of them printed.
    """

    page: str
    blocks: tuple[Block, ...]
    outputs: tuple[str, ...]

    def surprises(self) -> list[str]:
        """Blocks that did not print what the page says."""
        both = zip(self.blocks, self.outputs, strict=True)
        return [f"{one.script}\nprinted\n{out}" for one, out in both if not prints(out, one.printed)]


def prints(output: str, expected: str) -> bool:
    """Whether the expected lines stand in the output in this order; `…` is any text."""
    lines = iter(output.splitlines())
    return all(any(_fits(line, each) for line in lines) for each in expected.splitlines() if each)


def _fits(line: str, expected: str) -> bool:
    parts = (re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(".*?".join(parts), line.strip()) is not None


def run_page(page: str, home: Path, environment: Mapping[str, str] | None = None) -> Transcript:
    """Run a page's blocks in order, with bash, and stop at the first command that fails."""
    chosen = tuple(block for block in blocks(page) if block.runs_here)
    marked = (f"printf '{_MARK}'\n{block.script}" for block in chosen)
    ports = {port: str(free_port()) for port in PORTS}
    output = run_shell(with_ports("\n".join(marked), ports), home, environment)
    shown = tuple(
        Block(with_ports(one.script, ports), with_ports(one.printed, ports), one.needs) for one in chosen
    )
    return Transcript(page, shown, tuple(output.split(_MARK)[1:]))


def with_ports(text: str, ports: Mapping[str, str]) -> str:
    """The same with other ports."""
    return re.sub(rf"(?<=[:\s])({'|'.join(ports)})(?!\d)", lambda match: ports[match[1]], text)


def run_shell(script: str, home: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a script with job control, in a home of its own; nothing that it started outlives it.

    Args:
        script: for bash, which ends at the first command that fails.
        home: its HOME, and the folder it begins in.
        environment: more variables.
    """
    tools = home / ".tools"
    tools.mkdir()
    for name, real in INSTALLED_AS.items():
        if found := find_program(real):
            (tools / name).symlink_to(found)
    places = [str(Path(sys.executable).parent), str(tools), os.environ["PATH"]]
    path = home / ".script.sh"
    path.write_text(f"set -m\n{script}", encoding="utf-8")
    with subprocess.Popen(
        ["/bin/bash", "-e", path],
        cwd=home,
        env={"HOME": str(home), "PATH": os.pathsep.join(places), "LANG": "C.UTF-8", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            output, _ = shell.communicate(timeout=240)
        except subprocess.TimeoutExpired:
            _end_session(shell.pid)
            output, _ = shell.communicate()
        finally:
            _end_session(shell.pid)
    assert shell.returncode == 0, f"status {shell.returncode}\n{output}\n{_logs(home)}"
    return output


def _end_session(session: int) -> None:
    """End what the script left running: with job control each job is a process group, but all one session."""
    for process in _of_session(session):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _of_session(session: int) -> Iterator[int]:
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[3]) == session:  # proc(5): the sixth field, of which the first two stand before ")"
            yield int(place.parent.name)


def _logs(home: Path) -> str:
    """The ends of the logs that the page's services wrote."""
    return "\n".join(f"--- {log.name}\n{log.read_text()[-1500:]}" for log in sorted(home.glob("*/*.log")))
