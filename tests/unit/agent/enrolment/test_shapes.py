"""Every shape of a source gives the configuration that it says, and one that the agent's loader takes."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.enrolling import BUS, TRUST, TRUST_YAML, enrol, mount, tree, values
from tidegate_agent.config import DIRECTORIES, load

if TYPE_CHECKING:
    from pathlib import Path

MODES = {
    ".enrolled.json": 0o600,
    "agent.toml.d/10-bus.toml": 0o644,
    "agent.toml.d/20-trust.toml": 0o644,
    "bus-password": 0o600,
    "ca.pem": 0o644,
    "host.key": 0o600,
    "host.pem": 0o644,
    "trusted_root.json": 0o644,
}


@pytest.fixture
def content(tmp_path: Path) -> dict[str, bytes]:
    return values(tmp_path / "pki")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "tidegate"


def modes(etc: Path) -> dict[str, int]:
    return {name: mode for name, (mode, _) in tree(etc).items()}


def require_complete(etc: Path, content: dict[str, bytes]) -> None:
    settings = load((etc,)).settings
    assert settings.bus.ca == etc / "ca.pem"
    assert settings.bus.key == etc / "host.key"
    assert settings.bus.password_file == etc / "bus-password"
    assert settings.bus.read_password() == "hunter2"
    assert settings.trust.root == etc / "trusted_root.json"
    assert settings.follow[0].follow.key == "kiosk/stable"
    for name, value in content.items():
        if not name.endswith(".toml"):
            assert (etc / name).read_bytes() == value


def test_a_mounted_config_map(tmp_path: Path, etc: Path, content: dict[str, bytes]) -> None:
    said = enrol(mount(tmp_path / "cm", content), "--into", etc)
    assert (said.status, said.err) == (0, "")
    require_complete(etc, content)
    assert modes(etc) == MODES
    assert etc.stat().st_mode & 0o777 == 0o755
    assert said.out.splitlines()[0] == f"enrolled into {etc}"
    assert f"  new        0600  {etc}/host.key" in said.out
    assert "  broker: broker.example:8883" in said.out
    assert "kiosk/stable: statements count when signed by identity https://ci.example/release" in said.out
    assert said.out.splitlines()[-1].startswith("next: systemctl enable --now tidegate-agent")
    assert "hunter2" not in said.out


def test_a_plain_folder_such_as_systemd_keeps_credentials_in(
    tmp_path: Path, etc: Path, content: dict[str, bytes]
) -> None:
    (tmp_path / "credentials").mkdir()
    for name, value in content.items():
        (tmp_path / "credentials" / name).write_bytes(value)
    assert enrol(tmp_path / "credentials", "--into", etc).status == 0
    require_complete(etc, content)
    assert modes(etc) == MODES


def test_a_config_map_and_a_secret_side_by_side(tmp_path: Path, etc: Path, content: dict[str, bytes]) -> None:
    secret = {name: content.pop(name) for name in ("bus-password", "host.key")}
    assert enrol(mount(tmp_path / "cm", content), mount(tmp_path / "s", secret), "--into", etc).status == 0
    require_complete(etc, content | secret)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_value_may_end_with_a_line_break(
    tmp_path: Path, etc: Path, content: dict[str, bytes], end: bytes
) -> None:
    content = {name: value.rstrip() + end for name, value in content.items()}
    assert enrol(mount(tmp_path / "cm", content), "--into", etc).status == 0
    require_complete(etc, content)


def kubernetes(content: dict[str, bytes]) -> list[dict[str, object]]:
    """The same values as a ConfigMap and a Secret, in every field that they have."""
    text = {name: content[name].decode() for name in ("10-bus.toml", "20-trust.toml", "ca.pem")}
    binary = {name: base64.encodebytes(content[name]).decode() for name in ("trusted_root.json", "host.pem")}
    config_map: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "tidegate"},
        "immutable": True,
        "data": text,
        "binaryData": binary,
    }
    secret: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "data": {"host.key": base64.b64encode(content["host.key"]).decode()},
        "stringData": {"bus-password": content["bus-password"].decode()},
    }
    return [config_map, secret]


def test_documents_of_kubernetes(tmp_path: Path, etc: Path, content: dict[str, bytes]) -> None:
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(kubernetes(content), explicit_start=True))
    assert enrol(tmp_path / "all.yaml", "--into", etc).status == 0
    require_complete(etc, content)
    assert modes(etc) == MODES


def test_a_list_and_a_folder_of_documents(tmp_path: Path, etc: Path, content: dict[str, bytes]) -> None:
    config_map, secret = kubernetes(content)
    (tmp_path / "k8s").mkdir()
    listed = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [config_map]}
    (tmp_path / "k8s" / "config.yaml").write_text(json.dumps(listed))
    (tmp_path / "k8s" / "secret.yml").write_text(yaml.safe_dump(secret))
    assert enrol(tmp_path / "k8s", "--into", etc).status == 0
    require_complete(etc, content)


def test_what_a_secret_holds_is_closed_even_if_it_looks_public(
    tmp_path: Path, etc: Path, content: dict[str, bytes]
) -> None:
    data = {name: base64.b64encode(value).decode() for name, value in content.items()}
    document = {"apiVersion": "v1", "kind": "Secret", "data": data}
    (tmp_path / "secret.yaml").write_text(yaml.safe_dump(document))
    assert enrol(tmp_path / "secret.yaml", "--into", etc).status == 0
    assert set(modes(etc).values()) == {0o600}


def test_one_file_in_toml_stays_as_its_author_wrote_it(tmp_path: Path, etc: Path) -> None:
    text = (
        "# mine\n"
        + TRUST.replace('"trusted_root.json"', '"public-good"')
        + '[bus]\nurl="mqtts://b.example"\n'
    )
    (tmp_path / "agent.toml").write_text(text)
    assert enrol(tmp_path / "agent.toml", "--into", etc).status == 0
    assert tree(etc)["agent.toml"] == (0o644, text.encode())
    assert load((etc,)).settings.bus.url == "mqtts://b.example"


def test_one_file_in_yaml_is_the_same_tree(tmp_path: Path, etc: Path) -> None:
    (tmp_path / "host.yaml").write_text(
        "bus: {url: 'mqtts://b.example', username: edge, password: hunter2}\n"
        + TRUST_YAML.replace("trusted_root.json", "public-good")
    )
    said = enrol(tmp_path / "host.yaml", "--into", etc)
    assert said.status == 0
    settings = load((etc,)).settings
    assert settings.follow[0].signers[0].issuer == ("https://issuer.example",)
    blackout = settings.blackout[0]
    assert [str(blackout.start), str(blackout.until)] == ["2026-12-24", "2026-12-27 06:00:00"]
    # It holds the password itself.
    assert modes(etc) == {".enrolled.json": 0o600, "agent.toml.d/host.toml": 0o600}


@pytest.mark.parametrize("name", ["user-data.txt", "user-data", "user-data.yaml"])
def test_user_data_of_cloud_init(tmp_path: Path, etc: Path, name: str) -> None:
    settings = yaml.safe_load(TRUST_YAML.split("blackout:")[0].replace("trusted_root.json", "public-good"))
    data = {"tidegate": settings | {"bus": {"url": "mqtts://b.example"}}, "packages": ["jq"]}
    (tmp_path / name).write_text("#cloud-config\n" + yaml.safe_dump(data))
    assert enrol(tmp_path / name, "--into", etc).status == 0
    assert modes(etc) == {".enrolled.json": 0o600, "agent.toml.d/user-data.toml": 0o644}
    assert load((etc,)).settings.bus.url == "mqtts://b.example"


def test_settings_in_yaml_as_a_value_of_a_config_map(
    tmp_path: Path, etc: Path, content: dict[str, bytes]
) -> None:
    content["20-trust.yaml"] = TRUST_YAML.encode()
    del content["20-trust.toml"]
    document = {"apiVersion": "v1", "kind": "ConfigMap", "data": {k: v.decode() for k, v in content.items()}}
    (tmp_path / "cm.yaml").write_text(yaml.safe_dump(document))
    assert enrol(tmp_path / "cm.yaml", "--into", etc).status == 0
    require_complete(etc, {name: value for name, value in content.items() if not name.endswith(".yaml")})
    again = tmp_path / "etc2"
    assert enrol(mount(tmp_path / "cm", content), "--into", again).status == 0
    assert (again / "agent.toml.d/20-trust.toml").read_text() == (
        etc / "agent.toml.d/20-trust.toml"
    ).read_text().replace(str(etc), str(again))


def test_comments_go_only_where_a_name_has_to_become_a_path(
    tmp_path: Path, etc: Path, content: dict[str, bytes]
) -> None:
    content["10-bus.toml"] = BUS.encode()
    content["30-log.toml"] = b'# Quiet.\n[log]\nlevel = "warning"\n'
    assert enrol(mount(tmp_path / "cm", content), "--into", etc).status == 0
    assert (etc / "agent.toml.d/30-log.toml").read_bytes() == content["30-log.toml"]
    assert f'ca = "{etc}/ca.pem"' in (etc / "agent.toml.d/10-bus.toml").read_text()


def test_what_is_made_later_may_be_missing(tmp_path: Path, etc: Path) -> None:
    later = f'[activate]\nhold_file = "{etc}/hold"\n[events]\ndevice_key = "{etc}/device.key"\n'
    text = TRUST.replace('"trusted_root.json"', '"public-good"') + '[bus]\nurl="mqtts://b.example"\n' + later
    (tmp_path / "agent.toml").write_text(text)
    said = enrol(tmp_path / "agent.toml", "--into", etc)
    assert said.status == 0
    assert "warning: events.device_key" in said.err


@pytest.mark.skipif(any(map(os.path.lexists, DIRECTORIES)), reason="this machine is such a host")
def test_without_into_it_is_the_hosts_own_configuration(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(
        TRUST.replace('"trusted_root.json"', '"public-good"') + '[bus]\nurl="mqtts://b.example"\n'
    )
    said = enrol(tmp_path / "agent.toml", "--dry-run", "--force")
    assert said.status == 0
    assert said.out.startswith("would write /etc/tidegate; nothing was written\n")
