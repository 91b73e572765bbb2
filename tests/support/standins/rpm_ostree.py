"""Stands in for rpm-ostree, with its daemon, on a simulated host (see `host`).

Faithful to rpm-ostree 2026 in what an engine can stumble over:

- A client only asks. The work is the daemon's, in a process of its own: a client that is killed leaves it at
  work. A client that asks for the same joins it, any other is told that a transaction is in progress.
- `rebase` to the reference that the first deployment has fails: old and new refs are equal.
- What others layered is kept: the new deployment takes its packages from the first one, booted or not.
- `rollback` is a toggle over positions in the list, and fails when something is staged.
- `cleanup -p` removes every deployment before the booted one, also one that a rollback queued.
- `finalize-deployment` reboots.
- The daemon reports `finalization-locked` as it was when it last read the disk.

Faults by name: `busy` (a title: somebody else's transaction), `daemon` (so many calls end with D-Bus's
timeout), `garbage` (status prints something else), `driver` (another update agent is registered), `crash`
(the daemon dies at the first layer), `manifest` (the error instead of a manifest), `unbootable`; and those of
`host`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from tests.support.standins.host import Failed, Host, deployment
from tests.support.standins.rpm_ostreed import cancel, say, transact, under_way

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_OS_PATH = "/org/projectatomic/rpmostree1/default"
_EQUAL = "Old and new refs are equal: {}"


def main(folder: Path, arguments: list[str]) -> int:
    """Run one command; its exit status."""
    host = Host(folder)
    command, *rest = arguments or ["help"]
    try:
        _connect(host)
        _COMMANDS[command](host, rest)
    except Failed as failure:
        say(f"error: {failure}", sys.stderr)
        return 1
    except KeyError:
        say(f"error: Unknown command '{command}'", sys.stderr)
        return 1
    return 0


def _connect(host: Host) -> None:
    if host.count_down("daemon"):
        raise Failed(
            "Loading sysroot: Failed to invoke RegisterClient: GDBus.Error:"
            "org.freedesktop.DBus.Error.TimedOut: Failed to activate service "
            "'org.projectatomic.rpmostree1': timed out (service_start_timeout=25000ms)"
        )


def _status(host: Host, rest: list[str]) -> None:
    state = host.look()
    if rest == ["--pending-exit-77"]:
        first = state["staged"] or state["deployments"][0]
        sys.exit(77 if first["id"] != state["booted"] else 0)
    if rest != ["--json"]:
        raise Failed("the stand-in knows --json and --pending-exit-77")
    if state["faults"].get("garbage"):
        say("State: idle\nDeployments:")
        return
    order = [*([state["staged"]] if state["staged"] else []), *state["deployments"]]
    running = under_way(host, state)
    document = {
        "deployments": [_deployment(state, one) for one in order],
        "transaction": [running["method"], ":1.42", _OS_PATH] if running else None,
        "cached-update": None,
        "update-driver": None,
    }
    say(json.dumps(document, indent=2))


def _deployment(state: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    staged = state["staged"] is not None and one["id"] == state["staged"]["id"]
    told: dict[str, Any] = {
        "id": one["id"],
        "osname": one.get("osname", "default"),
        "checksum": one["checksum"],
        "serial": 0,
        "booted": one["id"] == state["booted"],
        "staged": staged,
        "pinned": one["pinned"],
        "unlocked": "none",
        "requested-packages": one.get("packages", []),
        "requested-local-packages": [],
        "requested-base-removals": one.get("removals", []),
        "regenerate-initramfs": False,
        "packages": one.get("packages", []),
        "base-removals": [],
        "base-local-replacements": [],
        "base-remote-replacements": {},
    }
    if staged and state.get("told_locked"):
        told["finalization-locked"] = True
    if one["reference"].startswith("ostree-"):
        told["container-image-reference"] = one["reference"]
        told["container-image-reference-digest"] = one["manifest"]
    else:
        told["origin"] = one["reference"]
    if told["packages"]:
        told["base-checksum"] = one["manifest"].removeprefix("sha256:")
    return told


def _rebase(host: Host, rest: list[str]) -> None:
    options = [word for word in rest if word.startswith("--")]
    references = [word for word in rest if not word.startswith("--")]
    if unknown := set(options) - {"--lock-finalization", "--bypass-driver", "--disallow-downgrade"}:
        raise Failed(f"Unknown option {min(unknown)}")
    if (driver := host.look()["faults"].get("driver")) and "--bypass-driver" not in options:
        raise Failed(
            f"Updates and deployments are driven by {driver} ({driver.lower()}.service)\n"
            f"See {driver}'s documentation\n"
            f"Use --bypass-driver to bypass {driver} and perform the operation anyways"
        )
    reference, locked = references[0], "--lock-finalization" in options
    transact(host, f"rebase {' '.join(rest)}", lambda: _import(host, reference, locked=locked))
    say('Changes queued for next boot. Run "systemctl reboot" to start a reboot')


def _import(host: Host, reference: str, *, locked: bool) -> None:
    """What the daemon does for a rebase."""
    state = host.look()
    first = state["staged"] or state["deployments"][0]
    if first["reference"] == reference:
        raise Failed(_EQUAL.format(reference))
    say(f"Pulling manifest: {reference}")
    image = _open(host, state, reference)
    _fetch(host, reference, image)
    say("Checking out tree 0123456... done")
    packages = first.get("packages", [])
    if packages:
        say("Resolving dependencies... done")
    more = {"packages": packages, "removals": first.get("removals", [])}
    new = deployment(reference, image["manifest"], [one["digest"] for one in image["layers"]], **more)
    say("Staging deployment... done")
    host.stage(new, locked=locked)
    with host.change() as state:
        _read_disk(host, state)
        host.prune(state)


def _open(host: Host, state: dict[str, Any], reference: str) -> dict[str, Any]:
    name, _, digest = reference.partition("@")
    image = host.find(digest)
    error = state["faults"].get("manifest")
    if image is None:
        error = f"reading manifest {digest} in {name.rpartition(':')[2].lstrip('/')}: manifest unknown"
    if error or image is None:
        raise Failed(
            f"Creating importer: Failed to invoke skopeo proxy method OpenImage: remote error: {error}"
        )
    if state["faults"].get("unbootable"):
        raise Failed("Preparing import: Fetching manifest: Target image does not have ostree.bootable label")
    return image


def _read_disk(host: Host, state: dict[str, Any]) -> None:
    """The daemon reads what it will report from now on."""
    state["told_locked"] = bool(state["staged"]) and host.lock_file.exists()


def _fetch(host: Host, reference: str, image: dict[str, Any]) -> None:
    missing = host.missing(image)
    size = sum(layer["size"] for layer in missing)
    say(f"Importing: {reference} (digest: {image['manifest']})")
    if len(missing) < len(image["layers"]):
        say(f"ostree chunk layers already present: {len(image['layers']) - len(missing)}")
    if missing:
        say(f"ostree chunk layers needed: {len(missing)} ({_size(size)})")
    for number, layer in enumerate(missing, 1):
        name, kilobytes = layer["digest"][:19], _size(layer["size"])
        say(f"[{number}/{len(missing)}] Fetching ostree chunk {name} ({kilobytes})...", end="")
        if host.look()["faults"].get("crash"):
            os._exit(139)
        try:
            host.fetch(layer)
        except Failed as failure:
            say("")
            raise Failed(f"Importing: Unencapsulating base: {failure}") from failure
        say(" done")


def _rollback(host: Host, rest: list[str]) -> None:
    def work() -> None:
        with host.change() as state:
            if rest:
                raise Failed(f"Unknown option {rest[0]}")
            entries = state["deployments"]
            at = next(n for n, one in enumerate(entries) if one["id"] == state["booted"])
            if state["staged"]:
                raise Failed("Staged deployment (remove with cleanup -p)")
            if len(entries) == 1:
                raise Failed("No rollback deployment found")
            chosen = entries[at + 1] if at + 1 < len(entries) else entries[at]
            say(f"Moving '{chosen['checksum']}.0' to be first deployment")
            entries.remove(chosen)
            entries.insert(0, chosen)

    transact(host, "rollback", work)


def _cleanup(host: Host, rest: list[str]) -> None:
    def work() -> None:
        with host.change() as state:
            if "-p" in rest:
                host.unstage(state)
                at = next(n for n, one in enumerate(state["deployments"]) if one["id"] == state["booted"])
                entries = state["deployments"]
                state["deployments"] = [one for n, one in enumerate(entries) if n >= at or one["pinned"]]
            _read_disk(host, state)
            host.prune(state)

    transact(host, f"cleanup {' '.join(rest)}", work)


def _finalize(host: Host, rest: list[str]) -> None:
    """It unlocks, and reboots: `host.boot` has to be called by whoever tests it."""

    def work() -> None:
        with host.change() as state:
            if not state["staged"]:
                raise Failed("No pending staged deployment found")
            if "--allow-missing-checksum" not in rest and rest[-1:] != [state["staged"]["manifest"]]:
                raise Failed(
                    f"Expected staged base checksum {rest[-1]}, but found {state['staged']['manifest']}"
                )
            host.set_lock(state, locked=False)
            state["rebooted_by_itself"] = True

    transact(host, "finalize-deployment", work)


def _size(size: int) -> str:
    """As GLib spells sizes: powers of 1000, a space that does not break."""
    return f"{size / 1000:.1f}\u00a0kB" if size >= 1000 else f"{size} bytes"


_COMMANDS: dict[str, Callable[[Host, list[str]], None]] = {
    "status": _status,
    "rebase": _rebase,
    "rollback": _rollback,
    "cleanup": _cleanup,
    "finalize-deployment": _finalize,
    "cancel": cancel,
}
