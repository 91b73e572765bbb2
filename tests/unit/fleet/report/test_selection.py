from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.reporting import BEFORE, KEY, STORY, MadeHistory, a_record
from tests.support.statements import NOON
from tidegate_fleet.history import ReleaseKey
from tidegate_fleet.report.selection import Wanted, select
from tidegate_schemas.codes import Code, TidegateError

CHANNEL = ("os", "stable")
OTHER = ReleaseKey("os", "beta", KEY.digest)


@pytest.fixture
def history() -> MadeHistory:
    earlier = a_record(key=BEFORE, first=NOON - timedelta(days=7), version="1.9")
    return MadeHistory({}, [earlier, a_record(), a_record(key=OTHER)], {KEY: STORY})


def test_the_newest_release_of_the_channel_is_taken_unless_one_is_named(history: MadeHistory) -> None:
    record, before = select(history, CHANNEL, Wanted())
    assert record.key == KEY
    assert before is not None
    assert before.key == BEFORE


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        (Wanted(digest=BEFORE.digest), BEFORE),
        (Wanted(version="1.9"), BEFORE),
        (Wanted(sequence=4), KEY),
        (Wanted(digest=KEY.digest, version="2.0", sequence=2), KEY),
    ],
)
def test_a_release_is_named_by_digest_version_or_sequence(
    history: MadeHistory, wanted: Wanted, key: ReleaseKey
) -> None:
    assert select(history, CHANNEL, wanted)[0].key == key


def test_the_first_release_has_none_before(history: MadeHistory) -> None:
    assert select(history, CHANNEL, Wanted(version="1.9"))[1] is None


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(version="3.0"), "with version 3.0; there are 2.0 (sha256:bbbb"),
        (Wanted(version="1.9", sequence=4), "with version 1.9 and with sequence 4; there are"),
        (Wanted(sequence=99), "with sequence 99; there are 2.0"),
    ],
)
def test_one_that_is_not_there_is_refused_with_those_that_are(
    history: MadeHistory, wanted: Wanted, words: str
) -> None:
    with pytest.raises(TidegateError) as caught:
        select(history, CHANNEL, wanted)
    assert caught.value.code is Code.REPORT_NO_RELEASE
    assert words in caught.value.reason


def test_a_channel_of_which_nothing_is_known_is_refused(history: MadeHistory) -> None:
    with pytest.raises(TidegateError, match="Nothing was collected about any release of os/nightly"):
        select(history, ("os", "nightly"), Wanted())
