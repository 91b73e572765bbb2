"""The reference file: every setting with its meaning, default and an example, made from the models.

`python -m tidegate_agent.config.example > docs/agent.toml.example` writes it anew; a test compares them.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from tidegate_agent.config.keys import inner_table, known_keys
from tidegate_agent.config.loading import show
from tidegate_agent.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

HEAD: Final = """\
# The configuration of tidegate-agent: every setting, its meaning and its default.
# Lines that begin with "#" and a key show the default, or an example where nothing is set by default.
#
# Files: agent.toml and agent.toml.d/*.toml in /usr/lib/tidegate, /run/tidegate and /etc/tidegate.
# Of files with the same name the one in the later directory counts; a link to /dev/null masks one.
# They are merged in the order of their names: later values win, [[tables]] are appended to each other,
# and an empty array (window = []) forgets those that came before.
#
# `tidegate-agent check-config` says what is in force, and which file each value came from.
"""

NOT_SET: Final = "  # an example; not set by default"

EXAMPLES: Final = {
    "host.id": '"kiosk-17"',
    "host.labels": '{ site = "kiel", ring = "early" }',
    "bus.url": '"mqtts://broker.example.org"',
    "bus.alternatives": '["mqtts://broker-2.example.org", "mqtts://broker-3.example.org"]',
    "bus.username": '"kiosk-17"',
    "bus.password": '"better in a file"',
    "bus.password_file": '"/etc/tidegate/bus-password"',
    "bus.ca": '"/etc/tidegate/broker-ca.pem"',
    "bus.cert": '"/etc/tidegate/host.pem"',
    "bus.key": '"/etc/tidegate/host.key"',
    "trust.root": '"/etc/tidegate/trusted_root.json"',
    "trust.clock_floor": "2026-01-01T00:00:00Z",
    "trust.tuf.url": '"https://tuf.example.org"',
    "trust.tuf.root": '"/etc/tidegate/tuf-root.json"',
    "follow.product": '"kiosk"',
    "follow.channel": '"stable"',
    "follow.signers.identity": '"https://github.com/example/kiosk/.github/workflows/release.yml@refs/heads/main"',
    "follow.signers.issuer": '"https://token.actions.githubusercontent.com"',
    "follow.signers.name": '"release job"',
    "follow.signers.workflow": '"https://github.com/example/kiosk/.github/workflows/release.yml"',
    "follow.signers.workflow_ref": '"refs/heads/main"',
    "follow.signers.workflow_ref_pattern": "'refs/tags/v[0-9]+[.][0-9]+'",
    "follow.signers.source_repository": '"https://github.com/example/kiosk"',
    "follow.signers.source_repository_id": '"123456789"',
    "follow.signers.source_owner": '"https://github.com/example"',
    "follow.signers.source_owner_id": '"9876543"',
    "follow.signers.source_ref": '"refs/heads/main"',
    "follow.signers.source_ref_pattern": "'refs/tags/v[0-9]+[.][0-9]+'",
    "follow.signers.runner": '"github-hosted"',
    "follow.signers.trigger": '"push"',
    "follow.signers.key": '"/etc/tidegate/release.pub"',
    "follow.embedded.directory": '"/var/lib/kiosk"',
    "follow.embedded.on_switch": '["systemctl", "restart", "kiosk.service"]',
    "follow.embedded.auth_file": '"/etc/tidegate/auth.json"',
    "follow.embedded.registries_conf": '"/etc/containers/registries.conf"',
    "follow.bootc.auth_file": '"/etc/tidegate/auth.json"',
    "follow.ostree.stateroot": '"debian"',
    "follow.ostree.auth_file": '"/etc/tidegate/auth.json"',
    "follow.ostree.registries_conf": '"/etc/containers/registries.conf"',
    "follow.podman.unit": '"kiosk.service"',
    "follow.podman.directory": '"/var/lib/kiosk"',
    "follow.podman.user": '"kiosk"',
    "follow.podman.auth_file": '"/etc/tidegate/auth.json"',
    "follow.podman.registries_conf": '"/etc/containers/registries.conf"',
    "window.cron": '"0 2 * * SUN"',
    "window.duration": '"2h30m"',
    "window.timezone": '"Europe/Berlin"',
    "blackout.from": "2026-12-20",
    "blackout.until": "2027-01-04T06:00:00",
    "blackout.timezone": '"Europe/Berlin"',
    "download.rate": '"500 KiB/s"',
    "download.rate_in_window": '"4 MiB/s"',
    "download.budget": '"2 GiB"',
    "activate.boot_deadline": '"15m"',
    "activate.fleet_lock.url": '"https://fleet-lock.example.org"',
    "activate.fleet_lock.id": '"kiosk-17"',
    "activate.fleet_lock.ca": '"/etc/tidegate/fleet-lock-ca.pem"',
    "health.check.name": '"web"',
    "health.check.command": '["/usr/bin/kiosk-selftest", "--quick"]',
    "events.device_key": '"/etc/tidegate/device.key"',
    "events.pkcs11.module": '"/usr/lib/softhsm/libsofthsm2.so"',
    "events.pkcs11.token": '"tidegate"',
    "events.pkcs11.label": '"device-key"',
    "events.pkcs11.pin_file": '"/etc/tidegate/token-pin"',
    "health.check.tcp": '"localhost:5432"',
    "health.check.units": '["kiosk.service"]',
    "health.check.ignore": '["firstboot-*.service"]',
    "health.check.free.path": '"/var"',
    "health.check.free.bytes": "500_000_000",
    "health.check.free.percent": "10",
    "metrics.textfile": '"/var/lib/node_exporter/textfile/tidegate.prom"',
    "metrics.listen": '"127.0.0.1:9837"',
    "health.check.url": '"http://localhost:8080/healthz"',
}
"""For settings that are required, or not set by default."""

OPTIONAL: Final = frozenset(
    {
        "window",
        "blackout",
        "activate.fleet_lock",
        "health.check",
        "health.check.free",
        "trust.tuf",
        "events.pkcs11",
        "follow.bootc",
        "follow.image_signers",
        "follow.ostree",
        "follow.podman",
        "follow.rpm_ostree",
        "requests",
        "requests.signers",
    }
)
"""Tables that may be left out."""

CHOSEN: Final = frozenset({"trust.root", "follow.signers.identity", "follow.signers.issuer"})
"""Of settings that exclude each other, and one of which is needed, those that the file puts in force."""


def render() -> str:
    """The whole reference file."""
    sections, shown = [HEAD], dict[type, str]()
    for key, info in known_keys(Settings).items():
        table = inner_table(info.annotation)
        if table is not None:
            sections += _sections(key, table, shown, many=_is_array(info), optional=key in OPTIONAL)
    return "\n".join(sections)


def _sections(
    path: str, table: type[BaseModel], shown: dict[type, str], *, many: bool, optional: bool
) -> Iterator[str]:
    """A table, then the tables within it. What is in `shown` was shown there before."""
    mark = "#" if optional else ""
    if table in shown:
        yield f"# The same settings as in [[{shown[table]}]].\n{mark}[[{path}]]\n"
        return
    shown[table] = path
    told = _meanings(table)
    lines = [
        *_comment((table.__doc__ or "").partition("\n")[0]),
        mark + (f"[[{path}]]" if many else f"[{path}]"),
    ]
    for key, info in known_keys(table).items():
        if inner_table(info.annotation) is None:
            lines += [
                *_comment(_meaning(key, info, told)),
                _setting(f"{path}.{key}", info, optional=optional),
            ]
    yield "\n".join(lines) + "\n"
    for key, info in known_keys(table).items():
        inner = inner_table(info.annotation)
        if inner is not None:
            below = f"{path}.{key}"
            yield from _sections(below, inner, shown, many=_is_array(info), optional=below in OPTIONAL)


def _setting(path: str, info: FieldInfo, *, optional: bool) -> str:
    """The line with the value; a comment unless the file would be refused without it."""
    key = path.rpartition(".")[2]
    if info.is_required() or path in CHOSEN:
        return f"{'#' if optional else ''}{key} = {EXAMPLES[path]}"
    default = info.get_default(call_default_factory=True, validated_data={})
    if default in (None, (), {}):
        return f"#{key} = {EXAMPLES[path]}{NOT_SET}"
    return f"#{key} = {show(default)}"


def _meaning(key: str, info: FieldInfo, told: dict[str, str]) -> str:
    choices = " or ".join(show(each) for each in _choices(info.annotation))
    return f"{key}: {told[key]}" + (f" ({choices})" if choices else "")


def _choices(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 # annotations have no common type
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _meanings(table: type[BaseModel]) -> dict[str, str]:
    """The `Attributes:` of a class docstring, and of those that it is made of, by key."""
    told: dict[str, str] = {}
    for model in reversed(table.__mro__):
        # Python 3.13 strips a docstring's indentation itself; older ones leave it to cleandoc.
        _, _, text = inspect.cleandoc(model.__dict__.get("__doc__") or "").partition("Attributes:\n")
        entries = re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", text, re.MULTILINE)
        told |= {name: " ".join(meaning.split()) for name, meaning in entries}
    return told


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 110, initial_indent="# ", subsequent_indent="#   ")


def _is_array(info: FieldInfo) -> bool:
    return get_origin(info.annotation) is tuple


if __name__ == "__main__":
    sys.stdout.write(render())
