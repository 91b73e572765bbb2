"""A child that hangs, floods, dies or leaves somebody behind: an error in time, and nothing left over."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.support.waiting import wait_until
from tidegate_agent.adapters.child_process import ChildError, ask

CONFINED = "from tidegate_agent.adapters.confinement import confine; confine(256, 1); "


def run(code: str, question: bytes = b"", *, timeout_s: float = 30.0, cap: int = 10_000) -> bytes:
    command = [sys.executable, "-I", "-c", code]
    return ask(command, question, environment={"ONLY": "this"}, timeout_s=timeout_s, cap=cap)


def failure(code: str, question: bytes = b"", *, timeout_s: float = 30.0, cap: int = 10_000) -> str:
    with pytest.raises(ChildError) as caught:
        run(code, question, timeout_s=timeout_s, cap=cap)
    return str(caught.value)


def test_the_question_comes_back() -> None:
    question = b"x" * 300_000
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    assert run(code, question, cap=300_000) == question


def test_a_child_that_does_not_read_still_answers() -> None:
    assert run("print('done')", b"x" * 300_000) == b"done\n"


def test_a_child_inherits_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET", "s3cr3t")
    code = (
        "import json, os; print(json.dumps([dict(os.environ), os.getcwd(), os.getsid(0) == os.getpid(),"
        " sorted(os.listdir('/proc/self/fd'))]))"
    )
    with (tmp_path / "open").open("w") as leak:
        os.set_inheritable(leak.fileno(), True)  # noqa: FBT003 - takes no keywords
        environment, folder, leads, descriptors = json.loads(run(code))
    environment.pop("LC_CTYPE", None)  # the interpreter's own, PEP 538
    assert environment == {"ONLY": "this"}
    assert folder == "/"
    assert leads
    assert len(descriptors) == 4  # the three standard ones, and that of the listing


def test_a_flood_is_cut_off() -> None:
    assert failure("while True: print('x' * 1000)") == "it printed more than 10000 bytes"


@pytest.mark.parametrize(
    "code", ["import time; time.sleep(600)", "import os, time; os.close(1); time.sleep(600)"]
)
def test_a_child_that_hangs_is_killed(code: str) -> None:
    begun = time.monotonic()
    assert failure(code, timeout_s=0.5) == "it took longer than 0.5 s"
    assert time.monotonic() - begun < 10


def test_how_a_child_ended_is_told() -> None:
    assert failure("raise SystemExit(3)") == "it exited with 3"
    assert failure("import os; os.kill(os.getpid(), 11)") == f"it was killed by signal {signal.SIGSEGV:d}"


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(ChildError, match="could not be started: No such file"):
        ask(["/nonexistent/program"], b"", environment={}, timeout_s=1, cap=1)


def test_what_a_child_leaves_behind_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        f"    open({str(note)!r}, 'w').write(str(os.getpid()))\n"
        "    os.close(1)\n"
        "    time.sleep(600)\n"
        f"while not os.path.exists({str(note)!r}) or not open({str(note)!r}).read(): pass\n"
    )
    assert run(code) == b""
    left = int(note.read_text())
    wait_until(lambda: not _alive(left), "the grandchild is gone")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_confined_process_has_given_up_its_rights(tmp_path: Path) -> None:
    code = CONFINED + (
        "import json, os, resource as r; status = open('/proc/self/status').read();"
        "limits = (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_CORE, r.RLIMIT_NPROC);"
        "print(json.dumps([[r.getrlimit(x) for x in limits], 'NoNewPrivs:\\t1' in status, dict(os.environ)]))"
    )
    given_up, no_new_privileges, environment = json.loads(run(code))
    assert given_up == [[256 << 20] * 2, [1, 1], [0, 0], [0, 0], [0, 0]]
    assert no_new_privileges
    assert environment == {}
    target = tmp_path / "written"
    write = f"import os; os.write(os.open({str(target)!r}, os.O_CREAT | os.O_WRONLY), b'x')"
    assert failure(CONFINED + write) == "it exited with 1"
    assert target.read_text() == ""


def test_a_confined_process_cannot_take_much_memory_time_or_files() -> None:
    bomb = "\ntry: bytearray(400 << 20)\nexcept MemoryError: print('no')"
    assert run(CONFINED + bomb) == b"no\n"
    assert failure(CONFINED + "\nwhile True: pass") == f"it was killed by signal {signal.SIGKILL:d}"
    files = "\ntry: kept = [open('/dev/null') for _ in range(20)]\nexcept OSError: print('no')"
    assert run(CONFINED + files) == b"no\n"


def test_a_confined_process_cannot_fork() -> None:
    # The kernel does not count the processes of root, so a root's test becomes somebody else first: one who
    # may not be able to read root's interpreter any more, so ctypes is imported before.
    fork = (
        "import ctypes, os\nfrom tidegate_agent.adapters.confinement import confine\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "confine(256, 1)\ntry: os.fork()\nexcept OSError: print('no')"
    )
    assert run(fork) == b"no\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has powers to give up")
def test_a_process_without_capabilities_cannot_reach_what_belongs_to_others(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch(0o600)
    os.chown(other, 65534, 65534)
    dropped = CONFINED + (
        "\nfrom tidegate_agent.adapters.confinement import drop_capabilities\ndrop_capabilities()"
        f"\ntry: open({str(other)!r})\nexcept PermissionError: print('no')"
        "\nlines = open('/proc/self/status').read().splitlines()"
        "\nprint(sorted({line.split()[1] for line in lines if line.startswith(('CapEff', 'CapPrm'))}))"
    )
    assert run(dropped) == b"no\n['0000000000000000']\n"


def test_a_process_that_never_had_capabilities_goes_on() -> None:
    twice = "\nfrom tidegate_agent.adapters.confinement import drop_capabilities"
    assert run(CONFINED + twice + "\ndrop_capabilities()\ndrop_capabilities()\nprint('on')") == b"on\n"


def test_a_confined_process_may_be_left_more_files_of_a_size(tmp_path: Path) -> None:
    target = tmp_path / "written"
    code = (
        "import os\nfrom tidegate_agent.adapters.confinement import confine\n"
        "confine(256, 1, open_files=30, file_bytes=10)\n"
        "kept = [open('/dev/null') for _ in range(20)]\n"
        f"handle = os.open({str(target)!r}, os.O_CREAT | os.O_WRONLY)\n"
        "print(os.write(handle, b'x' * 10))\n"
        "try: os.write(handle, b'x')\nexcept OSError as error: print(error.strerror)"
    )
    assert run(code) == b"10\nFile too large\n"
    assert target.read_text() == "x" * 10
