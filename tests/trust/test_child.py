"""The same bad cases, judged by the real, confined child process: it gives the same code.

Each child takes half a second of one core, so two of them run at once, and each case is judged for one of its
logs: by turns v1 and v2.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests.trust.case import BadCase, Scene
from tests.trust.catalogue import all_cases
from tests.trust.releases import the_truth
from tests.trust.world import FOLLOW
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.trust.forge import Forge

CASES: Final = {
    f"{case.name}-{rekor}": (case, rekor)
    for place, case in enumerate(all_cases())
    for rekor in [case.logs[place % len(case.logs)]]
}
AT_ONCE: Final = 2


@dataclass(frozen=True)
class Trial:
    """A case, and what the child will have said of it."""

    case: BadCase
    scene: Scene
    verdict: Future[Verdict | RefusedError]


@pytest.fixture(scope="module")
def trials(
    request: pytest.FixtureRequest, forge: Forge, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Trial]]:
    """The trials of all cases that are to be tested in this run, begun already."""
    folder = tmp_path_factory.mktemp("roots")
    wanted = {
        item.callspec.params["name"]
        for item in request.session.items
        if hasattr(item, "callspec") and "name" in item.callspec.params
    }
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = {}
        for name in (name for name in CASES if name in wanted):
            case, rekor = CASES[name]
            scene = case.build(forge, rekor)
            begun[name] = Trial(case, scene, pool.submit(_judge, scene, folder / f"{name}.json"))
        yield begun


def _judge(scene: Scene, root: Path) -> Verdict | RefusedError:
    root.write_bytes(scene.beliefs.root_json)
    policy = scene.beliefs.policy
    verifier = ChildVerifier(VerifyingChild(root), {} if policy is None else {FOLLOW.key: policy})
    try:
        return verifier.verify(FOLLOW, scene.message)
    except RefusedError as refusal:
        return refusal


@pytest.mark.parametrize("name", CASES)
def test_the_child_gives_the_same_code(trials: dict[str, Trial], name: str) -> None:
    trial = trials[name]
    found = trial.verdict.result()
    if trial.case.decider == "agent":
        # Genuine, as far as a process without memory and clock can tell.
        assert isinstance(found, Verdict)
    else:
        assert isinstance(found, RefusedError), "accepted"
        assert found.code is trial.case.code


def test_the_child_believes_the_truth(forge: Forge, tmp_path: Path) -> None:
    message = forge.signing("v2", the_truth()).message()
    found = _judge(Scene(message, forge.beliefs), tmp_path / "root.json")
    assert isinstance(found, Verdict)
    assert found.payload == the_truth()
