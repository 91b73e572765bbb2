"""`[requests]`: whose requests a host takes, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.config_tree import MINIMAL, ConfigTree
from tidegate_agent.config.words import trust_lines
from tidegate_agent.requests import RequestPolicy
from tidegate_schemas.codes import Code
from tidegate_wire.trust.policy import SignerPolicy, exactly

if TYPE_CHECKING:
    from pathlib import Path

ANN = """
[[requests.signers]]
identity = "ann@example.org"
issuer = "https://accounts.example.org"
"""
BEN = ANN.replace("ann", "ben")
KEY = """
[[requests.signers]]
key = "/etc/tidegate/operator.pub"
"""


@pytest.fixture
def tree(tmp_path: Path) -> ConfigTree:
    return ConfigTree(tmp_path)


def saying(tree: ConfigTree, text: str) -> ConfigTree:
    tree.put("etc", "agent.toml", MINIMAL + text)
    return tree


def test_without_the_table_none_are_taken(tree: ConfigTree) -> None:
    settings = saying(tree, "").load().settings
    assert settings.requests is None
    assert "requests to this host: none are taken over the broker" in list(trust_lines(settings))


def test_a_signer_is_enough(tree: ConfigTree) -> None:
    settings = saying(tree, ANN).load().settings
    assert settings.requests is not None
    signer = exactly("ann@example.org", "https://accounts.example.org")
    assert settings.requests.policy() == SignerPolicy((signer,))
    assert settings.requests.bounds() == RequestPolicy(timedelta(hours=24))
    told = list(trust_lines(settings))[-1]
    assert told.startswith("requests to this host: they count when signed by ")
    assert "ann@example.org" in told


def test_several_signers_and_bounds(tree: ConfigTree) -> None:
    text = '[requests]\nthreshold = 2\nmax_validity = "2h"\n' + ANN + BEN
    requests = saying(tree, text).load().settings.requests
    assert requests is not None
    assert (requests.policy().threshold, len(requests.policy().any_of)) == (2, 2)
    assert requests.bounds().max_validity == timedelta(hours=2)


@pytest.mark.parametrize(
    ("text", "code", "what"),
    [
        ("[requests]\n", Code.TRUST_POLICY_EMPTY, "expected at least one [[requests.signers]]"),
        ("[requests]\nthreshold = 2\n" + ANN, Code.CONFIG_VALUE, "at least 2 signers"),
        ("[requests]\nthreshold = 0\n" + ANN, Code.CONFIG_VALUE, "threshold"),
        ('[requests]\nmax_validity = "32d"\n' + ANN, Code.CONFIG_VALUE, "31d or less"),
        (ANN + KEY, Code.CONFIG_VALUE, "with keys or with certificates, not both"),
        ("[requests]\nsigner = []\n", Code.CONFIG_UNKNOWN_KEY, "signers"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_meant_is_refused(tree: ConfigTree, text: str, code: Code, what: str) -> None:
    problems = saying(tree, text).problems()
    assert any(found is code and what in told for found, told in problems), problems
