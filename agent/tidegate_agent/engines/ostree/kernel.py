"""The kernel of an image: exactly one, with its initramfs, where ostree looks for them. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tidegate_agent.engines.images.entry import Kind
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.engines.images.entry import Entry
    from tidegate_agent.engines.images.tree import Node

_MODULES = (b"usr", b"lib", b"modules")
KERNEL, INITRAMFS = b"vmlinuz", b"initramfs.img"
_BOOT_KERNELS = (b"vmlinuz-%s", b"vmlinux-%s", b"Image-%s", b"kernel-%s")
_BOOT_INITRAMFS = (b"initrd.img-%s", b"initramfs-%s.img", b"initrd-%s", b"initramfs-%s")


class BootFiles(NamedTuple):
    """What /boot will have to hold for an image."""

    version: str
    kernel: Entry
    initramfs: Entry


def settle_kernel(root: Node) -> BootFiles:
    """Find the one kernel, and bring it and its initramfs from /boot into /usr/lib/modules if need be.

    Distributions put them into /boot, which belongs to the boot loader on an ostree host.

    Raises:
        EngineError: IMAGE_NOT_BOOTABLE.
    """
    modules = _descend(root, _MODULES)
    if modules is None:
        raise not_bootable("it has no directory /usr/lib/modules (with /lib a link to usr/lib)")
    boot = root.children.get(b"boot")
    for version, folder in modules.children.items():
        if folder.is_directory:
            _adopt(folder, boot, KERNEL, _BOOT_KERNELS, version)
            _adopt(folder, boot, INITRAMFS, _BOOT_INITRAMFS, version)
    found = [version for version, folder in modules.children.items() if _file(folder, KERNEL)]
    if not found:
        raise not_bootable("no kernel is at /usr/lib/modules/VERSION/vmlinuz or /boot/vmlinuz-VERSION")
    if len(found) > 1:
        names = ", ".join(sorted(_printable(name) for name in found))
        raise not_bootable(f"it has {len(found)} kernels, and must have one: {names}")
    return _boot_files(found[0], modules.children[found[0]])


def not_bootable(reason: str) -> EngineError:
    """The error for an image that no host can boot."""
    return EngineError(Code.IMAGE_NOT_BOOTABLE, f"the image cannot be booted: {reason}")


def _boot_files(version: bytes, folder: Node) -> BootFiles:
    kernel, initramfs = _file(folder, KERNEL), _file(folder, INITRAMFS)
    name = _printable(version)
    if initramfs is None:
        raise not_bootable(
            f"the kernel {name} has no initramfs at /usr/lib/modules/{name}/initramfs.img "
            f"or /boot/initrd.img-{name}; without one nothing finds the deployment"
        )
    if kernel is None or not kernel.size or not initramfs.size:
        raise not_bootable(f"the kernel {name} or its initramfs is empty")
    return BootFiles(name, kernel, initramfs)


def _adopt(folder: Node, boot: Node | None, name: bytes, patterns: tuple[bytes, ...], version: bytes) -> None:
    """Take a file over from /boot, unless there is one."""
    if name in folder.children or boot is None:
        return
    for pattern in patterns:
        candidate = boot.children.get(pattern % version)
        if candidate is not None and candidate.entry.kind is Kind.FILE:
            folder.children[name] = candidate
            return


def _file(folder: Node, name: bytes) -> Entry | None:
    node = folder.children.get(name)
    return node.entry if node is not None and node.entry.kind is Kind.FILE else None


def _descend(node: Node, names: tuple[bytes, ...]) -> Node | None:
    for name in names:
        child = node.children.get(name)
        if child is None or not child.is_directory:
            return None
        node = child
    return node


def _printable(name: bytes) -> str:
    return name.decode("ascii", "backslashreplace")
