"""The way engines run tools: whatever the tool does, an answer or an error in time, and nothing left over."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import alive
from tests.support.waiting import wait_until
from tidegate_agent.engines.tool import Output, Tool, network_environment
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code
from tidegate_wire.registry.source import Cancelled

PYTHON = Tool([sys.executable, "-I", "-c"])
LONG_S = 60.0
FAMILY = (
    "import os, signal, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "child = os.fork()\n"
    "open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\n"
)
"""A program that ignores SIGTERM and has a child that does too; both write their pids."""


def run(code: str, *arguments: str, timeout_s: float = LONG_S, output_bytes: int = 2**20) -> Output:
    return PYTHON.run(code, *arguments, timeout_s=timeout_s, output_bytes=output_bytes)


def pids(folder: Path) -> list[int]:
    return [int(word) for word in (folder / "pids").read_text().split()]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def no_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def test_stdout_stderr_and_status_are_told_apart() -> None:
    found = run("import sys; print('out'); print('err\\x1b[2J', file=sys.stderr); sys.exit(3)")
    assert (found.status, found.stdout) == (3, b"out\n")
    assert found.stderr == "err\N{REPLACEMENT CHARACTER}[2J"


def test_a_signal_is_a_negative_status() -> None:
    assert run("import os; os.kill(os.getpid(), 9)").status == -9


def test_nothing_of_the_agent_is_inherited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET", "s3cr3t")
    code = (
        "import json, os; print(json.dumps([dict(os.environ), os.getcwd(), os.getsid(0) == os.getpid(),"
        " len(os.listdir('/proc/self/fd')), os.read(0, 1).decode()]))"
    )
    tool = Tool([sys.executable, "-I", "-c"], {"NAMED": "yes"})
    with (tmp_path / "open").open("w") as leak:
        os.set_inheritable(leak.fileno(), True)  # noqa: FBT003 - takes no keywords
        output = tool.run(code, timeout_s=LONG_S)
    environment, folder, leads, count, read = json.loads(output.stdout)
    assert set(environment) - {"LC_CTYPE"} == {"PATH", "LANG", "HOME", "NAMED"}
    # the three standard ones, and that of the listing
    assert (folder, leads, count, read) == ("/", True, 4, "")


def test_what_it_reads_comes_from_bytes_or_from_a_file(tmp_path: Path) -> None:
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    question = b"x" * 300_000
    assert PYTHON.run(code, stdin=question, timeout_s=LONG_S).stdout == question
    (tmp_path / "question").write_bytes(question)
    with (tmp_path / "question").open("rb") as file:
        assert PYTHON.run(code, stdin=file, timeout_s=LONG_S).stdout == question


def test_a_program_that_does_not_read_still_answers() -> None:
    assert PYTHON.run("print('done')", stdin=b"x" * 300_000, timeout_s=LONG_S).stdout == b"done\n"


def test_all_output_up_to_the_cap_comes_through() -> None:
    assert run("print('x' * 299_999)", output_bytes=300_000).stdout == b"x" * 299_999 + b"\n"


def test_what_is_still_in_the_pipe_at_the_end_is_read(tmp_path: Path) -> None:
    """This side is held up until the program has ended, with all that it wrote in the pipe."""
    code = (
        "import fcntl, os, sys\n"
        "fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, 2**20)\n"
        "os.write(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY), b'%d' % os.getpid())\n"
        "os.write(1, b'x' * 2**20)\n"
    )

    def held_up() -> bool:
        if (tmp_path / "pids").exists():
            wait_until(lambda: pids(tmp_path) != [] and not alive(pids(tmp_path)[0]), "it has ended")
        return False

    found = PYTHON.run(code, str(tmp_path / "pids"), timeout_s=LONG_S, cancelled=held_up)
    assert len(found.stdout) == 2**20


def test_a_flood_on_stdout_ends_the_program() -> None:
    with pytest.raises(EngineError, match="it printed more than 10000 bytes") as caught:
        run("while True: print('x' * 1000)", output_bytes=10_000)
    assert caught.value.code is Code.ENGINE_OUTPUT


def test_of_a_flood_on_stderr_the_end_is_kept() -> None:
    found = run("import sys; sys.stderr.write('x' * 3_000_000 + 'the reason')")
    assert found.status == 0
    assert len(found.stderr) == 8192
    assert found.stderr.endswith("xthe reason")


def test_a_missing_program_is_named() -> None:
    with pytest.raises(EngineError, match=r"`no-such-tool status`.*No such file") as caught:
        Tool(["no-such-tool"]).run("status", timeout_s=LONG_S)
    assert caught.value.code is Code.ENGINE_MISSING
    assert not caught.value.retryable


def test_a_program_that_may_not_be_run_is_missing_too(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    with pytest.raises(EngineError, match="Permission denied") as caught:
        Tool([str(tmp_path / "tool")]).run(timeout_s=LONG_S)
    assert caught.value.code is Code.ENGINE_MISSING


def test_nothing_is_left_when_its_time_is_up(tmp_path: Path) -> None:
    before = descriptors()
    with pytest.raises(EngineError, match=r"took longer than 1 s") as caught:
        run(FAMILY + "time.sleep(600)", str(tmp_path / "pids"), timeout_s=1)
    assert caught.value.code is Code.ENGINE_TIMEOUT
    assert caught.value.retryable
    assert len(pids(tmp_path)) == 2
    wait_until(lambda: not any(alive(pid) for pid in pids(tmp_path)), "the family is gone")
    assert no_children()
    assert descriptors() == before


def test_a_moment_is_left_to_tidy_up(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "def tidy(*_): open(sys.argv[1], 'w').close(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, tidy)\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(EngineError):
        run(code, str(tmp_path / "tidied"), timeout_s=1)
    assert (tmp_path / "tidied").exists()


def test_what_it_left_running_is_ended_and_does_not_delay_the_answer(tmp_path: Path) -> None:
    code = FAMILY + "print('done', flush=True)\nif child == 0: time.sleep(600)"
    began = time.monotonic()
    found = run(code, str(tmp_path / "pids"))
    assert found.status == 0
    assert b"done" in found.stdout
    assert time.monotonic() - began < 20
    wait_until(lambda: not any(alive(pid) for pid in pids(tmp_path)), "what it left is gone")


def test_a_program_that_closes_its_output_is_waited_for() -> None:
    assert run("import os, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(7)").status == 7


def test_cancelling_ends_it_soon(tmp_path: Path) -> None:
    began = tmp_path / "pids"
    with pytest.raises(Cancelled):
        PYTHON.run(FAMILY + "time.sleep(600)", str(began), timeout_s=LONG_S, cancelled=began.exists)
    wait_until(lambda: not any(alive(pid) for pid in pids(tmp_path)), "the family is gone")
    assert no_children()


def test_what_is_cancelled_already_is_not_started(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        PYTHON.run(FAMILY, str(tmp_path / "pids"), timeout_s=LONG_S, cancelled=lambda: True)
    assert not (tmp_path / "pids").exists()


def test_check_tells_the_end_of_what_it_said() -> None:
    code = "import sys; print('x' * 3000 + '\\nerror: no space\\nleft', file=sys.stderr); sys.exit(1)"
    with pytest.raises(EngineError, match="failed with status 1: x") as caught:
        PYTHON.check(code, code=Code.STAGE_FAILED, timeout_s=LONG_S)
    assert caught.value.code is Code.STAGE_FAILED
    assert caught.value.reason.endswith("\N{RETURN SYMBOL}error: no space\N{RETURN SYMBOL}left")
    assert len(caught.value.reason) < 1100


def test_check_tells_of_a_silent_death() -> None:
    with pytest.raises(EngineError, match="was ended by signal 9: it said nothing"):
        PYTHON.check("import os; os.kill(os.getpid(), 9)", code=Code.STAGE_FAILED, timeout_s=LONG_S)


def test_check_passes_on_what_succeeded() -> None:
    assert PYTHON.check("print(1)", code=Code.STAGE_FAILED, timeout_s=LONG_S).stdout == b"1\n"


def parsed(printed: str) -> object:
    return PYTHON.json(
        "import sys; sys.stdout.write(eval(sys.argv[1]))", printed, code=Code.STAGE_FAILED, timeout_s=LONG_S
    )


def test_json_is_parsed() -> None:
    assert parsed("""'{"a": [1, null]}'""") == {"a": [1, None]}


@pytest.mark.parametrize(
    "printed",
    ["''", "'no\x1bjson'", "'{\"a\": '", "'[' * 100_000", "'9' * 5000"],
    ids=["nothing", "words", "truncated", "deep", "number"],
)
def test_garbage_is_no_json(printed: str) -> None:
    with pytest.raises(EngineError) as caught:
        parsed(printed)
    assert caught.value.code is Code.ENGINE_OUTPUT
    assert "\x1b" not in caught.value.reason


def watch(
    code: str, *arguments: str, progress_fd: bool = False, stall_s: float = LONG_S
) -> tuple[list[bytes], Output]:
    lines: list[bytes] = []
    output = PYTHON.watch(
        code,
        *arguments,
        on_line=lines.append,
        progress_fd=progress_fd,
        stall_s=stall_s,
        timeout_s=LONG_S,
    )
    return lines, output


def test_lines_of_stdout_are_handed_over() -> None:
    lines, output = watch("import sys; sys.stdout.write('one\\n\\ntwo'); print('no', file=sys.stderr)")
    assert lines == [b"one", b"", b"two"]
    assert (output.status, output.stdout, output.stderr) == (0, b"", "no")


def test_lines_of_the_progress_pipe_are_handed_over() -> None:
    code = "import os, sys; os.write(int(sys.argv[1]), b'one\\ntwo\\n'); print('out'); sys.exit(2)"
    before = descriptors()
    lines, output = watch(code, "{fd}", progress_fd=True)
    assert lines == [b"one", b"two"]
    assert (output.status, output.stdout) == (2, b"out\n")
    assert descriptors() == before


def test_without_a_progress_pipe_the_words_are_left_alone() -> None:
    assert watch("import sys; print(sys.argv[1])", "{fd}")[0] == [b"{fd}"]


def test_lines_come_while_it_runs() -> None:
    def stop(line: bytes) -> None:
        raise InterruptedError(line.decode())

    code = "import time; print('first', flush=True); time.sleep(600)"
    with pytest.raises(InterruptedError, match="first"):
        PYTHON.watch(code, on_line=stop, progress_fd=False, stall_s=LONG_S, timeout_s=LONG_S)
    assert no_children()


def test_a_line_without_end_is_cut() -> None:
    lines, _ = watch("import sys; sys.stdout.write('x' * 5_000_000 + '\\nlast\\n')")
    assert lines == [b"x" * 65536, b"last"]


def test_a_stall_is_noticed_though_bytes_drip(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\n"
        "open(sys.argv[1], 'a').write(str(os.getpid()))\n"
        "print('begun', flush=True)\n"
        "while True: time.sleep(0.05); sys.stdout.write('.'); sys.stdout.flush()\n"
    )
    with pytest.raises(EngineError, match=r"it made no progress for 0.5 s") as caught:
        watch(code, str(tmp_path / "pids"), stall_s=0.5)
    assert caught.value.code is Code.ENGINE_TIMEOUT
    assert not alive(pids(tmp_path)[0])


def test_lines_put_off_the_stall() -> None:
    code = "import time\nfor _ in range(8): print('still here', flush=True); time.sleep(0.2)"
    lines, output = watch(code, stall_s=1)
    assert (len(lines), output.status) == (8, 0)


def test_proxies_and_authorities_are_picked_from_an_environment() -> None:
    environ = {
        "https_proxy": "http://p:1",
        "NO_PROXY": "a",
        "SSL_CERT_FILE": "/c",
        "ssl_cert_file": "/d",
        "X": "y",
    }
    assert network_environment(environ) == {
        "https_proxy": "http://p:1",
        "NO_PROXY": "a",
        "SSL_CERT_FILE": "/c",
    }
