"""Boot counting by a real GRUB in QEMU: the agent's words, and the snippet that is shipped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import find_program
from tidegate_agent.adapters.boot_counting import GrubCounting

SNIPPET: Final = Path(__file__).parents[2] / "systemd/usr/share/tidegate/grub/08_tidegate"
FIRMWARE: Final = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
MODULES: Final = (
    "part_msdos fat search search_fs_file configfile normal loadenv test echo reboot halt serial linux"
)

pytestmark = [
    pytest.mark.real("qemu-system-x86_64"),
    pytest.mark.real("grub-mkimage"),
    pytest.mark.real("grub-script-check"),
    pytest.mark.real("mformat"),
]

CORE: Final = """\
search --file /grub/grub.cfg --set=root
set prefix=($root)/grub
configfile ($root)/grub/grub.cfg
"""

HEAD: Final = """\
serial --unit=0
terminal_output serial
terminal_input serial
set timeout=0
set default=0
load_env
"""

ENTRIES: Final = """\
menuentry "new" {
  echo "BOOTED new $boot_counter"
  NEW
}
menuentry "old" {
  echo "BOOTED old $boot_counter"
  halt
}
"""

FAILS_LATE: Final = 'if [ -n "$boot_counter" ]; then reboot; else halt; fi'
"""An image that comes up, and that nobody calls good; ends the run where nothing is counted."""

CANNOT_BE_LOADED: Final = "linux /absent"


def program(name: str) -> str:
    return find_program(name) or name


def run(*argv: str | Path) -> str:
    argv = (program(str(argv[0])), *argv[1:])
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout


@dataclass
class Disk:
    """A disk with an EFI partition that holds GRUB, its configuration and its environment block."""

    folder: Path

    def make(self, new: str) -> None:
        folder, image = self.folder, self.folder / "disk.img"
        (folder / "core.cfg").write_text(CORE, encoding="ascii")
        config = HEAD + run("sh", SNIPPET) + ENTRIES.replace("NEW", new)
        (folder / "grub.cfg").write_text(config, encoding="ascii")
        efi = folder / "BOOTX64.EFI"
        target = ("-O", "x86_64-efi", "-p", "/grub")
        run("grub-mkimage", *target, "-c", folder / "core.cfg", "-o", efi, *MODULES.split())
        run("grub-editenv", folder / "grubenv", "create")
        image.write_bytes(b"")
        os.truncate(image, 48 * 1024 * 1024)
        run("mformat", "-i", image, "-F", "::")
        run("mmd", "-i", image, "::EFI", "::EFI/BOOT", "::grub")
        run("mcopy", "-i", image, efi, "::EFI/BOOT/")
        run("mcopy", "-i", image, folder / "grub.cfg", folder / "grubenv", "::grub/")
        shutil.copyfile(FIRMWARE.with_name("OVMF_VARS_4M.fd"), folder / "vars.fd")

    def counting(self) -> GrubCounting:
        """The block as the last boot left it."""
        run("mcopy", "-o", "-i", self.folder / "disk.img", "::grub/grubenv", self.folder / "grubenv")
        return GrubCounting(self.folder / "grubenv")

    def put_back(self) -> None:
        run("mcopy", "-o", "-i", self.folder / "disk.img", self.folder / "grubenv", "::grub/grubenv")

    def boot(self) -> list[str]:
        """Boot until an entry halts: which entries were booted, and what the counter said in each."""
        drives = (
            f"if=pflash,format=raw,readonly=on,file={FIRMWARE}",
            f"if=pflash,format=raw,file={self.folder / 'vars.fd'}",
            f"if=virtio,format=raw,file={self.folder / 'disk.img'}",
        )
        machine = ["-M", "q35", "-m", "128", "-display", "none", "-serial", "stdio", "-nic", "none"]
        finished = subprocess.run(
            [
                program("qemu-system-x86_64"),
                *machine,
                *(word for drive in drives for word in ("-drive", drive)),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=240,
        )
        return re.findall(r"BOOTED (\w+ ?[-\w]*)", finished.stdout.decode("ascii", errors="replace"))


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    if not FIRMWARE.exists():
        if os.environ.get("CI"):
            pytest.fail("ovmf is not installed")
        pytest.skip("ovmf is not installed")
    return Disk(tmp_path)


def test_grub_gives_up_an_image_after_its_boots_and_stays_with_the_other(disk: Disk) -> None:
    disk.make(FAILS_LATE)
    counting = disk.counting()
    counting.start()
    disk.put_back()
    assert disk.boot() == ["new 1", "new 0", "old -1"]
    assert disk.counting().fell_back()
    assert disk.boot() == ["old -1"]
    counting = disk.counting()
    counting.start(boots=1)
    assert not counting.fell_back()
    disk.put_back()
    assert disk.boot() == ["new 0", "old -1"]
    disk.counting().stop()
    disk.put_back()
    assert disk.boot() == ["new "]
    assert run("grub-editenv", disk.folder / "grubenv", "list").split() == ["boot_success=1"]


def test_a_kernel_that_cannot_be_loaded_is_given_up_at_once(disk: Disk) -> None:
    disk.make(CANNOT_BE_LOADED)
    disk.counting().start()
    disk.put_back()
    assert disk.boot() == ["new 1", "old 1"]


def test_what_nobody_counts_is_left_alone(disk: Disk) -> None:
    disk.make("halt")
    run("grub-editenv", disk.folder / "grubenv", "set", "boot_counter=many", "boot_success=0")
    disk.put_back()
    assert disk.boot() == ["new many"]


def test_the_snippet_is_grub_s_language() -> None:
    made = run("sh", SNIPPET)
    subprocess.run([program("grub-script-check")], input=made, text=True, check=True, timeout=60)


def test_beside_greenboot_s_own_script_it_prints_nothing(tmp_path: Path) -> None:
    ours = tmp_path / "08_tidegate"
    shutil.copy(SNIPPET, ours)
    other = tmp_path / "08_fallback_counting"
    other.write_text("#!/bin/sh\n", encoding="ascii")
    assert run("sh", ours) != "", "a script that may not be run counts nothing"
    other.chmod(0o755)
    assert run("sh", ours) == ""
