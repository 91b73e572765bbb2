"""The real timer in a process of its own: told by lines of JSON what to wait for, it says by lines what rang.

`{"set": "moment" | "pause", "name": …, "s": …}` sets an alarm that many seconds ahead. Each line that comes
back has a `name` and `elapsed`, the seconds that have passed; `clock` is a clock that was set, `by` seconds.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta

from tidegate_agent.adapters.clock_system import SystemClock
from tidegate_agent.adapters.timer_apscheduler import ApschedulerTimer

NUDGE = timedelta(milliseconds=200)


def main() -> None:
    """Serve until the input ends."""
    clock = SystemClock()
    timer = ApschedulerTimer(NUDGE, clock)

    def say(name: str, **more: float) -> None:
        line = {"name": name, "elapsed": clock.elapsed().total_seconds(), **more}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def ring(name: str) -> None:
        say(name)

    timer.watch(lambda by: say("clock", by=by.total_seconds()))
    say("ready")
    for line in sys.stdin:
        order = json.loads(line)
        name, ahead, begun = order["name"], timedelta(seconds=order["s"]), clock.elapsed()
        if order["set"] == "moment":
            timer.wake(name, clock.now() + ahead, lambda name=name: ring(name))  # type: ignore[misc]
        else:
            timer.after(name, ahead, lambda name=name: ring(name))  # type: ignore[misc]
        say(f"set {name}", begun=begun.total_seconds())
    timer.stop()


if __name__ == "__main__":
    main()
