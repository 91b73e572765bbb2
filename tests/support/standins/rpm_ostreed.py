"""The daemon of the stand-in for rpm-ostree: one transaction at a time, in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from tests.support.standins.host import Failed, Host, alive, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_S = 0.01
_CANCEL = "\n You can cancel the current transaction with `rpm-ostree cancel`"
_METHODS = {
    "rebase": "Rebase",
    "rollback": "Rollback",
    "cleanup": "Cleanup",
    "finalize-deployment": "FinalizeDeployment",
}


def cancel(host: Host, rest: list[str]) -> None:
    """End the transaction that is under way, whosever it is."""
    running = under_way(host, host.look())
    if rest or running is None or not running["pid"]:
        raise Failed("No active transaction.")
    os.kill(running["pid"], 15)
    wait_for(lambda: not alive(running["pid"]))


def under_way(host: Host, state: dict[str, Any]) -> dict[str, Any] | None:
    """The transaction that is under way: title, D-Bus method and the process that works on it."""
    if title := state["faults"].get("busy"):
        return {"title": title, "method": "UpgradeAll", "pid": 0}
    running: dict[str, Any] | None = state.get("transaction")
    return running if running and alive(running["pid"]) and not _ended(host) else None


def transact(host: Host, title: str, work: Callable[[], None]) -> None:
    """Let the daemon do it, and say what it says until it has ended."""
    with host.change() as state:
        running = under_way(host, state)
        if running and running["title"] != title:
            raise Failed(f"Transaction in progress: {running['title']}{_CANCEL}")
        if running is None:
            (host.folder / "ended").unlink(missing_ok=True)
            (host.folder / "transcript").write_bytes(b"")
            method = _METHODS[title.partition(" ")[0]]
            state["transaction"] = {"title": title, "method": method, "pid": os.getpid()}
    pid = running["pid"] if running else os.fork()
    if not pid:
        _daemon(host, work)
    if running is None:
        with host.change() as state:
            state["transaction"]["pid"] = pid
    _relay(host, pid)


def _daemon(host: Host, work: Callable[[], None]) -> None:
    """The child: out of the client's process group, with its output in the transcript. Does not return."""
    os.setsid()
    signal.signal(signal.SIGTERM, _cancelled)
    transcript = os.open(host.folder / "transcript", os.O_WRONLY | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(transcript, descriptor)
    outcome = ""
    try:
        wait_for(lambda: host.look()["transaction"]["pid"] == os.getpid())
        work()
    except Failed as failure:
        outcome = str(failure)
    new = host.folder / "ended.new"
    new.write_text(outcome, encoding="utf-8")
    new.replace(host.folder / "ended")
    os._exit(0)


def _cancelled(*_: object) -> None:
    raise Failed("Operation was cancelled")


def _relay(host: Host, pid: int) -> None:
    with (host.folder / "transcript").open(encoding="utf-8") as transcript:
        while not _ended(host):
            if not alive(pid) and not _ended(host):
                raise Failed(
                    "Bus owner changed, aborting. This likely means the daemon crashed; "
                    "check logs with `journalctl -xe`."
                )
            say(transcript.read(), end="")
            time.sleep(_LOOK_S)
        say(transcript.read(), end="")
    if outcome := (host.folder / "ended").read_text(encoding="utf-8"):
        raise Failed(outcome)


def _ended(host: Host) -> bool:
    return (host.folder / "ended").exists()


def say(text: str, to: Any = None, end: str = "\n") -> None:
    """Print, and let it out at once."""
    print(text, file=to or sys.stdout, flush=True, end=end)
