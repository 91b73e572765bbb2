"""`tidegate-agent`, run under libfaketime. The first argument is its script, in whose place it stands.

time.sleep() waits until an absolute time of the clock that is not faked, which libfaketime 0.9.10 takes for
one of the clock that is, and fails with EINVAL. Waiting for an event does the same and works.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import SupportsIndex

from tidegate_agent.cli import main


def _sleep(seconds: float | SupportsIndex, /) -> None:
    threading.Event().wait(float(seconds))


if __name__ == "__main__":
    time.sleep = _sleep
    del sys.argv[0]
    sys.exit(main())
