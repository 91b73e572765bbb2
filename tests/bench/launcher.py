"""Runs one program and writes down what it cost.

    python -I -S launcher.py [--all] RESULT_FILE PROGRAM ARGUMENT…

A process of its own, and a small one, because Linux counts the memory of whoever started a program towards
the program's peak: started by the bench itself, nothing would ever seem to need less than the bench.

With --all the memory of the program and everything that it started is looked at twenty times a second, too.
"""

import json
import os
import sys
import threading
import time

BETWEEN_S = 0.05


def main(result: str, argv: list[str], *, together: bool = False) -> int:
    """Run it to its end; its exit status."""
    began = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        try:
            os.execv(argv[0], argv)  # noqa: S606 - argv is a list, and meant to be run
        except OSError as error:
            os.write(2, f"{argv[0]}: {error}\n".encode())
            os._exit(127)
    watcher = Watcher(pid) if together else None
    _, status, usage = os.wait4(pid, 0)
    cost = {
        "wall_s": time.perf_counter() - began,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        # KiB (getrusage(2)): of the largest single process among the program and those it waited for.
        "peak_mib": usage.ru_maxrss / 1024,
        "together_mib": watcher.stop() / 1024 if watcher else None,
    }
    with open(result, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would make this process larger
        json.dump(cost, file)
    return os.waitstatus_to_exitcode(status)


class Watcher:
    """Looks again and again at how much memory a process and its offspring have."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_kib = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> int:
        """The largest sum that was seen, KiB."""
        self._done.set()
        self._thread.join()
        return self._peak_kib

    def _watch(self) -> None:
        while not self._done.wait(BETWEEN_S):
            self._peak_kib = max(self._peak_kib, sum(map(_pss_kib, _family(self._pid))))


def _family(pid: int) -> list[int]:
    """The process and all that it started, which are its children's children as well (proc(5))."""
    found = [pid]
    for each in found:
        try:
            threads = os.listdir(f"/proc/{each}/task")  # noqa: PTH208 - see above, pathlib
        except OSError:
            continue
        for thread in threads:
            found += map(int, _read(f"/proc/{each}/task/{thread}/children").split())
    return found


def _pss_kib(pid: int) -> int:
    """Memory, a page that several processes share counted in parts that make one."""
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _read(path: str) -> str:
    """Nothing for a process that has ended."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 - see above, pathlib
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    words = sys.argv[1:]
    every = words[0] == "--all"
    words = words[every:]
    sys.exit(main(words[0], words[1:], together=every))
