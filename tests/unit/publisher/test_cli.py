from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner

from tidegate_publisher import exit_codes
from tidegate_publisher.cli import COMMANDS, cli
from tidegate_publisher.exit_codes import ExitCode
from tidegate_publisher.lazy import LazyGroup
from tidegate_publisher.output import printable
from tidegate_schemas.codes import REGISTRY, Code
from tidegate_schemas.export import MODELS

if TYPE_CHECKING:
    from click.testing import Result

ACTING = [
    *("sign", "announce", "hold", "resume", "promote", "revoke", "heartbeat", "request"),
    *("countersign", "keygen", "verify", "verify-image", "inspect", "events", "watch", "report", "trust"),
]

POLICY = ("--identity", "release@example.org", "--issuer", "https://issuer.example")
CI = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "CIRCLE_OIDC_TOKEN_V2", "GITHUB_ACTIONS", "GITLAB_CI")


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env={"TIDEGATE_BROKER": None, "SIGSTORE_ID_TOKEN": None})


def document(*words: str) -> tuple[int, Any]:
    result = run(*words)
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize(
    "name",
    [
        *COMMANDS,
        "dev sigstore",
        "dev token",
        "rollout run",
        "rollout plan",
        "rollout status",
        "rollout approve",
    ],
)
def test_every_command_says_what_it_does_as_the_table_does(name: str) -> None:
    group: LazyGroup = cli
    *parents, word = name.split()
    for parent in parents:
        inner = group.get_command(click.Context(group), parent)
        assert isinstance(inner, LazyGroup)
        group = inner
    command = group.get_command(click.Context(group), word)
    assert command is not None
    assert group.entries[word].help == command.get_short_help_str(limit=200)
    shown = run(*name.split(), "--help")
    assert shown.exit_code == 0
    assert "Usage: tidegate" in shown.stdout


@pytest.mark.parametrize("name", ACTING)
def test_help_teaches_with_an_example_and_what_is_refused(name: str) -> None:
    shown = run(name, "--help").stdout
    assert f"  tidegate {name}" in shown.split("Options:")[0]
    assert "Example" in shown
    assert "Refuses" in shown or "Exit code 4" in shown


def test_the_top_shows_all_commands_and_exit_codes() -> None:
    shown = run("--help").stdout
    for name in COMMANDS:
        assert f"\n  {name} " in shown
    for code in ExitCode:
        assert f"    {code:d}  " in shown


@pytest.mark.parametrize("words", [(), ("dev",)])
def test_without_a_command_there_is_help(words: tuple[str, ...]) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (0, run(*words, "--help").stdout)


@pytest.mark.parametrize(
    ("typed", "offered"), [("ann", "announce"), ("explain statement.exp", "statement.expired")]
)
def test_completion_completes(typed: str, offered: str) -> None:
    script = Path(sys.executable).with_name("tidegate")
    environment = {
        "_TIDEGATE_COMPLETE": "bash_complete",
        "COMP_WORDS": f"tidegate {typed}",
        "COMP_CWORD": str(len(typed.split())),
    }
    ended = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == [f"plain,{offered}"]


def test_help_loads_neither_sigstore_nor_paho() -> None:
    script = (
        "import sys\nfrom tidegate_publisher.cli import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(any(name in sys.modules for name in ('sigstore', 'paho', 'cryptography')))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


def test_commands_load_without_sigstore() -> None:
    targets = sorted({entry.target.partition(":")[0] for name, entry in COMMANDS.items() if name != "dev"})
    script = (
        f"import importlib, sys\nfor name in {targets}:\n    importlib.import_module(name)\n"
        "sys.exit('sigstore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_without_the_extra_a_person_is_told_what_to_install() -> None:
    script = "import sys\nsys.modules['yaml'] = None\nfrom tidegate_publisher.entry import main\nmain()"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "needs yaml" in ended.stderr
    assert "pip install 'tidegate[publisher]'" in ended.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["anounce"], "did you mean announce?"),
        (["explain", "statement.expird"], "did you mean statement.expired?"),
        (["explain", "signatur"], "did you mean signature?"),
        (["explain", "rollout.zzzzzz"], "known are rollout.claimed, rollout.differs,"),
        (["explain", "frobnicate"], "the groups are activate, agent, announce,"),
        (["schema", "statment"], "did you mean statement?"),
        (["hold", "os"], "is not PRODUCT/CHANNEL, such as os/stable"),
        (["hold", "os/Stable"], "cannot be a channel name"),
        (["heartbeat", "os/stable", "--expires-in", "soon"], "is not a duration such as 14d"),
        (["hold", "os/stable", *POLICY], "no broker is named: give --broker URL"),
        (["hold", "os/stable"], "say whom hosts trust"),
        (["revoke", "os/stable"], "say whom hosts trust"),
        (["resume", "os/stable", "--expect-sequence", "7"], "say whom hosts trust"),
        (["promote", "os/stable", "--trust-broker"], "say whom hosts trust"),
        (["heartbeat", "os/stable", "--expect-sequence", "7"], "say whom hosts trust"),
        (["countersign", "/dev/null", "--yes", "-o", "x"], "say whom hosts trust"),
        (["countersign", "/dev/null", *POLICY, "-o", "x"], "nobody is at a terminal to be asked"),
        (["resume", "os/stable", *POLICY], "say where the channel stands"),
        (["promote", "os/stable", "rest", *POLICY], "say where the channel stands"),
        (["heartbeat", "os/stable", *POLICY], "say where the channel stands"),
        (["heartbeat", "os/stable", *POLICY, "--trust-broker", "--expect-sequence", "7"], "give one"),
        (["heartbeat", "os/stable", *POLICY, "--trust-broker"], "no broker is named: give --broker URL"),
        (["hold", "os/stable", *POLICY, "--trust-broker"], "--trust-broker"),
        (["announce"], "name a release file or --bundle"),
        (["verify"], "one of them"),
        (["verify", "--bus", "os/stable", "--identity", "a@b"], "--identity and --issuer go together"),
        (["sign", "missing.yaml", "-o", "x"], "missing.yaml"),
        (["events", "--sequence", "7", "--product", "os"], "give --product and --channel too"),
        (["events", "--digest", "sha256:12"], "is not sha256: and 64 hexadecimal digits"),
        (["completion", "powershell"], "powershell"),
        (["completion"], "Choose from: bash, zsh, fish"),
        (
            ["sign", "/dev/null", "-o", "/nonexistent/bundle.json"],
            "--output: there is no folder /nonexistent",
        ),
    ],
)
def test_wrong_usage_is_told_in_three_lines_or_as_json(words: list[str], told: str) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    happened, code, remedy = result.stderr.splitlines()
    assert happened.startswith("error: ")
    assert told in happened
    assert code == "  [usage]"
    assert remedy.startswith("  See `tidegate") or "right" in remedy
    if words[0] != "completion":
        status, error = document(*words, "--json")
        assert (status, error["code"]) == (2, "usage")
        assert told in error["reason"]


def test_an_error_with_a_code(tmp_path: Any) -> None:
    release = tmp_path / "release.yaml"
    release.write_text("product: os\nchanel: stable\n")
    words = ("announce", str(release), "--broker", "mqtt://127.0.0.1:1")
    result = run(*words)
    assert result.exit_code == 2
    happened, *_, code, remedy = result.stderr.splitlines()
    assert "release.yaml:2: chanel: there is no such key; did you mean channel?" in happened
    assert code == "  [release.invalid]"
    assert remedy.strip() == REGISTRY[Code.RELEASE_INVALID].remedy
    status, error = document(*words, "--json")
    assert (status, set(error), error["code"]) == (2, {"code", "reason", "remedy"}, "release.invalid")


def test_each_fault_of_a_release_file_has_a_line_of_its_own(tmp_path: Any) -> None:
    release = tmp_path / "release.yaml"
    release.write_text("product: Os\nchannel: stable\nimage: oci:/x:1\nversion: 1\nfloor: low\nnote: x\n")
    words = ("announce", str(release), "--broker", "mqtt://127.0.0.1:1")
    *faults, code, _ = run(*words).stderr.splitlines()
    assert [fault.removeprefix("error: ").strip().split(": ")[:2] for fault in faults] == [
        [f"{release}:1", "product"],
        [f"{release}:4", "version"],
        [f"{release}:5", "floor"],
        [f"{release}:6", "note"],
    ]
    assert code == "  [release.invalid]"
    assert len(document(*words, "--json")[1]["reason"].splitlines()) == 4


def test_without_an_identity_neither_image_nor_broker_is_asked(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CI:
        monkeypatch.delenv(name, raising=False)
    release = tmp_path / "release.yaml"
    release.write_text("product: os\nchannel: stable\nimage: oci:/nowhere:1\nversion: '1'\n")
    for words in (("announce",), ("sign", "--sequence", "1", "-o", str(tmp_path / "x"))):
        status, error = document(*words, str(release), "--broker", "mqtt://127.0.0.1:1", "--json")
        assert (status, error["code"]) == (1, "identity.unavailable")
    # With one that cannot be a token it is the same; a good one gets as far as the broker.
    token = ("--identity-token", "no.token.at-all")
    assert document("announce", str(release), *token, "--broker", "mqtt://127.0.0.1:1", "--json")[1][
        "code"
    ] == ("identity.unavailable")


def test_sign_wants_a_sequence_or_a_broker(tmp_path: Any) -> None:
    release = tmp_path / "release.yaml"
    release.write_text("product: os\nchannel: stable\nimage: r.example/os:1\nversion: '1'\n")
    status, error = document("sign", str(release), "-o", str(tmp_path / "x"), "--json")
    assert (status, error["code"]) == (2, "release.invalid")
    assert "--bus" in error["reason"]


def test_settings_that_do_not_fit_together() -> None:
    words = ("hold", "os/stable", *POLICY, "--broker", "mqtt://h", "--broker-key", "k", "--json")
    status, error = document(*words)
    assert (status, error["code"]) == (2, "config.value")
    assert "key needs cert" in error["reason"]


@pytest.mark.parametrize("name", [*MODELS, "asyncapi", "codes"])
def test_schema_prints_each_document(name: str) -> None:
    status, content = document("schema", name)
    assert status == 0
    assert content
    assert name in run("schema", "--list").stdout.split()
    assert name in document("schema", "--json")[1]


@pytest.mark.parametrize("code", list(Code))
def test_explain_knows_every_code(code: Code) -> None:
    status, told = document("explain", code, "--json")
    assert (status, told["cause"], told["remedy"]) == (0, REGISTRY[code].cause, REGISTRY[code].remedy)
    assert told["exitCode"] == exit_codes.exit_code(code)


def test_explain_lists_the_codes_of_a_group() -> None:
    status, told = document("explain", "rollout", "--json")
    expected = {code.value: REGISTRY[code].cause for code in Code if code.value.startswith("rollout.")}
    assert (status, told) == (0, {"group": "rollout", "codes": expected})
    shown = run("explain", "signature").stdout
    assert [line.split()[0] for line in shown.splitlines()] == [
        code.value for code in Code if code.value.startswith("signature.")
    ]


@pytest.mark.parametrize(
    ("code", "sides"),
    [
        (Code.SIGNATURE_IDENTITY, ("on the host", "--identity and --issuer")),
        (Code.SIGNATURE_INVALID, ("A file:", "From the broker:")),
        (Code.SIGNATURE_MISSING, ("A file:", "From the broker:")),
        (Code.SIGNATURE_ROOT, ("on the host", "--trust-config")),
        (Code.STATEMENT_MALFORMED, ("A file:", "From the broker:")),
        (Code.STATEMENT_OVERSIZE, ("a file:", "From the broker:")),
    ],
)
def test_a_remedy_serves_hosts_and_publishers(code: Code, sides: tuple[str, str]) -> None:
    assert [side for side in sides if side not in REGISTRY[code].remedy] == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (Code.SIGNATURE_IDENTITY, ExitCode.REFUSED),
        (Code.STATEMENT_EQUIVOCATION, ExitCode.REFUSED),
        (Code.SEQUENCE_LOWER, ExitCode.REFUSED),
        (Code.ANNOUNCE_UNVERIFIED, ExitCode.REFUSED),
        (Code.TRUST_ROOT_MISSING, ExitCode.REFUSED),
        (Code.ANNOUNCE_TIMEOUT, ExitCode.TIMED_OUT),
        (Code.RELEASE_INVALID, ExitCode.USAGE),
        (Code.REFERENCE_INVALID, ExitCode.USAGE),
        (Code.REFERENCE_NO_DIGEST, ExitCode.FAILED),
        (Code.BUS_REFUSED, ExitCode.FAILED),
        (Code.SIGN_FAILED, ExitCode.FAILED),
    ],
)
def test_exit_codes(code: Code, status: ExitCode) -> None:
    assert exit_codes.exit_code(code) is status


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_back(shell: str) -> None:
    shown = run("completion", shell)
    assert shown.exit_code == 0
    assert f"_TIDEGATE_COMPLETE={shell}_complete" in shown.stdout


def test_the_public_good_root_is_printed() -> None:
    status, root = document("trust", "--json")
    assert status == 0
    assert root["mediaType"].startswith("application/vnd.dev.sigstore.trustedroot+json")
    assert root["certificateAuthorities"]


def test_a_root_that_is_none(tmp_path: Any) -> None:
    path = tmp_path / "root.json"
    path.write_text("{}")
    status, error = document("trust", "--trusted-root", str(path), "--json")
    assert (status, error["code"]) == (4, "trust.root-missing")
    status, error = document("trust", "--trust-config", str(path), "--json")
    assert (status, error["code"]) == (2, "config.value")


def test_a_fault_of_our_own_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "unused", COMMANDS["explain"])
    cli.entries["broken"] = COMMANDS["explain"].__class__("tidegate_publisher.commands.nowhere:x", "x")
    try:
        status, error = document("broken", "--json")
    finally:
        del cli.entries["broken"]
    assert (status, error["code"]) == (1, "internal.error")


def test_text_from_outside_cannot_drive_a_terminal() -> None:
    assert printable("a\x1b[2Jb\x9b\u202ec\nd") == "a\ufffd[2Jb\ufffd\ufffdc\nd"


@pytest.mark.parametrize("words", [(), ("rollout", "run")])
def test_exit_codes_fit_a_terminal_and_tell_of_ctrl_c(words: tuple[str, ...]) -> None:
    told = run(*words, "--help").stdout.partition("Exit codes:")[2].splitlines()
    assert max(map(len, told)) <= 80
    assert any(line.strip().startswith("130  ") for line in told)
