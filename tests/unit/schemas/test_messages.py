"""Status, requests and the release file: what they say on the wire, and what they refuse."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.statements import NOON, digest_of
from tidegate_schemas import limits
from tidegate_schemas.codes import Code
from tidegate_schemas.release import Release
from tidegate_schemas.requests import Action, HostRequest, RequestPredicate, host_digest, parse_request
from tidegate_schemas.statement import StatementError, Subject
from tidegate_schemas.status import FollowStatus, HostStatus, Inventory, Presence

FOLLOW = FollowStatus(product="os", channel="stable", engine="embedded", state="idle")
STATUS = HostStatus(
    host="edge-1",
    presence=Presence.ONLINE,
    start=3,
    connection=2,
    at=NOON,
    labels={"site": "lab"},
    inventory=Inventory(arch="amd64", kernel="6.1", os="Debian", agent="0.1.0"),
    follows=(FOLLOW,),
)
REQUEST = HostRequest(
    subject=(Subject(digest={"sha256": host_digest("edge-1").removeprefix("sha256:")}),),
    predicate=RequestPredicate(
        host="edge-1",
        action=Action.RECHECK,
        nonce="n" * 22,
        issued_at=NOON,
        expires=NOON + timedelta(hours=1),
    ),
)
RELEASE: dict[str, Any] = {
    "product": "os",
    "channel": "stable",
    "image": "registry.example/os:1",
    "version": "1",
}


def test_a_status_comes_back_as_it_was() -> None:
    assert HostStatus.model_validate_json(STATUS.to_json()) == STATUS


def test_a_status_leaves_out_what_it_does_not_know() -> None:
    follow = json.loads(STATUS.to_json())["follows"][0]
    assert "sequence" not in follow
    assert "staleSince" not in follow


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "edge/1"},
        {"host": ""},
        {"presence": "asleep"},
        {"start": -1},
        {"start": "3"},
        {"connection": 1.5},
        {"at": "2026-03-02T12:00:00"},
        {"labels": {"": "x"}},
        {"labels": {str(n): "x" for n in range(limits.ITEMS + 1)}},
        {"follows": [json.loads(FOLLOW.to_json())] * (limits.ITEMS + 1)},
        {"follows": [{"product": "os"}]},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_wrong_status_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HostStatus.model_validate_json(json.dumps(json.loads(STATUS.to_json()) | changes))


def test_a_largest_status_fits_into_a_message() -> None:
    """Eight follows with all that a host can say of them, and half of the labels."""
    full = FollowStatus(
        product="p" * 64,
        channel="c" * 64,
        engine="embedded",
        state="rolling-back",
        sequence=limits.SEQUENCE,
        version="1.2.3",
        current=digest_of("a"),
        staged=digest_of("b"),
        previous=digest_of("c"),
        target=digest_of("d"),
        reason="x" * 256,
        hold="x" * 256,
        quarantined=(digest_of("e"),) * 16,
    )
    labels = {f"label-{number}": "x" * 64 for number in range(32)}
    status = STATUS.model_copy(update={"follows": (full,) * 8, "labels": labels})
    assert len(status.to_json()) < limits.STATEMENT_BYTES


def test_a_request_comes_back_as_it_was() -> None:
    assert HostRequest.model_validate_json(REQUEST.to_json()) == REQUEST
    assert json.loads(REQUEST.to_json())["predicateType"] == "https://tidegate.dev/request/v1"


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "+"},
        {"host": None},
        {"action": "dance"},
        {"nonce": ""},
        {"nonce": "n" * 21},
        {"nonce": "n" * 65},
        {"nonce": "n" * 21 + "/"},
        {"expires": 5},
        {"expires": "2026-03-02T12:00:00Z"},
        {"product": "A B", "channel": "stable"},
        {"product": "os"},
        {"channel": "stable"},
        {"action": "rollback"},
        {"host": "edge-2"},
        {"reason": "x" * (limits.TEXT + 1)},
        {"sequence": 5},
        {"action": "hold", "product": "os", "channel": "stable", "sequence": 5},
        {"action": "reset"},
        {"action": "reset", "sequence": 5},
        {"action": "reset", "product": "os", "channel": "stable"},
        *(
            {"action": "reset", "product": "os", "channel": "stable", "sequence": wrong}
            for wrong in (0, -1, 5.0, "5", True, limits.SEQUENCE + 1)
        ),
    ],
    ids=lambda changes: str(changes)[:90],
)
def test_a_wrong_request_is_refused(changes: dict[str, object]) -> None:
    content = json.loads(REQUEST.to_json())
    content["predicate"] |= changes
    with pytest.raises(StatementError) as refused:
        parse_request(json.dumps(content).encode())
    assert refused.value.code is Code.STATEMENT_SCHEMA


def test_a_rollback_speaks_of_an_image_and_all_else_of_the_host() -> None:
    content = json.loads(REQUEST.to_json())
    content["subject"][0]["digest"]["sha256"] = "a" * 64
    with pytest.raises(StatementError, match="has to be the SHA-256 of the host's id"):
        parse_request(json.dumps(content).encode())
    content["predicate"]["action"] = "rollback"
    assert parse_request(json.dumps(content).encode()).digest == digest_of("a")


def test_a_request_may_name_one_follow() -> None:
    content = json.loads(REQUEST.to_json())
    content["predicate"] |= {"product": "os", "channel": "stable"}
    assert parse_request(json.dumps(content).encode()).predicate.channel == "stable"


@pytest.mark.parametrize("sequence", [1, limits.SEQUENCE])
def test_a_reset_names_a_follow_and_a_sequence(sequence: int) -> None:
    content = json.loads(REQUEST.to_json())
    content["predicate"] |= {
        "action": "reset",
        "product": "os",
        "channel": "stable",
        "sequence": sequence,
        "critical": ["sequence"],
    }
    assert parse_request(json.dumps(content).encode()).predicate.sequence == sequence


def test_a_request_with_a_critical_field_that_is_unknown_is_refused() -> None:
    content = json.loads(REQUEST.to_json())
    content["predicate"] |= {"critical": ["onlyAtNight"], "onlyAtNight": True}
    with pytest.raises(StatementError) as refused:
        parse_request(json.dumps(content).encode())
    assert refused.value.code is Code.STATEMENT_CRITICAL


def test_a_request_is_no_channel_statement() -> None:
    content = json.loads(REQUEST.to_json()) | {"predicateType": "https://tidegate.dev/channel/v1"}
    with pytest.raises(ValidationError):
        HostRequest.model_validate_json(json.dumps(content))


def test_a_release_has_sensible_defaults() -> None:
    release = Release.model_validate_json(json.dumps(RELEASE))
    assert (release.expires_in, release.sequence, release.rollout.waves) == (timedelta(days=14), None, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"chanel": "stable"},
        {"rollout": {"wave": []}},
        {"requires": {"architecture": ["amd64"]}},
        {"sequence": 0},
        {"sequence": "1"},
        {"mirrors": ["m"] * 16},
        {"floor": -1},
        {"version": 1},
        {"image": ""},
        {"rollout": {"waves": [{"name": "a", "fraction": 0}]}},
    ],
    ids=str,
)
def test_what_a_person_mistypes_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Release.model_validate_json(json.dumps(RELEASE | changes))
