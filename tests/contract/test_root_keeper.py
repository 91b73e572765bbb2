"""What every root keeper does, whether it asks a TUF repository, reads a file, or remembers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fakes.root_keeper import FakeRootKeeper
from tests.support.tuf_repository import TufRepository
from tidegate_agent.adapters.root_pinned import PinnedRoot
from tidegate_agent.adapters.root_tuf import Repository, TufRoot
from tidegate_agent.ports import RootKeeper
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime.now(UTC)
ENDS = (NOW + timedelta(days=20)).replace(microsecond=0)


@dataclass(frozen=True)
class Subject:
    """A keeper, how to give it another root, and how to make that fail."""

    keeper: RootKeeper
    publish: Callable[[bytes], object]
    spoil: Callable[[], object]


def a_root() -> bytes:
    sigstore = LocalSigstore.create(NOW - timedelta(days=1))
    root = sigstore.trusted_root()
    root["certificateAuthorities"][0]["validFor"]["end"] = ENDS.isoformat()
    return json.dumps(root).encode()


@pytest.fixture(params=["tuf", "file", "fake"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    if request.param == "tuf":
        with TufRepository.serving() as repository:
            first = tmp_path / "root.json"
            first.write_bytes(repository.first_root)
            keeper = TufRoot(tmp_path / "trust", Repository(repository.url, first))
            yield Subject(keeper, repository.publish, lambda: repository.publish(b"{}"))
    elif request.param == "file":
        path = tmp_path / "trusted_root.json"
        yield Subject(PinnedRoot(path), path.write_bytes, lambda: path.write_bytes(b"{}"))
    else:
        fake = FakeRootKeeper(expires=ENDS)
        yield Subject(fake, fake.publish, fake.spoil)


def test_without_a_root_nothing_is_in_force(subject: Subject) -> None:
    with pytest.raises(TidegateError) as caught:
        subject.keeper.look(NOW)
    assert caught.value.code is Code.TRUST_ROOT_MISSING
    assert caught.value.reason


def test_what_was_refreshed_is_in_force(subject: Subject) -> None:
    raw = a_root()
    subject.publish(raw)
    found = subject.keeper.refresh(NOW)
    assert found.digest == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert found.expires is not None
    assert abs(found.expires - ENDS) <= timedelta(seconds=1)
    assert subject.keeper.look(NOW) == found


def test_another_root_takes_its_place(subject: Subject) -> None:
    subject.publish(a_root())
    first = subject.keeper.refresh(NOW)
    assert subject.keeper.refresh(NOW) == first
    subject.publish(a_root())
    second = subject.keeper.refresh(NOW)
    assert second.digest != first.digest
    assert subject.keeper.look(NOW) == second


def test_a_root_that_is_none_is_refused(subject: Subject) -> None:
    subject.publish(a_root())
    subject.keeper.refresh(NOW)
    subject.spoil()
    with pytest.raises(TidegateError) as caught:
        subject.keeper.refresh(NOW)
    assert caught.value.code in {Code.TRUST_REFRESH_FAILED, Code.TRUST_ROOT_MISSING}
    assert caught.value.reason
