"""Tens of thousands of altered messages at full speed: the daemon lives, and hears what is genuine."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest

from tests.support.site import site
from tidegate_schemas.events import Step
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = pytest.mark.real("mosquitto")

MESSAGES = 20_000
GROWTH_KIB = 8 * 1024


def altered(message: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Messages made of a genuine one, each damaged in one of seven ways; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - variety, not secrecy
    text = message.decode()
    for number in range(count):
        at, length = chance.randrange(len(text)), chance.randrange(1, 40)
        yield (
            text[:at] + chance.choice('A0}"[,\\ \u00e9') + text[at + 1 :],
            text[:at] + text[at + length :],
            text[:at] + text[at : at + length] * 3 + text[at:],
            text[:at],
            json.dumps({"number": number, "bundle": json.loads(text)}),
            text[:at] + "\x00\ud7ff" + text[at:],
            "".join(chance.sample(text[:200], 200)),
        )[number % 7].encode()


def test_a_flood_of_altered_messages_does_no_lasting_harm(tmp_path: Path, sigstore: LocalSigstore) -> None:
    with site(tmp_path, sigstore) as here:
        v1, v2, v3 = (here.images.release(version) for version in "123")
        genuine = here.channel.announce(v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1)
        # What the first refusal loads and keeps is no growth.
        here.channel.shout([b"a first false word"])
        here.watcher.wait_for(Step.REJECTED)
        before = here.host.rss_kib()

        # The second of two retained statements falls into the middle of it.
        here.channel.shout(altered(genuine, MESSAGES // 2, seed=1))
        here.channel.announce(v2)
        here.channel.shout(altered(genuine, MESSAGES // 2, seed=2))
        here.watcher.wait_for(Step.SUCCEEDED, v2, timeout_s=120)
        here.channel.announce(v3)
        # v2 may have been decided early: then v3 comes into the flood's second half, is pushed out unread,
        # and is asked for again once the flood is worked off.
        here.watcher.wait_for(Step.SUCCEEDED, v3, timeout_s=120)

        assert here.host.alive()
        assert here.host.rss_kib() - before < GROWTH_KIB
        assert here.watcher.status.presence is Presence.ONLINE
        assert here.watcher.status.connection == 1, "the flood did not cost the connection"
        assert here.host.switches == [v1, v2, v3]
        assert {event.data.digest for event in here.watcher.events} == {None, v1, v2, v3}
