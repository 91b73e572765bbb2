"""What a statement says, in rows for people."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.support.statements import NOON, a_statement
from tidegate_publisher.ports import SignerId, Verified
from tidegate_publisher.report import NOTE_LINES, signer_rows, statement_rows
from tidegate_schemas.rollout import Rollout, Wave
from tidegate_schemas.statement import Subject, parse_statement


@pytest.mark.parametrize(
    ("later", "shown"),
    [
        (timedelta(seconds=2), "(in 14d)"),
        (timedelta(seconds=-2), "(in 14d)"),
        (timedelta(minutes=2), "(in 13d23h)"),
        (timedelta(days=14, seconds=-90), "(in 1m30s)"),
        (timedelta(days=15), "(1d ago: EXPIRED)"),
    ],
)
def test_how_long_a_statement_lasts(later: timedelta, shown: str) -> None:
    assert dict(statement_rows(a_statement(), NOON + later))["expires"].endswith(shown)


def test_waves_are_shares_of_the_fleet() -> None:
    waves = (
        Wave(name="canary", labels={"ring": "canary"}, open=True),
        Wave(name="tenth", fraction=0.1),
        Wave(name="everybody"),
    )
    said = a_statement(rollout=Rollout(seed="seed", waves=waves))
    assert dict(statement_rows(said, NOON))["waves"].split("\n") == [
        "canary: all hosts, ring=canary, open",
        "tenth: 10 % of hosts, closed",
        "everybody: all hosts, closed",
    ]


def test_unknown_fields_are_shown_wherever_they_are() -> None:
    said = json.loads(a_statement(rollout=Rollout(seed="s", waves=(Wave(name="rest"),))).to_json())
    said["top"] = 1
    said["subject"][0]["annotations"] = {"a": "\x1b[31m"}
    said["predicate"]["image"]["hidden"] = ["evil"]
    said["predicate"]["rollout"]["pace"] = None
    said["predicate"]["rollout"]["waves"][0]["soak\nnotes"] = {"deep": True}
    shown = dict(statement_rows(parse_statement(json.dumps(said).encode()), NOON))["unknown fields"]
    assert set(shown.split("\n")) == {
        "top = 1",
        r'subject[0].annotations = {"a": "\u001b[31m"}',
        'predicate.image.hidden = ["evil"]',
        "predicate.rollout.pace = null",
        'predicate.rollout.waves[0].soak\N{REPLACEMENT CHARACTER}notes = {"deep": true}',
    }


def test_a_subject_that_says_more_than_the_image_is_shown() -> None:
    said = a_statement()
    assert "subject" not in dict(statement_rows(said, NOON))
    digests = {**said.subject[0].digest, "sha512": "beef"}
    other = said.model_copy(update={"subject": (Subject(name="elsewhere", digest=digests),)})
    assert dict(statement_rows(other, NOON))["subject"].split("\n") == ["elsewhere", "sha512:beef"]


def test_no_text_makes_a_row_of_its_own() -> None:
    lie = "1\nimage  good@sha256:0"
    waves = (Wave(name="all", labels={"ring": lie}),)
    said = a_statement(version=lie, critical=("version",), rollout=Rollout(seed="s", waves=waves))
    rows = dict(statement_rows(said, NOON))
    assert ("\n" in rows["version"], "\n" in rows["waves"]) == (False, False)
    liar = Verified(said, (SignerId(lie, "https://issuer.example"),), said.to_json())
    assert "\n" not in dict(signer_rows(liar))["signer"]


def test_long_notes_do_not_push_the_rest_off_the_screen() -> None:
    rows = dict(statement_rows(a_statement(notes="\n" * 3000), NOON))
    assert rows["notes"].split("\n")[NOTE_LINES:] == [f"… and {3001 - NOTE_LINES} lines more"]
    assert dict(statement_rows(a_statement(notes="a\nb"), NOON))["notes"] == "a\nb"
