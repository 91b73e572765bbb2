"""A Sigstore that takes the connection and never answers."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.publisher import RELEASER
from tidegate_publisher.adapters.bounded import within
from tidegate_publisher.adapters.identity import IdentitySource
from tidegate_publisher.adapters.sigstore_signer import SigstoreSigner
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore


def test_signing_gives_up(sigstore: LocalSigstore, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    identity = IdentitySource(token=sigstore.oidc.mint(RELEASER, datetime.now(UTC)))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config.write_text(sigstore.client_trust_config_json(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        with pytest.raises(TidegateError, match="no answer within 1 s") as caught:
            SigstoreSigner(config, identity, timeout_s=1).sign(b"{}")
    assert caught.value.code is Code.SIGN_FAILED


def test_a_bound_passes_results_and_errors_on() -> None:
    assert within(10, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(10, lambda: 1 // 0)
