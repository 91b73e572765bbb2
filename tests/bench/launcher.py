"""Runs one program and writes down what it cost: `python -I -S launcher.py RESULT_FILE PROGRAM ARGUMENT…`.

A process of its own, and a small one, because Linux counts the memory of whoever started a program towards
the program's peak: started by the bench itself, nothing would ever seem to need less than the bench.
"""

import json
import os
import sys
import time


def main(result: str, argv: list[str]) -> int:
    """Run it to its end; its exit status."""
    began = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        try:
            os.execv(argv[0], argv)  # noqa: S606 - argv is a list, and meant to be run
        except OSError as error:
            os.write(2, f"{argv[0]}: {error}\n".encode())
            os._exit(127)
    _, status, usage = os.wait4(pid, 0)
    cost = {
        "wall_s": time.perf_counter() - began,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        # KiB (getrusage(2)): of the largest single process among the program and those it waited for.
        "peak_mib": usage.ru_maxrss / 1024,
    }
    with open(result, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would make this process larger
        json.dump(cost, file)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
