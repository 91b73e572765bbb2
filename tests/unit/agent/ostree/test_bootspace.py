"""Room for kernels, and the word that ostree leaves of a failed finalization."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tidegate_agent.engines.ostree.bootspace import BootPrint, BootSpace
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

HUGE = BootPrint((2**60, "0" * 64), (1, "1" * 64))


def test_a_print_is_read_back_from_its_label(tmp_path: Path) -> None:
    kernel, initramfs = tmp_path / "kernel", tmp_path / "initramfs"
    kernel.write_bytes(b"k" * 100)
    initramfs.write_bytes(b"i" * 50)
    found = BootPrint.of(kernel, initramfs)
    assert found.kernel == (100, hashlib.sha256(b"k" * 100).hexdigest())
    assert BootPrint.parse(found.label) == found


@pytest.mark.parametrize("text", [None, "", "1-2 3-4", "x", f"-1-{'0' * 64} 1-{'0' * 64}"])
def test_a_label_that_is_none(text: str | None) -> None:
    assert BootPrint.parse(text) is None


def test_a_kernel_that_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        BootSpace(tmp_path).require(HUGE)
    assert (caught.value.code, caught.value.retryable) == (Code.DISK_FULL, True)
    assert str(tmp_path) in caught.value.reason


def test_a_kernel_that_is_there_already_needs_no_room(tmp_path: Path) -> None:
    folder = tmp_path / "ostree" / "tide-123"
    folder.mkdir(parents=True)
    (folder / "vmlinuz-6.1").write_bytes(b"kernel")
    (folder / "initramfs-6.1.img").write_bytes(b"other")
    there = BootPrint.of(folder / "vmlinuz-6.1", folder / "initramfs-6.1.img")
    grown = there._replace(initramfs=HUGE.kernel)
    BootSpace(tmp_path).require(there)
    BootSpace(tmp_path).require(None)
    with pytest.raises(EngineError):
        BootSpace(tmp_path).require(grown)
