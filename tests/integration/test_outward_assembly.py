"""What an operator sets about results leads to couriers that bring them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from tests.fakes.history import FakeHistory
from tests.support.receiving import Answer, Receiver
from tests.support.statements import an_event
from tidegate_fleet.outward.assembly import OutwardSettings, Place, Wanted, couriers
from tidegate_publisher.options.outward import Outward, outward_options
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from pathlib import Path


def given(*words: str) -> Outward:
    found: list[Outward] = []

    @click.command()
    @outward_options
    def command(outward: Outward) -> None:
        found.append(outward)

    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0, done.output
    return found[0]


def test_nothing_goes_anywhere_by_default() -> None:
    assert given().settings is None


def test_options_lead_to_a_signed_webhook_and_to_opentelemetry(tmp_path: Path) -> None:
    secrets, headers = tmp_path / "secret", tmp_path / "headers"
    secrets.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    secrets.chmod(0o600)
    headers.write_text("Authorization: Bearer word\n")
    headers.chmod(0o600)
    history = FakeHistory()
    with Receiver() as hook, Receiver() as otlp:
        otlp.answers = [Answer(200)]
        settings = given(
            *("--webhook", hook.url, "--webhook-secret-file", str(secrets)),
            *("--webhook-mode", "batched", "--webhook-events", "failures"),
            *("--otlp-endpoint", f"http://127.0.0.1:{otlp.port}/", "--otlp-header-file", str(headers)),
            *("--outward-state", str(tmp_path)),
        ).settings
        assert settings is not None
        with couriers(settings, history) as made:
            assert len(made) == 2
            for step in (Step.STAGING, Step.SUCCEEDED, Step.FAILED):
                history.take(an_event(step), datetime.now(UTC))
            for courier in made:
                courier.committed(history.events, 0)
            (request,) = hook.wait_for(1)
            told = otlp.wait_for(2)
        assert [one["type"] for one in json.loads(request.body)] == ["dev.tidegate.update.failed"]
        assert request.headers["webhook-signature"].startswith("v1,")
        assert [each.path for each in told] == ["/v1/logs", "/v1/traces"]
        assert told[0].headers["authorization"] == "Bearer word"
    assert {path.name for path in tmp_path.iterdir()} >= {"webhook.cursor", "otlp.cursor"}


def test_an_address_that_is_a_secret_comes_out_of_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("https://hooks.example/services/SECRET\n")
    file.chmod(0o644)
    with pytest.raises(TidegateError, match="can be used by everybody"):
        assert given("--webhook-url-file", str(file)).settings
    file.chmod(0o640)
    settings = given("--webhook-url-file", str(file)).settings
    assert settings is not None
    assert settings.webhook is not None
    assert settings.webhook.url == "https://hooks.example/services/SECRET"
    with pytest.raises(click.UsageError, match="one of them"):
        assert given("--webhook-url-file", str(file), "--webhook", "https://a.example").settings
    file.write_text("https://a.example\nhttps://b.example\n")
    with pytest.raises(TidegateError, match="2 lines"):
        assert given("--webhook-url-file", str(file)).settings


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (OutwardSettings(Place("http://hooks.example.org/")), "expected an https address"),
        (OutwardSettings(Place("https://hooks.example.org/")), "expected a folder"),
        (OutwardSettings(otlp=Place("http://otel.example.org/")), "expected an https address"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_collected(
    settings: OutwardSettings, wrong: str
) -> None:
    with pytest.raises(TidegateError, match=wrong) as refused, couriers(settings, FakeHistory()):
        pass
    assert refused.value.code is Code.CONFIG_VALUE


@pytest.mark.parametrize(
    ("wanted", "steps"),
    [
        (Wanted.ALL, set(Step)),
        (Wanted.RESULTS, {step for step in Step if step.final}),
        (Wanted.FAILURES, {Step.FAILED, Step.REJECTED, Step.ROLLED_BACK}),
    ],
)
def test_who_asks_for_some_events_gets_these(wanted: Wanted, steps: set[Step]) -> None:
    assert {step for step in Step if wanted.takes(an_event(step))} == steps
