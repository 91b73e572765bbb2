"""The verifying child as the agent runs it: real processes, real bundles, and what must not get in."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.bundles import PERSON, POLICY, a_message
from tests.support.key_pairs import KeyPair
from tests.support.statements import NOON, a_statement, digest_of
from tidegate_agent.adapters import verify_messages
from tidegate_agent.adapters.child_process import ask
from tidegate_agent.adapters.verifier_child import MODULE, ChildVerifier, VerifyingChild
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Follow
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.codes import Code
from tidegate_wire.trust.policy import ATTACHMENT_BYTES, MAX_ATTACHMENTS, ImagePolicy, SignerPolicy

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_agent.model import Verdict
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

FOLLOW = Follow("os", "stable")
SIGNERS = {FOLLOW.key: POLICY}


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    return LocalSigstore.create(NOON)


@pytest.fixture
def root(sigstore: LocalSigstore, tmp_path: Path) -> Path:
    path = tmp_path / "trusted_root.json"
    path.write_text(sigstore.trusted_root_json())
    return path


def verify(verifier: ChildVerifier, message: bytes) -> Verdict:
    return verifier.verify(FOLLOW, message)


def refusal(verifier: ChildVerifier, message: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        verify(verifier, message)
    return caught.value


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_a_genuine_message(sigstore: LocalSigstore, root: Path, rekor: RekorVersion) -> None:
    payload = a_statement(sequence=3).to_json()
    verdict = verify(ChildVerifier(VerifyingChild(root), SIGNERS), a_message(sigstore, payload, rekor=rekor))
    assert (verdict.payload, verdict.identity, verdict.signed_at_least) == (payload, PERSON, NOON)


def test_the_childs_reason_reaches_the_caller(sigstore: LocalSigstore, root: Path) -> None:
    error = refusal(
        ChildVerifier(VerifyingChild(root), SIGNERS), a_message(sigstore, email="mallory@example.org")
    )
    assert error.code is Code.SIGNATURE_IDENTITY
    assert "mallory@example.org" in error.reason
    assert PERSON in error.reason


def test_planted_modules_are_not_imported(
    sigstore: LocalSigstore, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("json", "sigstore", "tidegate_agent", "sitecustomize", "usercustomize", "ctypes"):
        (trap / f"{name}.py").write_text("raise SystemExit('planted')\n")
    monkeypatch.chdir(trap)
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "HOME"):
        monkeypatch.setenv(name, str(trap))
    before = sorted(trap.rglob("*"))
    assert verify(ChildVerifier(VerifyingChild(root), SIGNERS), a_message(sigstore)).identity == PERSON
    assert sorted(trap.rglob("*")) == before


def test_too_little_memory_is_no_verdict(sigstore: LocalSigstore, root: Path) -> None:
    # Over the whole range in which imports fail, or verification does, or nothing: never another code.
    for memory in (30, 45, 60, 66, 70, 73, 75):
        verifier = ChildVerifier(VerifyingChild(root, memory_mib=memory), SIGNERS)
        try:
            assert verify(verifier, a_message(sigstore)).identity == PERSON
        except RefusedError as error:
            found = error.code
            assert found is Code.VERIFY_FAILED, memory


def test_too_little_time_is_no_verdict(sigstore: LocalSigstore, root: Path) -> None:
    error = refusal(ChildVerifier(VerifyingChild(root, timeout_s=0.05), SIGNERS), a_message(sigstore))
    assert error.code is Code.VERIFY_FAILED
    assert "longer than 0.05 s" in error.reason


def test_a_new_root_counts_from_the_next_message(sigstore: LocalSigstore, root: Path) -> None:
    verifier = ChildVerifier(VerifyingChild(root), SIGNERS)
    other = LocalSigstore.create(NOON)
    assert refusal(verifier, a_message(other)).code is Code.SIGNATURE_ROOT
    root.write_text(other.trusted_root_json())
    assert verify(verifier, a_message(other)).identity == PERSON
    assert refusal(verifier, a_message(sigstore)).code is Code.SIGNATURE_ROOT


def test_a_root_that_cannot_be_used(sigstore: LocalSigstore, root: Path) -> None:
    verifier = ChildVerifier(VerifyingChild(root), SIGNERS)
    for text in (
        "{}",
        "not JSON",
        " " * 300_000,
        sigstore.trusted_root_json().replace('"rawBytes"', '"raw"'),
    ):
        root.write_text(text)
        assert refusal(verifier, a_message(sigstore)).code is Code.TRUST_ROOT_MISSING
    root.unlink()
    error = refusal(verifier, a_message(sigstore))
    assert error.code is Code.TRUST_ROOT_MISSING
    assert "No such file" in error.reason


def test_the_public_good_root_needs_no_home(sigstore: LocalSigstore) -> None:
    assert (
        refusal(ChildVerifier(VerifyingChild("public-good"), SIGNERS), a_message(sigstore)).code
        is Code.SIGNATURE_ROOT
    )


def test_all_that_strangers_can_attach_hides_no_signature() -> None:
    key, digest = KeyPair("release"), digest_of("a")
    rubbish = verify_messages.to_text(b"[" * ATTACHMENT_BYTES)
    critical = {
        "type": "cosign container image signature",
        "image": {"docker-manifest-digest": digest},
    }
    payload = json.dumps({"critical": critical}).encode()
    held = verify_messages.to_text(payload), verify_messages.to_text(key.sign(payload))
    about = verify_messages.AboutImage(
        bundles=(rubbish,) * MAX_ATTACHMENTS,
        simple=(*((rubbish, held[1]),) * (MAX_ATTACHMENTS - 1), held),
        policy=ImagePolicy(SignerPolicy((key.signer,))),
        digest=digest,
    )
    assert [one.identity for one in VerifyingChild(None).judge(about).signers] == ["release"]


def _raw_child(question: bytes) -> dict[str, object]:
    command = [sys.executable, "-I", "-m", MODULE, "512", "10"]
    raw = ask(command, question, environment={}, timeout_s=60, cap=verify_messages.ANSWER_BYTES)
    assert raw.count(b"\n") == 1
    answer: dict[str, object] = json.loads(raw)
    return answer


@pytest.mark.parametrize(
    "question",
    [b"", b"not JSON", b"{}", b"\xff", b" " * (verify_messages.REQUEST_BYTES + 1)],
    ids=["empty", "text", "no fields", "not UTF-8", "oversized"],
)
def test_a_broken_question_is_answered_by_a_refusal(question: bytes) -> None:
    answer = _raw_child(question)
    assert answer["ok"] is False
    assert answer["code"] == Code.VERIFY_FAILED


def test_a_question_without_signers_is_refused(sigstore: LocalSigstore, root: Path) -> None:
    about = verify_messages.AboutStatement(
        message=verify_messages.to_text(a_message(sigstore)), policy=POLICY, product="os", channel="stable"
    )
    question = json.loads(verify_messages.VerifyRequest(about=about, root=str(root)).to_json())
    question["about"]["policy"]["anyOf"] = []
    assert _raw_child(json.dumps(question).encode())["code"] == Code.TRUST_POLICY_EMPTY


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"null",
        b'{"ok": true}',
        b'{"ok": false, "code": "no.such.code", "reason": "x"}',
        b'{"ok": false, "ok": true, "code": "verify.failed", "reason": "x"}',
        b'{"ok": true, "payload": "!", "identity": "", "issuer": "", "signedAtLeast": "2026-03-02T12:00Z"}',
        b'{"ok": true, "payload": "", "identity": "", "issuer": "", "signedAtLeast": "2026-03-02T12:00"}',
    ],
)
def test_an_answer_that_is_none(answer: bytes, tmp_path: Path, root: Path) -> None:
    program = tmp_path / "python"
    (tmp_path / "answer").write_bytes(answer)
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/answer\n")
    program.chmod(0o700)
    assert (
        refusal(ChildVerifier(VerifyingChild(root, python=str(program)), SIGNERS), b"{}").code
        is Code.VERIFY_FAILED
    )


def test_the_agent_itself_never_loads_sigstore() -> None:
    loaded = "print(*{'sigstore', 'cryptography', 'rfc3161_client'} & sys.modules.keys())"
    command = [sys.executable, "-I", "-c", f"import sys, tidegate_agent.adapters.verifier_child; {loaded}"]
    assert ask(command, b"", environment={}, timeout_s=60, cap=1000).strip() == b""
