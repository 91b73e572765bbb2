"""Rate limits: a server is given the time that it asks for, up to a cap, wherever it asks and however."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.fakes.pacing import FakeTime
from tests.fakes.registry import FakeRegistry, answering, dropping_after, fake_registry
from tests.support.pulling import CONTENT, IMAGE, fetch, mirror_of, pulling, refusal, wanting_token
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_wire.registry.source import ImageSource

ASKED: Final = {
    "0": 1.0,
    "7": 7.0,
    "+7": 1.0,
    "-7": 1.0,
    "7.5": 1.0,
    "7, 9": 1.0,
    "86400": 60.0,
    "9" * 400: 60.0,
    "Sun, 06 Nov 1994 08:49:37 GMT": 1.0,
    "Fri, 31 Dec 9999 23:59:59 GMT": 60.0,
    "Fri, 31 Dec 99999 23:59:59 GMT": 1.0,
    "\u0667": 1.0,
    "": 1.0,
}
"""What a Retry-After says, and the seconds that are waited then: without a use for it, the usual pause."""


PLACES: Final = ("/manifests/", "/blobs/", "/token")
BUSY: Final = {"/token": (429, 500, 502, 503, 504)}
"""Where a server's 4xx is its last word, but for 429."""


@pytest.mark.parametrize("place", PLACES)
def test_a_busy_server_is_asked_again_wherever_it_is_busy(
    registry: FakeRegistry, realm: FakeRegistry, tmp_path: Path, store: Path, place: str
) -> None:
    registry.always("/manifests/", wanting_token("t1", realm.url))
    for status in BUSY.get(place, (408, 425, 429, 500, 502, 503, 504)):
        for server in (registry, realm):
            server.once(place, answering(status, Retry_After="9"), answering(status, Retry_After="5"))
        assert pauses(registry, tmp_path, store) == [9.0, 5.0], status


@pytest.mark.parametrize("place", PLACES)
def test_no_wish_is_followed_beyond_the_cap(
    registry: FakeRegistry, realm: FakeRegistry, tmp_path: Path, store: Path, place: str
) -> None:
    registry.always("/manifests/", wanting_token("t1", realm.url))
    for asked, waited in ASKED.items():
        for server in (registry, realm):
            server.once(place, answering(429, Retry_After=asked.encode().decode("latin-1")))
        assert pauses(registry, tmp_path, store) == [waited], asked


def pauses(registry: FakeRegistry, tmp_path: Path, store: Path) -> list[float]:
    """Pull, as a host does that has nothing yet; the pauses that this took."""
    for each in store.iterdir():
        each.unlink()
    time = FakeTime()
    source = pulling(registry, tmp_path, time)
    assert source.resolve("latest") == IMAGE.digest
    assert fetch(source, store) == CONTENT
    return time.slept


def test_a_server_that_is_always_busy_is_given_up_and_what_came_is_kept(
    registry: FakeRegistry, source: ImageSource, store: Path, time: FakeTime
) -> None:
    registry.once("/blobs/", dropping_after(200_000, CONTENT))
    registry.always("/blobs/", answering(429, Retry_After="3600"))
    assert refusal(source, store).code is Code.IMAGE_UNREACHABLE
    assert [entry.stat().st_size for entry in store.iterdir()] == [200_000]
    # One pause after the break, then one between each two of five tries.
    assert time.slept == [1.0, *[60.0] * 4]


def test_another_server_is_asked_at_once_while_one_is_busy(
    registry: FakeRegistry, tmp_path: Path, time: FakeTime, store: Path
) -> None:
    with fake_registry() as mirror:
        mirror.always("/v2/app/", answering(429, Retry_After="3600"))
        source = pulling(registry, tmp_path, time, mirror_of(mirror))
        assert source.manifest(IMAGE.digest) == IMAGE.manifest
        assert fetch(source, store) == CONTENT
    assert time.slept == []
