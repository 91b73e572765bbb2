"""The bad cases before the real, confined child: begun with the session, while other tests run.

Each child takes half a second of one core. So of the variants of a case that are refused with the same code
one is judged here, for one of its logs: by turns v1 and v2. All are judged in the test's own process, by the
same function (`test_cases`).
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.trust.case import BadCase, Scene
from tests.trust.catalogue import all_cases
from tests.trust.verifying import FOLLOW
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from tests.trust.forge import Forge
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion
    from tidegate_schemas.codes import Code


def _one_of_each() -> Iterator[tuple[str, tuple[BadCase, RekorVersion]]]:
    first: dict[tuple[int, Code], BadCase] = {}
    for case in all_cases():
        first.setdefault((case.number, case.code), case)
    for place, case in enumerate(first.values()):
        rekor = case.logs[place % len(case.logs)]
        yield f"{case.name}-{rekor}", (case, rekor)


CASES: Final = dict(_one_of_each())
"""The cases for the child, by name and log."""

AT_ONCE: Final = 2


@dataclass(frozen=True)
class Trial:
    """A case, and what the child will have said of it."""

    case: BadCase
    verdict: Future[Verdict | RefusedError]


@contextmanager
def begun(names: Collection[str], forge: Forge, folder: Path) -> Iterator[dict[str, Trial]]:
    """Trials of these cases of `CASES`; those that nobody waited for are given up at the end."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        trials = {}
        for name in names:
            case, rekor = CASES[name]
            scene = case.build(forge, rekor)
            trials[name] = Trial(case, pool.submit(ask_child, scene, folder / f"{name}.json"))
        pool.shutdown(wait=False)  # so that its threads end with the last of them
        yield trials
    finally:
        pool.shutdown(cancel_futures=True)


def ask_child(scene: Scene, root: Path) -> Verdict | RefusedError:
    """What the child of a host with these beliefs says; the root is written to this path."""
    root.write_bytes(scene.beliefs.root_json)
    policy = scene.beliefs.policy
    verifier = ChildVerifier(VerifyingChild(root), {} if policy is None else {FOLLOW.key: policy})
    try:
        return verifier.verify(FOLLOW, scene.message)
    except RefusedError as refusal:
        return refusal
