"""Configuration files are found and merged in systemd's manner."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.config_tree import MINIMAL, ConfigTree
from tidegate_agent.config import explain, load, warnings
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> ConfigTree:
    tree = ConfigTree(tmp_path)
    tree.put("usr", "agent.toml", MINIMAL)
    return tree


def test_defaults_hold_where_files_are_silent(tree: ConfigTree) -> None:
    settings = tree.load().settings
    assert settings.host.id is None
    assert str(settings.state.directory) == "/var/lib/tidegate"
    assert settings.trust.max_validity_days == 90
    assert settings.trust.max_jump == 1_000_000
    assert settings.activate.expected_duration == timedelta(minutes=5)
    assert settings.activate.approval == "automatic"
    assert settings.window == ()
    assert settings.follow[0].follow.key == "kiosk/stable"


def test_later_directories_win_by_file_name_and_names_give_the_order(tree: ConfigTree) -> None:
    tree.put("etc", "agent.toml.d/10-a.toml", '[log]\nlevel = "debug"\n[stage]\nattempts = 3\n')
    tree.put("usr", "agent.toml.d/10-a.toml", "[trust]\nmax_jump = 7\n")
    second = tree.put("usr", "agent.toml.d/20-b.toml", '[log]\nlevel = "error"\n')
    loaded = tree.load()
    assert loaded.settings.log.level == "error"
    assert loaded.settings.stage.attempts == 3
    assert loaded.settings.trust.max_jump == 1_000_000
    assert loaded.origins["log.level"] == second


def test_main_file_of_a_later_directory_replaces_the_earlier_one(tree: ConfigTree) -> None:
    tree.put("etc", "agent.toml", MINIMAL.replace("kiosk", "till"))
    assert [entry.product for entry in tree.load().settings.follow] == ["till"]


def test_link_to_dev_null_masks(tree: ConfigTree) -> None:
    tree.put("usr", "agent.toml.d/10-a.toml", '[log]\nlevel = "debug"\n')
    mask = tree.directories[2] / "agent.toml.d/10-a.toml"
    mask.parent.mkdir(parents=True)
    mask.symlink_to("/dev/null")
    assert tree.load().settings.log.level == "info"
    (tree.directories[2] / "agent.toml").symlink_to("/dev/null")
    [(code, text)] = tree.problems()
    assert code is Code.CONFIG_MISSING
    assert "no configuration in any of" in text


def test_other_files_and_backups_are_passed_over(tree: ConfigTree) -> None:
    tree.put("etc", "agent.toml.d/10-a.toml~", "nonsense")
    tree.put("etc", "agent.toml.d/README", "nonsense")
    assert tree.load().settings.log.level == "info"


def test_arrays_of_tables_are_appended_and_an_empty_array_forgets(tree: ConfigTree) -> None:
    tree.put("usr", "agent.toml.d/10-a.toml", '[[window]]\ncron = "0 1 * * *"\nduration = "1h"\n')
    second = tree.put("etc", "agent.toml.d/20-b.toml", '[[window]]\ncron = "0 2 * * *"\nduration = "1h"\n')
    loaded = tree.load()
    assert [window.cron for window in loaded.settings.window] == ["0 1 * * *", "0 2 * * *"]
    assert loaded.origins["window[1].cron"] == second
    tree.put("usr", "agent.toml.d/11-a.toml", '[[window]]\ncron = "0 3 * * *"\nduration = "1h"\n')
    tree.put("etc", "agent.toml.d/15-none.toml", "window = []\n")
    loaded = tree.load()
    assert [window.cron for window in loaded.settings.window] == ["0 2 * * *"]
    assert loaded.origins["window[0].cron"] == second
    assert "window[1].cron" not in loaded.origins


def test_lists_of_words_are_replaced_whole(tree: ConfigTree) -> None:
    tree.put("usr", "agent.toml.d/10-a.toml", '[activate]\nreboot_command = ["a", "b", "c"]\n')
    tree.put("usr", "agent.toml.d/20-b.toml", '[activate]\nreboot_command = ["d"]\n')
    assert tree.load().settings.activate.reboot_command == ("d",)


def test_a_single_file_can_be_read_alone(tmp_path: Path) -> None:
    file = tmp_path / "demo.toml"
    file.write_text(MINIMAL, encoding="utf-8")
    assert load((file,)).files == (file,)


def test_named_files_are_read_after_directories(tree: ConfigTree, tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text('[log]\nlevel = "debug"\nformat = "json"\n', encoding="utf-8")
    second.write_text('[log]\nlevel = "error"\n', encoding="utf-8")
    loaded = load((first, second, *tree.directories))
    assert loaded.files == (tree.directories[0] / "agent.toml", first, second)
    assert (loaded.settings.log.level, loaded.settings.log.format) == ("error", "json")


def test_secrets_show_neither_in_errors_nor_in_explanations(tree: ConfigTree) -> None:
    tree.put("etc", "agent.toml.d/50.toml", '[bus]\nusername = "kiosk"\npassword = "hunter2"\n')
    lines = explain(tree.load())
    assert any(line.startswith('bus.password = "***"  # ') for line in lines)
    assert "hunter2" not in "\n".join(lines)
    tree.put(
        "etc", "agent.toml.d/60.toml", '[bus]\npassword_file = "/p"\nurl = "mqtt://kiosk:hunter3@broker"\n'
    )
    said = "\n".join(text for _, text in tree.problems())
    assert "bus.url" in said
    assert "hunter" not in said
    tree.put("etc", "agent.toml.d/60.toml", "[bus]\npassword = 77777\n")
    assert "77777" not in "\n".join(text for _, text in tree.problems())


def test_a_password_that_everybody_can_read_is_warned_of(tree: ConfigTree) -> None:
    file = tree.put("etc", "agent.toml.d/50.toml", '[bus]\nusername = "kiosk"\npassword = "hunter2"\n')
    file.chmod(0o644)
    [warning, _] = warnings(tree.load())
    assert warning.startswith(f"{file} holds bus.password and everybody may read it")
    file.chmod(0o640)
    assert not any("password" in each for each in warnings(tree.load()))


def test_a_trusted_root_that_is_none_is_warned_of(tree: ConfigTree, tmp_path: Path) -> None:
    root = tmp_path / "trusted_root.json"
    tree.put("etc", "agent.toml.d/50.toml", f'[trust]\nroot = "{root}"\n')
    [missing] = warnings(tree.load())
    assert missing.startswith(f"trust.root: {root} cannot be read (No such file")
    root.write_text("[host]\n", encoding="utf-8")
    [wrong] = warnings(tree.load())
    assert f"{root} is not JSON" in wrong
    root.write_text("{}", encoding="utf-8")
    assert warnings(tree.load()) == []


def test_explanation_names_each_value_s_file_or_the_default(tree: ConfigTree) -> None:
    file = tree.put(
        "etc", "agent.toml.d/50.toml", '[host.labels]\nsite = "Kiel"\n[health]\ninterval = "PT90S"\n'
    )
    lines = explain(tree.load())
    assert f'host.labels.site = "Kiel"  # {file}' in lines
    assert f'health.interval = "1m30s"  # {file}' in lines
    assert "stage.attempts = 8  # default" in lines
    assert f'follow[0].embedded.directory = "/srv/kiosk"  # {tree.directories[0] / "agent.toml"}' in lines


# Engines


@pytest.mark.parametrize("engine", ["bootc", "rpm-ostree"])
def test_some_engines_need_no_table(tree: ConfigTree, engine: str) -> None:
    text = MINIMAL.replace('channel = "stable"', f'channel = "stable"\nengine = "{engine}"')
    tree.put("usr", "agent.toml", text.partition("[follow.embedded]")[0])
    [follow] = tree.load().settings.follow
    assert follow.changes_system
    assert follow.directory is None


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("ostree", "expected a table [follow.ostree] with the name of the stateroot"),
        ("podman", "expected a table [follow.podman] with a unit and a directory"),
        ("embedded", "expected a table [follow.embedded] with a directory"),
    ],
)
def test_other_engines_do(tree: ConfigTree, engine: str, words: str) -> None:
    text = MINIMAL.replace('channel = "stable"', f'channel = "stable"\nengine = "{engine}"')
    tree.put("usr", "agent.toml", text.partition("[follow.embedded]")[0])
    [(code, problem)] = tree.problems()
    assert code is Code.CONFIG_MISSING
    assert words in problem


def test_a_table_of_another_engine_is_a_mistake(tree: ConfigTree) -> None:
    tree.put(
        "usr", "agent.toml", MINIMAL.replace('channel = "stable"', 'channel = "stable"\nengine = "bootc"')
    )
    [(code, problem)] = tree.problems()
    assert code is Code.CONFIG_VALUE
    assert '[follow.embedded] is set, but the engine is "bootc"; expected engine = "embedded"' in problem


def test_a_host_has_one_operating_system(tree: ConfigTree) -> None:
    first = MINIMAL.replace('channel = "stable"', 'channel = "stable"\nengine = "bootc"')
    first = first.partition("[follow.embedded]")[0]
    second = "[[follow]]" + first.partition("[[follow]]")[2].replace("kiosk", "other", 1)
    tree.put("usr", "agent.toml", first + second)
    [(code, problem)] = tree.problems()
    assert code is Code.CONFIG_VALUE
    assert "kiosk/stable and other/stable both change the operating system; expected one to" in problem
