"""What the programs of the demo are told, as the files that a person would write. Pure."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_publisher.devstack.demo.samples import CHANNEL, HEALTH_CHECK, PRODUCT
from tidegate_publisher.devstack.sigstore import GITHUB_ISSUER

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tidegate_publisher.devstack.demo.places import Places

HOST: Final = "demo-host"
REPOSITORY: Final = "acme/hello"
FORK: Final = "mallory/hello"
SIGNER: Final = f"https://github.com/{REPOSITORY}/.github/workflows/release.yml@refs/heads/main"


def broker_config(places: Places, nats_port: int, mqtt_port: int) -> str:
    """nats-server's: MQTT 3.1.1 on loopback, sessions and retained messages on disk."""
    return f"""\
server_name: tidegate-demo
listen: "127.0.0.1:{nats_port}"
jetstream {{ store_dir: {_quoted(places.broker_data)} }}
mqtt {{ host: "127.0.0.1", port: {mqtt_port} }}
"""


def agent_config(places: Places, broker_url: str) -> str:
    """The host's agent.toml."""
    return f"""\
[host]
id = "{HOST}"

[bus]
url = "{broker_url}"

[trust]
root = {_quoted(places.trusted_root)}

[[follow]]
product = "{PRODUCT}"
channel = "{CHANNEL}"
engine = "embedded"
signers = [{{ identity = "{SIGNER}", issuer = "{GITHUB_ISSUER}" }}]
embedded.directory = {_quoted(places.store)}

[state]
directory = {_quoted(places.state)}
runtime_directory = {_quoted(places.runtime)}

[activate]
expected_duration = "10s"
splay = "1s"
clock_wait = "0s"
hold_file = {_quoted(places.host_config / "hold")}

[health]
attempts = 2
interval = "1s"
timeout = "30s"
check = [{{ name = "hello", command = ["/bin/sh", {_quoted(places.running / HEALTH_CHECK)}] }}]
"""


def window_config(opens: datetime) -> str:
    """A drop-in with a maintenance window that opens at this second.

    A cron expression knows no seconds. So the window begins with the minute, and a blackout keeps it shut
    until the second: what stays open of it is what the agent calls the window.
    """
    opens = opens.astimezone(UTC)
    minute = opens.replace(second=0, microsecond=0)
    return f"""\
# The host may change for two hours from here on, each day.
[[window]]
cron = "{minute.minute} {minute.hour} * * *"
duration = "2h"
timezone = "UTC"

# But not before this second: cron knows only minutes.
[[blackout]]
from = {minute - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}
until = {opens:%Y-%m-%dT%H:%M:%SZ}
"""


def release_file(places: Places) -> str:
    """The release file; each announcement adds its version, sequence and tag."""
    return f"""\
product: {PRODUCT}
channel: {CHANNEL}
image: {json.dumps(image_reference(places, "1"))}
version: "1"
expires_in: 7d
"""


def image_reference(places: Places, tag: str) -> str:
    """An image of the demo, by tag."""
    return f"oci:{places.images}:{tag}"


def shell_environment(places: Places, broker_url: str, programs: Path) -> str:
    """Variables for a shell, so that the commands need no options."""
    return f"""\
export PATH={shlex.quote(str(programs))}:"$PATH"
export TIDEGATE_BROKER={shlex.quote(broker_url)}
export TIDEGATE_TRUST_CONFIG={shlex.quote(str(places.trust_config))}
export TIDEGATE_SIGSTORE_DIR={shlex.quote(str(places.sigstore))}
export TIDEGATE_DEMO={shlex.quote(str(places.root))}
"""


def _quoted(path: Path) -> str:
    """A path as a string of TOML, JSON or nats-server's language: the same for printable text."""
    return json.dumps(str(path), ensure_ascii=False)
