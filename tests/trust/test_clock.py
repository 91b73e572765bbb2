"""Case 29: hosts whose clock is wrong. Genuine statements get in at 1970; nothing old gets in with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from tests.trust.checks import Start, hears_and_refuses, takes_up
from tests.trust.images import write_images
from tests.trust.releases import FIRST_SEQUENCE, INSTALLED, SIGNED, statement, the_truth
from tests.trust.world import Host, Places
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trust.forge import Forge
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

NO_BATTERY: Final = [datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)]
FAR_AHEAD: Final = datetime(2100, 1, 1, tzinfo=UTC)
DAY: Final = timedelta(days=1)


@pytest.fixture(params=["v1", "v2"])
def rekor(request: pytest.FixtureRequest) -> RekorVersion:
    version: RekorVersion = request.param
    return version


@pytest.mark.parametrize("clock", NO_BATTERY)
def test_case_29a_clock_behind(forge: Forge, start: Start, rekor: RekorVersion, clock: datetime) -> None:
    """Later than what the host remembers: taken up."""
    takes_up(start(forge.beliefs, clock), forge.signing(rekor, the_truth()).message())


@pytest.mark.parametrize("clock", NO_BATTERY)
def test_case_29b_clock_behind_on_a_new_host(
    forge: Forge, tmp_path: Path, rekor: RekorVersion, clock: datetime
) -> None:
    """A host that remembers nothing believes the certificate's start, which the authority signed."""
    places = Places(tmp_path)
    write_images(places.images)
    host = Host(places, forge.beliefs, clock)
    try:
        assert host.running() is None
        takes_up(host, forge.signing(rekor, the_truth()).message())
    finally:
        host.close()


@pytest.mark.parametrize("clock", NO_BATTERY)
def test_case_29c_clock_behind_and_expired(
    forge: Forge, start: Start, rekor: RekorVersion, clock: datetime
) -> None:
    """What had expired when the running image was released is refused: the floor holds."""
    then = INSTALLED - 15 * DAY
    old = forge.signing(rekor, statement(issued_at=then), at=then).message()
    host = start(forge.beliefs, clock)
    hears_and_refuses(host, old, Code.STATEMENT_EXPIRED)
    takes_up(host, forge.signing(rekor, the_truth()).message())


@pytest.mark.parametrize("clock", NO_BATTERY)
def test_case_29d_clock_behind_and_replayed(
    forge: Forge, start: Start, rekor: RekorVersion, clock: datetime
) -> None:
    """What the running image replaced is refused, however fresh it may look to this clock."""
    then = INSTALLED - DAY
    old = forge.signing(rekor, statement(sequence=FIRST_SEQUENCE - 1, issued_at=then), at=then).message()
    host = start(forge.beliefs, clock)
    hears_and_refuses(host, old, Code.STATEMENT_ROLLBACK)
    takes_up(host, forge.signing(rekor, the_truth()).message())


def test_case_29e_clock_far_ahead(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    """Everything has expired; the floor does not rise to that clock, so all is well once it is set right."""
    host = start(forge.beliefs, FAR_AHEAD)
    hears_and_refuses(host, forge.signing(rekor).message(), Code.STATEMENT_EXPIRED)
    host.clock.set(SIGNED)
    takes_up(host, forge.signing(rekor, the_truth()).message())


def test_case_29f_clock_far_ahead_and_set_right_by_a_restart(
    forge: Forge, start: Start, rekor: RekorVersion
) -> None:
    """The very message that was refused is genuine after all."""
    message = forge.signing(rekor, the_truth()).message()
    host = start(forge.beliefs, FAR_AHEAD)
    hears_and_refuses(host, message, Code.STATEMENT_EXPIRED)
    host.close()
    takes_up(start(forge.beliefs), message)


def test_case_29h_clock_far_ahead_and_set_right_without_a_restart(
    forge: Forge, start: Start, rekor: RekorVersion
) -> None:
    """The same message, sent again: what was refused for the time of day is judged anew."""
    message = forge.signing(rekor, the_truth()).message()
    host = start(forge.beliefs, FAR_AHEAD)
    hears_and_refuses(host, message, Code.STATEMENT_EXPIRED)
    host.clock.set(SIGNED)
    takes_up(host, message)


def test_case_29g_forged_start_of_a_certificate(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    """A certificate of the future by a stranger does not move the clock of a host."""
    future = datetime(2030, 1, 1, tzinfo=UTC)
    message = forge.signing(rekor, by=forge.stranger, at=future).message()
    host = start(forge.beliefs)
    hears_and_refuses(host, message, Code.SIGNATURE_ROOT)
    takes_up(host, forge.signing(rekor, the_truth()).message())
