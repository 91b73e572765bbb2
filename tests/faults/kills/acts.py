"""What publishers, people and requests may do to an update: a choice point of the worlds.

An act is one deed or several with a pause between them. It comes in a given kind of state, at once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from tests.faults.kills.host import Host
from tests.support.rig import FOLLOW, HOST, TOPICS
from tests.support.statements import a_statement
from tests.support.updates import NEW, NEWER
from tidegate_agent.manners import Manners
from tidegate_agent.windows import Schedule
from tidegate_schemas.requests import Action
from tidegate_schemas.rollout import Rollout, RolloutState
from tidegate_schemas.statement import Requires

Deed = Callable[[Host], None]

PAUSE: Final = timedelta(hours=1)
"""Between two deeds of one act."""

PLAIN: Final = Manners(Schedule())
ASKING: Final = Manners(Schedule(), approval_required=True)


CHANNEL: Final = TOPICS.channel(FOLLOW.product, FOLLOW.channel)
HELD: Final = Rollout(seed="seed", state=RolloutState.HELD)
REVOKED: Final = Rollout(seed="seed", state=RolloutState.REVOKED)


class By(StrEnum):
    """Who acts."""

    PUBLISHER = "publisher"
    PERSON = "person"
    REQUEST = "request"


@dataclass(frozen=True, slots=True, eq=False)
class Act:
    """One act.

    Attributes:
        name: what it is called in reports.
        by: who acts.
        deeds: what they do, with PAUSE between.
        manners: how the host wants to be treated, for it to mean anything.
        ends_staging: whether it ends a staging that is under way.
    """

    name: str
    by: By
    deeds: tuple[Deed, ...]
    manners: Manners = PLAIN
    ends_staging: bool = False


def _says(digest: str = NEW, **changes: Any) -> Deed:
    return lambda host: void(host.announce(digest, **changes))


def void(_: object) -> None:
    """An act's answer is told elsewhere."""


def _rubbish(host: Host) -> None:
    host.rig.broker.publish(CHANNEL, b"rubbish")


def _replay(host: Host) -> None:
    said = host.rig.broker.retained.get(CHANNEL)
    if said is not None:
        host.rig.say(said, settle=False)


def _envelope(host: Host) -> None:
    """The same statement, signed once more: as every bundle is, it is another message."""
    said = host.rig.broker.retained.get(CHANNEL)
    if said is not None:
        host.rig.say(host.rig.verifier.sign(json.loads(said)["payload"].encode()), settle=False)


def _late(deed: Deed) -> Deed:
    """A deed whose verdict comes after everything else that is under way."""

    def judged_late(host: Host) -> None:
        host.rig.slow_verifier = True
        deed(host)

    return judged_late


def _old(host: Host) -> None:
    old = a_statement(NEWER, sequence=1, issued_at=host.rig.clock.now())
    host.rig.broker.publish(CHANNEL, host.rig.verifier.sign(old.to_json()))


def _orders(command: str, **arguments: Any) -> Deed:
    return lambda host: void(host.rig.order(command, **arguments))


def _carries(host: Host) -> None:
    message = _on_a_stick(host)
    arguments = {"bundle": base64.b64encode(message).decode(), "layout": "/srv/release.oci"}
    void(host.rig.order("apply", approve=NEWER, **arguments))


def _on_a_stick(host: Host) -> bytes:
    if host.carried is None:
        host.sequence += 1
        statement = a_statement(NEWER, sequence=host.sequence, issued_at=host.rig.clock.now())
        host.carried = host.rig.verifier.sign(statement.to_json())
    return host.carried


def _requests(action: Action, **changes: Any) -> Deed:
    return lambda host: void(host.rig.request(action.value, settle=False, **changes))


def _requests_rollback(host: Host) -> None:
    previous = host.rig.disk.status.previous
    void(host.rig.request(Action.ROLLBACK.value, settle=False, digest=previous or NEWER))


def _requests_reset(host: Host) -> None:
    void(host.rig.request(Action.RESET.value, settle=False, sequence=max(1, host.remembers() - 1)))


def _requests_falsely(host: Host) -> None:
    host.rig.broker.publish(TOPICS.requests(HOST), b"rubbish")


PUBLISHED: Final = (
    Act("newer", By.PUBLISHER, (_says(NEWER),), ends_staging=True),
    Act(
        "newer and held, rubbish, released",
        By.PUBLISHER,
        (_says(NEWER, rollout=HELD), _rubbish, _says(NEWER)),
        ends_staging=True,
    ),
    Act("heartbeat", By.PUBLISHER, (_says(),)),
    Act("held, rubbish, released", By.PUBLISHER, (_says(rollout=HELD), _rubbish, _says())),
    Act("revoked", By.PUBLISHER, (_says(rollout=REVOKED),)),
    Act("not for this host", By.PUBLISHER, (_says(requires=Requires(arch=("riscv64",))),)),
    Act("rubbish", By.PUBLISHER, (_rubbish,)),
    Act("said again", By.PUBLISHER, (_replay,)),
    Act("old statement", By.PUBLISHER, (_old,)),
    Act("another envelope", By.PUBLISHER, (_envelope,)),
    Act("newer, judged late", By.PUBLISHER, (_late(_says(NEWER)),)),
    Act("rubbish, judged late", By.PUBLISHER, (_late(_rubbish),)),
    Act("another envelope, judged late", By.PUBLISHER, (_late(_envelope),)),
)

ORDERED: Final = (
    Act("status", By.PERSON, (_orders("status"),)),
    Act("approve", By.PERSON, (_orders("approve"),), ASKING),
    Act("snooze", By.PERSON, (_orders("snooze", seconds=3600),)),
    Act("hold, resume", By.PERSON, (_orders("hold"), _orders("resume"))),
    Act("cancel", By.PERSON, (_orders("cancel"),), ends_staging=True),
    Act("rollback", By.PERSON, (_orders("rollback"),)),
    Act("pardon, heartbeat", By.PERSON, (_orders("pardon", digest=NEW), _says())),
    Act("apply", By.PERSON, (_carries,)),
    Act("refresh-root", By.PERSON, (_orders("refresh-root"),)),
)

REQUESTED: Final = (
    Act("request recheck", By.REQUEST, (_requests(Action.RECHECK),)),
    Act("request inventory", By.REQUEST, (_requests(Action.INVENTORY),)),
    Act("request hold, resume", By.REQUEST, (_requests(Action.HOLD), _requests(Action.RESUME))),
    Act("request rollback", By.REQUEST, (_requests_rollback,)),
    Act("request reset", By.REQUEST, (_requests_reset,)),
    Act("request rubbish", By.REQUEST, (_requests_falsely,)),
)

ACTS: Final = (*PUBLISHED, *ORDERED, *REQUESTED)
"""All that can be done: tests/faults/kills/test_worlds.py compares them with what the agent offers."""
