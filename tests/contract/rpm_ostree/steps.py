"""What the tests of the rpm-ostree engine do again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate_agent.errors import EngineError

if TYPE_CHECKING:
    from tests.support.rpm_ostree_site import RpmOstreeSite
    from tidegate_agent.engines.rpm_ostree.engine import RpmOstreeEngine
    from tidegate_agent.model import ImageTarget


def stage(engine: RpmOstreeEngine, target: ImageTarget) -> int:
    return engine.stage(target, lambda _: None, lambda: False).bytes_fetched


def update(site: RpmOstreeSite, version: str) -> str:
    target = site.publish(version)
    stage(site.engine(), target)
    site.engine().activate(target.digest)
    site.host.boot()
    return target.digest


def failure(site: RpmOstreeSite, target: ImageTarget) -> EngineError:
    with pytest.raises(EngineError) as caught:
        stage(site.engine(), target)
    return caught.value
