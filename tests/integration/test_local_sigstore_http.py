"""The local Sigstore's HTTP side, as clients other than the signer meet it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

import pytest
import urllib3
from id import detect_credential
from sigstore.oidc import Issuer

from tidegate_publisher.devstack.sigstore import LocalSigstore, email_claims
from tidegate_publisher.devstack.sigstore.service.server import serve, system_clock

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    return LocalSigstore.create()


@pytest.fixture(scope="module")
def url(sigstore: LocalSigstore) -> Iterator[str]:
    with serve(sigstore) as address:
        yield address


# sigstore-python 4.5 never closes the listening socket of its redirect server.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_browser_login_gives_a_token_for_the_one_who_logged_in(
    sigstore: LocalSigstore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def browse(address: str) -> bool:
        """What a person does: follow to the login page, give an address, be sent back."""
        page = pool.request("GET", address, redirect=False)
        login = page.headers["Location"] + "&email=person%40example.org"
        back = pool.request("GET", login, redirect=False)
        pool.request("GET", back.headers["Location"])
        return True

    with urllib3.PoolManager() as pool:
        monkeypatch.setattr("webbrowser.open", browse)
        token = Issuer(f"{url}/oidc").identity_token()
    claims = sigstore.oidc.verify(str(token), system_clock())
    assert (claims["email"], claims["iss"], claims["aud"]) == (
        "person@example.org",
        f"{url}/oidc",
        "sigstore",
    )


def test_a_github_job_asks_for_its_token(
    sigstore: LocalSigstore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "anything")
    request = f"{url}/dev/github-token?repository=acme/os&ref=refs/tags/v7"
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", request)
    token = detect_credential("sigstore")
    assert token is not None
    claims = sigstore.oidc.verify(token, system_clock())
    assert claims["job_workflow_ref"] == "acme/os/.github/workflows/release.yml@refs/tags/v7"


def test_the_server_bounds_what_it_reads(url: str) -> None:
    with urllib3.PoolManager() as pool:
        large = pool.request(
            "POST", f"{url}/api/v2/signingCert", body=b"x" * (1024 * 1024 + 1), retries=False
        )
        lost = pool.request("GET", f"{url}/nowhere", retries=False)
    assert large.status == 413
    assert lost.status == 404
    assert "nothing answers GET /nowhere" in lost.json()["message"]


def test_the_v1_reply_names_the_entry_as_cosign_expects(sigstore: LocalSigstore, url: str) -> None:
    raw = json.loads(sigstore.sign_statement(b"{}", email_claims("developer@example.org")))
    entry = raw["verificationMaterial"]["tlogEntries"][0]
    assert int(entry["logIndex"]) >= 1
    assert entry["inclusionProof"]["hashes"]
    certificate = raw["verificationMaterial"]["certificate"]["rawBytes"]
    proposed = {
        "kind": "dsse",
        "apiVersion": "0.0.1",
        "spec": {
            "proposedContent": {"envelope": json.dumps(raw["dsseEnvelope"]), "verifiers": [certificate]}
        },
    }
    with urllib3.PoolManager() as pool:
        reply = pool.request("POST", f"{url}/api/v1/log/entries", json=proposed)
    name = reply.headers["ETag"]
    assert reply.status == 201
    assert list(reply.json()) == [name]
    body = reply.json()[name]["body"]
    assert name.endswith(hashlib.sha256(b"\x00" + base64.b64decode(body)).hexdigest())
