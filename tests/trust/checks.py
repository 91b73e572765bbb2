"""What every bad case has to come to: refused with its code, nothing changed, and the truth still gets in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.trust.images import NEXT, RUNNING
from tests.trust.releases import the_truth
from tests.trust.verifying import believed
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from tests.trust.case import BadCase
    from tests.trust.forge import Forge
    from tests.trust.world import Host
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion
    from tidegate_schemas.codes import Code

Start = Callable[..., "Host"]
"""Starts a host with these beliefs on the disk of one that runs an image."""


def refused(case: BadCase) -> Callable[..., None]:
    """The test of a bad case, for each kind of log."""

    @pytest.mark.parametrize("rekor", case.logs)
    def test(rekor: RekorVersion, forge: Forge, start: Start) -> None:
        scene = case.build(forge, rekor)
        if scene.cured is not None:
            # With other beliefs it is genuine: so nothing is wrong with it but what the case is about.
            assert believed(scene.message, scene.cured)
        host = start(scene.beliefs)
        hears_and_refuses(host, scene.message, case.code)
        if scene.beliefs.policy is None:
            # Nothing would be genuine to it: now it is told whom to believe.
            host.close()
            host = start(forge.beliefs)
        takes_up(host, scene.genuine or forge.signing(rekor, the_truth()).message())

    test.__doc__ = case.build.__doc__
    return test


def hears_and_refuses(host: Host, message: bytes, code: Code) -> None:
    """The message is refused with this code, in one event, and all else on the disk is as before."""
    before, told = host.snapshot(), host.events()
    assert host.running() == RUNNING.digest
    host.hear(message)
    news = host.events()[len(told) :]
    assert [(event.data.step, event.data.code) for event in news] == [(Step.REJECTED, code)], news
    assert news[0].data.reason.isprintable()
    assert host.snapshot() == before
    assert (host.running(), host.version()) == (RUNNING.digest, b"1")


def takes_up(host: Host, message: bytes) -> None:
    """The message is genuine, and the release after the running one runs."""
    told = len(host.events())
    host.hear(message)
    news = host.events()[told:]
    assert [event.data.step for event in news if event.data.step.final] == [Step.SUCCEEDED], news
    assert (host.running(), host.version()) == (NEXT.digest, b"2")
