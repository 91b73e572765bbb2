"""Option groups: every flag and variable reaches the object that it is for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.trust import Trust, trust_options

if TYPE_CHECKING:
    from collections.abc import Mapping

FLAGS = {
    "--broker": "mqtts://broker.example",
    "--broker-ca": "ca.pem",
    "--broker-cert": "cert.pem",
    "--broker-key": "key.pem",
    "--broker-user": "ci",
    "--broker-password-file": "password",
    "--prefix": "acme/v1",
}


def parsed(words: list[str], environment: Mapping[str, str | None]) -> tuple[Broker, Trust]:
    found: list[tuple[Broker, Trust]] = []

    @click.command()
    @broker_options
    @trust_options
    def probe(broker: Broker, trust: Trust) -> None:
        found.append((broker, trust))

    result = CliRunner().invoke(probe, words, env=environment, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return found[0]


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_every_broker_option(by: str) -> None:
    names = {
        flag: "TIDEGATE_PREFIX" if flag == "--prefix" else f"TIDEGATE_{flag[2:].upper().replace('-', '_')}"
        for flag in FLAGS
    }
    words = [word for pair in FLAGS.items() for word in pair] if by == "flag" else []
    environment = {} if by == "flag" else {names[flag]: value for flag, value in FLAGS.items()}
    broker, _ = parsed([*words, "--mqtt", "3.1.1", "--timeout", "7"], environment)
    settings = broker.settings
    assert settings.model_dump(exclude_defaults=True) == {
        "url": "mqtts://broker.example",
        "ca": Path("ca.pem"),
        "cert": Path("cert.pem"),
        "key": Path("key.pem"),
        "username": "ci",
        "password_file": Path("password"),
        "prefix": "acme/v1",
        "protocol": "3.1.1",
        "connect_timeout_s": 7.0,
    }
    assert broker.timeout_s == 7


def test_nothing_given_is_not_a_setting() -> None:
    environment = dict.fromkeys(("TIDEGATE_BROKER", "TIDEGATE_PREFIX"))
    broker, trust = parsed([], environment)
    assert broker.values == {"protocol": "auto"}
    assert trust.verifier().policy is None


def test_identities_and_issuers_pair_up_in_order() -> None:
    words = ["--identity", "a@x", "--issuer", "https://one", "--identity", "b@y", "--issuer", "https://two"]
    _, trust = parsed(words, {})
    assert trust.verifier().policy == "identity a@x, issuer https://one or identity b@y, issuer https://two"
