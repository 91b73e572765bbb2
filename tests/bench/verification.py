"""The verifying child: what each new message costs, where its files are in the page cache and where not."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.bench import cost
from tests.bench.figure import Figure
from tests.bench.installation import Installation
from tests.support.bundles import POLICY, a_message
from tests.support.statements import a_statement
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.model import Follow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.cost import Cost
    from tests.bench.effort import Effort

OS_STABLE = Follow("os", "stable")


def measure(effort: Effort) -> Iterator[Figure]:
    """Warm and cold, with .pyc and without, in an installation of its own."""
    root = effort.folder / "trusted_root.json"
    root.write_text(effort.sigstore.trusted_root_json())
    now = datetime.now(UTC)
    message = a_message(effort.sigstore, a_statement(issued_at=now).to_json(), now=now)
    installed = Installation(effort.folder / "installation")
    times = effort.times(10, 5)

    def costs(*, cold: bool) -> list[Cost]:
        found = []
        for _ in range(times + 1):
            if cold:
                installed.forget()
            found.append(_cost(effort.folder, installed, root, message))
        return found[1:]  # the first one warms the cache, or nothing

    yield from _figures("", costs(cold=False))
    yield _wall("file cache cold", costs(cold=True))
    installed.strip()
    yield _wall("no .pyc", costs(cold=False))
    yield from _figures(", no .pyc, file cache cold", costs(cold=True))


def _figures(how: str, costs: list[Cost]) -> Iterator[Figure]:
    yield _wall(how.removeprefix(", "), costs)
    yield Figure(f"verification child, CPU{how}", "ms", tuple(1000 * each.cpu_s for each in costs))
    yield Figure(f"verification child, peak RSS{how}", "MiB", tuple(each.peak_mib for each in costs))


def _wall(how: str, costs: list[Cost]) -> Figure:
    name = ", ".join(filter(None, ("verification child, wall", how)))
    return Figure(name, "ms", tuple(1000 * each.wall_s for each in costs))


def _cost(folder: Path, installed: Installation, root: Path, message: bytes) -> Cost:
    """Have the verifier take the launcher for its interpreter."""
    result, interpreter = folder / "cost.json", folder / "python"
    words = shlex.join(cost.command(result, [str(installed.python)]))
    interpreter.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    interpreter.chmod(0o700)
    verifier = ChildVerifier(VerifyingChild(root, python=str(interpreter)), {OS_STABLE.key: POLICY})
    verifier.verify(OS_STABLE, message)
    return cost.read(result)
