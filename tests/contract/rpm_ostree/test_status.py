"""What the status says, and what is made of one that says nothing of use."""

from __future__ import annotations

import pytest

from tests.support.rpm_ostree_site import REPOSITORY, RpmOstreeSite, digest_of
from tests.support.standins.host import deployment
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code


@pytest.mark.parametrize(
    "output",
    ["", "null", "[]", "{}", '{"deployments": []}', '{"deployments": [{}]}', "[" * 100_000, "State: idle"],
)
def test_a_status_that_is_garbage_is_an_error(site: RpmOstreeSite, output: str) -> None:
    site.rpm_ostree.write_text(f"#!/bin/sh\nhead -c {len(output)} <<'END'\n{output}\nEND\n", encoding="utf-8")
    with pytest.raises(EngineError) as caught:
        site.engine().status()
    assert (caught.value.code, caught.value.retryable) == (Code.ENGINE_OUTPUT, True)


def test_a_status_without_end_is_an_error(site: RpmOstreeSite) -> None:
    site.rpm_ostree.write_text("#!/bin/sh\nexec yes\n", encoding="utf-8")
    with pytest.raises(EngineError) as caught:
        site.engine().status()
    assert caught.value.code is Code.ENGINE_OUTPUT


def test_a_program_that_is_missing_is_named(site: RpmOstreeSite) -> None:
    site.rpm_ostree.unlink()
    with pytest.raises(EngineError) as caught:
        site.engine().status()
    assert caught.value.code is Code.ENGINE_MISSING
    assert str(site.rpm_ostree) in caught.value.reason


def test_an_image_whose_origin_is_a_tag_has_its_manifests_digest(site: RpmOstreeSite) -> None:
    origin = f"ostree-unverified-registry:{REPOSITORY}:stable"
    with site.host.change() as state:
        state["deployments"][0] |= {"reference": origin, "manifest": digest_of("x")}
    assert site.engine().status().current == digest_of("x")


def test_other_stateroots_are_left_alone(site: RpmOstreeSite) -> None:
    with site.host.change() as state:
        other = deployment("ostree-unverified-image:registry:x/y", digest_of("other"), [])
        state["deployments"].append(other | {"osname": "other"})
    status = site.engine().status()
    assert status.previous is None
