"""Stands in for the few commands of ostree that the bootc engine uses.

ostree_admin.py FOLDER admin undeploy 0
ostree_admin.py FOLDER container image prune-images --sysroot / --full
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.support.standins.sysroot import Sysroot

UNDEPLOY = ["admin", "undeploy", "0"]
PRUNE = ["container", "image", "prune-images", "--sysroot", "/", "--full"]


def main(sysroot: Sysroot, arguments: list[str]) -> int:
    sysroot.log("ostree", arguments)
    fault = sysroot.take_fault("undeploy" if arguments == UNDEPLOY else "prune")
    if fault:
        return fail(fault["text"])
    with sysroot.locked():
        if arguments == PRUNE:
            sysroot.prune()
        elif arguments != UNDEPLOY:
            return fail("Unknown command")
        elif sysroot.staged:
            sysroot.undeploy_staged()
        elif sysroot.rollback_queued:
            # What index 0 is then: the trap of counting without looking.
            raise AssertionError("the previous deployment would have been removed")
        else:
            return fail("Cannot undeploy currently booted deployment")
    return 0


def fail(text: str) -> int:
    print(f"error: {text}", file=sys.stderr)  # noqa: T201 - a program's output
    return 1


if __name__ == "__main__":
    sys.exit(main(Sysroot(Path(sys.argv[1])), sys.argv[2:]))
