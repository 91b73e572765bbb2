from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.history import FakeHistory
from tests.support.fleet_story import BEGIN, KEY, NEW, NOW, a_host, an_update, new_statement, statements
from tests.support.page_client import a_history, a_page
from tests.support.statements import a_statement
from tidegate_fleet.acts import Deed, acts
from tidegate_fleet.harmless import harmless
from tidegate_fleet.history import StatementRecord
from tidegate_fleet.standing import Phase
from tidegate_fleet.web.answers.releases import AdoptedAnswer
from tidegate_fleet.web.pages import words
from tidegate_fleet.web.pages.drawing import chart, segments
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState

ANY_TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)


class _Elements(HTMLParser):
    """Names of elements and attributes: what a text could have slipped in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag}@{name}" for name, _ in attrs)}


def page_of(said: str) -> str:
    history = FakeHistory()
    for word, moment in statements():
        history.take(word, moment)
    details = {said[:200]: said}
    labels = {said[:200]: said}
    host = a_host("till-1", labels, end=Step.WAITING)
    follow = host.follows[0].model_copy(
        update={"hold": said, "version": said, "reason": said, "waiting_for": said}
    )
    history.take(host.model_copy(update={"follows": (follow,)}), BEGIN)
    history.take(
        an_update(
            "till-1", Step.FAILED, NOW, reason=said, code=Code.STAGE_FAILED, details=details, version=said
        ),
        NOW,
    )
    page = a_page(history, title=said)
    paths = ("/", "/hosts", "/releases", "/hosts/till-1", f"/releases/os/stable/{NEW}", "/metrics-of-nobody")
    return "".join(page.get(path).text for path in paths)


PLAIN = _Elements(page_of("plain")).found


@settings(max_examples=10, deadline=None)
@given(ANY_TEXT)
def test_whatever_hosts_say_is_text_and_can_be_seen(said: str) -> None:
    html = page_of(said)
    assert _Elements(html).found == PLAIN
    assert all(letter.isprintable() or letter == "\n" for letter in html)


@pytest.mark.parametrize(
    "said", ["<script>alert(1)</script>", "' onclick=x y='", '" onload="x', "]]><svg/onload=x>", "{{7*7}}"]
)
def test_no_markup_of_hosts_is_markup(said: str) -> None:
    html = page_of(said)
    assert _Elements(html).found == PLAIN
    assert said not in html or said == "{{7*7}}"


@given(st.text(max_size=600), st.integers(min_value=1, max_value=500))
def test_harmless_text_is_short_visible_and_one_line(text: str, most: int) -> None:
    shown = harmless(text, most)
    assert len(shown) <= most + 1
    assert shown.isprintable()


def test_harmless_leaves_plain_words_alone_and_marks_the_rest() -> None:
    assert harmless("Grüße: 東京 fällt aus") == "Grüße: 東京 fällt aus"
    assert harmless("a\x1b[31mb\u202ec\x00") == "a\ufffd[31mb\ufffdc\ufffd"
    assert harmless("one\ntwo\tthree") == "one two three"
    assert harmless("e" + "\u0301" * 50) == "e\u0301\u0301"
    assert harmless("abcdef", 3) == "abc…"


def test_pages_carry_no_inline_script_and_no_inline_style() -> None:
    page = a_page(a_history(30))
    for path in ("/", "/hosts", f"/releases/os/stable/{NEW}", "/hosts/till-00001", "/nothing"):
        html = page.get(path).text
        assert not re.search(r"<style|\sstyle=|\son\w+=", html)
        assert re.findall(r"<script[^>]*>([^<]*)</script>", html) == [""]
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)


@given(st.dictionaries(st.sampled_from(list(Phase)), st.integers(min_value=0, max_value=10**6)))
def test_a_bar_is_full_and_no_part_of_it_is_lost(counts: dict[Phase, int]) -> None:
    parts = segments(counts)
    assert {part.phase for part in parts} == {phase for phase, hosts in counts.items() if hosts}
    if parts:
        assert sum(part.width for part in parts) == pytest.approx(100, abs=0.01)
        assert min(part.width for part in parts) > 0.7
        ends = [part.left + part.width for part in parts]
        assert [part.left for part in parts[1:]] == pytest.approx(ends[:-1], abs=0.01)


def test_the_curve_goes_from_nobody_to_how_things_stand() -> None:
    points = [AdoptedAnswer(at=BEGIN + timedelta(hours=n), succeeded=25 * n, failed=n) for n in range(3)]
    drawn = chart(points, 100)
    assert drawn is not None
    assert drawn.succeeded == "M0.00 100.00L50.00 75.00L100.00 50.00"
    assert drawn.failed == "M0.00 100.00L50.00 99.00L100.00 98.00"
    assert (drawn.ticks[0], drawn.ticks[-1], drawn.top) == (BEGIN, BEGIN + timedelta(hours=2), 100)
    assert chart([], 100) is None
    assert chart(points[:1], 100) is None


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (59.6, "1 min"),
        (3661, "1 h 1 min"),
        (90061, "1 d 1 h"),
        (-3, "0.0 s"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, shown: str) -> None:
    assert words.span(seconds) == shown


def record(
    sequence: int, opened: int, state: RolloutState = RolloutState.ACTIVE, **more: str
) -> StatementRecord:
    statement = new_statement(sequence, opened, state)
    if more:
        statement = statement.model_copy(update={"predicate": statement.predicate.model_copy(update=more)})
    return StatementRecord(statement, BEGIN, verified=True)


def test_statements_are_read_as_what_they_did() -> None:
    held, active = RolloutState.HELD, RolloutState.ACTIVE
    told = acts(
        [
            record(1, 0, held),
            record(2, 1, active),
            record(3, 1),
            record(4, 3),
            record(5, 3, notes="new words"),
            record(6, 3, RolloutState.REVOKED, notes="new words"),
        ]
    )
    assert [(act.deed, act.waves) for act in told] == [
        (Deed.ANNOUNCED, ()),
        (Deed.HELD, ()),
        (Deed.RESUMED, ()),
        (Deed.PROMOTED, ("canary",)),
        (Deed.RENEWED, ()),
        (Deed.PROMOTED, ("early", "everybody")),
        (Deed.CHANGED, ()),
        (Deed.REVOKED, ()),
    ]
    assert acts([]) == ()


def test_a_release_without_a_statement_and_hosts_beyond_its_waves_are_shown() -> None:
    history = FakeHistory()
    for name in ("till-1", "till-2"):
        history.take(an_update(name, Step.STAGING, NOW), NOW)
    told = a_page(history).get(f"/api/v1/releases/os/stable/{NEW}").json()
    assert [wave["name"] for wave in told["waves"]] == [None]
    assert (told["release"]["state"], told["release"]["announced"]) == (None, False)
    assert a_page(history).get(f"/releases/os/stable/{NEW}").status_code == 200


def test_after_a_rollback_the_older_image_is_the_announced_one() -> None:
    history = a_history(10)
    back = a_statement("sha256:" + "c" * 64, sequence=12, version="2.3.0", issued_at=NOW)
    history.take(StatementRecord(back, NOW, verified=False), NOW)
    (channel,) = a_page(history).get("/api/v1/summary").json()["channels"]
    assert channel["announced"]["digest"] == back.digest
    again = replace(history.records[-1], statement=new_statement(13, 3))
    history.take(again, NOW)
    (channel,) = a_page(history).get("/api/v1/summary").json()["channels"]
    assert channel["announced"]["digest"] == KEY.digest


def test_hosts_can_invent_no_more_rows_than_there_is_room_for() -> None:
    history = a_history(3)
    for number in range(150):
        host = a_host(f"x-{number:03d}", {}, end=None)
        follow = host.follows[0].model_copy(
            update={"product": f"p{number}", "quarantined": (f"sha256:{number:064x}",)}
        )
        history.take(host.model_copy(update={"follows": (follow,)}), NOW)
    told = a_page(history).get("/api/v1/summary").json()
    assert (len(told["channels"]), len(told["quarantined"])) == (100, 100)
    assert "os" in {channel["product"] for channel in told["channels"]}


def test_moments_are_told_in_utc() -> None:
    moment = datetime(2026, 3, 2, 9, 30, 15, 999, tzinfo=UTC)
    assert words.when(moment) == '<time datetime="2026-03-02T09:30:15Z" data-ago>2026-03-02T09:30:15Z</time>'
    assert words.when(None) == "&ndash;"
