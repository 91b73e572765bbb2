"""A simulated fleet on a real broker, and the real `tidegate rollout run` beside it, signing with a key pair.

with RolloutSite(tmp_path, broker.url, hosts=20) as site:
    site.release("1.0", waves)
    run = site.begin("--run-id", "one")
    run.wait_for("ask-approval")
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.support.publisher import Ran
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCRIPT = Path(sys.executable).with_name("tidegate")
QUICK = {"soak": "1s", "timeout": "5m", "widen_every": "1s"}


@dataclass
class Running:
    """A run in a process of its own, and the JSON lines that it writes."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it has told so far; a line that is only half there is left out."""
        text = self.output.read_text()
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def wait_for(self, decision: str, wave: str | None = None) -> dict[str, Any]:
        """The first line with this decision, about this wave."""

        def found() -> dict[str, Any] | None:
            return next(
                (
                    one
                    for one in self.lines
                    if one.get("decision") == decision and wave in {None, one.get("wave")}
                ),
                None,
            )

        wait_until(
            lambda: found() is not None or self.process.poll() is not None, f"the run says {decision}", 60
        )
        line = found()
        assert line is not None, self.output.read_text()
        return line

    def end(self) -> tuple[int, dict[str, Any]]:
        """Its exit status, and its last line."""
        status = self.process.wait(120)
        return status, self.lines[-1]

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> tuple[int, dict[str, Any]]:
        """Press Ctrl-C, or send another signal; its exit status, and its last line."""
        self.process.send_signal(number)
        return self.end()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.wait(30)


@contextlib.contextmanager
def _sigint_for_children() -> Iterator[None]:
    """What a shell starts in the background ignores SIGINT, and so would all that we start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class RolloutSite:
    """See the module's docstring. A context manager.

    Args:
        folder: holds everything.
        broker: its URL.
        hosts: how many are simulated.
        behave: what is wrong with them, as `tidegate dev fleet --behave` takes it.
    """

    def __init__(self, folder: Path, broker: str, hosts: int, behave: Sequence[str] = ()) -> None:
        self.folder = folder
        self.broker = broker
        self._hosts = hosts
        self._behave = behave
        self._runs: list[Running] = []

    def __enter__(self) -> Self:
        assert self.run("keygen", "release").status == 0
        (self.folder / "signers.toml").write_text('[[signers]]\nname = "release"\nkey = "release.pub"\n')
        words = [word for one in self._behave for word in ("--behave", one)]
        fleet = (
            "dev",
            "fleet",
            "os/stable",
            "--hosts",
            str(self._hosts),
            "--speed",
            "400",
            "--processes",
            "1",
        )
        with (self.folder / "fleet.log").open("wb") as log:
            self._fleet = subprocess.Popen(
                [SCRIPT, *fleet, *words, "--no-progress", "--quiet"],
                cwd=self.folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: self._known() == self._hosts, "the fleet is there", 60)
        return self

    def __exit__(self, *_: object) -> None:
        self._fleet.terminate()
        self._fleet.wait(30)
        for one in self._runs:
            with contextlib.suppress(ProcessLookupError):
                one.kill()

    def run(self, *words: str) -> Ran:
        """Run `tidegate` to its end."""
        done = subprocess.run(
            [SCRIPT, *words],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def release(self, version: str, waves: Sequence[dict[str, Any]], **gate: Any) -> None:
        """Write release.yaml."""
        content = {
            "product": "os",
            "channel": "stable",
            "image": "registry.example/os@sha256:" + version.replace(".", "").rjust(64, "0"),
            "version": version,
            "gate": {**QUICK, **gate},
            "rollout": {"seed": f"seed of {version}", "waves": list(waves)},
        }
        (self.folder / "release.yaml").write_text(json.dumps(content))

    def begin(self, *words: str) -> Running:
        """Start `tidegate rollout run release.yaml`."""
        output = self.folder / f"run-{len(self._runs)}.jsonl"
        with output.open("wb") as file, (self.folder / "runs.log").open("ab") as log, _sigint_for_children():
            process = subprocess.Popen(
                [SCRIPT, "rollout", "run", "release.yaml", "--no-check-image", "--json", *words],
                cwd=self.folder,
                env=self._environment,
                stdout=file,
                stderr=log,
            )
        self._runs.append(Running(process, output))
        return self._runs[-1]

    def lead(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Run `tidegate rollout run release.yaml` to its end."""
        return self.begin(*words).end()

    def channel(self) -> dict[str, Any]:
        """What the channel holds, verified."""
        ran = self.run("verify", "--bus", "os/stable", "--json")
        assert ran.status == 0, ran.stdout + ran.stderr
        found: dict[str, Any] = ran.document
        return found

    def _known(self) -> int:
        assert self._fleet.poll() is None, (self.folder / "fleet.log").read_text()[-2000:]
        self.release("0.1", ())
        ran = self.run("rollout", "plan", "release.yaml", "--json")
        return (
            sum(wave["known"] - wave["offline"] for wave in ran.document["waves"]) if ran.status == 0 else 0
        )

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(self.folder),
            "TIDEGATE_BROKER": self.broker,
            "TIDEGATE_KEY": "release.key",
            "TIDEGATE_KEY_PASSWORD": "of the test",
            "TIDEGATE_SIGNERS": "signers.toml",
        }
