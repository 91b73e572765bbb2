"""Stands in for systemctl: tells of the units that a test wrote down.

    systemctl.py UNITS show --property=Id,ActiveState,UnitFileState -- UNIT...

UNITS is a JSON file: {"zincati.service": ["active", "enabled"]}. A unit that is not in it does not exist; an
empty file is a manager that does not answer.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path


def main(units: Path, arguments: list[str]) -> int:
    written = units.read_text(encoding="utf-8") if units.exists() else "{}"
    if not written:
        signal.pause()
    known = json.loads(written)
    if arguments[:3] != ["show", "--property=Id,ActiveState,UnitFileState", "--"]:
        print("Unknown command verb.", file=sys.stderr)  # noqa: T201 - a program's output
        return 1
    blocks = []
    for unit in arguments[3:]:
        state, enablement = known.get(unit, ("inactive", ""))
        blocks.append(f"Id={unit}\nActiveState={state}\nUnitFileState={enablement}\n")
    print("\n".join(blocks), end="")  # noqa: T201 - a program's output
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
