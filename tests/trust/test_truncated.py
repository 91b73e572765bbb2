"""Case 38: a bundle that ends too soon, wherever it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.trust.checks import Start, hears_and_refuses, takes_up
from tests.trust.releases import the_truth
from tests.trust.verifying import believed
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tests.trust.forge import Forge
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion


@pytest.fixture(params=["v1", "v2"])
def rekor(request: pytest.FixtureRequest) -> RekorVersion:
    version: RekorVersion = request.param
    return version


def test_case_38r_truncated_anywhere(forge: Forge, rekor: RekorVersion) -> None:
    """Every seventh length, and each of the first and last hundred."""
    whole = forge.signing(rekor).message()
    lengths = {*range(100), *range(0, len(whole), 7), *range(len(whole) - 100, len(whole))}
    for length in sorted(lengths):
        with pytest.raises(TidegateError) as caught:
            believed(whole[:length], forge.beliefs)
        assert caught.value.code is Code.STATEMENT_MALFORMED, length


def test_case_38s_a_flood_of_truncated_messages(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    """More distinct rubbish than is told of one by one; the journal does not grow with it."""
    host = start(forge.beliefs)
    whole = forge.signing(rekor).message()
    for length in range(1, 65):
        hears_and_refuses(host, whole[: length * 100], Code.STATEMENT_MALFORMED)
    before, told = host.snapshot(), len(host.events())
    for length in range(1, 200):
        host.hear(whole[: length * 31 + 7])
    assert (host.snapshot(), len(host.events())) == (before, told)
    takes_up(host, forge.signing(rekor, the_truth()).message())
