"""The image's own signature: what counts, and what does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.bundles import PERSON, POLICY, root_of
from tests.support.key_pairs import KeyPair
from tests.support.statements import NOON
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER, email_claims
from tidegate_publisher.devstack.sigstore.claims import github_claims
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.image import verify_image
from tidegate_wire.trust.policy import (
    COSIGN,
    MAX_ATTACHMENTS,
    PROVENANCE,
    ImagePolicy,
    Signer,
    SignerPolicy,
    exactly,
)
from tidegate_wire.trust.rules import AllOf, Claim, Is, Matches

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion
    from tidegate_wire.trust.signed import Signed

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
KEY = KeyPair()


def _content(digest: str = DIGEST, predicate: str = COSIGN, **changed: object) -> bytes:
    statement: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": predicate,
        "predicate": {},
    }
    return json.dumps(statement | changed).encode()


def _by(sigstore: LocalSigstore, content: bytes, email: str = PERSON, rekor: RekorVersion = "v1") -> bytes:
    return sigstore.sign_statement(content, email_claims(email, DEVELOPMENT_ISSUER), rekor=rekor, now=NOON)


def _verify(
    sigstore: LocalSigstore, *bundles: bytes, signers: SignerPolicy = POLICY, predicate: str | None = None
) -> tuple[Signed, ...]:
    predicates = frozenset({predicate} if predicate else {COSIGN, PROVENANCE})
    policy = ImagePolicy(signers, predicates)
    return verify_image(bundles, digest=DIGEST, root=root_of(sigstore), policy=policy)


def _refused(sigstore: LocalSigstore, *bundles: bytes, **options: Any) -> str:
    with pytest.raises(TidegateError) as caught:
        _verify(sigstore, *bundles, **options)
    assert caught.value.code is Code.IMAGE_SIGNATURE
    return caught.value.reason


@pytest.mark.parametrize("predicate", [COSIGN, PROVENANCE])
def test_a_signed_image(sigstore: LocalSigstore, rekor: RekorVersion, predicate: str) -> None:
    signed = _verify(sigstore, _by(sigstore, _content(predicate=predicate), rekor=rekor))
    assert [one.identity for one in signed] == [PERSON]


def test_one_that_holds_among_others(sigstore: LocalSigstore) -> None:
    bundles = [b"rubbish", _by(sigstore, _content(OTHER)), _by(sigstore, _content())]
    assert len(_verify(sigstore, *bundles)) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_content(OTHER), Code.IMAGE_DIGEST_MISMATCH),
        (_content(predicate="https://example.org/other/v1"), Code.STATEMENT_TYPE),
        (_content(_type="https://in-toto.io/Statement/v2"), Code.STATEMENT_SCHEMA),
        (_content(subject=[]), Code.STATEMENT_SCHEMA),
        (_content(subject=[{"digest": {"sha512": "a" * 128}}]), Code.STATEMENT_SCHEMA),
        (
            _content(subject=[{"digest": {"sha256": "a" * 64}}, {"digest": {"sha256": "b" * 64}}]),
            Code.STATEMENT_SCHEMA,
        ),
        (_content()[:-1] + b', "predicateType": "x"}', Code.STATEMENT_MALFORMED),
        (b"not JSON", Code.STATEMENT_MALFORMED),
    ],
)
def test_signed_content_that_does_not_count(sigstore: LocalSigstore, content: bytes, told: Code) -> None:
    assert f"[{told}]" in _refused(sigstore, _by(sigstore, content))


def test_a_stranger(sigstore: LocalSigstore, other: LocalSigstore) -> None:
    assert Code.SIGNATURE_IDENTITY in _refused(sigstore, _by(sigstore, _content(), "eve@example.org"))
    assert Code.SIGNATURE_ROOT in _refused(sigstore, _by(other, _content()))


def test_a_kind_of_signature_that_is_not_asked_for(sigstore: LocalSigstore) -> None:
    assert Code.STATEMENT_TYPE in _refused(sigstore, _by(sigstore, _content()), predicate=PROVENANCE)


def test_several_signers(sigstore: LocalSigstore) -> None:
    both = SignerPolicy(
        (exactly(PERSON, DEVELOPMENT_ISSUER), exactly("ben@example.org", DEVELOPMENT_ISSUER)), threshold=2
    )
    one, two = _by(sigstore, _content()), _by(sigstore, _content(predicate=PROVENANCE), "ben@example.org")
    assert "2" in _refused(sigstore, one, one, signers=both)
    assert len(_verify(sigstore, one, two, signers=both)) == 2


def test_no_more_than_a_cap_are_looked_at(sigstore: LocalSigstore) -> None:
    late = [b"rubbish"] * MAX_ATTACHMENTS + [_by(sigstore, _content())]
    assert f"and {MAX_ATTACHMENTS - 3} more" in _refused(sigstore, *late)


ACME = "https://github.com/acme/os"


def _pinned(**changed: str) -> SignerPolicy:
    pins = {
        Claim.ISSUER: "https://token.actions.githubusercontent.com",
        Claim.WORKFLOW: f"{ACME}/.github/workflows/release.yml",
        Claim.SOURCE_REPOSITORY: ACME,
        Claim.RUNNER: "github-hosted",
    } | {Claim(key): value for key, value in changed.items()}
    tag = Matches(Claim.WORKFLOW_REF, r"refs/tags/v[0-9]+\.[0-9]+")
    return SignerPolicy((Signer(AllOf((*(Is(claim, value) for claim, value in pins.items()), tag))),))


def test_a_build_provenance_with_repository_workflow_ref_and_runner_pinned(sigstore: LocalSigstore) -> None:
    claims = github_claims("acme/os", "release.yml", "refs/tags/v1.2")
    bundle = sigstore.sign_statement(_content(predicate=PROVENANCE), claims, now=NOON)
    assert _verify(sigstore, bundle, signers=_pinned())[0].identity.endswith("release.yml@refs/tags/v1.2")
    number = str(claims["repository_id"])
    assert _verify(sigstore, bundle, signers=_pinned(source_repository_id=number))
    for wrong, found in [
        ({"source_repository": "https://github.com/evil/os"}, ACME),
        ({"source_repository_id": number + "0"}, number),
        ({"runner": "self-hosted"}, "github-hosted"),
        ({"workflow": f"{ACME}/.github/workflows/test.yml"}, "release.yml"),
    ]:
        assert found in _refused(sigstore, bundle, signers=_pinned(**wrong))


def test_a_branch_where_a_tag_is_wanted(sigstore: LocalSigstore) -> None:
    claims = github_claims("acme/os", "release.yml", "refs/heads/main")
    bundle = sigstore.sign_statement(_content(predicate=PROVENANCE), claims, now=NOON)
    assert "refs/heads/main" in _refused(sigstore, bundle, signers=_pinned())


def _simple(digest: str = DIGEST, **changed: object) -> bytes:
    critical = {
        "type": "cosign container image signature",
        "image": {"docker-manifest-digest": digest},
        "identity": {"docker-reference": "registry.example/os"},
    } | changed
    return json.dumps({"critical": critical, "optional": None}).encode()


def _simply(payload: bytes, signature: bytes, key: KeyPair = KEY) -> tuple[Signed, ...]:
    policy = ImagePolicy(SignerPolicy((key.signer,)))
    return verify_image((), ((payload, signature),), digest=DIGEST, root=None, policy=policy)


def test_a_simple_signature_by_a_key() -> None:
    assert _simply(_simple(), KEY.sign(_simple()))[0].identity == "release"


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (_simple(OTHER), Code.IMAGE_DIGEST_MISMATCH),
        (_simple(type="atomic container signature"), Code.STATEMENT_SCHEMA),
        (_simple(image={}), Code.STATEMENT_SCHEMA),
        (b'{"critical": 1, "critical": 2}', Code.STATEMENT_MALFORMED),
    ],
)
def test_a_simple_signature_that_does_not_count(payload: bytes, told: Code) -> None:
    with pytest.raises(TidegateError) as caught:
        _simply(payload, KEY.sign(payload))
    assert f"[{told}]" in caught.value.reason


def test_a_simple_signature_by_another_key_or_over_something_else() -> None:
    for payload, signature in [(_simple(), KeyPair().sign(_simple())), (_simple(), KEY.sign(_simple(OTHER)))]:
        with pytest.raises(TidegateError) as caught:
            _simply(payload, signature)
        assert Code.SIGNATURE_IDENTITY in caught.value.reason


def test_many_of_one_kind_do_not_hide_the_other() -> None:
    rubbish = (b"rubbish",) * MAX_ATTACHMENTS
    held = (_simple(), KEY.sign(_simple()))
    policy = ImagePolicy(SignerPolicy((KEY.signer,)))

    def signed(simple: tuple[tuple[bytes, bytes], ...]) -> int:
        return len(verify_image(rubbish, simple, digest=DIGEST, root=None, policy=policy))

    assert signed((held,)) == 1
    assert signed((*((b"{}", b"x"),) * (MAX_ATTACHMENTS - 1), held)) == 1
    with pytest.raises(TidegateError):
        signed((*((b"{}", b"x"),) * MAX_ATTACHMENTS, held))


def test_a_simple_signature_does_not_count_where_certificates_are_trusted(sigstore: LocalSigstore) -> None:
    with pytest.raises(TidegateError) as caught:
        verify_image(
            (),
            ((_simple(), KEY.sign(_simple())),),
            digest=DIGEST,
            root=root_of(sigstore),
            policy=ImagePolicy(POLICY),
        )
    assert caught.value.code is Code.IMAGE_SIGNATURE
