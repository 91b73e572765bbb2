"""The Network port on Linux: a file, and NetworkManager as busctl tells of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tidegate_agent.adapters.network import ASK_NETWORK_MANAGER, LinuxNetwork
from tidegate_agent.process import run

if TYPE_CHECKING:
    from pathlib import Path


def saying(folder: Path, output: str, status: int = 0) -> LinuxNetwork:
    """A host whose NetworkManager is asked by a program that prints this."""
    program = f"import sys; sys.stdout.write({output!r}); sys.exit({status})"
    return LinuxNetwork(folder / "metered", (sys.executable, "-c", program), bus=folder)


@pytest.mark.parametrize(
    ("value", "metered"), [(0, False), (1, True), (2, False), (3, True), (4, False), (5, False)]
)
def test_network_managers_word_counts(tmp_path: Path, value: int, *, metered: bool) -> None:
    """Values of NMMetered, in the form that busctl 252 prints."""
    why = saying(tmp_path, f'{{"type":"u","data":{value}}}\n').metered()
    assert (why is not None) is metered
    if why is not None:
        assert why.startswith("NetworkManager ")


@pytest.mark.parametrize(
    "output", ["", "u 1", "{}", "[]", "null", '{"type":"u","data":"1"}', '{"data":[1]}', "[" * 5000]
)
def test_what_cannot_be_understood_counts_as_not_metered(tmp_path: Path, output: str) -> None:
    assert saying(tmp_path, output).metered() is None


def test_a_host_without_network_manager_is_not_metered(tmp_path: Path) -> None:
    refusal = "Failed to get property Metered: The name is not activatable"
    assert saying(tmp_path, refusal, status=1).metered() is None
    assert LinuxNetwork(tmp_path / "metered", ("/nonexistent/busctl",), bus=tmp_path).metered() is None


def test_without_a_bus_nobody_is_asked(tmp_path: Path) -> None:
    network = LinuxNetwork(tmp_path / "metered", ("/bin/echo", '{"data":1}'), bus=tmp_path / "none")
    assert network.metered() is None


def test_a_program_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    program = (sys.executable, "-c", "import time; print('{\"data\":1}', flush=True); time.sleep(60)")
    assert LinuxNetwork(tmp_path / "metered", program, tmp_path, timeout_s=0.5).metered() is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "says that the network is metered"),
        (b"roaming\nsecond line\n", "says that the network is metered: roaming"),
        (b"\x1b[2J" + b"x" * 9000, "says that the network is metered: "),
    ],
)
def test_a_file_says_so(tmp_path: Path, content: bytes, why: str) -> None:
    network = saying(tmp_path, '{"type":"u","data":2}')
    assert network.metered() is None
    (tmp_path / "metered").write_bytes(content)
    said = network.metered()
    assert said is not None
    assert said.startswith(f"{tmp_path / 'metered'} {why}")
    assert said.isprintable()
    assert len(said) < 500
    (tmp_path / "metered").unlink()
    assert network.metered() is None


def test_whatever_lies_in_the_files_place_counts(tmp_path: Path) -> None:
    (tmp_path / "metered").mkdir()
    said = saying(tmp_path, "").metered()
    assert said is not None
    assert "cannot be read" in said


@pytest.mark.real("busctl")
def test_busctl_knows_the_words() -> None:
    """Without a bus it cannot connect, of which it speaks only after it has understood what it is asked."""
    words = ("env", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent", *ASK_NETWORK_MANAGER)
    assert "connect" in run(words, 10).output
