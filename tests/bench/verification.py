"""The verifying child: what each new message costs."""

from __future__ import annotations

import shlex
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.bench import cost
from tests.bench.figure import Figure
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
    """Wall time as the agent sees it; processor and memory as the kernel counts them."""
    root = effort.folder / "trusted_root.json"
    root.write_text(effort.sigstore.trusted_root_json())
    now = datetime.now(UTC)
    message = a_message(effort.sigstore, a_statement(issued_at=now).to_json(), now=now)
    times = effort.times(10, 5)
    plain = ChildVerifier(VerifyingChild(root), {OS_STABLE.key: POLICY})
    plain.verify(OS_STABLE, message)  # to warm caches
    walls = tuple(_wall_ms(plain, message) for _ in range(times))
    costs = [_cost(effort.folder, root, message) for _ in range(times)]
    yield Figure("verification child, wall", "ms", walls)
    yield Figure("verification child, CPU", "ms", tuple(1000 * each.cpu_s for each in costs))
    yield Figure("verification child, peak RSS", "MiB", tuple(each.peak_mib for each in costs))


def _wall_ms(verifier: ChildVerifier, message: bytes) -> float:
    began = time.perf_counter()
    verifier.verify(OS_STABLE, message)
    return 1000 * (time.perf_counter() - began)


def _cost(folder: Path, root: Path, message: bytes) -> Cost:
    """Have the verifier take the launcher for its interpreter."""
    result, interpreter = folder / "cost.json", folder / "python"
    words = shlex.join(cost.command(result, [sys.executable]))
    interpreter.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    interpreter.chmod(0o700)
    ChildVerifier(VerifyingChild(root, python=str(interpreter)), {OS_STABLE.key: POLICY}).verify(
        OS_STABLE, message
    )
    return cost.read(result)
