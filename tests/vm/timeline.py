"""What happened when: one line of JSON for each event of a run, for people who look at it afterwards."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Timeline:
    """Appends to a file, from any thread.

    Attributes:
        path: the file, JSON lines: seconds since the beginning, who says so, and what.
    """

    path: Path
    _began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, who: str, what: str, **more: object) -> None:
        """Write down that something happened now."""
        line = {"at_s": round(time.monotonic() - self._began, 1), "who": who, "what": what, **more}
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
