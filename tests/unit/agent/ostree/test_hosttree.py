"""An image's tree as the tree that an ostree host boots, and what cannot be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate_agent.engines.images.entry import Entry, Kind
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.engines.images.tree import Tree
from tidegate_agent.engines.ostree.factory import tmpfiles
from tidegate_agent.engines.ostree.hosttree import HostTree, host_tree
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.engines.images.tree import Node


def file(name: str, size: int = 1, content: str = "") -> Entry:
    return Entry(name.encode(), Kind.FILE, 0o644, size=size, content=content or f"0/{name}")


def directory(name: str, mode: int = 0o755) -> Entry:
    return Entry(name.encode(), Kind.DIRECTORY, mode)


def link(name: str, target: str) -> Entry:
    return Entry(name.encode(), Kind.SYMLINK, 0o777, link=target.encode())


BASE = [
    directory("usr"),
    link("lib", "usr/lib"),
    file("usr/lib/os-release"),
    file("lib/modules/6.1/vmlinuz", 7),
    file("lib/modules/6.1/initramfs.img", 9),
    directory("etc"),
]


def host(*entries: Entry, base: list[Entry] | None = None) -> HostTree:
    tree = Tree(Limits())
    tree.apply(BASE if base is None else base)
    tree.apply(entries)
    return host_tree(tree.root)


def at(tree: HostTree, path: str) -> Node | None:
    node: Node | None = tree.root
    for part in path.encode().split(b"/"):
        node = node.children.get(part) if node is not None else None
    return node


def content(tree: HostTree, path: str) -> str:
    node = at(tree, path)
    assert node is not None, path
    return node.entry.content


def without(*names: str) -> list[Entry]:
    return [entry for entry in BASE if entry.name.decode() not in names]


def refusal(*entries: Entry, base: list[Entry] | None = None) -> str:
    with pytest.raises(EngineError) as caught:
        host(*entries, base=base)
    assert caught.value.code is Code.IMAGE_NOT_BOOTABLE
    return caught.value.reason


def test_what_libostree_needs_is_there() -> None:
    tree = host()
    ostree, sysroot, tmp = at(tree, "ostree"), at(tree, "sysroot"), at(tree, "tmp")
    assert ostree is not None
    assert sysroot is not None
    assert tmp is not None
    assert (ostree.entry.kind, ostree.entry.link) == (Kind.SYMLINK, b"sysroot/ostree")
    assert (sysroot.is_directory, tmp.entry.mode) == (True, 0o1777)
    assert (tree.boot.version, tree.boot.kernel.size, tree.boot.initramfs.size) == ("6.1", 7, 9)


def test_etc_is_laid_over_usr_etc() -> None:
    tree = host(
        file("usr/etc/a", content="0/old"), file("usr/etc/b"), file("etc/a", content="0/new"), file("etc/d/c")
    )
    assert at(tree, "etc") is None
    assert [content(tree, f"usr/etc/{name}") for name in ("a", "b", "d/c")] == [
        "0/new",
        "0/usr/etc/b",
        "0/etc/d/c",
    ]


def test_var_goes_to_the_factory_and_is_left_empty() -> None:
    tree = host(file("var/lib/dpkg/status"), file("usr/share/factory/var/lib/dpkg/status", content="0/own"))
    var = at(tree, "var")
    assert var is not None
    assert var.children == {}
    assert content(tree, "usr/share/factory/var/lib/dpkg/status") == "0/own"


def test_state_in_the_root_becomes_links_into_var() -> None:
    tree = host(directory("root", 0o700), file("root/.profile"), file("home/user/x"), link("srv", "data"))
    for name, target in (("root", b"var/roothome"), ("home", b"var/home"), ("srv", b"data")):
        node = at(tree, name)
        assert node is not None
        assert (node.entry.kind, node.entry.link) == (Kind.SYMLINK, target)
    assert content(tree, "usr/share/factory/var/roothome/.profile") == "0/root/.profile"
    assert content(tree, "usr/share/factory/var/home/user/x") == "0/home/user/x"
    assert at(tree, "usr/share/factory/var/srv") is None


def test_a_host_is_told_what_to_copy_to_its_var() -> None:
    tree = host(file("var/lib/dpkg/status"), directory("var/tmp", 0o1777), link("var/run", "/run"))
    node = at(tree, "usr/lib/tmpfiles.d/zz-tidegate-factory-var.conf")
    assert node is not None
    lines = tree.made[id(node.entry)].decode().splitlines()[1:]
    assert node.entry.size == len(tree.made[id(node.entry)])
    assert lines == [
        'd "/var/home" 0755 0 0 -',
        'd "/var/lib" 0755 0 0 -',
        'C "/var/lib/dpkg" - - - -',
        'd "/var/mnt" 0755 0 0 -',
        'd "/var/roothome" 0700 0 0 -',
        'C "/var/run" - - - -',
        'd "/var/srv" 0755 0 0 -',
        'd "/var/tmp" 1777 0 0 -',
    ]


def test_no_name_can_add_a_line_for_tmpfiles() -> None:
    tree = Tree(Limits())
    tree.apply([file('a"\nL+ x'), file("100%b"), file("\\n")])
    assert tmpfiles(tree.root).splitlines()[1:] == [
        b'C "/var/100%%b" - - - -',
        b'C "/var/\\x5cn" - - - -',
        b'C "/var/a\\x22\\x0aL+\\x20x" - - - -',
    ]


def test_what_is_made_anew_at_each_boot_is_empty() -> None:
    tree = host(*(file(f"{name}/x") for name in ("boot", "dev", "proc", "run", "sys", "tmp", "sysroot")))
    for name in ("boot", "dev", "proc", "run", "sys", "tmp", "sysroot"):
        node = at(tree, name)
        assert node is not None
        assert node.children == {}


def test_devices_and_fifos_are_left_out_and_counted() -> None:
    tree = host(
        Entry(b"usr/null", Kind.CHAR, 0o666),
        Entry(b"usr/p/q", Kind.FIFO, 0o666),
        file("dev/x"),
        file("usr/y"),
    )
    assert (tree.left_out, at(tree, "usr/null"), at(tree, "usr/p/q")) == (2, None, None)
    assert content(tree, "usr/y") == "0/usr/y"


def test_a_kernel_in_boot_is_moved_beside_its_modules() -> None:
    base = [
        *without("lib/modules/6.1/vmlinuz", "lib/modules/6.1/initramfs.img"),
        directory("lib/modules/6.1"),
    ]
    tree = host(file("boot/vmlinuz-6.1"), file("boot/initrd.img-6.1"), base=base)
    assert content(tree, "usr/lib/modules/6.1/vmlinuz") == "0/boot/vmlinuz-6.1"
    assert content(tree, "usr/lib/modules/6.1/initramfs.img") == "0/boot/initrd.img-6.1"


def test_the_kernel_beside_its_modules_counts_where_both_are() -> None:
    tree = host(file("boot/vmlinuz-6.1"))
    assert content(tree, "usr/lib/modules/6.1/vmlinuz") == "0/lib/modules/6.1/vmlinuz"


def test_modules_of_a_second_kernel_that_is_not_there_do_no_harm() -> None:
    assert host(file("usr/lib/modules/5.0/modules.dep")).boot.version == "6.1"


def test_an_image_without_a_kernel() -> None:
    reason = refusal(base=without("lib/modules/6.1/vmlinuz"))
    assert "no kernel is at /usr/lib/modules/VERSION/vmlinuz" in reason


def test_an_image_with_two_kernels_names_them() -> None:
    assert "2 kernels, and must have one: 6.1, 6.2" in refusal(file("lib/modules/6.2/vmlinuz"))


def test_an_image_without_an_initramfs() -> None:
    reason = refusal(base=without("lib/modules/6.1/initramfs.img"))
    assert "/usr/lib/modules/6.1/initramfs.img" in reason


def test_an_empty_kernel() -> None:
    assert "empty" in refusal(file("lib/modules/6.1/vmlinuz", 0))


def test_a_kernel_that_is_a_link_is_none() -> None:
    assert "no kernel" in refusal(link("lib/modules/6.1/vmlinuz", "/boot/vmlinuz"))


def test_an_application_is_no_operating_system() -> None:
    assert "no operating system" in refusal(base=[file("app/run")])


def test_an_image_without_etc() -> None:
    assert "neither /etc nor /usr/etc" in refusal(base=without("etc"))


def test_an_image_without_os_release() -> None:
    assert "os-release" in refusal(base=without("usr/lib/os-release"))


def test_etc_that_is_a_link_elsewhere() -> None:
    assert "/etc is no directory" in refusal(link("etc", "/run/etc"), base=without("etc"))


def test_a_link_in_the_way_of_the_factory() -> None:
    assert "leads through something else" in refusal(link("usr/share", "/run"))
