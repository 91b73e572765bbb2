"""What is kept in single files and in names alone: a file that is replaced, and the boot guard's states.

`python -m tests.faults.storage.files_life FOLDER MARKS`
"""

from __future__ import annotations

import sys
from pathlib import Path

from tidegate_agent.adapters.boot_guard_directory import GuardDirectory
from tidegate_agent.adapters.own_place import make_own_folder
from tidegate_agent.adapters.whole_file import replace_file

CONTENTS = (b"first " * 300, b"second " * 2000, b"third")
ARMED = {"digest": ("sha256:a",), "previous": ("sha256:0",), "boots": ("1", "2")}


def main() -> None:
    folder, marks = map(Path, sys.argv[1:])
    with marks.open("a", buffering=1, encoding="ascii") as file:
        make_own_folder(folder / "state", "the folder")
        for number, content in enumerate(CONTENTS):
            replace_file(folder / "state" / "record", content)
            file.write(f"record-{number}\n")
        guard = GuardDirectory(folder / "state" / "guard")
        for step in ("armed", "again"):
            guard.arm(ARMED)
            file.write(f"{step}\n")
        guard.decide({"verdict": ("no answer",)}, without="boots")
        file.write("fired\n")
        guard.drop("fired")
        file.write("dropped\n")


if __name__ == "__main__":
    main()
