"""The adapters to Sigstore, as far as they go without a network: bundles are signed in-process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken

from tests.support.statements import a_statement
from tidegate_publisher.adapters.identity import IdentitySource, foreknown
from tidegate_publisher.adapters.sigstore_signer import SigstoreSigner
from tidegate_publisher.adapters.sigstore_verifier import SigstoreVerifier
from tidegate_publisher.adapters.trust_config import trusted_root_of
from tidegate_publisher.devstack.sigstore.claims import email_claims, github_claims, gitlab_claims
from tidegate_publisher.devstack.sigstore.identity import identity_of
from tidegate_publisher.devstack.sigstore.instance import LocalSigstore
from tidegate_publisher.ports import SignerId
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.policy import SignerPolicy, exactly
from tidegate_wire.trust.root import PinnedRoot, parse_root

if TYPE_CHECKING:
    from collections.abc import Callable

CLAIMS = email_claims("release@example.org")
SIGNER = SignerId("release@example.org", str(CLAIMS["iss"]))
STATEMENT = a_statement()
CI = (
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "CIRCLE_OIDC_TOKEN_V2",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "SIGSTORE_ID_TOKEN",
)


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    return LocalSigstore.create()


@pytest.fixture
def root(sigstore: LocalSigstore) -> PinnedRoot:
    return parse_root(sigstore.trusted_root_json().encode(), "a test")


@pytest.fixture
def bundle(sigstore: LocalSigstore) -> bytes:
    return sigstore.sign_statement(STATEMENT.to_json(), CLAIMS)


def refusal(attempt: Callable[[], object]) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        attempt()
    return caught.value


@pytest.mark.parametrize("target", [None, ("os", "stable")])
@pytest.mark.parametrize("policy", [None, SignerPolicy((exactly(SIGNER.identity, SIGNER.issuer),))])
def test_a_genuine_bundle(
    root: PinnedRoot, bundle: bytes, target: tuple[str, str] | None, policy: SignerPolicy | None
) -> None:
    verified = SigstoreVerifier(lambda: root, policy).verify(bundle, target)
    assert (verified.statement, verified.signers) == (STATEMENT, (SIGNER,))


def test_without_a_policy_another_root_and_another_channel_are_still_refused(
    root: PinnedRoot, bundle: bytes
) -> None:
    verifier = SigstoreVerifier(lambda: root, None)
    assert refusal(lambda: verifier.verify(bundle, ("os", "beta"))).code is Code.STATEMENT_TARGET
    other = parse_root(LocalSigstore.create().trusted_root_json().encode(), "another")
    strange = SigstoreVerifier(lambda: other, None)
    assert refusal(lambda: strange.verify(bundle, None)).code is Code.SIGNATURE_ROOT


def test_the_policy_decides(root: PinnedRoot, bundle: bytes) -> None:
    verifier = SigstoreVerifier(lambda: root, SignerPolicy((exactly("other@example.org", SIGNER.issuer),)))
    assert refusal(lambda: verifier.verify(bundle, None)).code is Code.SIGNATURE_IDENTITY


def test_signed_content_that_is_no_statement(sigstore: LocalSigstore, root: PinnedRoot) -> None:
    bundle = sigstore.sign_statement(b"{}", CLAIMS)
    error = refusal(lambda: SigstoreVerifier(lambda: root, None).verify(bundle, None))
    assert error.code.startswith("statement.")


def test_the_trust_configs_root_and_the_pinned_one(sigstore: LocalSigstore, tmp_path: Path) -> None:
    config, pinned = tmp_path / "config.json", tmp_path / "root.json"
    config.write_text(sigstore.client_trust_config_json("http://127.0.0.1:1"))
    pinned.write_text(sigstore.trusted_root_json())
    assert trusted_root_of(config, None).tlogs == trusted_root_of(None, pinned).tlogs
    assert trusted_root_of(config, pinned).origin == str(pinned)
    assert "sigstore package" in trusted_root_of(config, Path("public-good")).origin
    assert refusal(lambda: trusted_root_of(tmp_path / "none", None)).code is Code.CONFIG_MISSING
    assert refusal(lambda: trusted_root_of(pinned, None)).code is Code.CONFIG_VALUE


@pytest.fixture
def config(sigstore: LocalSigstore) -> ClientTrustConfig:
    return ClientTrustConfig.from_json(sigstore.client_trust_config_json("http://127.0.0.1:1"))


def test_identities(
    config: ClientTrustConfig, sigstore: LocalSigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CI:
        monkeypatch.delenv(name, raising=False)
    token = sigstore.oidc.mint(CLAIMS, datetime.now(UTC))
    path = tmp_path / "token"
    path.write_text(token + "\n")
    assert IdentitySource(token=token).find(config).identity == SIGNER.identity
    assert IdentitySource(token_file=path).find(config).identity == SIGNER.identity
    stale = sigstore.oidc.mint(CLAIMS, datetime.now(UTC) - timedelta(days=1))
    found = [
        refusal(partial(source.find, config)).code
        for source in (
            IdentitySource(),
            IdentitySource(token="junk"),
            IdentitySource(token=stale),
            IdentitySource(token_file=tmp_path / "none"),
        )
    ]
    assert found == [Code.IDENTITY_UNAVAILABLE] * 3 + [Code.CONFIG_MISSING]


@pytest.mark.parametrize(
    ("claims", "known"),
    [
        (CLAIMS, True),
        (github_claims("acme/os", ref="refs/tags/v1"), True),
        (gitlab_claims("acme/group/os", ref="refs/tags/v1"), True),
        ({**github_claims("acme/os"), "iss": "https://github.example/_services/token"}, False),
        ({**gitlab_claims("acme/os"), "iss": "https://gitlab.example"}, False),
        ({"iss": "https://agent.buildkite.com", "sub": "organization:acme"}, False),
    ],
)
def test_whom_a_certificate_will_name_is_known_beforehand_or_not(
    sigstore: LocalSigstore,
    claims: dict[str, object],
    known: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    token = IdentityToken(sigstore.oidc.mint(claims, datetime.now(UTC)))
    found = identity_of(claims)
    assert foreknown(token) == (SignerId(found.san, str(found.issuer)) if known else None)


def test_who_signs_in_at_a_provider_behind_sigstores_own_is_named_by_that_provider(
    sigstore: LocalSigstore,
) -> None:
    federated = {**CLAIMS, "federated_claims": {"connector_id": "https://accounts.google.com"}}
    token = IdentityToken(sigstore.oidc.mint(federated, datetime.now(UTC)))
    assert foreknown(token) == SignerId(SIGNER.identity, "https://accounts.google.com")


def test_a_trust_config_that_sigstore_does_not_understand(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"trustedRoot": {}, "signingConfig": {}}')
    error = refusal(lambda: SigstoreSigner(path, IdentitySource()).sign(b"{}"))
    assert error.code is Code.CONFIG_VALUE
