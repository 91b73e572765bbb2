"""The demo succeeds only if everything was observed: each observation is left out or changed once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.demo import (
    DIGESTS,
    FACTS,
    HOSTILE,
    OPENS,
    event,
    flawless_run,
    refusal,
    status,
    step_of,
)
from tidegate_publisher.devstack.demo.checklist import FORGED_VERSION, Key, missing
from tidegate_publisher.devstack.demo.summary import Result, document
from tidegate_publisher.exit_codes import ExitCode
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from tidegate_publisher.devstack.demo.observation import Observation


def test_nothing_is_missing_from_a_flawless_run() -> None:
    result = Result(30.0, missing(flawless_run(), FACTS), flawless_run())
    assert (result.missing, result.status) == ([], ExitCode.OK)


def test_nothing_was_observed_in_silence() -> None:
    assert missing([], FACTS) == list(Key)


@pytest.mark.parametrize("left_out", range(1, len(flawless_run())))
def test_no_observation_may_be_missing(left_out: int) -> None:
    """The first status alone may: a later one says as well that the host is online."""
    seen = flawless_run()
    del seen[left_out]
    result = Result(30.0, missing(seen, FACTS), seen)
    assert result.status is ExitCode.FAILED


@pytest.mark.parametrize(
    ("position", "instead", "lost"),
    [
        (7, step_of("2", 8, Step.WAITING, waiting_for="turn", until=OPENS), Key.V2_WAITS),
        (7, step_of("2", 8, Step.WAITING, waiting_for="window"), Key.V2_WAITS),
        (8, refusal(9, Key.FORGED, Code.SIGNATURE_ROOT), Key.FORGED),
        (9, refusal(9, Key.FORGED, Code.SIGNATURE_INVALID), Key.ALTERED),
        (10, refusal(9, Key.REPLAYED, Code.STATEMENT_EXPIRED), Key.REPLAYED),
        (11, step_of("2", 19, Step.ACTIVATING), Key.V2_RUNS),
        (13, step_of("2", 23, Step.ROLLED_BACK), Key.V2_RUNS),
        (18, step_of("3", 28, Step.SUCCEEDED), Key.V3_BACK),
        (18, step_of("3", 28, Step.ROLLED_BACK, code=Code.BOOT_LOST), Key.V3_BACK),
        (19, status(29, current=DIGESTS["2"]), Key.V3_QUARANTINED),
        (19, status(29, current=DIGESTS["3"], quarantined=(DIGESTS["3"],)), Key.V3_QUARANTINED),
    ],
)
def test_something_else_is_not_what_was_asked_for(position: int, instead: Observation, lost: Key) -> None:
    seen = flawless_run()
    seen[position] = instead
    assert lost in missing(seen, FACTS)


def test_steps_in_another_order_are_another_story() -> None:
    seen = flawless_run()
    seen[2], seen[3] = seen[3], seen[2]
    assert missing(seen, FACTS) == [Key.V1_RUNS]


def test_a_version_counts_only_with_its_own_image() -> None:
    swapped = {**DIGESTS, "1": DIGESTS["2"]}
    assert missing(flawless_run(), replace(FACTS, digests=swapped)) == [Key.V1_RUNS]


@pytest.mark.parametrize("current", [None, DIGESTS["1"], DIGESTS["3"]])
def test_the_disk_has_the_last_word(current: str | None) -> None:
    assert missing(flawless_run(), replace(FACTS, current=current)) == [Key.V3_QUARANTINED]


def test_a_refusal_of_another_message_does_not_count() -> None:
    others = {**HOSTILE, Key.REPLAYED: "0" * 64}
    assert missing(flawless_run(), replace(FACTS, hostile=others)) == [Key.REPLAYED]


def test_a_host_that_took_up_what_was_forged_fails_the_demo() -> None:
    seen = [*flawless_run(), event(30, Step.ACCEPTED, version=FORGED_VERSION)]
    assert missing(seen, FACTS) == [Key.FORGED, Key.ALTERED, Key.REPLAYED]


def test_the_document_says_what_was_observed() -> None:
    seen = [one for one in flawless_run() if one.at != 10]
    told = json.loads(json.dumps(document(Result(12.34, missing(seen, FACTS), seen))))
    assert (told["ok"], told["seconds"], len(told["events"])) == (False, 12.3, 17)
    assert [check["key"] for check in told["checks"] if not check["observed"]] == ["altered-refused"]
    assert told["events"][0]["data"]["step"] == "accepted"
