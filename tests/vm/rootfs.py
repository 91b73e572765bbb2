"""The base of the virtual machine's images: Debian trixie in the form that libostree boots.

It is made by mmdebstrap, with apt's own configuration of this machine, and kept between runs: a tar in a
cache directory, named after the recipe. `_BOOTABLE` is all that makes an image-mode host of Debian.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from tests.vm.agent_layer import COMPILE

SUITE = "trixie"
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "udev",
    "dbus",
    "linux-image-cloud-amd64",
    "ostree",
    "ostree-boot",
    "dracut",
    "python3",
    "openssh-server",
    "iproute2",
    "kmod",
    "ca-certificates",
    "zstd",
)
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
# What such a host does not need; each costs seconds of every boot in emulation.
_MASKED = """
apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
e2scrub_reap.service dracut-shutdown.service getty@tty1.service systemd-hostnamed.socket
dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount
proc-sys-fs-binfmt_misc.automount
modprobe@configfs.service modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service
"""

# Runs before the packages come, so that the initramfs is made once, by the kernel's own package.
_PREPARE = r"""
mkdir -p "$1/etc/dracut.conf.d" "$1/usr/lib/ostree"
cat >"$1/etc/dracut.conf.d/image.conf" <<'TEXT'
hostonly=no
compress="zstd -3"
add_dracutmodules+=" ostree systemd "
drivers=" virtio_pci virtio_blk ext4 "
omit_dracutmodules+=" crypt dm dmraid lvm mdraid multipath nfs iscsi network bluetooth plymouth "
TEXT
cat >"$1/usr/lib/ostree/prepare-root.conf" <<'TEXT'
[sysroot]
readonly=true
[composefs]
enabled=no
TEXT
"""

# What tells an image-mode host from a Debian that packages are installed on.
_BOOTABLE = rf"""
cd "$1"
kernel=$(basename boot/vmlinuz-*)
release=${{kernel#vmlinuz-}}
mv "boot/vmlinuz-$release" "usr/lib/modules/$release/vmlinuz"
mv "boot/initrd.img-$release" "usr/lib/modules/$release/initramfs.img"
rm -rf boot vmlinuz* initrd.img*
mkdir boot sysroot
ln -s sysroot/ostree ostree
for each in home root srv mnt opt media; do
	rm -rf "$each"
	ln -s "var/$each" "$each"
done
cat >usr/lib/tmpfiles.d/image.conf <<'TEXT'
d /var/home 0755
d /var/root 0700
d /var/srv 0755
d /var/mnt 0755
d /var/opt 0755
d /var/media 0755
d /var/lib 0755
d /var/log 0755
d /var/cache 0755
L /var/lib/dpkg - - - - /usr/lib/sysimage/dpkg
TEXT
mkdir usr/lib/sysimage
mv var/lib/dpkg usr/lib/sysimage/dpkg
rm -rf var && mkdir var
rm -f etc/ssh/ssh_host_* etc/hostname etc/resolv.conf
: >etc/machine-id
echo 'LABEL=boot /boot ext4 noatime 0 0' >etc/fstab
chroot . systemctl mask --quiet {" ".join(_MASKED.split())}
chroot . systemctl enable --quiet systemd-networkd
cat >etc/systemd/network/80-dhcp.network <<'TEXT'
[Match]
Name=en* eth*
[Network]
DHCP=ipv4
TEXT
mkdir usr/lib/systemd/system/sshd-keygen.service.d
cat >usr/lib/systemd/system/sshd-keygen.service.d/image.conf <<'TEXT'
[Unit]
ConditionFirstBoot=
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
TEXT
chroot . usermod --password '' root
chroot . python3 {" ".join(COMPILE)} /usr/lib/python3 /usr/lib/python3.13
"""


def cache_directory() -> Path:
    """Where the base is kept between runs: `TIDEGATE_VM_CACHE`, or a place in the user's cache."""
    chosen = os.environ.get("TIDEGATE_VM_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(chosen) if chosen else home / "tidegate" / "vm"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def base() -> Path:
    """The base's tar; made, in a minute or two, for a new recipe. Needs root and Debian's mirror."""
    command = [
        *("mmdebstrap", "--quiet", "--variant=minbase", "--mode=root"),
        "--skip=cleanup/apt",  # it would look for what is in /var, and all of that goes
        "--skip=output/dev",  # the kernel makes them
        "--dpkgopt=force-unsafe-io",
        f"--include={','.join(PACKAGES)}",
        *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
        f"--essential-hook={_PREPARE}",
        f"--customize-hook={_BOOTABLE}",
        SUITE,
    ]
    key = hashlib.sha256(repr(command).encode()).hexdigest()[:16]
    archive = cache_directory() / f"{SUITE}-{key}.tar"
    if not archive.exists():
        unfinished = archive.with_suffix(f".{os.getpid()}.tar")
        try:
            done = subprocess.run([*command, unfinished], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-4000:]
            unfinished.rename(archive)
        finally:
            unfinished.unlink(missing_ok=True)
    return archive
