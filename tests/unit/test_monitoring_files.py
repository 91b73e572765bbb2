"""The dashboard, the alert rules and the page of docs/monitoring/ speak of metrics that there are."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import combinations
from typing import Any, Final

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.history import FakeHistory
from tests.support.documents import DOCS
from tests.support.statements import NOON, a_statement, a_status, an_event, digest_of
from tidegate_agent.adapters.metrics.counting import Counts
from tidegate_agent.adapters.metrics.gauges import AgentGauges
from tidegate_agent.census import Census, FollowCensus
from tidegate_agent.model import Follow
from tidegate_agent.records import Change
from tidegate_fleet.history import EventRecord
from tidegate_fleet.outward.fleet import FleetMetrics
from tidegate_fleet.outward.metrics import CollectorMetrics, DeliveryMetrics, metrics_response
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, Wave
from tidegate_schemas.status import TrustStatus

PLACE: Final = DOCS / "monitoring"
PROMETHEUS_OWN: Final = {"instance", "job", "le"}
ELSEWHERE: Final = {"up": set[str](), "process_resident_memory_bytes": set[str]()}
"""What Prometheus and its client library tell by themselves."""

_WORD: Final = re.compile(r"(?<![$\w\"])(tidegate_\w+|process_\w+|up)\b(?!\s*=)(\{[^}]*\})?")


@cache
def series() -> dict[str, set[str]]:
    """The labels of everything that is told, by name."""
    found: dict[str, set[str]] = {}
    for registry in (agent(), collector()):
        for family in text_string_to_metric_families(metrics_response(registry).decode()):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


def agent() -> CollectorRegistry:
    registry = CollectorRegistry()
    counts = Counts(registry, [Follow("os", "stable")])
    counts.verified("statement", None, 0.1)
    counts.disconnected(Code.BUS_UNREACHABLE)
    for step, changes in (
        (Step.FAILED, {"code": Code.HEALTH_FAILED}),
        (Step.WAITING, {"waiting_for": "window"}),
        (Step.REJECTED, {"code": Code.SIGNATURE_IDENTITY, "sequence": None}),
    ):
        event = an_event(step)
        said = event.model_copy(update={"data": event.data.model_copy(update=changes)})
        counts.committed(Change(Follow("os", "stable"), events=(said,)))
    follow = FollowCensus("os", "stable", "bootc", "idle", None, 1, 1, 1, NOON, False, False, 0, 0)  # noqa: FBT003
    census = Census(NOON, 1, True, True, (follow,), trust=TrustStatus(expires=NOON))  # noqa: FBT003
    registry.register(AgentGauges(lambda: census, "1"))
    return registry


def collector() -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = CollectorMetrics(registry)
    event = an_event(Step.FAILED)
    event = event.model_copy(update={"data": event.data.model_copy(update={"code": Code.HEALTH_FAILED})})
    metrics.committed([EventRecord(1, event, NOON, verified=False)], 1)
    metrics.failed(Code.STORE_UNREACHABLE)
    deliveries = DeliveryMetrics(registry)
    deliveries.done("webhook", "delivered", 1)
    deliveries.failed("webhook")
    deliveries.behind("webhook", 0)
    history = FakeHistory()
    history.take(a_statement(rollout=Rollout(seed="s", waves=(Wave(name="all", fraction=1.0),))), NOON)
    stale = a_status(version="1", current=digest_of("a"), stale_since=NOON)
    history.take(stale, NOON)
    history.take(event, NOON)
    registry.register(FleetMetrics(history, lambda: NOON))
    return registry


def unknown(expression: str) -> list[str]:
    """What an expression of PromQL asks for and nobody tells: names of metrics, and of labels."""
    known = series() | ELSEWHERE
    wrong = []
    labels: set[str] = set()
    for name, selector in _WORD.findall(_without_labels_in_brackets(expression)):
        if name not in known:
            wrong.append(name)
            continue
        labels |= known[name] | PROMETHEUS_OWN
        asked = set(re.findall(r"(\w+)\s*[=!]~?", selector))
        wrong += [f"{name}{{{label}}}" for label in sorted(asked - known[name] - PROMETHEUS_OWN)]
    for group in re.findall(r"\b(?:by|on|ignoring)\s*\(([^)]*)\)", expression):
        wrong += [f"by {one}" for one in group.replace(" ", "").split(",") if one not in labels]
    return wrong


def _without_labels_in_brackets(expression: str) -> str:
    # A state set's label has the name of its metric.
    return re.sub(r"\b(?:by|on|ignoring)\s*\([^)]*\)", "", expression)


def dashboard() -> dict[str, Any]:
    return json.loads((PLACE / "dashboard.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return] # JSON


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PLACE / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_asks_for_what_there_is_and_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        assert unknown(target["expr"]) == []
        assert target["datasource"]["uid"] == "${datasource}"
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]


def test_the_dashboard_can_be_imported_anywhere() -> None:
    found = dashboard()
    assert found["schemaVersion"] >= 39
    assert "id" not in found
    assert "__inputs" not in found
    source, *variables = found["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    for variable in variables:
        assert unknown(variable["query"]["query"].removeprefix("label_values(").rpartition(",")[0]) == []
        assert variable["datasource"]["uid"] == "${datasource}"
    ids = [panel["id"] for panel in found["panels"]]
    assert len(set(ids)) == len(ids)


def test_no_panel_covers_another_or_leaves_the_page() -> None:
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    assert all(one["x"] >= 0 and one["x"] + one["w"] <= 24 for one in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_what_there_is_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert unknown(rule["expr"]) == []
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")


def test_every_rule_is_tried() -> None:
    tests = yaml.safe_load((PLACE / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    tried = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]}
    assert tried == {rule["alert"] for rule in rules()}


def test_the_page_names_every_metric_and_none_that_is_not_there() -> None:
    text = (DOCS / "monitoring.md").read_text(encoding="utf-8")
    # A histogram is named once; `_count`, `_sum` and `_bucket` are understood.
    told = {re.sub(r"(?<=_seconds)_(count|sum|bucket|created)$", "", name) for name in series()}
    told = {name for name in told if not name.endswith("_created")}
    named = set(re.findall(r"`(tidegate_[a-z_]+)`", text))
    assert named == told


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("rate(tidegate_agent_nothing_total[5m])", ["tidegate_agent_nothing_total"]),
        ('tidegate_fleet_release_hosts{stage="x"}', ["tidegate_fleet_release_hosts{stage}"]),
        ("sum by (colour) (tidegate_fleet_release_hosts)", ["by colour"]),
        ("sum by (wave) (tidegate_fleet_release_hosts)", []),
    ],
)
def test_what_is_not_there_is_found(expression: str, wrong: list[str]) -> None:
    assert unknown(expression) == wrong
