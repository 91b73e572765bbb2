"""The verifying child on a host whose clock is wrong: its word is the same in 1970, in 2000 and in 2100.

The clock is faked by Debian's libfaketime, in the child's process only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.bundles import PERSON, POLICY, a_message, broken
from tests.support.faketime import python_in
from tests.support.statements import NOON, a_statement
from tidegate_agent.adapters.child_process import ask
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Follow
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

pytestmark = pytest.mark.real("faketime")

FOLLOW = Follow("os", "stable")
YEARS = ("1970", "2000", "2100")


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    return LocalSigstore.create(NOON)


@pytest.fixture(params=YEARS)
def python(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An interpreter to which it is a day in that year."""
    return python_in(request.param, tmp_path)


@pytest.fixture
def verifier(sigstore: LocalSigstore, tmp_path: Path, python: str) -> ChildVerifier:
    root = tmp_path / "trusted_root.json"
    root.write_text(sigstore.trusted_root_json())
    return ChildVerifier(VerifyingChild(root, python=python), {FOLLOW.key: POLICY})


def refusal(verifier: ChildVerifier, message: bytes) -> Code:
    with pytest.raises(RefusedError) as caught:
        verifier.verify(FOLLOW, message)
    return caught.value.code


def test_the_clock_is_wrong_in_a_confined_process(python: str) -> None:
    code = (
        "from tidegate_agent.adapters.confinement import confine; confine(512, 10)\n"
        "import datetime; print(datetime.datetime.now(datetime.UTC).date())"
    )
    told = ask([python, "-I", "-c", code], b"", environment={}, timeout_s=60, cap=100)
    assert told.decode().strip() == f"{python[-4:]}-01-02"


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_a_genuine_message_is_genuine(
    sigstore: LocalSigstore, verifier: ChildVerifier, rekor: RekorVersion
) -> None:
    payload = a_statement(sequence=3).to_json()
    verdict = verifier.verify(FOLLOW, a_message(sigstore, payload, rekor=rekor))
    assert (verdict.payload, verdict.identity, verdict.signed_at_least) == (payload, PERSON, NOON)


def test_a_forged_one_is_refused_for_the_same_reason(
    sigstore: LocalSigstore, verifier: ChildVerifier
) -> None:
    genuine = a_message(sigstore)
    altered = broken(genuine, lambda bundle: bundle["dsseEnvelope"].update(payload="e30="))
    found = {
        "another signer": refusal(verifier, a_message(sigstore, email="mallory@example.org")),
        "another Sigstore": refusal(verifier, a_message(LocalSigstore.create(NOON))),
        "other content": refusal(verifier, altered),
    }
    assert found == {
        "another signer": Code.SIGNATURE_IDENTITY,
        "another Sigstore": Code.SIGNATURE_ROOT,
        "other content": Code.SIGNATURE_INVALID,
    }
