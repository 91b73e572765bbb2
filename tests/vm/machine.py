"""A virtual machine: QEMU in software emulation, its serial console, and its power switch.

Power is cut by SIGKILL. What the guest has written to its disk lies in this machine's page cache, which a
killed process leaves behind; what the guest itself still holds (page cache, open transactions) and requests
in flight are lost. So this is a drive whose own cache survives, and `cache=unsafe` is no cheat: the guest
sees a write cache and flushes it, and only the flush of this machine's disk is spared. A drive that loses
its cache too, out of order, is beyond this test.

The guest reaches this machine's loopback as 10.0.2.2 (QEMU's user networking), and nothing reaches the guest.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Self

from tests.conftest import find_program
from tests.support.waiting import wait_until
from tests.vm.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.vm.timeline import Timeline

HOST = "10.0.2.2"
"""This machine's loopback, seen from the guest."""
LOGIN_S = 480.0
"""How long a boot may take, in seconds; it takes 40 on two idle cores."""

_KERNEL = re.compile(r"Kernel command line: .*?ostree=(\S+)")
_CUT = "======== power cut ========"
_COUNTS = ("Welcome to ", "Attempted to kill init", _CUT)
"""A boot came to its userspace, has none, or was ended by us."""
_CRASH = re.compile(r"Kernel panic - not syncing: (?!Attempted to kill init)")


class Machine:
    """A machine with one disk. A context manager, which ends the process.

    Args:
        disk: a raw image.
        folder: where the serial log and the sockets are.
        timeline: is told of boots and of power cuts.

    Attributes:
        log: all that came over the serial line, over all starts.
    """

    def __init__(self, disk: Path, folder: Path, timeline: Timeline) -> None:
        self.log = folder / "serial.log"
        self._disk = disk
        self._socket = folder / "shell.sock"
        self._timeline = timeline
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0

    def __enter__(self) -> Self:
        self.power_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()

    def power_on(self) -> None:
        """Start it; returns at once."""
        assert self._process is None
        program = find_program("qemu-system-x86_64")
        assert program is not None
        self._socket.unlink(missing_ok=True)
        # What an earlier boot said is over.
        self._read += len(self._unread())
        self._process = subprocess.Popen(
            [program, *self._arguments()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        self._timeline.note("machine", "power on")

    def power_cut(self) -> None:
        """Take the power away, in the middle of anything."""
        self._kill()
        with self.log.open("ab") as log:
            log.write(f"\r\n{_CUT}\r\n".encode())
        self._timeline.note("machine", "power cut")

    def power_cycle(self) -> None:
        """Take the power away and give it back."""
        self.power_cut()
        self.power_on()

    def text(self) -> str:
        """The serial log so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def boots(self) -> list[str]:
        """The deployment that each kernel so far was told to boot: the value of `ostree=`.

        Emulation now and then ends a kernel that hardware would not: it dies before its userspace, or of
        itself, and is booted again at once. That boot is none of the story's.
        """
        told, *rest = _KERNEL.split(self.text())
        del told
        boots = list(zip(rest[::2], rest[1::2], strict=True))
        return [
            deployment
            for number, (deployment, said) in enumerate(boots, start=1)
            if number == len(boots) or (any(sign in said for sign in _COUNTS) and not _CRASH.search(said))
        ]

    def wait_for(self, pattern: str, timeout_s: float = LOGIN_S) -> str:
        """Wait for new text on the serial line; what is matched is read, and matches no second time."""
        expression = re.compile(pattern.encode())
        found: list[re.Match[bytes]] = []

        def says() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, "QEMU ended"
            found.extend(filter(None, [expression.search(self._unread())]))
            return bool(found)

        try:
            wait_until(says, f"the serial line says {pattern!r}", timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; it says: {self.text()[-3000:]}") from None
        self._read += found[0].end()
        text = found[0][0].decode(errors="replace")
        self._timeline.note("serial", text.strip()[-200:])
        return text

    def wait_for_login(self) -> None:
        """Wait until a boot, from now on, has come to the login prompt."""
        self.wait_for(r"\n\S+ login: ")

    def shell(self) -> Shell:
        """A root shell in the guest, on its second serial line."""
        return Shell(self._socket)

    def _unread(self) -> bytes:
        if not self.log.exists():
            return b""
        with self.log.open("rb") as log:
            log.seek(self._read)
            return log.read()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def _arguments(self) -> list[str]:
        # Without cx16: the emulation of CMPXCHG16B in QEMU 7.2 makes the 6.12 kernel panic. One processor: a
        # second one costs this machine one of its own, makes no boot faster, and races in emulation as no
        # hardware does.
        return [
            *("-machine", "pc,accel=tcg", "-cpu", "qemu64,-cx16,-svm", "-smp", "1", "-m", "1024"),
            *("-nodefaults", "-display", "none"),
            *("-drive", f"file={self._disk},if=virtio,format=raw,cache=unsafe"),
            *("-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci"),
            *("-chardev", f"file,id=console,path={self.log},append=on", "-serial", "chardev:console"),
            *("-serial", f"unix:{self._socket},server=on,wait=off"),
        ]
