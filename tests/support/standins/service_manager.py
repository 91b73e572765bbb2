"""A stand-in for systemctl and journalctl, for machines whose first process is not systemd.

    service_manager.py CONFIG daemon-reload
    service_manager.py CONFIG restart|stop|reset-failed|is-active UNIT
    service_manager.py CONFIG show --property=A,B UNIT
    service_manager.py CONFIG journal UNIT --lines N …

It reads unit files and their drop-ins as systemd.syntax(7) and systemd.unit(5) say, and really starts and
stops what they name, with the specifiers, the variables and the start-up notification that container units
use (Type=notify, NotifyAccess=all). As with systemd, a unit that was loaded once is only read again at a
daemon-reload. What would have been restarted by `Restart=` is told as `activating (auto-restart)`.

CONFIG is a JSON file: `units`, the folders with unit files, the first wins; `state`, a folder of its own;
`runtime`, what %t stands for; `environment`, the manager's own; `programs`, what to run in place of a
program; `ignore_reload`, to forget to read units again.

Longer than 200 lines: it is a program of its own, which is run by its path.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any, TextIO

START_S = 30.0
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class Manager:
    """A service manager that lives in files between two calls."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._state = Path(config["state"])
        self._state.mkdir(exist_ok=True)

    def daemon_reload(self) -> None:
        """Forget what was loaded; it is read when it is next needed."""
        if self._config.get("ignore_reload"):
            return
        for loaded in self._state.glob("*.loaded"):
            loaded.unlink()

    def restart(self, unit: str) -> int:
        self.stop(unit)
        return self._start(unit)

    def stop(self, unit: str) -> int:
        service, status = self._load(unit), self._status(unit)
        for command in service.get("ExecStop", []) + service.get("ExecStopPost", []):
            self._run(unit, service, command).wait()
        if _lives(status.get("pid")):
            os.kill(status["pid"], signal.SIGKILL)
        self._record(unit, ActiveState="inactive", SubState="dead", Result="success", pid=None)
        return 0

    def reset_failed(self, unit: str) -> int:
        if self._status(unit).get("ActiveState") == "failed":
            self._record(unit, ActiveState="inactive", SubState="dead", Result="success")
        return 0

    def show(self, unit: str, properties: list[str]) -> int:
        service, status = self._load(unit), self._look(unit)
        told = {
            "LoadState": "loaded" if service else "not-found",
            "ActiveState": "inactive",
            "SubState": "dead",
            "Result": "success",
            "NRestarts": "0",
            "InvocationID": "",
            "Environment": " ".join(_environment(service, self._specify(unit))),
            "ExecStart": " ".join(service.get("ExecStart", [])),
            **{key: str(value) for key, value in status.items()},
        }
        for name in properties:
            _say(f"{name}={told[name]}")
        return 0

    def is_active(self, unit: str) -> int:
        state = self._look(unit).get("ActiveState", "inactive")
        _say(state)
        return 0 if state == "active" else 3

    def journal(self, unit: str, lines: int) -> int:
        log = self._log(unit)
        _say("\n".join(log.read_text().splitlines()[-lines:] if log.exists() else []))
        return 0

    def _start(self, unit: str) -> int:
        service = self._load(unit)
        if not service:
            _say(f"Failed to restart {unit}: Unit {unit} not found.", sys.stderr)
            return 5
        for command in service.get("ExecStartPre", []):
            if self._run(unit, service, command).wait() and not command.startswith("-"):
                return self._fail(unit)
        self._record(unit, InvocationID=uuid.uuid4().hex, NRestarts=0)
        place = self._state / "notify"
        place.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
            notifications.bind(str(place))
            place.chmod(0o777)  # a container of another user says that it is up
            notifications.settimeout(0.05)
            process = self._run(unit, service, service["ExecStart"][-1], NOTIFY_SOCKET=str(place))
            pid = _await_ready(process, notifications, service.get("Type", ["simple"])[-1])
        if pid is None:
            return self._fail(unit)
        self._record(unit, ActiveState="active", SubState="running", Result="success", pid=pid)
        return 0

    def _fail(self, unit: str) -> int:
        self._record(unit, ActiveState="failed", SubState="failed", Result="exit-code", pid=None)
        _say(f"Job for {unit} failed because the control process exited.", sys.stderr)
        return 1

    def _run(
        self, unit: str, service: dict[str, list[str]], command: str, **more: str
    ) -> subprocess.Popen[bytes]:
        environment = {**self._config["environment"], **more}
        for setting in _environment(service, self._specify(unit)):
            name, _, value = setting.partition("=")
            environment[name] = value
        words = [self._specify(unit)(word) for word in shlex.split(command.lstrip("-@:+!"))]
        argv = [_VARIABLE.sub(lambda found: environment.get(found[1], ""), word) for word in words]
        argv[:1] = self._config["programs"].get(argv[0], argv[:1])
        with self._log(unit).open("ab") as log:
            return subprocess.Popen(
                argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _look(self, unit: str) -> dict[str, Any]:
        """The status, after a look at whether the main process still lives."""
        status = self._status(unit)
        if status.get("ActiveState") in ("active", "activating") and not _lives(status.get("pid")):
            again = self._load(unit).get("Restart", ["no"])[-1] != "no"
            state, sub = ("activating", "auto-restart") if again else ("failed", "failed")
            restarts = status.get("NRestarts", 0) + again
            self._record(unit, ActiveState=state, SubState=sub, Result="exit-code", NRestarts=restarts)
        return {key: value for key, value in self._status(unit).items() if key != "pid"}

    def _load(self, unit: str) -> dict[str, list[str]]:
        cache = self._state / f"{unit}.loaded"
        if not cache.exists():
            cache.write_text(json.dumps(self._parse(unit)))
        loaded: dict[str, list[str]] = json.loads(cache.read_text())
        return loaded

    def _parse(self, unit: str) -> dict[str, list[str]]:
        folders = [Path(folder) for folder in self._config["units"]]
        fragments = [path for folder in folders if (path := folder / unit).exists()]
        if not fragments:
            return {}
        dropins = {
            path.name: path for folder in reversed(folders) for path in (folder / f"{unit}.d").glob("*.conf")
        }
        service: dict[str, list[str]] = {}
        for path in (fragments[0], *(dropins[name] for name in sorted(dropins))):
            _merge(service, path.read_text())
        return service

    def _specify(self, unit: str) -> Any:
        values = {"n": unit, "N": unit.removesuffix(".service"), "t": self._config["runtime"], "%": "%"}
        return lambda word: re.sub(r"%(.)", lambda found: values[found[1]], word)

    def _log(self, unit: str) -> Path:
        return self._state / f"{unit}.log"

    def _status(self, unit: str) -> dict[str, Any]:
        path = self._state / f"{unit}.status"
        status: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return status

    def _record(self, unit: str, **news: Any) -> None:
        (self._state / f"{unit}.status").write_text(json.dumps({**self._status(unit), **news}))


def _say(text: str, stream: TextIO | None = None) -> None:
    print(text, file=stream or sys.stdout)


def _merge(service: dict[str, list[str]], text: str) -> None:
    """Add what a unit file sets in [Service]; an empty value forgets what was set before."""
    section = ""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            service.setdefault(key.strip(), []).append(value.strip())
            if not value.strip():
                service[key.strip()] = []


def _environment(service: dict[str, list[str]], specify: Any) -> list[str]:
    settings = [word for line in service.get("Environment", []) for word in shlex.split(specify(line))]
    last = {setting.partition("=")[0]: setting for setting in settings}
    return list(last.values())


def _await_ready(process: subprocess.Popen[bytes], notifications: socket.socket, kind: str) -> int | None:
    """The main process's number once the service is up; None when it did not come up."""
    if kind in ("simple", "exec"):
        return process.pid
    pid, deadline = process.pid, time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            message = notifications.recv(4096).decode()
        except TimeoutError:
            if process.poll():
                return None
            continue
        told = dict(line.split("=", 1) for line in message.splitlines() if "=" in line)
        pid = int(told.get("MAINPID", pid))
        if told.get("READY") == "1":
            return pid
    return None


def _lives(pid: int | None) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def main(config: str, verb: str, *words: str) -> int:
    """Do what systemctl would do."""
    with Path(f"{config}.lock").open("a") as lock:
        # A manager is one process, which does one thing after the other, whoever has given up waiting for it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _obey(Manager(json.loads(Path(config).read_text())), verb, *words)


def _obey(manager: Manager, verb: str, *words: str) -> int:
    if verb == "daemon-reload":
        manager.daemon_reload()
        return 0
    if verb == "show":
        return manager.show(words[-1], words[0].removeprefix("--property=").split(","))
    if verb == "journal":
        return manager.journal(words[0], int(words[2]))
    verbs = {
        "restart": manager.restart,
        "stop": manager.stop,
        "reset-failed": manager.reset_failed,
        "is-active": manager.is_active,
    }
    return verbs[verb](words[-1])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
