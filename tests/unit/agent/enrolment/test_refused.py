"""What is no configuration, or two of them, is refused with code and sentence, and nothing is written."""

from __future__ import annotations

import base64
import os
import resource
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.enrolling import ROOT, TRUST, TRUST_YAML, enrol, mount, tree, values
from tidegate_agent.enrolment.entry import MAX_ENTRIES, require_name
from tidegate_agent.enrolment.source import read_sources
from tidegate_schemas.codes import Code, TidegateError

HEAD = "apiVersion: v1\nkind: ConfigMap\n"
BUS = '[bus]\nurl = "mqtts://broker.example"\n'


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return tmp_path / "etc"


def refused(source: Path, etc: Path, code: Code, told: str) -> None:
    before = tree(etc) if etc.exists() else None
    said = enrol(source, "--into", etc)
    assert said.status == 1
    assert told in said.err
    assert said.out == ""
    assert (tree(etc) if etc.exists() else None) == before
    with pytest.raises(TidegateError) as caught:
        read_sources([source])
    assert caught.value.code is code


def in_folder(tmp_path: Path, **files: bytes) -> Path:
    (tmp_path / "src").mkdir()
    for name, content in files.items():
        (tmp_path / "src" / name).write_bytes(content)
    return tmp_path / "src"


@pytest.mark.parametrize(
    "target",
    [
        "/etc/shadow",
        "../secret",
        "..data/../../secret",
        "..data/other",
        "plain",
        "..2026/ca.pem",
        "..data/ca.pem/",
    ],
)
def test_no_link_leads_out_of_a_source(tmp_path: Path, etc: Path, target: str) -> None:
    (tmp_path / "secret").write_text("not yours")
    source = mount(tmp_path / "cm", {"plain": b"x", "other": b"x"}, "..2026")
    (source / "ca.pem").symlink_to(target)
    refused(source, etc, Code.CONFIG_VALUE, "only the links of a mounted ConfigMap are followed")


@pytest.mark.parametrize("target", ["/etc", "../elsewhere", "plain", "..", "..data", "..2026/deeper"])
def test_data_leads_to_a_version_beside_it_and_nowhere_else(tmp_path: Path, etc: Path, target: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "k").write_text("not yours")
    source = in_folder(tmp_path)
    (source / "..data").symlink_to(target)
    (source / "k").symlink_to("..data/k")
    said = enrol(source, "--into", etc)
    assert said.status == 1
    assert str(source) in said.err
    assert not etc.exists()


def test_a_version_that_is_a_link_itself_is_not_followed(tmp_path: Path, etc: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "k").write_text("not yours")
    source = in_folder(tmp_path)
    (source / "..v1").symlink_to(tmp_path / "elsewhere")
    (source / "..data").symlink_to("..v1")
    (source / "k").symlink_to("..data/k")
    refused(source, etc, Code.CONFIG_MISSING, "cannot be read: Not a directory")


def test_a_value_in_a_version_that_is_a_link_is_not_followed(tmp_path: Path, etc: Path) -> None:
    source = mount(tmp_path / "cm", {"k": b""}, "..v1")
    (source / "..v1" / "k").unlink()
    (source / "..v1" / "k").symlink_to("/etc/shadow")
    refused(source, etc, Code.CONFIG_MISSING, "cannot be read: Too many levels of symbolic links")


def test_what_is_no_plain_file(tmp_path: Path, etc: Path) -> None:
    source = in_folder(tmp_path)
    (source / "sub").mkdir()
    refused(source, etc, Code.CONFIG_VALUE, "sub is a folder: expected a flat folder")
    (source / "sub").rmdir()
    os.mkfifo(source / "pipe")
    refused(source, etc, Code.CONFIG_VALUE, "pipe is no plain file")
    (source / "pipe").unlink()
    refused(tmp_path / "missing.toml", etc, Code.CONFIG_MISSING, "missing.toml cannot be read: No such file")


def test_a_socket_in_the_place_of_a_file(tmp_path: Path, etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = in_folder(tmp_path)
    monkeypatch.chdir(source)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        refused(source, etc, Code.CONFIG_MISSING, "cannot be read: No such device or address")


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "..", ".", "..data", "a\0b", "", "a b", "ü", "x" * 254, "a\n"]
)
def test_names_that_are_no_file_s(tmp_path: Path, etc: Path, name: str) -> None:
    with pytest.raises(TidegateError) as caught:
        require_name(name, "here")
    assert caught.value.code is Code.CONFIG_VALUE
    if "\0" not in name:
        quoted = name.replace("\n", "\\n")
        source = tmp_path / "cm.yaml"
        source.write_text(f'{HEAD}data:\n  "{quoted}": x\n')
        refused(source, etc, Code.CONFIG_VALUE, "cannot be a file's name")


@pytest.mark.parametrize("name", [".enrolled.json", "agent.toml.d"])
def test_names_that_are_the_agents_own(tmp_path: Path, etc: Path, name: str) -> None:
    refused(
        in_folder(tmp_path, **{name: b"{}"}), etc, Code.CONFIG_VALUE, f"the name {name} is the agent's own"
    )


@pytest.mark.parametrize("name", [".toml", ".a.toml", ".a.yaml"])
def test_settings_that_would_not_be_read(tmp_path: Path, etc: Path, name: str) -> None:
    text = BUS if name.endswith("toml") else TRUST_YAML
    refused(in_folder(tmp_path, **{name: text.encode()}), etc, Code.CONFIG_VALUE, "begins with a dot")


@given(st.text(max_size=300))
def test_a_name_that_is_taken_stays_in_its_folder(name: str) -> None:
    try:
        require_name(name, "here")
    except TidegateError:
        return
    assert Path(name).name == name
    assert os.path.normpath(f"/folder/{name}") == f"/folder/{name}"
    assert len(os.fsencode(name)) <= 255


def test_a_key_that_comes_twice(tmp_path: Path, etc: Path) -> None:
    one, other = tmp_path / "a.toml", tmp_path / "other"
    other.mkdir()
    for file in (one, other / "a.toml"):
        file.write_text(BUS)
    said = enrol(one, other, "--into", etc)
    assert f"a.toml is in {one} and in {other / 'a.toml'}: only one can count" in said.err
    yaml = tmp_path / "k.yaml"
    yaml.write_text(f"{HEAD}data: {{k: a}}\nbinaryData: {{k: YQ==}}\n")
    refused(yaml, etc, Code.CONFIG_VALUE, f"k is in {yaml}:3 and in {yaml}:4")
    yaml.write_text(f"{HEAD}data: {{k: a, k: b}}\n")
    refused(yaml, etc, Code.CONFIG_SYNTAX, f"{yaml}:3: the key 'k' stands on line 3 already")
    yaml.write_text("kind: Secret\napiVersion: v1\nstringData: {k: a}\n---\n" + f"{HEAD}data: {{k: a}}\n")
    refused(yaml, etc, Code.CONFIG_VALUE, f"k is in {yaml}:3 and in {yaml}:7")


def test_settings_in_both_forms_under_one_name(tmp_path: Path, etc: Path) -> None:
    source = in_folder(tmp_path, **{"a.toml": BUS.encode(), "a.yaml": TRUST_YAML.encode()})
    refused(source, etc, Code.CONFIG_VALUE, "a.toml is in")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("apiVersion: v1\nkind: Pod\n", "'Pod' is neither a ConfigMap nor a Secret"),
        ("apiVersion: v2\nkind: ConfigMap\n", "'ConfigMap' is neither a ConfigMap nor a Secret of v1"),
        ("apiVersion: v1\nkind: [ConfigMap]\n", "is neither a ConfigMap nor a Secret"),
        (HEAD + "data: [a]\n", "expected keys and values below data"),
        (HEAD + "data: {port: 1883}\n", ":3: the value of 'port' must be text, in quotes"),
        (HEAD + "dat: {a: b}\n", ":3: 'dat' is no key of a ConfigMap"),
        (HEAD + "stringData: {a: b}\n", "'stringData' is no key of a ConfigMap"),
        (HEAD + "binaryData: {a: 'not base64!'}\n", ":3: expected base64"),
        (HEAD + 'data: {a: "\\ud800"}\n', ":3: expected text in Unicode"),
        ("apiVersion: v1\nkind: List\nitems: {a: b}\n", "expected a list"),
        ("apiVersion: v1\nkind: List\nitems: [1]\n", "expected a ConfigMap or a Secret"),
        (
            "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]\n",
            "'List' is neither",
        ),
        (HEAD + "---\nbus: {}\n", "holds 2 documents"),
        ("", "holds 0 documents"),
        ("just text", "expected settings as keys and values"),
        ("tidegate: [1]\n", "expected settings as keys and values"),
        ("bus: &a {url: x}\n", "anchors and aliases are not understood"),
        (
            "bus: !!python/object/apply:os.system [ls]\n",
            "the tag tag:yaml.org,2002:python/object/apply:os.system",
        ),
        ("bus: {" * 20, "nested deeper than 16 levels"),
        ("a: [" + "1," * 30_000 + "]\n", "it has more than 20000 keys and values"),
        ("---\n" * 100, "one more document begins; there may be 64"),
        ("\x1f\x8b\x08\x00", "not valid YAML"),
    ],
)
def test_documents_that_are_refused(tmp_path: Path, etc: Path, text: str, told: str) -> None:
    source = tmp_path / "source.yaml"
    source.write_text(text)
    refused(source, etc, Code.CONFIG_SYNTAX, told)


def test_a_setting_without_a_value(tmp_path: Path, etc: Path) -> None:
    (tmp_path / "a.yaml").write_text("bus:\n  url:\n")
    refused(tmp_path / "a.yaml", etc, Code.CONFIG_VALUE, "bus.url has no value")


def test_too_much_of_it(tmp_path: Path, etc: Path) -> None:
    source = in_folder(tmp_path, big=b"x" * (1024 * 1024 + 1))
    refused(source, etc, Code.CONFIG_VALUE, "big is larger than 1024 KiB")
    (source / "big").unlink()
    for number in range(5):
        (source / f"part{number}").write_bytes(b"x" * 1024 * 1024)
    refused(source, etc, Code.CONFIG_VALUE, "part4 is too much")
    for number in range(MAX_ENTRIES + 1):
        (source / f"part{number}").write_bytes(b"")
    refused(source, etc, Code.CONFIG_VALUE, f"holds more than {MAX_ENTRIES} files")


def test_an_endless_file_ends(tmp_path: Path, etc: Path) -> None:
    with (tmp_path / "sparse.yaml").open("wb") as file:
        file.truncate(2**40)
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    refused(tmp_path / "sparse.yaml", etc, Code.CONFIG_VALUE, "is larger than 1024 KiB")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[bus\n", "a.toml: is not TOML"),
        ("a = " + "[" * 5000, "a.toml: is nested too deeply"),
        ('a = "\xff"\n', "a.toml: is not UTF-8 (at line 1)"),
        (
            '[bus]\nurll = "mqtts://b.example"\n',
            "a.toml: bus.urll: is not a known key; the nearest is bus.url",
        ),
        (BUS + "[host]\nid = '#'\n" + TRUST, "a.toml: host.id: "),
        (BUS, "trust: is missing in"),
        (BUS + 'ca = "ca.pme"\n' + TRUST, "bus.ca: ca.pme is none of the enrolled files (trusted_root.json)"),
        (
            BUS + 'username = "u"\npassword_file = "{etc}/pw"\n' + TRUST,
            "bus.password_file: {etc}/pw is neither on",
        ),
        (BUS + 'ca = "trusted_root.json"\n' + TRUST, "{etc}/trusted_root.json holds no usable PEM"),
    ],
)
def test_settings_that_the_agent_would_not_take(tmp_path: Path, etc: Path, text: str, told: str) -> None:
    raw = text.replace("{etc}", str(etc)).encode("latin-1")
    source = in_folder(tmp_path, **{"a.toml": raw, "trusted_root.json": ROOT})
    said = enrol(source, "--into", etc)
    assert said.status == 1
    assert told.replace("{etc}", str(etc)) in said.err
    assert "tidegate-enrol-" not in said.err
    assert not etc.exists()


def test_a_key_that_does_not_fit_its_certificate(tmp_path: Path, etc: Path) -> None:
    content = values(tmp_path / "one") | {"host.key": values(tmp_path / "other")["host.key"]}
    said = enrol(mount(tmp_path / "cm", content), "--into", etc)
    assert said.status == 1
    assert f"{etc}/host.key holds no usable PEM, or the key does not fit" in said.err
    assert not etc.exists()


def test_a_password_of_two_lines(tmp_path: Path, etc: Path) -> None:
    content = values(tmp_path / "pki") | {"bus-password": b"hunter2\nhunter3\n"}
    said = enrol(mount(tmp_path / "cm", content), "--into", etc)
    assert f"bus.password_file {etc}/bus-password must hold one line" in said.err
    assert "hunter" not in said.err


def test_a_signers_key_that_is_none(tmp_path: Path, etc: Path) -> None:
    lines = TRUST.splitlines()
    text = "\n".join(line for line in lines if not line.startswith(("identity", "issuer")))
    text = text.replace("[[follow.signers]]", '[[follow.signers]]\nkey = "release.pub"').replace(
        "trusted_root.json", "none"
    )
    source = in_folder(tmp_path, **{"a.toml": (BUS + text).encode(), "release.pub": b"no key"})
    said = enrol(source, "--into", etc)
    assert f"[{Code.TRUST_KEY_UNUSABLE}]" in said.err
    assert "tidegate-enrol-" not in said.err
    assert not etc.exists()


def test_base64_of_anything_is_only_bytes(tmp_path: Path) -> None:
    text = base64.b64encode(b"---\nkind: Pod").decode()
    source = tmp_path / "s.yaml"
    source.write_text(f"apiVersion: v1\nkind: Secret\ndata: {{pin: {text}}}\n")
    (entry,) = read_sources([source])
    assert (entry.name, entry.content, entry.secret) == ("pin", b"---\nkind: Pod", True)
