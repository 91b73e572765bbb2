"""ports.HealthCheck: TCP, space, units of systemd, greenboot's scripts, and the time of a whole round."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.processes import alive
from tests.support.waiting import wait_until
from tidegate_agent.adapters.health import HealthRounds, Places
from tidegate_agent.adapters.health.answer import Answer, within
from tidegate_agent.config.checks import AFTER_A_REBOOT, CheckSettings, HealthSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_agent.model import CheckResult

SHORT: Final = timedelta(milliseconds=700)


def ask(places: Places | None = None, **check: Any) -> CheckResult:
    [result] = HealthRounds([CheckSettings(name="it", **check)], places=places).run().checks
    return result


@contextmanager
def listening(family: socket.AddressFamily, host: str) -> Iterator[int]:
    with socket.create_server((host, 0), family=family) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_accepts_is_healthy() -> None:
    with listening(socket.AF_INET, "127.0.0.1") as port:
        assert ask(tcp=f"127.0.0.1:{port}").passed
    assert ask(tcp=f"127.0.0.1:{port}").output == f"127.0.0.1:{port}: Connection refused"


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this machine has no IPv6")
def test_a_port_of_ipv6_is_asked() -> None:
    with listening(socket.AF_INET6, "::1") as port:
        assert ask(tcp=f"[::1]:{port}").passed


def test_a_port_whose_queue_is_full_is_not_waited_for_longer_than_asked() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            began = time.monotonic()
            result = ask(tcp=f"127.0.0.1:{port}", timeout=SHORT)
    assert time.monotonic() - began < 10
    assert result.output == f"127.0.0.1:{port}: no connection within 0s"


def test_what_has_no_timeout_itself_is_left_behind() -> None:
    """A resolver, or a file system whose server is gone."""
    going, gone = threading.Event(), threading.Event()

    def hang() -> Answer:
        going.wait(60)
        gone.set()
        return Answer(passed=True)

    assert within(0.05, "late", hang) == Answer(passed=False, output="late")
    going.set()
    assert gone.wait(10)


def test_what_breaks_in_a_thread_is_an_answer() -> None:
    def fail() -> Answer:
        raise ValueError("nobody foresaw it")

    assert within(5, "late", fail).output == "ValueError: nobody foresaw it"


def test_space_is_measured_in_bytes_and_percent(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    size = found.f_blocks * found.f_frsize
    assert ask(free={"path": tmp_path, "bytes": 1}).passed
    result = ask(free={"path": tmp_path, "bytes": size + 1})
    assert not result.passed
    assert result.output.endswith(f" free, expected {(size + 1) / 1_000_000:.1f} MB")
    percent = 100 * found.f_bavail // found.f_blocks
    if 1 < percent < 98:
        assert ask(free={"path": tmp_path, "percent": percent - 1}).passed
        assert ask(free={"path": tmp_path, "percent": 99}).output.endswith("expected 99 %")


def test_space_where_there_is_none(tmp_path: Path) -> None:
    assert ask(free={"path": Path("/proc"), "percent": 1}).output == (
        "/proc: 0.0 MB (0 %) free, expected 1 %"
    )
    missing = tmp_path / "missing"
    assert ask(free={"path": missing, "bytes": 1}).output == f"{missing}: No such file or directory"


SYSTEMCTL: Final = """\
#!/bin/sh
# Answers as systemctl does: a block for each unit, in the order of the question.
folder={folder}
lost='LoadState=not-found\\nActiveState=inactive\\nSubState=dead\\n'
case "$1" in
show)
	first=yes
	for unit; do
		case $unit in *.service | *.target) ;; *) continue ;; esac
		[ $first ] || echo
		first=
		cat $folder/$unit 2>/dev/null || printf "$lost"
	done
	;;
list-units) cat $folder/failed ;;
esac
printf '%s\\n' "$*" >>$folder/asked
"""


@dataclass
class Systemd:
    """A stand-in for systemctl, and what it answers."""

    folder: Path

    @property
    def places(self) -> Places:
        return Places((str(self.folder / "systemctl"),), (self.folder / "usr", self.folder / "etc"))

    def program(self, text: str) -> None:
        path = self.folder / "systemctl"
        path.write_text(text.replace("{folder}", str(self.folder)), encoding="utf-8")
        path.chmod(0o755)

    def unit(self, name: str, active: str, sub: str, **more: str) -> None:
        lines = {"LoadState": "loaded", "ActiveState": active, "SubState": sub, "Result": "success", **more}
        # Replaced, for it is read meanwhile.
        beside = self.folder / f".{name}"
        beside.write_text("".join(f"{key}={value}\n" for key, value in lines.items()), encoding="utf-8")
        beside.rename(self.folder / name)

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    systemd = Systemd(tmp_path)
    systemd.program(SYSTEMCTL)
    return systemd


def test_units_that_are_active_are_healthy(systemd: Systemd) -> None:
    systemd.unit("a.service", "active", "running", Job="")
    systemd.unit("b.service", "reloading", "reload", Job="7")
    result = ask(systemd.places, units=("a.service", "b.service"))
    assert (result.passed, result.output) == (True, "a.service, b.service: active")
    assert systemd.asked == [
        "show --property=LoadState,ActiveState,SubState,Result,Job -- a.service b.service"
    ]


def test_units_that_are_not_are_named_with_the_reason(systemd: Systemd) -> None:
    systemd.unit("a.service", "failed", "failed", Result="exit-code")
    systemd.unit("b.service", "active", "running")
    systemd.unit("c.service", "inactive", "dead")
    result = ask(systemd.places, units=("a.service", "b.service", "c.service", "d.service"))
    assert not result.passed
    assert result.output == (
        "a.service is failed (failed, exit-code), c.service is inactive (dead), d.service is not there"
    )
    assert len(systemd.asked) == 1, "nobody is on the way, so nobody is waited for"


def test_a_unit_on_its_way_is_waited_for(systemd: Systemd) -> None:
    systemd.unit("default.target", "inactive", "dead", Job="2")
    results: list[CheckResult] = []

    def wait() -> None:
        results.append(ask(systemd.places, units=("default.target",)))

    asking = threading.Thread(target=wait)
    asking.start()
    wait_until((systemd.folder / "asked").exists, "it was answered once")
    systemd.unit("default.target", "active", "active")
    asking.join(30)
    assert results[0].passed
    assert len(systemd.asked) > 1


def test_a_unit_that_never_comes_is_not_waited_for_longer_than_asked(systemd: Systemd) -> None:
    systemd.unit("slow.service", "activating", "start-pre", Job="9")
    began = time.monotonic()
    result = ask(systemd.places, units=("slow.service",), timeout=timedelta(seconds=1))
    assert time.monotonic() - began < 10
    assert result.output == "slow.service is activating (start-pre)"


def test_a_systemctl_that_hangs_is_ended(systemd: Systemd) -> None:
    systemd.program("#!/bin/sh\necho $$ >{folder}/pid\nsleep 600\n")
    began = time.monotonic()
    result = ask(systemd.places, units=("a.service",), timeout=SHORT)
    assert time.monotonic() - began < 10
    assert result.output == "systemctl did not answer within 0s"
    pid = int((systemd.folder / "pid").read_text(encoding="ascii"))
    wait_until(lambda: not alive(pid), "it is gone")


@pytest.mark.parametrize(
    "check", [{"units": ("a.service",)}, {"failed_units": True}, {"boot_complete": True}]
)
def test_without_systemd_a_check_fails_in_words(systemd: Systemd, check: dict[str, Any]) -> None:
    missing = Places(("/nonexistent/systemctl",))
    assert ask(missing, **check).output == ("/nonexistent/systemctl cannot be run: No such file or directory")
    systemd.program("#!/bin/sh\necho 'Failed to connect to bus: Host is down' >&2\nexit 1\n")
    assert ask(systemd.places, **check).output == (
        "systemctl does not answer: Failed to connect to bus: Host is down"
    )


@pytest.mark.parametrize("text", ["", "garbage", "ActiveState=active\n\nActiveState=active\n"])
def test_an_answer_to_another_question_fails(systemd: Systemd, text: str) -> None:
    (systemd.folder / "text").write_text(text, encoding="utf-8")
    systemd.program("#!/bin/sh\ncat {folder}/text\n")
    result = ask(systemd.places, units=("a.service",))
    assert not result.passed
    assert result.output.startswith("systemctl answered something else than was asked")


def test_boot_complete_is_a_unit(systemd: Systemd) -> None:
    systemd.unit("boot-complete.target", "inactive", "dead")
    assert ask(systemd.places, boot_complete=True).output == "boot-complete.target is inactive (dead)"
    systemd.unit("boot-complete.target", "active", "active")
    assert ask(systemd.places, boot_complete=True).passed


def test_failed_units_are_named_unless_they_may_fail(systemd: Systemd) -> None:
    listed = systemd.folder / "failed"
    listed.write_text("", encoding="utf-8")
    assert ask(systemd.places, failed_units=True).passed
    listed.write_text(
        "kiosk.service loaded failed failed The kiosk\nfirstboot-7.service loaded failed failed Once only\n",
        encoding="utf-8",
    )
    assert ask(systemd.places, failed_units=True).output == "failed: kiosk.service, firstboot-7.service"
    ignoring = ask(systemd.places, failed_units=True, ignore=("firstboot-*.service",))
    assert ignoring.output == "failed: kiosk.service"
    assert ask(systemd.places, failed_units=True, ignore=("firstboot-*.service", "kiosk.service")).passed


def script(folder: Path, name: str, text: str, mode: int = 0o755) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def greenboot(systemd: Systemd, **check: Any) -> list[tuple[str, bool, bool, str]]:
    rounds = HealthRounds([CheckSettings(name="gb", greenboot=True, **check)], places=systemd.places)
    return [(each.name, each.required, each.passed, each.output) for each in rounds.run().checks]


def test_greenboot_s_scripts_run_in_order_and_only_required_ones_are(systemd: Systemd) -> None:
    usr, etc = (systemd.folder / name / "check" for name in ("usr", "etc"))
    script(usr / "required.d", "20_b.sh", "echo b")
    # greenboot has bash read it: no mode, no first line, and words that only bash knows.
    script(usr / "required.d", "10_a.sh", "[[ a == a ]] && echo a", 0o644)
    script(etc / "required.d", "15_program", "#!/bin/sh\necho program; exit 3\n")
    script(etc / "required.d", "notes.txt", "no script", 0o644)
    script(etc / "required.d", ".hidden.sh", "exit 1")
    (etc / "required.d/folder.sh").mkdir()
    script(usr / "wanted.d", "10_w.sh", "echo wanted; exit 1")
    assert greenboot(systemd) == [
        ("gb: required.d/10_a.sh", True, True, "a"),
        ("gb: required.d/20_b.sh", True, True, "b"),
        ("gb: required.d/15_program", True, False, "exit status 3: program"),
        ("gb: wanted.d/10_w.sh", False, False, "exit status 1: wanted"),
    ]
    assert {required for _, required, _, _ in greenboot(systemd, required=False)} == {False}


def test_without_greenboot_there_is_nothing_to_run(systemd: Systemd) -> None:
    assert greenboot(systemd) == []


def test_scripts_that_greenboot_was_told_to_leave_out(systemd: Systemd) -> None:
    etc = systemd.folder / "etc"
    script(etc / "check/required.d", "01_dns.sh", "exit 1")
    script(etc / "check/required.d", "02_kiosk.sh", "exit 0")
    (etc / "greenboot.conf").write_text(
        '# DISABLED_HEALTHCHECKS=("02_kiosk.sh")\nGREENBOOT_MAX_BOOT_ATTEMPTS=2\n'
        'DISABLED_HEALTHCHECKS=(\n  "01_dns.sh" # not in the factory\n  03_other.sh\n)\n',
        encoding="utf-8",
    )
    assert [name for name, _, _, _ in greenboot(systemd)] == ["gb: required.d/02_kiosk.sh"]
    (etc / "greenboot.conf").write_text("DISABLED_HEALTHCHECKS=('01_dns.sh)\n", encoding="utf-8")
    assert len(greenboot(systemd)) == 2, "what cannot be read disables nothing"


def test_each_script_has_the_timeout(systemd: Systemd) -> None:
    folder = systemd.folder / "usr/check/required.d"
    script(folder, "1.sh", "sleep 600")
    script(folder, "2.sh", "echo fine")
    results = greenboot(systemd, timeout=timedelta(seconds=3))
    assert [passed for _, _, passed, _ in results] == [False, True]
    assert results[0][3] == "ended after 3s without an answer"


def test_more_scripts_than_anybody_writes_are_a_failure(systemd: Systemd) -> None:
    folder = systemd.folder / "usr/check/wanted.d"
    folder.mkdir(parents=True)
    for number in range(257):
        (folder / f"{number:03}").symlink_to("/bin/true")
    results = greenboot(systemd)
    assert len(results) == 257
    assert results[-1] == (f"gb: {folder}", False, False, "holds more than 256 scripts")


def test_a_round_ends_with_its_time() -> None:
    checks = [
        CheckSettings(name="first", command=("sleep", "600"), timeout=timedelta(hours=1)),
        CheckSettings(name="second", command=("true",)),
        CheckSettings(name="greenboot", greenboot=True),
    ]
    began = time.monotonic()
    found = HealthRounds(checks, timedelta(seconds=1)).run()
    assert time.monotonic() - began < 10
    assert found.checks[1].output == "not asked: the round's 1s were used up"
    assert found.reason == (
        "first: ended after 0s without an answer; second: not asked: the round's 1s were used up"
    )


def test_an_operating_system_is_asked_when_nobody_says_more(systemd: Systemd) -> None:
    said = HealthSettings(check=(CheckSettings(name="it", command=("true",)),))
    assert said.checks(reboots=True) == said.check
    assert HealthSettings().checks(reboots=False) == ()
    assert HealthSettings().checks(reboots=True) == AFTER_A_REBOOT
    systemd.unit("default.target", "active", "active")
    (systemd.folder / "failed").write_text("", encoding="utf-8")
    rounds = HealthRounds(AFTER_A_REBOOT, places=systemd.places)
    assert rounds.run().ok
    (systemd.folder / "failed").write_text("a.service loaded failed failed A\n", encoding="utf-8")
    found = rounds.run()
    assert found.ok, "told, and not held against the image"
    assert found.warnings == "failed units: failed: a.service"
    assert found.reason == "all required checks passed"
    systemd.unit("default.target", "inactive", "dead")
    assert rounds.run().reason == "host is up: default.target is inactive (dead)"
