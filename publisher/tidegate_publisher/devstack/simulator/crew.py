"""A fleet in several processes: one thread of Python fills one core."""

from __future__ import annotations

import gc
import math
import multiprocessing
import os
import resource
import signal
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from tidegate_publisher.devstack.simulator.figures import Figures, total
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as Pipe
    from multiprocessing.context import SpawnProcess

    from tidegate_publisher.devstack.simulator.fleet import Plan
    from tidegate_publisher.options.trust import Trust

_HOSTS_EACH: Final = 500
_FILES_BESIDE: Final = 64
_END_S: Final = 30.0
_COLLECTIONS: Final = (100_000, 50, 100)
"""Python itself looks for cycles every 700 objects: with thousands of hosts half of the processor."""


def processes_for(hosts: int) -> int:
    """How many processes so many hosts are worth on this machine."""
    return max(1, min(os.cpu_count() or 1, math.ceil(hosts / _HOSTS_EACH)))


def split(plan: Plan, processes: int) -> list[Plan]:
    """The same fleet in parts. Neighbours are apart, so that each part has hosts of every wave."""
    per_second = plan.per_second / processes
    return [
        replace(plan, numbers=plan.numbers[part::processes], per_second=per_second)
        for part in range(processes)
    ]


class Crew:
    """A context manager: the processes of one fleet. Leaving it lets every host say goodbye.

    Args:
        plan: the fleet.
        processes: how many.
        trust: whom the hosts trust; None believes everything.
    """

    def __init__(self, plan: Plan, processes: int, trust: Trust | None) -> None:
        self._plans = split(plan, processes)
        self._trust = trust
        self._workers: list[tuple[SpawnProcess, Pipe]] = []
        self._newest = [Figures(hosts=len(each.numbers)) for each in self._plans]

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        for plan in self._plans:
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(plan, self._trust, theirs), daemon=True)
            process.start()
            theirs.close()
            self._workers.append((process, ours))
        return self

    def __exit__(self, *_: object) -> None:
        for _process, pipe in self._workers:
            with suppress(OSError):
                pipe.send(None)
        for process, pipe in self._workers:
            self._drain(process, pipe)
            process.join(_END_S)
            if process.is_alive():
                process.terminate()
                process.join()
            pipe.close()
            process.close()
        self._workers.clear()

    def figures(self) -> Figures:
        """The newest figures of all processes.

        Raises:
            TidegateError: INTERNAL_ERROR, a process has ended; CONFIG_VALUE, it may not open enough sockets.
        """
        for place, (process, pipe) in enumerate(self._workers):
            with suppress(EOFError, OSError):
                while pipe.poll():
                    self._take(place, pipe.recv())
            if process.exitcode is not None:
                reason = f"a process of the simulated fleet ended with status {process.exitcode}"
                raise TidegateError(Code.INTERNAL_ERROR, reason)
        return total(self._newest)

    def last(self) -> Figures:
        """The figures at the end."""
        return total(self._newest)

    def _drain(self, process: SpawnProcess, pipe: Pipe) -> None:
        """Take what is told until the process ends: it must not wait for a full pipe."""
        place = [worker for worker, _ in self._workers].index(process)
        with suppress(EOFError, OSError, TidegateError):
            while pipe.poll(_END_S):
                self._take(place, pipe.recv())

    def _take(self, place: int, told: Figures | TidegateError) -> None:
        if isinstance(told, TidegateError):
            raise told
        self._newest[place] = told


def _work(plan: Plan, trust: Trust | None, pipe: Pipe) -> None:
    """The life of one process."""
    from tidegate_publisher.devstack.simulator.fleet import run_fleet  # noqa: PLC0415 -- paho, for who runs it
    from tidegate_publisher.devstack.simulator.unverified import Unverified  # noqa: PLC0415 -- the same

    # Hosts and their connections are in no cycles (see connection.py): a search finds next to nothing.
    gc.set_threshold(*_COLLECTIONS)
    # Ctrl-C reaches the whole group: it is the parent that ends its children, in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _allow_sockets(len(plan.numbers))
        verifier = Unverified() if trust is None else trust.verifier()
        # Data or the parent's end: both say that it is over.
        figures = run_fleet(plan, verifier, pipe.send, pipe.poll)
    except TidegateError as error:
        pipe.send(error)
        return
    with suppress(OSError):
        pipe.send(figures)


def _allow_sockets(hosts: int) -> None:
    """Raise the soft limit of open files as far as it goes.

    Raises:
        TidegateError: CONFIG_VALUE when that is not far enough.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = hosts + _FILES_BESIDE
    if hard != resource.RLIM_INFINITY and hard < needed:
        reason = f"{hosts} hosts in one process need {needed} open files, {hard} are allowed (ulimit -Hn)"
        raise TidegateError(Code.CONFIG_VALUE, f"{reason}: take more --processes")
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
