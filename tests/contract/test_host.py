"""ports.Host: what the fake and Linux promise alike. No test reboots anything: a stand-in takes the order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.fakes.host import FakeHost
from tidegate_agent.adapters.host_linux import HostCommands, LinuxHost
from tidegate_agent.adapters.logind import LogindCommands
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.ports import Host


class World(Protocol):
    """A host, and what a test can do to it."""

    host: Host

    def reboots(self) -> list[str]: ...
    def hold(self, reason: str) -> None: ...
    def refuse(self, reason: str) -> None: ...


class FakeWorld:
    def __init__(self, _: Path) -> None:
        self.host = FakeHost()

    def reboots(self) -> list[str]:
        return self.host.reboots

    def hold(self, reason: str) -> None:
        self.host.holds = (reason,)

    def refuse(self, reason: str) -> None:
        self.host.refusal = reason


class LinuxWorld:
    """The order to reboot goes to a script that writes the reason down."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._script("exit 0")
        self.host = LinuxHost(
            hold_file=folder / "hold",
            commands=HostCommands(reboot=(str(folder / "reboot"),), soft_reboot=(str(folder / "soft"),)),
            systemd_runs=folder / "no-systemd",
        )

    def reboots(self) -> list[str]:
        return (self._folder / "reasons").read_text(encoding="utf-8").splitlines()

    def hold(self, reason: str) -> None:
        (self._folder / "hold").write_text(f"{reason}\nmore\n", encoding="utf-8")

    def refuse(self, reason: str) -> None:
        self._script(f"echo '{reason}'; exit 1")

    def _script(self, ending: str) -> None:
        file = self._folder / "reboot"
        file.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$TIDEGATE_REASON" >> {self._folder}/reasons\n{ending}\n',
            encoding="utf-8",
        )
        file.chmod(0o755)


@pytest.fixture(params=[FakeWorld, LinuxWorld])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    world: World = request.param(tmp_path)
    return world


def test_boot_id_is_steady_within_a_boot(world: World) -> None:
    assert len(world.host.boot_id()) == 36
    assert world.host.boot_id() == world.host.boot_id()


def test_reboot_is_asked_for_with_its_reason(world: World) -> None:
    world.host.reboot("kiosk 2.0 is staged; $(date) 'quoted'")
    assert world.reboots() == ["kiosk 2.0 is staged; $(date) 'quoted'"]


def test_a_refused_reboot_says_why_and_may_be_tried_again(world: World) -> None:
    world.refuse("somebody is logged in")
    with pytest.raises(EngineError, match="somebody is logged in") as caught:
        world.host.reboot("kiosk 2.0")
    assert caught.value.code is Code.ACTIVATE_REFUSED
    assert caught.value.retryable


def test_a_hold_is_told_in_its_own_words(world: World) -> None:
    assert world.host.inhibitors() == ()
    world.hold("the shop is open")
    [hold] = world.host.inhibitors()
    assert hold.endswith("the shop is open")


def test_linux_boot_id_is_the_kernel_s() -> None:
    expected = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    assert LinuxHost(Path("/nonexistent/hold")).boot_id() == expected


def test_a_reboot_command_that_is_not_there_is_a_refusal(tmp_path: Path) -> None:
    host = LinuxHost(tmp_path / "hold", HostCommands(reboot=(str(tmp_path / "missing"),)))
    with pytest.raises(EngineError, match="missing cannot be run: No such file or directory"):
        host.reboot("kiosk 2.0")


def test_an_empty_hold_file_holds_and_a_hostile_one_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    host = LinuxHost(hold, systemd_runs=tmp_path / "no-systemd")
    hold.touch()
    assert host.inhibitors() == (f"held by {hold}",)
    hold.write_bytes(b"\x1b[2J\xff" + b"x" * 100_000)
    [words] = host.inhibitors()
    assert words.isprintable()
    assert len(words) < 400


def test_a_hold_that_cannot_be_read_holds(tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.mkdir()
    [words] = LinuxHost(hold, systemd_runs=tmp_path / "no-systemd").inhibitors()
    assert words == f"{hold} cannot be read (Is a directory), which counts as a hold"


def busctl(folder: Path, output: str, status: int = 0) -> LinuxHost:
    """A host on which logind answers like this."""
    (folder / "answer").write_text(output, encoding="utf-8")
    script = folder / "busctl"
    script.write_text(f"#!/bin/sh\ncat {folder}/answer\nexit {status}\n", encoding="utf-8")
    script.chmod(0o755)
    return LinuxHost(
        folder / "hold",
        HostCommands(logind=LogindCommands(list_inhibitors=(str(script),))),
        systemd_runs=folder,
    )


# busctl writes a reply's arguments as an array.
# ListInhibitors has one: what, who, why, mode, uid, pid for each.
DELAY = '["sleep:shutdown","NetworkManager","turns off networks","delay",0,612]'
BLOCK = '["shutdown:sleep","backup","nightly backup","block",1000,4711]'
SLEEP = '["handle-lid-switch:sleep","desktop","an external monitor","block",1000,901]'


def test_only_blocks_of_shutdown_hold(tmp_path: Path) -> None:
    host = busctl(tmp_path, f'{{"type":"a(ssssuu)","data":[[{DELAY},{BLOCK},{SLEEP}]]}}\n')
    assert host.inhibitors() == ("backup (user 1000, process 4711) blocks shutdown: nightly backup",)


def test_many_inhibitors_are_read_whole(tmp_path: Path) -> None:
    host = busctl(tmp_path, f'{{"type":"a(ssssuu)","data":[[{",".join([DELAY] * 500)},{BLOCK}]]}}\n')
    assert host.inhibitors() == ("backup (user 1000, process 4711) blocks shutdown: nightly backup",)


@pytest.mark.parametrize(
    ("output", "status"),
    [
        ("Failed to connect to bus", 1),
        ("", 0),
        ("[]", 0),
        ('{"data":[]}', 0),
        ('{"data":[[["shutdown"]]]}', 0),
    ],
)
def test_what_logind_does_not_say_holds(tmp_path: Path, output: str, status: int) -> None:
    [words] = busctl(tmp_path, output, status).inhibitors()
    assert words.startswith("logind does not say who inhibits shutdown: ")


def test_without_systemd_nobody_is_asked(tmp_path: Path) -> None:
    commands = HostCommands(logind=LogindCommands(("/nonexistent",), ("/nonexistent",)))
    host = LinuxHost(tmp_path / "hold", commands, tmp_path / "none")
    assert host.sessions() == ()
    assert host.inhibitors() == ()


def counting(folder: Path, script: str) -> LinuxHost:
    """A host whose systemd answers like this when it is asked for soft reboots."""
    command = folder / "systemctl"
    command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    command.chmod(0o755)
    (folder / "boot_id").write_text("b007\n", encoding="ascii")
    commands = HostCommands(count_soft_reboots=(str(command),))
    return LinuxHost(folder / "hold", commands, systemd_runs=folder, boot_id=folder / "boot_id")


@pytest.mark.parametrize(
    ("script", "expected"),
    [("echo 0", "b007"), ("echo 2", "b007+2"), ("exit 1", "b007"), ("echo", "b007"), ("echo -1", "b007")],
)
def test_a_soft_reboot_is_another_boot_though_the_kernels_id_stays(
    tmp_path: Path, script: str, expected: str
) -> None:
    assert counting(tmp_path, script).boot_id() == expected


def test_a_soft_reboot_has_a_command_of_its_own(tmp_path: Path) -> None:
    for name in ("hard", "soft"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} >>{tmp_path}/asked\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    commands = HostCommands(reboot=(str(tmp_path / "hard"),), soft_reboot=(str(tmp_path / "soft"),))
    host = LinuxHost(tmp_path / "hold", commands)
    host.reboot("kiosk 2.0", soft=True)
    host.reboot("kiosk 2.0")
    assert (tmp_path / "asked").read_text(encoding="utf-8").split() == ["soft", "hard"]
