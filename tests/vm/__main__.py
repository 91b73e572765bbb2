"""The virtual machine for a person: `python -m tests.vm FOLDER` makes it and takes commands until `quit`."""

from __future__ import annotations

import cmd
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.vm.world import world

if TYPE_CHECKING:
    from tests.vm.world import World


class Desk(cmd.Cmd):
    """What a person can do to the machine and around it."""

    prompt = "vm> "

    def __init__(self, here: World) -> None:
        super().__init__()
        self._here = here

    def do_announce(self, version: str) -> None:
        """Sign and announce a version: announce 2."""
        if version not in self._here.digests:
            print(f"there are the versions {', '.join(self._here.digests)}")  # noqa: T201 - it is a conversation
            return
        print(self._here.announce(version))  # noqa: T201 - the same

    def do_sh(self, command: str) -> None:
        """Run a command as root in the machine: sh tidegate-agent status."""
        try:
            print(self._here.machine.shell().run(command))  # noqa: T201 - the same
        except (AssertionError, OSError) as error:
            print(error)  # noqa: T201 - the same

    def do_cut(self, _: str) -> None:
        """Cut the power, and give it back."""
        self._here.machine.power_cycle()

    def do_quit(self, _: str) -> bool:
        """End everything."""
        return True


def main() -> None:
    """Make the world in the folder that is named, which must be empty or absent."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.vm FOLDER")
    folder = Path(sys.argv[1]).resolve()
    (folder / "world").mkdir(parents=True)
    with world(folder / "world", folder) as here:
        print(  # noqa: T201 - it is a conversation
            f"The machine boots. Its console: {here.machine.log}; what happens: {here.timeline.path}\n"
            f"Broker: {here.publisher.broker}, topics tidegate/v1/#. Versions: {', '.join(here.digests)}"
        )
        Desk(here).cmdloop()


if __name__ == "__main__":
    main()
