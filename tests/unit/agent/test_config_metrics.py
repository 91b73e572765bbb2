"""Whom the agent tells its numbers: nobody by default, and nobody on other machines by mistake."""

from __future__ import annotations

import textwrap
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.config_tree import MINIMAL
from tidegate_agent.config import InvalidConfigError, load

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_agent.config.metrics import MetricsSettings


def settings(folder: Path, text: str) -> MetricsSettings:
    file = folder / "agent.toml"
    file.write_text(textwrap.dedent(f"{MINIMAL}\n[metrics]\n{text}"), encoding="utf-8")
    return load((file,)).settings.metrics


def test_nobody_is_told_by_default(tmp_path: Path) -> None:
    assert not settings(tmp_path, "").wanted


def test_a_textfile_and_an_address_may_both_be_set(tmp_path: Path) -> None:
    found = settings(
        tmp_path, 'textfile = "/var/lib/node/tidegate.prom"\nevery = "2m"\nlisten = "[::1]:9837"'
    )
    assert found.wanted
    assert str(found.textfile) == "/var/lib/node/tidegate.prom"
    assert (found.every, found.listen) == (timedelta(minutes=2), "[::1]:9837")


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.8.8.8:65535", "localhost:9837", "unix:/run/x.sock"])
def test_loopback_is_this_host(tmp_path: Path, listen: str) -> None:
    assert settings(tmp_path, f'listen = "{listen}"').listen == listen


@pytest.mark.parametrize("listen", ["0.0.0.0:9837", "[::]:9837", "192.0.2.1:9837", "[2001:db8::1]:9837"])
def test_an_address_that_others_reach_has_to_be_meant(tmp_path: Path, listen: str) -> None:
    with pytest.raises(InvalidConfigError, match="expected a loopback address"):
        settings(tmp_path, f'listen = "{listen}"')
    assert settings(tmp_path, f'listen = "{listen}"\nexpose = true').listen == listen


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ('listen = "host.example:9837"', "expected an address and a port"),
        ('listen = "127.0.0.1"', "expected an address and a port"),
        ('listen = "127.0.0.1:0"', "expected an address and a port"),
        ('listen = "127.0.0.1:65536"', "expected an address and a port"),
        ('listen = ":9837"', "expected an address and a port"),
        ('listen = "unix:run/x.sock"', "expected unix: and an absolute path"),
        (f'listen = "unix:/{"x" * 107}"', "expected unix: and an absolute path"),
        ('textfile = "/var/lib/node/tidegate.txt"', "expected a textfile with a name that ends in .prom"),
        ('textfile = "tidegate.prom"', "expected an absolute path"),
        ('textfile = "/x.prom"\nevery = "0s"', "longer than nothing"),
        ("port = 9837", "is not a known key"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, lines: str, wrong: str) -> None:
    with pytest.raises(InvalidConfigError, match=wrong):
        settings(tmp_path, lines)
