"""The process that fuzzes one target: `python -m tests.fuzz.worker TARGET PROGRAM ARGUMENT…`.

PROGRAM is what libFuzzer starts when it wants another worker, and the rest are its arguments.

A process of its own because libFuzzer ends it, and because atheris instruments what is imported after it.
"""

from __future__ import annotations

import importlib
import sys
import time
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tests.fuzz.catalogue import TARGETS
from tests.fuzz.landmarks import LANDMARKS
from tests.fuzz.oracle import require

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.catalogue import Target

INSTRUMENTED: Final = [
    "tidegate_schemas", "tidegate_wire", "tidegate_fleet.words",
    "sigstore", "sigstore_models", "rfc8785", "json.decoder",
]  # fmt: skip
"""Python that inputs pass through. pydantic's and cryptography's cores are Rust; see landmarks.py."""

CPU_CAP_S: Final = 2.0
"""Processor time for one input, instrumented. Measured: 60 ms for the slowest genuine bundle."""


def main(argv: list[str]) -> None:
    """Fuzz until libFuzzer ends this process: 0, or 77 with the input left behind."""
    target = TARGETS[argv[1]]
    atheris: Any = importlib.import_module("atheris")  # it ships no types, and is not there for every machine
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        check = target.load()
    LANDMARKS.instrument(atheris.instrument_func)
    atheris.Setup(argv[2:], _timed(check), custom_mutator=_mutator(target, atheris))
    atheris.Fuzz()


def _timed(check: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def one(data: bytes) -> None:
        began = time.thread_time()
        check(data)
        used = time.thread_time() - began
        require(used <= CPU_CAP_S, f"one input took {used:.1f} s of processor time")

    return one


def _mutator(target: Target, atheris: Any) -> Callable[[bytes, int, int], bytes]:
    """By turns an alteration that keeps the form, and libFuzzer's own of the bytes."""

    def alter(data: bytes, max_size: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311 - reproducible on purpose
        if random.random() < 0.6:
            altered = target.alter(bytes(data), random)
            if altered != data and len(altered) <= max_size:
                return altered
        return bytes(atheris.Mutate(data, max_size))  # atheris puts it there when it starts

    return alter


if __name__ == "__main__":
    main(sys.argv)
