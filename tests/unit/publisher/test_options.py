"""Option groups: every flag and variable reaches the object that it is for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from tests.support.statements import a_statement
from tidegate_publisher.adapters.key_file import make_pair
from tidegate_publisher.adapters.key_signer import KeySigner
from tidegate_publisher.cli import cli
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.identity import Identity, identity_options
from tidegate_publisher.options.key import KeyFile, own_key_options
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


def signing(words: list[str], environment: Mapping[str, str | None]) -> tuple[Identity, Trust] | str:
    """Who signs and is trusted, or what was wrong."""
    found: list[tuple[Identity, Trust]] = []

    @click.command()
    @identity_options
    @trust_options
    @broker_options
    def probe(identity: Identity, trust: Trust, broker: Broker) -> None:
        del broker
        found.append((identity, trust.to_sign(identity)))

    unset = dict.fromkeys(("SIGSTORE_ID_TOKEN", "TIDEGATE_KEY", "TIDEGATE_SIGNERS"))
    result = CliRunner().invoke(probe, words, env={**unset, **environment})
    return found[0] if result.exit_code == 0 else result.output


@pytest.fixture
def key(tmp_path: Path) -> str:
    return str(make_pair(tmp_path / "release", None).private)


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_a_key_signs_and_trusts_itself(key: str, by: str) -> None:
    found = signing(["--key", key], {}) if by == "flag" else signing([], {"TIDEGATE_KEY": key})
    assert isinstance(found, tuple)
    identity, trust = found
    assert identity.key == Path(key)
    assert trust.verifier().policy == "the key release.key"
    identity.check()
    bundle = identity.signer(None).sign(a_statement().to_json())
    assert trust.verifier().verify(bundle, ("os", "stable")).statement == a_statement()


def test_what_stands_on_the_command_line_counts_more_than_the_environment(key: str) -> None:
    by_token = signing(["--identity-token", "a.b.c"], {"TIDEGATE_KEY": key})
    by_key = signing(["--key", key], {"SIGSTORE_ID_TOKEN": "a.b.c"})
    assert isinstance(by_token, tuple)
    assert isinstance(by_key, tuple)
    assert (by_token[0].key, by_key[0].key) == (None, Path(key))
    assert by_token[1].verifier().policy is None


@pytest.mark.parametrize("beside", [["--identity-token", "a.b.c"], ["--identity-token-file", "t"], ["--oob"]])
def test_a_key_and_a_token_do_not_go_together(key: str, beside: list[str]) -> None:
    assert "--key signs without Sigstore" in signing(["--key", key, *beside], {})


def test_a_signers_file_stands_over_the_own_key(key: str, tmp_path: Path) -> None:
    file = tmp_path / "signers.toml"
    file.write_text('[[signers]]\nname = "ours"\nkey = "release.pub"\n')
    found = signing(["--key", key], {"TIDEGATE_SIGNERS": str(file)})
    assert isinstance(found, tuple)
    assert found[1].verifier().policy == "the key ours"


def test_who_has_signers_with_keys_and_gives_none_is_told_first(key: str, tmp_path: Path) -> None:
    file = tmp_path / "signers.toml"
    file.write_text('[[signers]]\nname = "ours"\nkey = "release.pub"\n')
    told = signing(["--signers", str(file)], {})
    assert isinstance(told, str)
    assert "your signers are keys" in told
    assert "give --key FILE, or set TIDEGATE_KEY" in " ".join(told.split())
    assert isinstance(signing(["--signers", str(file)], {"TIDEGATE_KEY": key}), tuple)


def looking(words: list[str], environment: Mapping[str, str | None]) -> Trust | str:
    """Who is trusted by a command that signs nothing, or what was wrong."""
    found: list[Trust] = []

    @click.command()
    @own_key_options
    @trust_options
    def probe(own_key: KeyFile | None, trust: Trust) -> None:
        found.append(trust.beside(own_key))

    unset = dict.fromkeys(("TIDEGATE_KEY", "TIDEGATE_SIGNERS"))
    result = CliRunner().invoke(probe, words, env={**unset, **environment})
    return found[0] if result.exit_code == 0 else result.output


@pytest.mark.parametrize("ending", [".key", ".pub"])
def test_a_key_verifies_by_either_half_where_nothing_is_signed(key: str, ending: str) -> None:
    trust = looking(["--key", str(Path(key).with_suffix(ending))], {})
    assert isinstance(trust, Trust)
    bundle = KeySigner(KeyFile(Path(key), interactive=False).private()).sign(a_statement().to_json())
    assert trust.verifier().verify(bundle, ("os", "stable")).statement == a_statement()


def test_a_key_of_the_environment_gives_way_to_identities_on_the_command_line(key: str) -> None:
    pair = ["--identity", "a@x", "--issuer", "https://one"]
    trust = looking(pair, {"TIDEGATE_KEY": key})
    assert isinstance(trust, Trust)
    assert trust.own is None
    assert "so no --identity fits" in str(looking([*pair, "--key", key], {}))


@pytest.mark.parametrize("command", ["fleet", "verify", "verify-image", "rollout plan", "rollout status"])
def test_commands_that_look_take_a_key(command: str) -> None:
    assert "--key FILE" in CliRunner().invoke(cli, [*command.split(), "--help"]).output


def test_signers_are_named_in_one_way() -> None:
    pair = ["--identity", "a@x", "--issuer", "https://one"]
    assert "give no --identity beside it" in signing([*pair, "--signers", "f"], {})
    assert "give no --identity beside it" in signing(pair, {"TIDEGATE_SIGNERS": "f"})
    assert "so no --identity fits" in signing([*pair, "--key", "k"], {})


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_several_brokers_are_named_with_commas(by: str) -> None:
    urls = "mqtts://a,mqtts://b:99,mqtts://c"
    words, environment = (["--broker", urls], {}) if by == "flag" else ([], {"TIDEGATE_BROKER": urls})
    settings = parsed(words, environment)[0].settings
    assert (settings.url, settings.alternatives) == ("mqtts://a", ("mqtts://b:99", "mqtts://c"))


def test_nothing_given_is_not_a_setting() -> None:
    environment = dict.fromkeys(("TIDEGATE_BROKER", "TIDEGATE_PREFIX", "TIDEGATE_SIGNERS"))
    broker, trust = parsed([], environment)
    assert broker.values == {"protocol": "auto"}
    assert trust.verifier().policy is None


def test_identities_and_issuers_pair_up_in_order() -> None:
    words = ["--identity", "a@x", "--issuer", "https://one", "--identity", "b@y", "--issuer", "https://two"]
    _, trust = parsed(words, {})
    assert trust.verifier().policy == "identity a@x, issuer https://one or identity b@y, issuer https://two"
