"""Every mistake in a configuration has a code, and a sentence with file and key."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.config_tree import MINIMAL, ConfigTree
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path


DURATIONS = 'expected a duration such as "90m", "1h30m", "45s" or "PT2H"'


@pytest.fixture
def tree(tmp_path: Path) -> ConfigTree:
    tree = ConfigTree(tmp_path)
    tree.put("usr", "agent.toml", MINIMAL)
    return tree


def test_everything_wrong_is_said_at_once_with_file_and_key(tree: ConfigTree) -> None:
    first = tree.put("etc", "agent.toml.d/10-a.toml", '[bus]\nsesion_expiry_s = 5\n[stage]\nwhen = "later"\n')
    second = tree.put("etc", "agent.toml.d/20-b.toml", '[[window]]\ncron = "0 2 * * *"\nduration = "soon"\n')
    assert tree.problems() == [
        (
            Code.CONFIG_UNKNOWN_KEY,
            f"{first}: bus.sesion_expiry_s: is not a known key; the nearest is bus.session_expiry_s",
        ),
        (
            Code.CONFIG_VALUE,
            f'{second}: window[0].duration: found "soon"; {DURATIONS}',
        ),
        (Code.CONFIG_VALUE, f"{first}: stage.when: found \"later\"; expected 'now' or 'window'"),
    ]


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        (
            '[log]\nlevel = "debug\n',
            Code.CONFIG_SYNTAX,
            "is not TOML: Illegal character '\\n' (at line 2, column 15)",
        ),
        ("a = " + "[" * 5000, Code.CONFIG_SYNTAX, "is nested too deeply"),
        ("#" * (1024 * 1024 + 1), Code.CONFIG_VALUE, "is larger than 1048576 bytes"),
        ('[host]\nid = "a/b"', Code.HOST_ID, 'host.id: found "a/b"; expected 1 to 64 letters'),
        ('[host]\nid = "a\\n"', Code.HOST_ID, "expected 1 to 64 letters"),
        (
            "[trust]\nmax_jump = true",
            Code.CONFIG_VALUE,
            "trust.max_jump: found true; expected a valid integer",
        ),
        (
            "[trust]\nmax_jump = 0",
            Code.CONFIG_VALUE,
            "trust.max_jump: found 0; expected greater than or equal to 1",
        ),
        (
            '[trust]\nroot = "root.json"',
            Code.CONFIG_VALUE,
            'trust.root: found "root.json"; expected an absolute path',
        ),
        ("bus = 5", Code.CONFIG_VALUE, "bus: found 5; expected a table"),
        ("follow = []", Code.CONFIG_VALUE, "follow: expected at least 1 entry"),
        (MINIMAL[MINIMAL.index("[[follow]]") :], Code.CONFIG_VALUE, "kiosk/stable is followed twice"),
        (
            '[[follow]]\nproduct = "a"\nchannel = "b"\nembedded = { directory = "/b" }',
            Code.TRUST_POLICY_EMPTY,
            "follow[1].signers: expected at least one [[follow.signers]]",
        ),
        (
            '[[follow]]\nproduct = "a"\nchannel = "b"\nsigners = [{ identity = "c", issuer = "d" }]',
            Code.CONFIG_MISSING,
            "follow[1]: expected a table [follow.embedded]",
        ),
        (
            '[[window]]\ncron = "0 2 30 2 *"\nduration = "1h"',
            Code.WINDOW_NEVER_OPENS,
            "window[0]: The cron expression '0 2 30 2 *' names a date that no year has",
        ),
        (
            '[[window]]\ncron = "0 2 * * {SUN}"\nduration = "1h"',
            Code.CONFIG_VALUE,
            "the day of week is '{SUN}'",
        ),
        (
            '[[window]]\ncron = "0 2 * * *"\nduration = "1h"\ntimezone = "Europe/Berln"',
            Code.CONFIG_VALUE,
            "perhaps 'Europe/Berlin'",
        ),
        (
            '[[window]]\ncron = "0 2 * * *"\nduration = "1h"\ntimezone = "../../../etc/passwd"',
            Code.CONFIG_VALUE,
            "expected an IANA time zone",
        ),
        ("[[blackout]]\nfrom = 2026-12-24", Code.CONFIG_MISSING, "blackout[0].until: is missing"),
        (
            "[[blackout]]\nfrom = 2026-12-24\nuntil = 2026-12-23",
            Code.CONFIG_VALUE,
            "expected a time after its start",
        ),
        (
            '[[health.check]]\nname = "web"',
            Code.CONFIG_VALUE,
            "health.check[0]: expected one of command, url, tcp, units, failed_units, boot_complete, ",
        ),
        (
            '[[health.check]]\nname = "web"\nurl = "file:///etc/passwd"',
            Code.CONFIG_VALUE,
            "expected a url such as",
        ),
        (
            '[[health.check]]\nname = "two"\nboot_complete = true\nunits = ["a.service"]',
            Code.CONFIG_VALUE,
            "or free, and only one",
        ),
        (
            '[[health.check]]\nname = "unit"\nunits = ["--now"]',
            Code.CONFIG_VALUE,
            'health.check[0].units[0]: found "--now"; expected a unit\'s whole name such as "sshd.service"',
        ),
        (
            '[[health.check]]\nname = "unit"\nunits = ["ssh*.service"]',
            Code.CONFIG_VALUE,
            "expected a unit's whole name",
        ),
        (
            '[[health.check]]\nname = "port"\ntcp = "localhost"',
            Code.CONFIG_VALUE,
            'health.check[0].tcp: found "localhost"; expected a host and a port such as "localhost:5432"',
        ),
        (
            '[[health.check]]\nname = "port"\ntcp = "localhost:65536"',
            Code.CONFIG_VALUE,
            "expected a host and a port",
        ),
        (
            '[[health.check]]\nname = "ignores"\nboot_complete = true\nignore = ["a.service"]',
            Code.CONFIG_VALUE,
            "expected failed_units beside ignore",
        ),
        (
            '[[health.check]]\nname = "space"\n[health.check.free]\npath = "/var"\nbytes = 1\npercent = 1',
            Code.CONFIG_VALUE,
            "health.check[0].free: expected either bytes or percent",
        ),
        (
            '[[health.check]]\nname = "web"\ncommand = "true"',
            Code.CONFIG_VALUE,
            'health.check[0].command: found "true"; expected an array',
        ),
    ],
)
def test_each_mistake_has_its_code_and_sentence(
    tree: ConfigTree, text: str, code: Code, sentence: str
) -> None:
    file = tree.put("etc", "agent.toml.d/50-mistake.toml", text)
    [(found, said)] = tree.problems()
    assert found is code
    assert sentence in said
    assert said.startswith(f"{file}: ") or "is followed twice" in said


def test_the_boot_guard_waits_until_the_agent_had_its_time(tree: ConfigTree) -> None:
    tree.put("etc", "agent.toml.d/50.toml", '[activate]\nboot_deadline = "10m"\n')
    [(code, said)] = tree.problems()
    assert code is Code.CONFIG_VALUE
    assert 'expected an activate.boot_deadline longer than health.timeout, which is "10m"' in said
    tree.put("etc", "agent.toml.d/50.toml", '[activate]\nboot_deadline = "10m1s"\n')
    assert tree.load().settings.boot_deadline == timedelta(seconds=601)
    tree.put("etc", "agent.toml.d/50.toml", '[health]\ntimeout = "1h"\n')
    assert tree.load().settings.boot_deadline == timedelta(minutes=65)


def test_text_that_is_not_utf_8_names_its_line(tree: ConfigTree) -> None:
    tree.put("etc", "agent.toml.d/50.toml", "").write_bytes(b"[log]\n# \xff\n")
    [(code, said)] = tree.problems()
    assert code is Code.CONFIG_SYNTAX
    assert "is not UTF-8 (at line 2)" in said


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    tree = ConfigTree(tmp_path)
    file = tree.put("etc", "agent.toml", MINIMAL[MINIMAL.index("[trust]") :])
    [(code, said)] = tree.problems()
    assert (code, said) == (Code.CONFIG_MISSING, f"bus: is missing in {file}; expected a table with url")
