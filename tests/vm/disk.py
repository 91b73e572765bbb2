"""A disk with image-mode Debian: two partitions, one deployment, and a GRUB that reads ostree's entries.

It is written the way an installer would, with the engine's own `install`, but into files: no mounts and no
loop devices, so a container will do. After this the host is on its own; only tidegate-agent changes it.

The boot loader: ostree keeps /boot/loader/syslinux.cfg up to date by itself, behind the same atomic link as
its /boot/loader/entries, and GRUB reads that form (`syslinux_source`).
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tidegate_agent.engines.ostree.engine import OstreeEngine
from tidegate_agent.engines.ostree.host import OstreeHost
from tidegate_agent.model import ImageTarget
from tidegate_wire.registry.layout import LayoutSource

OS_NAME = "debian"
KERNEL_ARGUMENTS = (
    "root=LABEL=root",
    "rw",
    "console=ttyS0",
    "panic=1",  # a kernel that cannot go on is one more attempt for the boot loader's counter
    "loglevel=6",
    "systemd.show_status=1",
    "systemd.tty.term.console=dumb",  # no colours in the log, and no questions to a terminal that is none
    "systemd.tty.term.ttyS0=dumb",
    "systemd.default_device_timeout_sec=300",
    "mitigations=off",
    "lsm=yama",  # systemd's LSM in BPF costs ten seconds of a boot in emulation
)

_MIB = 1024 * 1024
_SECTOR = 512
_CODE, _TABLE = 440, 446  # of the master boot record: how much of it is code, and where its table begins
_LINUX = 0x83
_GRUB = Path("/usr/lib/grub/i386-pc")
_MODULES = "biosdisk part_msdos ext2 normal linux16 loadenv test echo syslinuxcfg serial terminal"
# No feature that GRUB 2.06 cannot read, as on any Debian /boot.
_EXT4 = "^metadata_csum_seed,^orphan_file,^large_dir,^casefold,^encrypt"
_SNIPPET = Path(__file__).parents[2] / "systemd/usr/share/tidegate/grub/08_tidegate"
_BEFORE = "serial --unit=0 --speed=115200\nterminal_output serial\nset default=0\nload_env\n"
# Reading the entries sets a default and a time to wait; the counter's word and none at all count.
_ENTRIES = """
set chosen=$default
syslinux_source /loader/syslinux.cfg
set default=$chosen
set timeout=0
echo "GRUB: entry $default, boots left: $boot_counter"
"""
_EMBEDDED = "set prefix=(hd0,msdos1)/grub\nset root=hd0,msdos1\nconfigfile $prefix/grub.cfg\n"


@dataclass(frozen=True)
class Partition:
    """Where a partition lies, in MiB."""

    label: str
    start: int
    size: int


BOOT = Partition("boot", 1, 383)
ROOT = Partition("root", 384, 3072)


def install(folder: Path, layout: Path, digest: str, etc: Path) -> Path:
    """Write a disk image with one deployment of an image.

    Args:
        folder: where the disk is made; also for what is needed in between.
        layout: an OCI layout with the image.
        digest: of its manifest.
        etc: a tree that is laid over the deployment's /etc: what is this host's own.
    """
    sysroot, disk = folder / "sysroot", folder / "disk.raw"
    _prepare_sysroot(sysroot)
    engine = OstreeEngine(lambda path: LayoutSource(Path(path)), OstreeHost(OS_NAME, sysroot))
    target = ImageTarget(digest, (str(layout),), "amd64")
    engine.install(target, KERNEL_ARGUMENTS, lambda _: None, lambda: False)
    deployment = next((sysroot / f"ostree/deploy/{OS_NAME}/deploy").glob("*.0"))
    shutil.copytree(etc, deployment / "etc", dirs_exist_ok=True, symlinks=True)
    # ostree's own guard, where the file system has it: the test's directory could not be removed.
    subprocess.run(["/usr/bin/chattr", "-i", deployment], capture_output=True, check=False)
    boot = (sysroot / "boot").rename(folder / "boot")
    (sysroot / "boot").mkdir()
    _write_disk(disk, sysroot, boot)
    shutil.rmtree(sysroot)
    shutil.rmtree(boot)
    return disk


def _prepare_sysroot(sysroot: Path) -> None:
    sysroot.mkdir()
    _run("ostree", "admin", "init-fs", "--modern", sysroot)
    _run("ostree", "admin", "os-init", OS_NAME, f"--sysroot={sysroot}")
    boot = sysroot / "boot"
    for folder in ("loader.0", "syslinux", "grub"):
        (boot / folder).mkdir(parents=True)
    # The link tells ostree to write this configuration with every deployment; it wants one to begin with.
    (boot / "loader").symlink_to("loader.0")
    (boot / "loader/syslinux.cfg").write_text("TIMEOUT 1\n")  # without it GRUB takes the default entry only
    (boot / "syslinux/syslinux.cfg").symlink_to("../loader/syslinux.cfg")
    (boot / "grub/grub.cfg").write_text(_grub_config())
    _run("grub-editenv", boot / "grub/grubenv", "create")


def _grub_config() -> str:
    """The project's own snippet that counts boots, as update-grub would take it up, and ostree's entries."""
    done = subprocess.run(["/bin/sh", _SNIPPET], capture_output=True, text=True, check=True)
    return _BEFORE + done.stdout + _ENTRIES


def _write_disk(disk: Path, sysroot: Path, boot: Path) -> None:
    with disk.open("wb") as stream:
        stream.truncate((ROOT.start + ROOT.size) * _MIB)
    _write_loader(disk)
    for partition, tree in ((BOOT, boot), (ROOT, sysroot)):
        _run(
            *("mke2fs", "-q", "-t", "ext4", "-O", _EXT4, "-L", partition.label, "-d", tree),
            *("-E", f"offset={partition.start * _MIB}", disk, f"{partition.size}M"),
        )


def _write_loader(disk: Path) -> None:
    """Put GRUB and the partition table into the first sector, and GRUB's rest behind it."""
    config, core = disk.with_name("embedded.cfg"), disk.with_name("core.img")
    config.write_text(_EMBEDDED)
    _run(
        *("grub-mkimage", "-O", "i386-pc", "-p", "(hd0,msdos1)/grub", "-c", config, "-o", core),
        *_MODULES.split(),
    )
    assert core.stat().st_size < BOOT.start * _MIB - _SECTOR
    with disk.open("r+b") as stream:
        stream.write((_GRUB / "boot.img").read_bytes()[:_CODE].ljust(_TABLE, b"\0") + _partition_table())
        stream.write(core.read_bytes())


def _partition_table() -> bytes:
    """The table of a master boot record, with the signature behind it; the first partition is active."""
    rows = b"".join(
        struct.pack(
            "<B3xB3xII", 0x80 * (one is BOOT), _LINUX, one.start * _MIB // _SECTOR, one.size * _MIB // _SECTOR
        )
        for one in (BOOT, ROOT)
    )
    return rows.ljust(64, b"\0") + b"\x55\xaa"


def _run(*words: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words[0]}: {done.stderr[-2000:]}"
    return done.stdout
