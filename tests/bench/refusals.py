"""How long it takes to refuse each of the bad cases (tests/trust/cases): in one process, and by the child."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from tests.bench.figure import Figure
from tests.trust.catalogue import all_cases
from tests.trust.forge import Forge
from tests.trust.verifying import FOLLOW, verifier_with
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_schemas.codes import TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.effort import Effort
    from tests.trust.case import BadCase, Scene
    from tidegate_agent.model import Follow

BY_CHILD = ("01a", "19a", "33a", "38a")
"""Refused after all cryptography, after most of it, and before any."""


def measure(effort: Effort) -> Iterator[Figure]:
    """A row for each of the forty that verification refuses; its variants and both logs are its runs."""
    forge = Forge()
    cases = [case for case in all_cases() if case.decider == "verifier"]
    spent: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        for scene in _scenes(forge, case):
            verifier = verifier_with(scene.beliefs)
            _refusal_ms(verifier.verify, scene)  # what is made once for each root
            spent[_number(case)].append(
                min(_refusal_ms(verifier.verify, scene) for _ in range(effort.times(3, 1)))
            )
    for number in sorted(spent):
        yield Figure(f"to refuse case {number}, without the child", "ms", tuple(spent[number]))
    for case in cases:
        if _key(case) in BY_CHILD:
            values = tuple(_child_ms(effort, scene) for scene in _scenes(forge, case))
            yield Figure(f"to refuse {case.name.replace('_', ' ')}, by the child", "ms", values)


def _scenes(forge: Forge, case: BadCase) -> Iterator[Scene]:
    return (case.build(forge, rekor) for rekor in case.logs)


def _child_ms(effort: Effort, scene: Scene) -> float:
    root = effort.folder / "trusted_root.json"
    root.write_text(json.dumps(scene.beliefs.root))
    policy = scene.beliefs.policy
    verifier = ChildVerifier(VerifyingChild(root), {FOLLOW.key: policy} if policy else {})
    return min(_refusal_ms(verifier.verify, scene) for _ in range(effort.times(3, 1)))


def _refusal_ms(verify: Callable[[Follow, bytes], object], scene: Scene) -> float:
    began = time.perf_counter()
    try:
        verify(FOLLOW, scene.message)
    except TidegateError:
        return 1000 * (time.perf_counter() - began)
    raise RuntimeError("a bad case was not refused")


def _key(case: BadCase) -> str:
    return case.name.split("_")[1]


def _number(case: BadCase) -> str:
    return _key(case)[:2]
