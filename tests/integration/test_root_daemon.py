"""The real agent and a real TUF repository: from nothing to a root in force, in the background."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.agent_process import AgentHost
from tests.support.tuf_repository import TufRepository, hang
from tests.support.waiting import wait_until
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.codes import Code
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_schemas.status import TrustStatus


@pytest.fixture
def repository() -> Iterator[TufRepository]:
    with TufRepository.serving() as serving:
        yield serving


@pytest.fixture
def host(tmp_path: Path, repository: TufRepository) -> AgentHost:
    """A host without a broker: nothing here needs one."""
    first_root = tmp_path / "root.json"
    first_root.write_bytes(repository.first_root)
    tuf = {"url": repository.url, "root": str(first_root), "timeout": "30s"}
    bus = BusSettings.model_validate({"url": "mqtt://127.0.0.1:1"})
    return AgentHost(tmp_path / "host", bus, LocalSigstore.create(), tables={"trust": {"tuf": tuf}})


def trust_of(host: AgentHost) -> TrustStatus:
    trust = host.status().trust
    assert trust is not None
    return trust


def digest_of(root: str) -> str:
    return f"sha256:{hashlib.sha256(root.encode()).hexdigest()}"


def test_the_first_refresh_and_one_by_hand(host: AgentHost, repository: TufRepository) -> None:
    first, second = LocalSigstore.create().trusted_root_json(), LocalSigstore.create().trusted_root_json()
    repository.publish(first.encode())
    with host.running():
        wait_until(lambda: trust_of(host).root_digest == digest_of(first), "the first root is in force")
        repository.publish(second.encode())
        assert "the running agent does so now" in host.command("refresh-root").stdout
        wait_until(lambda: trust_of(host).root_digest == digest_of(second), "the second root is in force")
        assert "  trusted root: sha256:" in host.command("status").stdout
    assert "trusted root in force" in host.log.read_text()
    resting = trust_of(host)
    assert resting.root_digest == digest_of(second)
    assert resting.refreshed_at is not None
    assert digest_of(second) in host.command("check-config").stdout


def test_a_repository_that_hangs_keeps_nobody_waiting(host: AgentHost, repository: TufRepository) -> None:
    repository.answers["/2.root.json"] = hang
    with host.running():
        wait_until(lambda: "/2.root.json" in repository.asked, "the repository is asked")
        assert trust_of(host).root_digest is None
        assert host.command("history").returncode == 0
        begun = time.monotonic()
    assert time.monotonic() - begun < 10, "nor does it keep the agent from ending"


def test_a_refresh_by_hand_without_an_agent(host: AgentHost, repository: TufRepository) -> None:
    failed = host.command("refresh-root")
    assert failed.returncode == 1
    assert Code.TRUST_REFRESH_FAILED in failed.stderr
    assert "timestamp.json" in failed.stderr
    root = LocalSigstore.create().trusted_root_json()
    repository.publish(root.encode())
    done = host.command("refresh-root")
    assert (done.returncode, done.stderr) == (0, "")
    assert digest_of(root) in done.stdout
    assert "refreshed at" in done.stdout
