"""ports.BootGuard: the agent's half and the real script, over boots, power cuts and failing commands."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.conftest import find_program
from tests.fakes.guard import FakeBootGuard
from tests.support.waiting import wait_until
from tidegate_agent.adapters.boot_counting import GrubCounting, find_counting
from tidegate_agent.adapters.boot_guard import FileBootGuard
from tidegate_agent.adapters.boot_guard_unit import NAME, GuardUnit
from tidegate_agent.adapters.this_boot import ThisBoot
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_agent.ports import BootGuard

SCRIPT: Final = Path(__file__).parents[2] / "systemd/usr/lib/tidegate/boot-guard"
SCRIPT_PATH: Final = "/usr/lib/tidegate/boot-guard"
SHELL: Final = "/bin/sh"
EDITENV: Final = find_program("grub-editenv") or "grub-editenv"
DIGEST: Final = "sha256:" + "2" * 64

STAND_IN: Final = """\
#!/bin/sh
case "$*" in
*UserspaceTimestampMonotonic*) exec cat {folder}/userspace ;;
esac
printf '%s\\n' "$*" >>{folder}/asked
exec sh {folder}/answer "$*"
"""

FALLBACK: Final = """\
#!/bin/sh
for word; do printf '<%s>' "$word" >>{folder}/fell-back; done
echo >>{folder}/fell-back
exec sh {folder}/command
"""


def word(guard: BootGuard) -> str | None:
    """Why the guard or the boot loader went back; its code has to say which of them it was."""
    fired = guard.fired()
    if fired is None:
        return None
    by_loader = "the boot loader gave" in fired.reason
    assert fired.code is (Code.BOOT_FALLBACK if by_loader else Code.BOOT_DEADLINE)
    return fired.reason


@dataclass
class Machine:
    """A host as the guard sees it: two deployments, a boot id, systemctl, a fallback command."""

    folder: Path
    boots: int = 0
    running: str = "old"
    counting: GrubCounting | None = None
    deadline: timedelta = timedelta(0)
    environment: dict[str, str] = field(default_factory=dict)
    unit: GuardUnit | None = None
    script_path: Path = SCRIPT

    def __post_init__(self) -> None:
        for name in ("old", "new"):
            for directory in ("usr", "etc"):
                (self.folder / name / directory).mkdir(parents=True)
        self.program("bin/systemctl", STAND_IN)
        self.program("fallback", FALLBACK)
        self.answers("answer", "exit 0")
        self.answers("command", "exit 0")
        self.soft_boot("old")
        self.boot("old")

    def program(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.format(folder=self.folder), encoding="utf-8")
        path.chmod(0o755)

    def answers(self, name: str, script: str) -> None:
        (self.folder / name).write_text(f"{script}\n", encoding="utf-8")

    def boot(self, image: str) -> None:
        """What a hard boot changes."""
        self.soft_boot(image)
        (self.folder / "boot_id").write_text(f"boot-{self.boots}\n", encoding="ascii")

    def soft_boot(self, image: str) -> None:
        """What a soft reboot changes."""
        self.boots += 1
        self.running = image
        (self.folder / "userspace").write_text(f"{self.boots}000\n", encoding="ascii")

    @property
    def directory(self) -> Path:
        return self.folder / "guard"

    def guard(self, *, required: bool = False) -> FileBootGuard:
        """The agent's half, as a new start of the agent makes it."""
        systemctl = (str(self.folder / "bin/systemctl"), "show", "--property=UserspaceTimestampMonotonic")
        boot = ThisBoot(self.folder / "boot_id", self.folder / self.running, systemctl)
        return FileBootGuard(
            self.directory, self.deadline, boot, self.counting, counting_required=required, unit=self.unit
        )

    def arm(self, *words: str) -> None:
        self.guard().arm(DIGEST, (str(self.folder / "fallback"), *words))

    def begin(self) -> subprocess.Popen[str]:
        """The script, as systemd starts it."""
        return subprocess.Popen(
            [SHELL, str(self.script_path)],
            env={
                "PATH": f"{self.folder}/bin:/usr/bin:/bin",
                "TIDEGATE_BOOT_GUARD": str(self.directory),
                "TIDEGATE_BOOT_ID": str(self.folder / "boot_id"),
                "TIDEGATE_ROOT": str(self.folder / self.running),
                "TIDEGATE_PAUSE": "0",
                **self.environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def script(self) -> tuple[int, str]:
        """Run the script to its end: its status and what it said."""
        with self.begin() as process:
            said, _ = process.communicate(timeout=60)
        return process.returncode, said

    @property
    def fell_back(self) -> list[str]:
        return self._lines("fell-back")

    @property
    def rebooted(self) -> list[str]:
        return self._lines("asked")

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


REASON: Final = f"the agent did not prove {DIGEST} before the deadline of 0s after the boot"


def test_an_image_that_nobody_proves_is_left_at_the_deadline(machine: Machine) -> None:
    machine.arm("one two", "", "$HOME", "*")
    machine.boot("new")
    status, said = machine.script()
    assert status == 0
    assert "going back to the previous image" in said
    assert machine.fell_back == ["<one two><><$HOME><*>"]
    assert machine.rebooted == ["-i reboot"]
    machine.boot("old")
    assert machine.script() == (0, "")
    guard = machine.guard()
    assert word(guard) == REASON
    assert word(guard) == REASON
    guard.disarm()
    assert word(guard) is None
    assert len(machine.fell_back) == 1


def test_a_soft_reboot_is_a_boot(machine: Machine) -> None:
    machine.arm()
    machine.soft_boot("new")
    assert machine.script()[0] == 0
    assert machine.rebooted == ["-i reboot"]


def test_nothing_happens_in_the_boot_in_which_it_was_armed(machine: Machine) -> None:
    machine.arm()
    machine.running = "new"
    assert machine.script() == (0, "")
    assert machine.fell_back == []


def test_without_the_time_stamp_only_a_hard_boot_counts(machine: Machine) -> None:
    machine.program("bin/systemctl", '#!/bin/sh\necho "$*" >>{folder}/asked\n[ "$1" = -i ]\n')
    machine.arm()
    machine.soft_boot("new")
    machine.script()
    assert machine.fell_back == []
    machine.boot("new")
    machine.script()
    assert machine.rebooted[-1] == "-i reboot"


def test_nothing_happens_when_nothing_is_expected(machine: Machine) -> None:
    assert machine.script() == (0, "")
    assert word(machine.guard()) is None
    machine.guard().disarm()
    machine.arm()
    machine.guard().disarm()
    machine.boot("new")
    assert machine.script() == (0, "")


def test_power_lost_before_the_old_image_was_left(machine: Machine) -> None:
    """Armed, and never finalized: going back from here would bring a still older image."""
    machine.arm()
    machine.boot("old")
    status, said = machine.script()
    assert status == 0
    assert "nothing to go back from" in said
    assert machine.fell_back == []
    assert word(machine.guard()) is None


def test_power_lost_in_the_new_image_begins_the_deadline_anew(machine: Machine) -> None:
    machine.deadline = timedelta(hours=1)
    machine.arm()
    machine.boot("new")
    with machine.begin() as process:
        assert process.stdout is not None
        assert "has 3600 seconds to be proven" in process.stdout.readline()
        process.kill()
    assert word(machine.guard()) is None
    (machine.directory / "armed/deadline").write_text("0\n", encoding="ascii")
    machine.boot("new")
    machine.script()
    assert machine.rebooted == ["-i reboot"]


def test_an_agent_that_proves_the_image_while_the_guard_waits(machine: Machine) -> None:
    machine.deadline = timedelta(seconds=2)
    machine.arm()
    machine.boot("new")
    with machine.begin() as process:
        assert process.stdout is not None
        assert "has 2 seconds" in process.stdout.readline()
        machine.guard().disarm()
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")
    assert machine.fell_back == []
    assert word(machine.guard()) is None


def test_another_update_armed_while_the_guard_waits(machine: Machine) -> None:
    machine.deadline = timedelta(seconds=2)
    machine.arm()
    machine.boot("new")
    with machine.begin() as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        machine.guard().disarm()
        machine.arm()
        process.communicate(timeout=60)
    assert machine.fell_back == []


def test_who_proves_the_image_too_late_learns_it(machine: Machine) -> None:
    """The script decided, and its command is at work: nobody may say success, nor take its files away."""
    machine.arm()
    machine.boot("new")
    machine.answers("command", f"while [ ! -e {machine.folder}/go ]; do sleep 0.05; done")
    with machine.begin() as process:
        wait_until(lambda: bool(machine.fell_back), "the fallback began")
        machine.guard().disarm()
        assert word(machine.guard()) == REASON
        (machine.folder / "go").touch()
        process.communicate(timeout=60)
    assert machine.rebooted == ["-i reboot"]
    machine.boot("old")
    assert word(machine.guard()) == REASON


def test_power_lost_between_decision_and_command(machine: Machine) -> None:
    machine.deadline = timedelta(hours=1)
    machine.arm()
    (machine.directory / "armed").rename(machine.directory / "fired")
    machine.boot("new")
    assert word(machine.guard()) is not None
    _, said = machine.script()
    assert "going on with what was decided" in said
    assert len(machine.fell_back) == 1
    assert machine.rebooted == ["-i reboot"]


def test_power_lost_during_the_command_uses_the_try_up(machine: Machine) -> None:
    machine.arm()
    for boot in range(3):
        machine.boot("new")
        machine.answers("command", "kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $$))" if boot < 2 else "exit 0")
        machine.script()
        assert len(machine.fell_back) == min(boot + 1, 2)
    assert (machine.directory / "fired/failed").exists()


def test_power_lost_after_the_command_and_before_the_reboot(machine: Machine) -> None:
    """A rollback may be a toggle, as bootc's is: a second one would bring the bad image again."""
    machine.arm()
    machine.boot("new")
    machine.answers("command", f"kill -9 $(cat {machine.folder}/pid)")
    with machine.begin() as process:
        (machine.folder / "pid").write_text(str(process.pid), encoding="ascii")
        process.communicate(timeout=60)
    machine.boot("old")
    assert machine.script() == (0, "")
    assert len(machine.fell_back) == 1
    assert word(machine.guard()) == REASON


def test_it_goes_back_once_even_if_that_does_not_help(machine: Machine) -> None:
    machine.arm()
    machine.boot("new")
    machine.script()
    for _ in range(3):
        machine.boot("new")
        assert machine.script() == (0, "")
    assert len(machine.fell_back) == 1
    assert len(machine.rebooted) == 1


def test_a_command_that_fails_is_tried_once_more(machine: Machine) -> None:
    machine.arm()
    machine.boot("new")
    machine.answers("command", f"[ $(wc -l <{machine.folder}/fell-back) -ge 2 ]")
    status, said = machine.script()
    assert status == 0
    assert "try 1 to bring the previous image back failed" in said
    assert len(machine.fell_back) == 2
    assert machine.rebooted == ["-i reboot"]


def test_a_command_that_fails_twice_leaves_the_host_up(machine: Machine) -> None:
    machine.arm("rollback")
    machine.boot("new")
    machine.answers("command", "echo the store is read-only; exit 7")
    status, said = machine.script()
    assert status == 1
    assert said.count("the store is read-only") == 2
    assert "THE HOST STAYS" in said
    assert f"what was tried: {machine.folder}/fallback rollback" in said
    assert machine.rebooted == []
    assert word(machine.guard()) is None
    machine.boot("new")
    assert machine.script() == (0, "")
    assert len(machine.fell_back) == 2
    machine.boot("old")
    assert word(machine.guard()) == REASON, "somebody went back by hand"
    machine.boot("new")
    machine.guard().disarm()
    assert not (machine.directory / "fired").exists()


def test_a_command_that_hangs_has_its_time(machine: Machine) -> None:
    machine.environment["TIDEGATE_LIMIT"] = "0.2"
    machine.arm()
    machine.boot("new")
    machine.answers("command", "sleep 600")
    status, _ = machine.script()
    assert status == 1
    assert len(machine.fell_back) == 2


def test_a_missing_command_leaves_the_host_up(machine: Machine) -> None:
    machine.guard().arm(DIGEST, ("/nonexistent/bootc", "rollback"))
    machine.boot("new")
    status, said = machine.script()
    assert status == 1
    assert "/nonexistent/bootc" in said
    assert machine.rebooted == []


def test_a_refused_reboot_is_forced_and_then_told(machine: Machine) -> None:
    machine.arm()
    machine.boot("new")
    machine.answers("answer", "exit 1")
    status, said = machine.script()
    assert status == 1
    assert machine.rebooted == ["-i reboot", "--force reboot"]
    assert "the reboot into it was refused" in said
    machine.boot("old")
    assert word(machine.guard()) == REASON


def test_the_script_needs_no_space_on_the_disk(machine: Machine) -> None:
    """A file that grows is not among its means: its limit is set to nothing."""
    machine.arm()
    machine.boot("new")
    machine.program("fallback", "#!/bin/sh\nexit 0\n")
    machine.program("bin/systemctl", "#!/bin/sh\nexit 0\n")
    process = subprocess.run(
        [SHELL, "-c", f"ulimit -f 0; exec sh {SCRIPT}"],
        env={
            "PATH": f"{machine.folder}/bin:/usr/bin:/bin",
            "TIDEGATE_BOOT_GUARD": str(machine.directory),
            "TIDEGATE_BOOT_ID": str(machine.folder / "boot_id"),
            "TIDEGATE_ROOT": str(machine.folder / "new"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0
    assert (machine.directory / "fired/went").exists()


def test_a_disk_that_takes_no_names_does_not_keep_the_host_there(machine: Machine) -> None:
    """Read-only /var is a way to fail a boot, and the agent's too to come up."""
    machine.arm()
    machine.boot("new")
    machine.program("bin/mv", "#!/bin/sh\necho 'Read-only file system' >&2\nexit 1\n")
    machine.answers("command", f"[ $(wc -l <{machine.folder}/fell-back) -ge 2 ]")
    status, said = machine.script()
    assert status == 0
    assert "cannot be written" in said
    assert REASON in said
    assert len(machine.fell_back) == 2
    assert machine.rebooted == ["-i reboot"]
    machine.boot("old")
    assert "nothing to go back from" in machine.script()[1]
    (machine.directory / "armed").rename(machine.directory / "fired")
    machine.boot("new")
    assert "going on with what was decided" in machine.script()[1]
    assert len(machine.fell_back) == 3


def test_arming_again_forgets_the_older_verdict(machine: Machine) -> None:
    machine.arm()
    machine.boot("new")
    machine.script()
    machine.arm()
    assert word(machine.guard()) is None
    assert (machine.directory / "armed/boot").read_text(encoding="ascii") == f"boot-{machine.boots}\n"


@pytest.mark.parametrize("words", [(), ("bootc", "roll\nback"), ("bootc", "\0")])
def test_what_the_script_could_not_run_is_refused(machine: Machine, words: tuple[str, ...]) -> None:
    with pytest.raises(EngineError) as caught:
        machine.guard().arm(DIGEST, words)
    assert caught.value.code is Code.ACTIVATE_FAILED
    assert not machine.directory.exists()


def test_a_disk_that_takes_nothing_is_told(machine: Machine) -> None:
    machine.directory.write_text("in the way", encoding="ascii")
    with pytest.raises(EngineError) as caught:
        machine.arm()
    assert caught.value.code is Code.ACTIVATE_FAILED
    assert caught.value.retryable


def test_the_script_and_the_agent_agree_on_the_place(machine: Machine) -> None:
    """Else the script would go back from the old image too."""
    machine.arm()
    inodes = [(machine.folder / "old" / name).stat().st_ino for name in ("", "usr", "etc")]
    assert (machine.directory / "armed/place").read_text(encoding="ascii").split() == list(map(str, inodes))
    machine.boot("old")
    assert "nothing to go back from" in machine.script()[1]
    shutil.rmtree(machine.folder / "old/etc")
    assert machine.script()[0] == 0
    assert machine.rebooted == ["-i reboot"]


@pytest.fixture
def carrying(machine: Machine) -> Machine:
    """A guard that takes unit and script along."""
    unit = SCRIPT.parents[1] / "systemd/system" / NAME
    machine.unit = GuardUnit(machine.directory / "script", unit, SCRIPT, machine.folder / "units")
    return machine


def test_an_image_that_lacks_the_guard_gets_it_from_the_one_before(carrying: Machine) -> None:
    carrying.arm()
    units, kept = carrying.folder / "units", carrying.directory / "script"
    text = (units / NAME).read_text(encoding="utf-8")
    assert f"ExecStart=/bin/sh {SCRIPT_PATH}\n" not in text
    assert f"ExecStart=/bin/sh {kept}\n" in text
    assert (units / NAME).stat().st_mode & 0o777 == 0o644
    assert (units / "sysinit.target.wants" / NAME).resolve() == units / NAME
    carrying.boot("new")
    carrying.script_path = kept
    assert carrying.script()[0] == 0
    assert carrying.rebooted == ["-i reboot"]
    carrying.guard().disarm()
    assert kept.exists(), "it may still be needed: the host has not left the image"
    carrying.boot("old")
    carrying.guard().disarm()
    assert not kept.exists()
    assert [path.name for path in units.rglob("*")] == ["sysinit.target.wants"]


def test_a_unit_that_a_person_enabled_stays_so(carrying: Machine) -> None:
    link = carrying.folder / "units/sysinit.target.wants" / NAME
    link.parent.mkdir(parents=True)
    link.symlink_to(f"/usr/lib/systemd/system/{NAME}")
    carrying.arm()
    carrying.guard().disarm()
    assert str(link.readlink()) == f"/usr/lib/systemd/system/{NAME}"
    assert not (carrying.folder / "units" / NAME).exists()


def test_where_nothing_can_be_taken_along_the_image_s_own_guard_has_to_do(carrying: Machine) -> None:
    carrying.unit = GuardUnit(
        carrying.directory / "script", carrying.folder / "absent", SCRIPT, carrying.folder / "units"
    )
    carrying.arm()
    assert (carrying.directory / "armed").exists()
    assert not (carrying.directory / "script").exists()
    carrying.guard().disarm()


@pytest.fixture(params=["fake", "real"])
def guard(request: pytest.FixtureRequest, machine: Machine) -> BootGuard:
    return FakeBootGuard() if request.param == "fake" else machine.guard()


def test_every_guard_is_armed_and_disarmed_at_will(guard: BootGuard) -> None:
    guard.disarm()
    assert word(guard) is None
    for _ in range(2):
        guard.arm(DIGEST, ("true",))
        assert word(guard) is None
    for _ in range(2):
        guard.disarm()
        assert word(guard) is None


@pytest.fixture
def counted(machine: Machine, tmp_path: Path) -> Iterator[Machine]:
    block = tmp_path / "grub/grubenv"
    block.parent.mkdir()
    subprocess.run([EDITENV, str(block), "create"], check=True)
    (tmp_path / "grub/grub.cfg").write_text("set boot_counter=\n", encoding="ascii")
    machine.counting = find_counting("auto", [tmp_path / "absent", block])
    assert machine.counting == GrubCounting(block)
    yield machine
    assert block.stat().st_size == 1024


def words(machine: Machine) -> list[str]:
    """The environment block, as GRUB's own tool reads it."""
    block = machine.folder / "grub/grubenv"
    listed = subprocess.run([EDITENV, str(block), "list"], check=True, capture_output=True, text=True)
    return listed.stdout.splitlines()


def edit(machine: Machine, *change: str) -> None:
    subprocess.run([EDITENV, str(machine.folder / "grub/grubenv"), *change], check=True)


@pytest.mark.real("grub-editenv")
def test_the_boot_loader_counts_what_is_armed(counted: Machine) -> None:
    edit(counted, "set", "saved_entry=a=b \\ c", "kernelopts=quiet")
    counted.arm()
    assert words(counted) == [
        "saved_entry=a=b \\ c",
        "kernelopts=quiet",
        "boot_counter=2",
        "boot_success=0",
    ]
    counted.boot("new")
    counted.guard().disarm()
    assert words(counted) == ["saved_entry=a=b \\ c", "kernelopts=quiet", "boot_success=1"]


@pytest.mark.real("grub-editenv")
def test_an_image_that_does_not_count_stops_the_other_s_counter(counted: Machine) -> None:
    counted.arm()
    counted.boot("new")
    counted.counting = None
    counted.guard().disarm()
    assert words(counted) == ["boot_success=1"]


@pytest.mark.real("grub-editenv")
def test_the_boot_loader_s_word_is_noted_and_made_harmless(counted: Machine) -> None:
    counted.arm()
    edit(counted, "set", "boot_counter=-1")
    counted.boot("old")
    guard = counted.guard()
    reason = f"the boot loader gave {DIGEST} up: nobody called it good in the boots that it was given"
    assert word(guard) == reason
    assert words(counted) == ["boot_counter=1", "boot_success=0"]
    assert word(guard) == reason
    assert counted.script() == (0, "")
    guard.disarm()
    assert word(guard) is None
    assert words(counted) == ["boot_success=1"]


@pytest.mark.real("grub-editenv")
def test_power_lost_after_the_boot_loader_s_word_was_noted(counted: Machine) -> None:
    counted.arm()
    edit(counted, "set", "boot_counter=-1")
    counted.boot("old")
    assert word(counted.guard()) is not None
    edit(counted, "set", "boot_counter=-1")
    assert word(counted.guard()) is not None
    assert words(counted) == ["boot_counter=1", "boot_success=0"]


@pytest.mark.real("grub-editenv")
def test_the_boot_loader_s_word_is_told_where_it_cannot_be_made_harmless(counted: Machine) -> None:
    counted.arm()
    edit(counted, "set", "boot_counter=-1", "boot_success=0")
    folder = counted.folder / "grub"
    (folder / ".grubenv.new").mkdir()
    assert "the boot loader gave" in str(word(counted.guard()))
    assert "boot_counter=-1" in words(counted)


@pytest.mark.real("grub-editenv")
def test_a_counter_of_somebody_else_is_none_of_ours(counted: Machine) -> None:
    edit(counted, "set", "boot_counter=-1")
    assert word(counted.guard()) is None
    counted.guard().disarm()
    assert words(counted) == ["boot_counter=-1"]


@pytest.mark.real("grub-editenv")
def test_the_script_stops_the_counter_after_it_went_back(counted: Machine) -> None:
    block = counted.folder / "grub/grubenv"
    counted.arm()
    counted.boot("new")
    counted.environment["PATH"] = f"{counted.folder}/bin:{os.environ['PATH']}"
    assert counted.script()[0] == 0
    assert words(counted) == ["boot_success=0"]
    counted.boot("old")
    counted.guard().disarm()
    assert words(counted) == ["boot_success=1"]
    assert (len(block.read_bytes()), block.read_bytes().count(b"oot_counter")) == (1024, 0)


@pytest.mark.real("grub-editenv")
def test_a_counter_that_cannot_be_set_stops_only_who_asked_for_it(counted: Machine) -> None:
    (counted.folder / "grub/grubenv").write_bytes(b"garbage" * 200)
    counted.arm()
    assert (counted.directory / "armed").exists()
    with pytest.raises(EngineError) as caught:
        counted.guard(required=True).arm(DIGEST, ("true",))
    assert "no environment block" in caught.value.reason
    assert not (counted.directory / "armed").exists()
    subprocess.run([EDITENV, str(counted.folder / "grub/grubenv"), "create"], check=True)


@pytest.mark.real("grub-editenv")
def test_what_a_power_cut_left_of_the_block_is_made_whole(counted: Machine) -> None:
    (counted.folder / "grub/grubenv").write_bytes(b"")
    counted.arm()
    assert words(counted) == ["boot_counter=2", "boot_success=0"]


@pytest.mark.real("grub-editenv")
def test_a_link_to_the_efi_partition_stays_one(counted: Machine) -> None:
    block = counted.folder / "grub/grubenv"
    block.symlink_to(block.rename(counted.folder / "on-esp"))
    counted.arm()
    assert block.is_symlink()
    assert words(counted) == ["boot_counter=2", "boot_success=0"]


@pytest.mark.real("grub-editenv")
def test_a_full_block_is_left_as_it_is(counted: Machine) -> None:
    edit(counted, "set", f"long={'x' * 900}")
    with pytest.raises(EngineError) as caught:
        counted.guard(required=True).arm(DIGEST, ("true",))
    assert "is full" in caught.value.reason
    assert words(counted) == [f"long={'x' * 900}"]


@pytest.mark.real("grub-editenv")
def test_a_counter_that_cannot_be_stopped_is_told_until_it_is(counted: Machine) -> None:
    counted.arm()
    block = counted.folder / "grub/grubenv"
    kept = block.rename(block.with_name("away"))
    for _ in range(2):
        with pytest.raises(EngineError) as caught:
            counted.guard().disarm()
        assert caught.value.retryable
    assert not (counted.directory / "armed").exists()
    kept.rename(block)
    counted.guard().disarm()
    assert words(counted) == ["boot_success=1"]


def test_where_boots_are_counted_is_found_out(tmp_path: Path) -> None:
    block = tmp_path / "grubenv"
    assert find_counting("auto", [block]) is None
    with pytest.raises(EngineError) as caught:
        find_counting("grub", [block])
    assert str(block) in caught.value.reason
    block.touch()
    assert find_counting("grub", [block]) == GrubCounting(block)
    assert find_counting("auto", [block]) is None, "its configuration does not count"
    (tmp_path / "grub.cfg").write_text('if [ -n "${boot_counter}" ]; then\n', encoding="ascii")
    assert find_counting("auto", [block]) == GrubCounting(block)
    assert find_counting("none", [block]) is None
