from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.history import FakeHistory
from tests.support.fleet_story import BEGIN, KEY, NEW, NOW, OLD, an_update
from tests.support.page_client import a_history, a_page
from tidegate_fleet.history import HostQuery
from tidegate_fleet.standing import Phase
from tidegate_schemas.codes import REGISTRY, Code, TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from tests.support.page_client import Asking
    from tidegate_fleet.history import Summary

RELEASE = f"/api/v1/releases/os/stable/{NEW}"
HISTORY = a_history()
PAGE = a_page(HISTORY)


@pytest.fixture(scope="module")
def page() -> Asking:
    return PAGE


def test_the_summary_tells_what_runs_and_what_is_asked_for(page: Asking) -> None:
    told = page.get("/api/v1/summary").json()
    kept = HISTORY.summary()
    assert (told["hosts"], told["online"], told["events"]) == (60, kept.online, kept.events)
    (channel,) = told["channels"]
    assert (channel["product"], channel["channel"], channel["hosts"]) == ("os", "stable", 60)
    announced = {"digest": NEW, "version": "2.4.0", "sequence": 11, "state": "active", "approval": None}
    assert channel["announced"] == announced
    by_digest = {one["digest"]: one["hosts"] for one in channel["running"]}
    assert by_digest == {digest: hosts for (_, digest, _), hosts in kept.running.items()}
    others = by_digest[OLD]
    assert (channel["drift"], channel["waiting"]) == (others, 0), "all waves are open"
    assert others == HISTORY.count_hosts(HostQuery(current=OLD))
    assert told["quarantined"] == [{"digest": NEW, "hosts": kept.quarantined[NEW]}]


def test_every_page_of_hosts_leads_to_the_next_until_all_were_there(page: Asking) -> None:
    told = page.get("/api/v1/hosts?limit=7&label=ring%3Dfleet").json()
    names = [host["name"] for host in told["items"]]
    while told["next"]:
        told = page.get(told["next"]).json()
        names += [host["name"] for host in told["items"]]
    wanted = HISTORY.hosts(HostQuery(labels={"ring": "fleet"}, limit=500))
    assert names == [host.name for host in wanted]
    assert told["total"] == len(wanted) > 7


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ("text=0001", HostQuery(text="0001")),
        ("channel=os/stable", HostQuery(channel=("os", "stable"))),
        (f"current={OLD}", HostQuery(current=OLD)),
        ("presence=offline", HostQuery(online=False)),
        (f"release=os/stable/{NEW}&phase=failed", HostQuery(release=KEY, phase=Phase.FAILED)),
        (f"release=os/stable/{NEW}&wave=early", HostQuery(release=KEY, wave="early")),
        (f"release=os/stable/{NEW}&wave=-", HostQuery(release=KEY, wave="")),
        ("label=site%3Dlyon&label=ring%3Dfleet", HostQuery(labels={"site": "lyon", "ring": "fleet"})),
        ("text=&channel=&phase=&presence=&label=", HostQuery()),
    ],
)
def test_filters_ask_the_history_for_just_that(page: Asking, asked: str, query: HostQuery) -> None:
    told = page.get(f"/api/v1/hosts?limit=500&{asked}").json()
    assert told["total"] == HISTORY.count_hosts(query)
    assert len(told["items"]) == told["total"]


def test_a_host_tells_its_status_and_where_it_stands_with_the_remedy(page: Asking) -> None:
    failed = HISTORY.hosts(HostQuery(release=KEY, phase=Phase.FAILED))[0]
    told = page.get(f"/api/v1/hosts/{failed.name}").json()
    assert failed.status is not None
    assert HostStatus.model_validate(told["status"], strict=False) == failed.status
    (standing,) = told["standings"]
    code = failed.standings["os", "stable"].code
    assert code is not None
    assert (standing["phase"], standing["code"]) == ("failed", code)
    assert standing["remedy"] == REGISTRY[code].remedy


def test_a_hosts_events_come_newest_first_page_by_page(page: Asking) -> None:
    name = HISTORY.hosts(HostQuery(release=KEY, phase=Phase.SUCCEEDED))[0].name
    first = page.get(f"/api/v1/hosts/{name}/events?limit=4").json()
    rest = page.get(first["next"]).json()
    numbers = [event["number"] for event in first["items"] + rest["items"]]
    assert numbers == [record.number for record in HISTORY.host_events(name)]
    assert first["items"][0]["event"]["data"]["step"] == "succeeded"
    assert rest["next"] is None


def test_events_of_all_follow_each_other_from_any_number(page: Asking) -> None:
    told = page.get("/api/v1/events?after=10&limit=5").json()
    assert [event["number"] for event in told["items"]] == [11, 12, 13, 14, 15]
    assert page.get(told["next"]).json()["items"][0]["number"] == 16


def test_a_release_tells_waves_failures_deeds_and_adoption(page: Asking) -> None:
    told = page.get(RELEASE).json()
    counts = told["release"]["counts"]
    assert sum(counts.values()) == 60
    assert counts["failed"] == sum(one["hosts"] for one in told["failures"]) > 0
    assert [wave["name"] for wave in told["waves"]] == ["canary", "early", "everybody"]
    assert [(wave["open"], wave["fraction"]) for wave in told["waves"]] == [
        (True, 0.05),
        (True, 0.25),
        (True, 1),
    ]
    for phase, hosts in counts.items():
        assert sum(wave["counts"][phase] for wave in told["waves"]) == hosts
    assert [one["deed"] for one in told["timeline"]] == [
        "announced",
        "promoted",
        "held",
        "resumed",
        "promoted",
    ]
    assert told["timeline"][-1]["waves"] == ["everybody"]
    last = told["adoption"][-1]
    assert (last["succeeded"], last["failed"]) == (counts["succeeded"], counts["failed"])
    assert told["release"]["announced"] is True
    for one in told["failures"]:
        assert one["remedy"] == REGISTRY[Code(one["code"])].remedy


def test_a_release_that_another_one_replaced_says_so(page: Asking) -> None:
    told = page.get("/api/v1/releases").json()["items"]
    assert {one["digest"]: (one["announced"], one["replaced"]) for one in told} == {
        NEW: (True, False),
        OLD: (False, True),
    }
    assert page.get(f"/releases/os/stable/{OLD}").text.count(">replaced<") == 1


def test_passages_are_one_document_on_each_line(page: Asking) -> None:
    answer = page.get(f"{RELEASE}/passages")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["host"] for line in lines] == [way.host for way in HISTORY.passages(KEY)]
    assert {line["wave"] for line in lines} == {"canary", "early", "everybody"}
    assert all(line["durations"]["total"] > 0 for line in lines if line["ended"])


def test_an_export_that_nobody_read_leaves_its_place_to_the_next() -> None:
    page = a_page(HISTORY, most_exports=1)
    for _ in range(3):
        assert page.ask("HEAD", f"{RELEASE}/passages").status_code == 200
        assert page.get(f"{RELEASE}/passages").status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/hosts?limit=501", 400, Code.PAGE_QUERY),
        ("/api/v1/hosts?limit=0", 400, Code.PAGE_QUERY),
        ("/api/v1/hosts?limit=99999999999999999999999999", 400, Code.PAGE_QUERY),
        ("/api/v1/hosts?after=%00", 400, Code.PAGE_QUERY),
        ("/api/v1/hosts?after=../etc", 400, Code.PAGE_QUERY),
        ("/api/v1/hosts?lable=site%3Dlyon", 400, Code.PAGE_QUERY),
        ("/api/v1/hosts?label=site", 400, Code.PAGE_QUERY),
        ("/api/v1/hosts?phase=failed", 400, Code.PAGE_QUERY),
        ("/api/v1/hosts?text=%E2%80%AEreversed", 400, Code.PAGE_QUERY),
        (f"/api/v1/hosts?text={'x' * 65}", 400, Code.PAGE_QUERY),
        ("/api/v1/hosts?quiet=-1", 400, Code.PAGE_QUERY),
        ("/api/v1/events?after=-1", 400, Code.PAGE_QUERY),
        ("/api/v1/events?after=99999999999999999999", 400, Code.PAGE_QUERY),
        ("/api/v1/live?host=a/b", 400, Code.PAGE_QUERY),
        ("/api/v1/hosts/nobody", 404, Code.PAGE_MISSING),
        ("/api/v1/hosts/..%2f..%2fetc", 404, Code.PAGE_MISSING),
        ("/api/v1/hosts/%2e%2e", 404, Code.PAGE_MISSING),
        ("/api/v1/hosts/a%0d%0ab", 404, Code.PAGE_MISSING),
        ("/api/v1/releases/os/stable/latest", 404, Code.PAGE_MISSING),
        (f"/api/v1/releases/os/beta/{NEW}", 404, Code.PAGE_MISSING),
        ("/api/v1/", 404, Code.PAGE_MISSING),
        ("/api/v2/summary", 404, Code.PAGE_MISSING),
    ],
)
def test_what_cannot_be_answered_is_told_with_code_and_remedy(
    page: Asking, path: str, status: int, code: Code
) -> None:
    answer = page.get(path)
    told = answer.json()
    assert (answer.status_code, told["status"], told["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["remedy"] == REGISTRY[code].remedy
    assert told["type"] == f"https://tidegate.dev/codes/{code}"
    assert told["detail"].isprintable()


class _Broken(FakeHistory):
    def summary(self) -> Summary:
        raise TidegateError(Code.STORE_UNREACHABLE, "the database does not answer")


class _Faulty(FakeHistory):
    def summary(self) -> Summary:
        raise ZeroDivisionError("secret detail")


def test_a_store_that_cannot_be_read_is_told_as_such() -> None:
    answer = a_page(_Broken()).get("/api/v1/summary")
    assert (answer.status_code, answer.json()["code"]) == (503, Code.STORE_UNREACHABLE)


def test_a_fault_of_its_own_tells_nothing_of_its_inside() -> None:
    answer = a_page(_Faulty()).get("/api/v1/summary")
    assert (answer.status_code, answer.json()["code"]) == (500, Code.INTERNAL_ERROR)
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_control_character_of_a_host_gets_out_even_in_json() -> None:
    history = FakeHistory()
    hostile = "\x1b[2J\x9b31m\u202edrowssap\x7f\u2028</script>"
    failed = an_update("till-1", Step.FAILED, BEGIN, reason=hostile, code=Code.HEALTH_FAILED)
    history.take(failed, NOW)
    answer = a_page(history).get("/api/v1/hosts/till-1/events")
    assert answer.content.decode("ascii").isprintable()
    assert answer.json()["items"][0]["event"]["data"]["reason"] == hostile


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["text", "label", "after", "limit", "phase", "wave", "channel", "release", "quiet", "x"]
        ),
        st.text(max_size=80),
        max_size=4,
    )
)
def test_whatever_is_asked_is_answered_or_refused_in_order(asked: dict[str, str]) -> None:
    answer = PAGE.get("/api/v1/hosts", params=asked)
    assert answer.status_code in {200, 400}
    assert answer.content.decode("ascii").isprintable()


def test_the_document_of_the_api_is_served_and_names_every_address(page: Asking) -> None:
    document = page.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.")
    for path, operations in document["paths"].items():
        assert set(operations) == {"get"}
        assert path.startswith("/api/v1/")
        assert operations["get"]["description"]
    for gone in ("/docs", "/redoc", "/openapi.json"):
        assert page.get(gone).status_code == 404
