"""Reading trusted roots and policies: what is missing, damaged or empty is said, and nothing is guessed."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.bundles import a_message, accepted
from tests.support.statements import NOON
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust import root as roots
from tidegate_wire.trust.describe import describe_unverified
from tidegate_wire.trust.policy import SignerPolicy, exactly
from tidegate_wire.trust.root import PUBLIC_GOOD, ROOT_BYTES, Window, load_root, parse_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion


def test_a_root_out_of_a_file(sigstore: LocalSigstore, tmp_path: Path) -> None:
    path = tmp_path / "trusted_root.json"
    path.write_text(sigstore.trusted_root_json())
    root = load_root(path)
    assert root.origin == str(path)
    assert len(root.tlogs) == 2
    assert accepted(a_message(sigstore), root).signed_at_least == NOON


def test_a_root_that_cannot_be_read(tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    big.write_bytes(b" " * (ROOT_BYTES + 1))
    for path in (tmp_path / "missing.json", tmp_path, big):
        with pytest.raises(roots.RootError) as caught:
            load_root(path)
        assert caught.value.code is Code.TRUST_ROOT_MISSING
        assert str(path) in caught.value.reason


def _drop_start(root: dict[str, Any]) -> None:
    del root["tlogs"][0]["publicKey"]["validFor"]["start"]


@pytest.mark.parametrize(
    "change",
    [
        lambda root: root.pop("tlogs"),
        lambda root: root.update(tlogs="all"),
        lambda root: root["certificateAuthorities"][0].pop("validFor"),
        lambda root: root["certificateAuthorities"][0]["validFor"].update(end="soon"),
        _drop_start,
    ],
)
def test_a_root_with_a_defect(sigstore: LocalSigstore, change: Callable[[dict[str, Any]], object]) -> None:
    content = sigstore.trusted_root()
    change(content)
    with pytest.raises(roots.RootError, match="the file is not a trusted root"):
        parse_root(json.dumps(content).encode(), "the file")


def test_a_root_with_a_key_twice(sigstore: LocalSigstore) -> None:
    text = sigstore.trusted_root_json().replace('"tlogs"', '"tlogs": [], "tlogs"')
    with pytest.raises(roots.RootError, match="twice"):
        parse_root(text.encode(), "the file")


def test_the_public_good_root_comes_with_the_package() -> None:
    root = load_root(PUBLIC_GOOD)
    assert {log.content["baseUrl"] for log in root.tlogs} >= {"https://rekor.sigstore.dev"}
    ended = [one.window for one in root.certificate_authorities if one.window and one.window.end]
    assert ended, "the first Fulcio root ended in 2022, and its window has to be read"


def test_a_window_holds_both_its_ends() -> None:
    window = Window.model_validate({"start": NOON, "end": NOON + timedelta(hours=1)})
    second = timedelta(seconds=1)
    assert [window.holds(NOON + step) for step in (-second, 0 * second, 3600 * second, 3601 * second)] == [
        False,
        True,
        True,
        False,
    ]


def test_an_empty_policy_cannot_be_made() -> None:
    makers: list[Callable[[], object]] = [
        lambda: SignerPolicy(()),
        lambda: exactly("", "https://issuer.example"),
        lambda: exactly("me@example.org", ""),
    ]
    for make in makers:
        with pytest.raises(TidegateError) as caught:
            make()
        assert caught.value.code is Code.TRUST_POLICY_EMPTY


def test_a_bundle_described(sigstore: LocalSigstore, rekor: RekorVersion) -> None:
    found = describe_unverified(a_message(sigstore, rekor=rekor))
    assert (found.not_before, found.not_after) == (NOON, NOON + timedelta(minutes=10))
    assert found.signed_at == (NOON,)
    assert found.log_kind == {"v1": "dsse 0.0.1", "v2": "hashedrekord 0.0.2"}[rekor]
    assert found.statement is not None
    assert (found.statement.predicate.version, found.fault) == ("1.0", None)


def test_a_bundle_described_that_holds_something_else(sigstore: LocalSigstore) -> None:
    found = describe_unverified(a_message(sigstore, b"{}", payload_type="text/plain"))
    assert (found.statement, found.payload, found.payload_type) == (None, b"{}", "text/plain")
    assert found.fault is not None
    assert Code.STATEMENT_TYPE in found.fault


@pytest.mark.parametrize("module", ["policy", "root", "bundle", "shape"])
def test_naming_signers_does_not_cost_sigstore(module: str) -> None:
    loaded = "print(*{'sigstore', 'cryptography'} & sys.modules.keys())"
    code = f"import sys, tidegate_wire.trust.{module}; {loaded}"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert found.stdout.strip() == ""
