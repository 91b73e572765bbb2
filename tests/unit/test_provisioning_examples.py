"""The examples of docs/examples/ are what they say: they parse, they enrol, and the agent can use them."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.containerfile import stages
from tests.support.documents import DOCS
from tests.support.enrolling import enrol
from tidegate_agent import cli
from tidegate_agent.config import Loaded, load
from tidegate_agent.engines.rivals import RIVALS

PROJECT = DOCS.parent
EXAMPLES = DOCS / "examples"
CONTAINERFILES = {"Containerfile.bootc": "bootc", "Containerfile.debian-ostree": "ostree"}


@pytest.fixture
def usr(tmp_path: Path) -> Path:
    """What the image brings, on a host of which nothing else is known."""
    return baked(tmp_path / "usr", "bootc")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "tidegate"


def baked(folder: Path, engine: str) -> Path:
    (folder / "agent.toml.d").mkdir(parents=True)
    for name in ("10-site.toml", f"20-follow-{engine}.toml"):
        shutil.copy(EXAMPLES / name, folder / "agent.toml.d")
    return folder


def require_host(loaded: Loaded, etc: Path) -> None:
    settings = loaded.settings
    assert dict(settings.host.labels) == {"site": "kiel"}
    assert settings.bus.url == "mqtts://broker.example.org"
    assert (settings.bus.ca, settings.bus.password_file) == (etc / "ca.pem", etc / "bus-password")
    assert settings.bus.read_password() == "replace-me"
    assert settings.follow[0].follow.key == "os/stable"
    assert settings.window[0].cron == "0 2 * * MON-THU"


def document(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


def put(file: dict[str, Any], content: str, mode: int, root: Path) -> None:
    place = root / str(file["path"]).lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content.replace("/etc/tidegate", str(root / "etc/tidegate")))
    place.chmod(mode)


def test_the_config_map_and_the_secret(usr: Path, etc: Path) -> None:
    said = enrol("--config", usr, EXAMPLES / "configmap.yaml", "--into", etc)
    assert (said.status, said.err) == (0, "")
    require_host(load((usr, etc)), etc)
    assert (etc / "bus-password").stat().st_mode & 0o777 == 0o600


def test_the_user_data(usr: Path, etc: Path, tmp_path: Path) -> None:
    text = (EXAMPLES / "cloud-config.yaml").read_text(encoding="utf-8")
    assert text.startswith("#cloud-config\n")
    data = yaml.safe_load(text)
    for file in data["write_files"]:
        put(file, file["content"], int(file["permissions"], 8), tmp_path)
    (tmp_path / "user-data.txt").write_text(text.replace("/etc/tidegate", str(etc)))
    (command, restart) = data["runcmd"]
    assert command == ["tidegate-agent", "enrol", "/var/lib/cloud/instance/user-data.txt"]
    assert restart == ["systemctl", "restart", "tidegate-agent.service"]
    said = enrol("--config", usr, tmp_path / "user-data.txt", "--into", etc)
    assert (said.status, said.err) == (0, "")
    require_host(load((usr, etc)), etc)
    assert (etc / "bus-password").stat().st_mode & 0o777 == 0o600


def test_ignition(usr: Path, etc: Path, tmp_path: Path) -> None:
    data = document("butane.yaml")
    assert (data["variant"], data["version"]) == ("fcos", "1.5.0")
    for file in data["storage"]["files"]:
        put(file, file["contents"]["inline"], file["mode"], tmp_path)
    require_host(load((usr, etc)), etc)
    assert (etc / "bus-password").stat().st_mode & 0o777 == 0o600
    units = {unit["name"]: unit for unit in data["systemd"]["units"]}
    assert units.pop("zincati.service") == {"name": "zincati.service", "mask": True}
    for name, unit in units.items():
        assert unit["enabled"] is True
        assert (PROJECT / "systemd/usr/lib/systemd/system" / name).is_file()


@pytest.mark.parametrize("engine", CONTAINERFILES.values())
def test_what_is_baked_is_whole_but_for_the_broker(tmp_path: Path, engine: str) -> None:
    usr = baked(tmp_path / "usr", engine)
    (tmp_path / "host.toml").write_text('[bus]\nurl = "mqtts://broker.example.org"\n')
    settings = load((usr, tmp_path / "host.toml")).settings
    assert settings.follow[0].engine == engine


@pytest.mark.parametrize("name", CONTAINERFILES)
def test_a_containerfile_copies_what_is_there(name: str) -> None:
    found = stages((EXAMPLES / name).read_text(encoding="utf-8"))
    earlier: set[str | None] = {None}
    for stage in found:
        assert stage.base == "${BASE}"
        for sources, destination, origin in stage.copies:
            assert origin in earlier
            assert destination.startswith("/")
            if origin is None:
                assert [source for source in sources if not (PROJECT / source).exists()] == []
        earlier.add(stage.name)
    packages = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    needed = {Path(package).parts[0] for package in packages["wheel"]["packages"]}
    copied = {source for sources, destination, _ in found[0].copies for source in sources}
    assert copied == needed | {"pyproject.toml", "README.md", "LICENSE"}


@pytest.mark.parametrize(("name", "engine"), CONTAINERFILES.items())
def test_a_containerfile_makes_a_host_that_tidegate_keeps(name: str, engine: str) -> None:
    *_, last = stages((EXAMPLES / name).read_text(encoding="utf-8"))
    script = "\n".join(last.runs)
    copies = {destination: sources for sources, destination, _ in last.copies}
    drop_ins = ["docs/examples/10-site.toml", f"docs/examples/20-follow-{engine}.toml"]
    assert copies["/usr/lib/tidegate/agent.toml.d/"] == drop_ins
    assert copies["/usr"] == ["systemd/usr"]
    walls = "/usr/lib/systemd/system/tidegate-agent.service.d/tool-engines.conf"
    assert copies[walls] == ["systemd/usr/share/tidegate/tool-engines.conf"]
    assert "ln -s ../lib/tidegate/venv/bin/tidegate-agent /usr/bin/tidegate-agent" in script
    enabled = re.findall(r"systemctl enable ([^&\n]*)", script)[0].split()
    assert {"tidegate-agent.service", "tidegate-boot-guard.service"} <= set(enabled)
    for unit in enabled:
        if unit.startswith("tidegate"):
            assert (PROJECT / "systemd/usr/lib/systemd/system" / unit).is_file()


def test_the_bootc_image_masks_every_rival_and_is_linted_last() -> None:
    *_, last = stages((EXAMPLES / "Containerfile.bootc").read_text(encoding="utf-8"))
    masked = re.findall(r"systemctl mask ([^&\n]*)", "\n".join(last.runs))[0].split()
    endless_os = {"eos-autoupdater.timer"}
    assert set(masked) == set(RIVALS) - endless_os
    assert last.runs[-1].endswith("bootc container lint")


@pytest.mark.parametrize("name", CONTAINERFILES)
def test_what_a_containerfile_runs_is_a_shells(name: str) -> None:
    for stage in stages((EXAMPLES / name).read_text(encoding="utf-8")):
        for script in stage.runs:
            done = subprocess.run(["/bin/sh", "-n"], input=script.encode(), capture_output=True, check=False)
            assert (done.returncode, done.stderr) == (0, b""), script


def test_the_unit_that_enrols_runs_a_command_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.read(EXAMPLES / "tidegate-enrol.service", encoding="utf-8")
    assert unit["Unit"]["Before"] == "tidegate-agent.service"
    assert unit["Service"]["Type"] == "oneshot"
    program, *words = shlex.split(unit["Service"]["ExecStart"])
    assert program == "/usr/bin/tidegate-agent"
    assert words[-1] == unit["Unit"]["ConditionDirectoryNotEmpty"]
    assert cli.main([*words[:-1], "/nonexistent"]) == 1
    assert "/nonexistent cannot be read" in capsys.readouterr().err


def test_every_example_is_on_the_page() -> None:
    page = (DOCS / "provisioning.md").read_text(encoding="utf-8")
    for example in EXAMPLES.iterdir():
        assert f"](examples/{example.name})" in page


def test_every_command_of_the_page_is_one() -> None:
    page = (DOCS / "provisioning.md").read_text(encoding="utf-8")
    for line in re.findall(r"^(?:sudo )?tidegate-agent (\S+)", page, re.MULTILINE):
        with pytest.raises(SystemExit) as caught:
            cli.main([line, "--help"])
        assert caught.value.code == 0


def test_every_link_of_the_page_leads_somewhere() -> None:
    page = (DOCS / "provisioning.md").read_text(encoding="utf-8")
    links = set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page))
    assert [link for link in sorted(links) if not (DOCS / link).exists()] == []
