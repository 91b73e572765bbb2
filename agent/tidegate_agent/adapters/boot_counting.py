"""Boot counting: GRUB tries a new image so many times, and takes the previous one when nobody called it good.

The words in GRUB's environment block are greenboot's, so that either program understands the other:

| word | says |
|---|---|
| boot_counter=N | N more boots of the first entry; GRUB takes one away at each |
| boot_counter=-1 | the boots were used up: GRUB takes the second entry, at this boot and all later ones |
| boot_success=0 | nobody has called the running image good yet: GRUB counts |
| boot_success=1 | somebody did: GRUB does not count |

GRUB's half is usr/share/tidegate/grub/08_tidegate. It can only count where it can write, which it cannot on
btrfs, LVM and RAID.

The block (GRUB's lib/envblk.c) is a file of 1024 bytes that keeps its size: a header, lines `name=value` in
which a backslash takes the meaning from the next byte, and "#" up to the end. It is edited here, without
grub-editenv: that one empties the file before it writes it, and the next image may not have it.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from tidegate_agent.adapters.whole_file import replace_file
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCKS: Final = (Path("/boot/grub2/grubenv"), Path("/boot/grub/grubenv"))
BOOTS: Final = 2
"""How often a new image is booted before the boot loader gives it up. GRUB's half counts from 9 at most."""

_HEADER: Final = b"# GRUB Environment Block\n"
_LINE: Final = re.compile(rb"(?:#[^\n]*|(?:\\.|[^\\\n#])(?:\\.|[^\\\n])*|)\n", re.DOTALL)
_BLOCK_BYTES: Final = 4096
_CONFIG_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class GrubCounting:
    """The counter in GRUB's environment block."""

    block: Path

    def start(self, boots: int = BOOTS) -> None:
        """Let the next boots count. Durable when it returns. Raises EngineError(ACTIVATE_FAILED)."""
        self._edit({b"boot_counter": str(boots).encode(), b"boot_success": b"0"})

    def stop(self) -> None:
        """The running image is good, or the expected one is not expected any more. Raises as `start`."""
        self._edit({b"boot_counter": None, b"boot_success": b"1"})

    def fell_back(self) -> bool:
        """Whether the boots were used up. False also where that cannot be told."""
        with suppress(EngineError):
            return b"boot_counter=-1\n" in self._read()[1]
        return False

    def _read(self) -> tuple[int, list[bytes]]:
        """The block's size and its lines, comments too, without what fills it up."""
        try:
            with self.block.open("rb") as file:
                raw = file.read(_BLOCK_BYTES)
        except OSError as error:
            raise _failed(f"{self.block} cannot be read: {error.strerror}") from error
        # An empty file is what a power cut leaves of grub-editenv's work; GRUB finds no words in it.
        lines = [found[0] for found in _LINE.finditer(raw or _HEADER)]
        if lines[:1] != [_HEADER] or raw.removeprefix(b"".join(lines)).strip(b"#"):
            raise _failed(f"{self.block} is no environment block; make it with grub-editenv create")
        return max(len(raw), 1024), lines

    def _edit(self, changes: dict[bytes, bytes | None]) -> None:
        size, lines = self._read()
        # The boot guard's script stops the counter with a comment: see `boot_guard`.
        gone = {*changes, b"#oot_counter"}
        kept = [line for line in lines if line.partition(b"=")[0] not in gone]
        added = [name + b"=" + value + b"\n" for name, value in changes.items() if value is not None]
        content = b"".join([*kept, *added])
        if len(content) > size:
            raise _failed(f"{self.block} is full")
        try:
            # The file itself, where the name is a link to the EFI partition.
            replace_file(self.block.resolve(), content.ljust(size, b"#"))
        except OSError as error:
            raise _failed(f"{self.block} cannot be written: {error.strerror}") from error


def find_counting(
    wanted: Literal["auto", "grub", "none"], blocks: Sequence[Path] = BLOCKS
) -> GrubCounting | None:
    """How boots are counted on this host; None where they are not.

    "auto" asks that GRUB's configuration, beside its environment block, counts at all.

    Raises:
        EngineError: ACTIVATE_FAILED, "grub" was asked for and there is no environment block.
    """
    if wanted == "none":
        return None
    block = next((each for each in blocks if os.path.isfile(each)), None)  # noqa: PTH113 - never raises
    if wanted == "grub":
        if block is None:
            places = " or ".join(map(str, blocks))
            raise _failed(f'activate.boot_counting is "grub", but there is no {places}')
        return GrubCounting(block)
    return GrubCounting(block) if block is not None and _counts(block.with_name("grub.cfg")) else None


def _counts(config: Path) -> bool:
    """Whether GRUB's configuration speaks of a counter."""
    try:
        with config.open("rb") as file:
            return b"boot_counter" in file.read(_CONFIG_BYTES)
    except OSError:
        return False


def _failed(reason: str) -> EngineError:
    return EngineError(Code.ACTIVATE_FAILED, f"boots cannot be counted: {reason}", retryable=True)
