"""registries.conf: which servers are asked, in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.endpoints import RegistriesConf
from tidegate_wire.registry.reference import Reference, parse_reference
from tidegate_wire.registry.registries_conf import load_registries_conf, parse_registries_conf

if TYPE_CHECKING:
    from pathlib import Path

CONF = """
unqualified-search-registries = ["example.com"]
[aliases]
app = "example.com/app"

[[registry]]
prefix = "example.com/foo"
location = "internal.example.net/bar"
[[registry.mirror]]
location = "mirror-0.local/mirror-for-foo"
[[registry.mirror]]
location = "mirror-1.local/mirrors/foo"
insecure = true

[[registry]]
location = "registry.com"
mirror-by-digest-only = true
[[registry.mirror]]
location = "mirror.registry.com"

[[registry]]
prefix = "*.wild.org"
insecure = true
[[registry.mirror]]
location = "cache.local:5000/wild"
pull-from-mirror = "tag-only"

[[registry]]
location = "example.com/foo/secret"
blocked = true
"""


def endpoints(text: str, *, by_digest: bool = True, conf: str = CONF) -> list[str]:
    reference = parse_reference(text)
    assert isinstance(reference, Reference)
    found = RegistriesConf(parse_registries_conf(conf.encode(), "x")).endpoints(
        reference, by_digest=by_digest
    )
    return [f"{endpoint}{' insecure' if endpoint.insecure else ''}" for endpoint in found]


@pytest.mark.parametrize(
    ("text", "by_digest", "expected"),
    [
        (
            "example.com/foo/image:latest",
            True,
            [
                "mirror-0.local/mirror-for-foo/image",
                "mirror-1.local/mirrors/foo/image insecure",
                "internal.example.net/bar/image",
            ],
        ),
        ("example.com/food/image", True, ["example.com/food/image"]),
        ("registry.com/image", True, ["mirror.registry.com/image", "registry.com/image"]),
        ("registry.com/image", False, ["registry.com/image"]),
        ("registry.com:5000/image", True, ["mirror.registry.com:5000/image", "registry.com:5000/image"]),
        ("a.b.wild.org/app", True, ["a.b.wild.org/app insecure"]),
        ("a.wild.org:5000/app", False, ["cache.local:5000/wild/app", "a.wild.org:5000/app insecure"]),
        ("wild.org/app", True, ["wild.org/app"]),
        ("notwild.org/app", True, ["notwild.org/app"]),
    ],
)
def test_servers_in_their_order(text: str, by_digest: bool, expected: list[str]) -> None:  # noqa: FBT001 - a column
    assert endpoints(text, by_digest=by_digest) == expected


def test_the_longest_prefix_decides_and_may_block() -> None:
    with pytest.raises(TidegateError) as caught:
        endpoints("example.com/foo/secret/app")
    assert caught.value.code is Code.IMAGE_UNAUTHORIZED
    assert "example.com/foo/secret" in caught.value.reason


def test_docker_hub_is_known_by_its_logical_name() -> None:
    conf = '[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "cache.local"\n'
    assert endpoints("docker.io/debian", conf=conf) == [
        "cache.local/library/debian",
        "docker.io/library/debian",
    ]


@pytest.mark.parametrize(
    ("conf", "code"),
    [
        ("[[registry]\n", Code.CONFIG_SYNTAX),
        ("[[registry]]\ninsecure = true\n", Code.CONFIG_VALUE),
        ("[[registry]]\nlocation = 7\n", Code.CONFIG_VALUE),
        ('[[registry]]\nlocation = "a"\ninsecure = "yes"\n', Code.CONFIG_VALUE),
        ('[[registry]]\nprefix = "a.example"\n', Code.CONFIG_VALUE),
        ('[[registry]]\nprefix = "a.*.example"\nlocation = "b"\n', Code.CONFIG_VALUE),
        ('[[registry]]\nprefix = "*.example/foo"\nlocation = "b"\n', Code.CONFIG_VALUE),
        ('[[registry]]\nlocation = "a"\n[[registry.mirror]]\ninsecure = true\n', Code.CONFIG_VALUE),
        (
            (
                '[[registry]]\nlocation = "a"\nmirror-by-digest-only = true\n'
                '[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "all"\n'
            ),
            Code.CONFIG_VALUE,
        ),
        ('[registries.search]\nregistries = ["a"]\n', Code.CONFIG_VALUE),
    ],
)
def test_mistakes_are_named_with_their_file(conf: str, code: Code) -> None:
    with pytest.raises(TidegateError) as caught:
        parse_registries_conf(conf.encode(), "/etc/containers/registries.conf")
    assert caught.value.code is code
    assert "/etc/containers/registries.conf" in caught.value.reason


def test_drop_ins_replace_tables_with_the_same_prefix(tmp_path: Path) -> None:
    main, folder = tmp_path / "registries.conf", tmp_path / "registries.conf.d"
    folder.mkdir()
    main.write_text('[[registry]]\nlocation = "r.example"\n[[registry]]\nlocation = "s.example"\n')
    (folder / "10-a.conf").write_text('[[registry]]\nprefix = "r.example"\nlocation = "early.example"\n')
    (folder / "20-b.conf").write_text('[[registry]]\nprefix = "r.example"\nlocation = "late.example"\n')
    (folder / "30-c.conf.bak").write_text("nonsense [")
    conf = load_registries_conf(main, (folder, tmp_path / "missing.d"))
    hosts = [
        conf.endpoints(Reference(name, "a"), by_digest=True)[0].host for name in ("r.example", "s.example")
    ]
    assert hosts == ["late.example", "s.example"]


def test_no_file_means_the_registry_itself(tmp_path: Path) -> None:
    conf = load_registries_conf(tmp_path / "missing.conf", ())
    (endpoint,) = conf.endpoints(Reference("r.example", "a"), by_digest=True)
    assert (endpoint.host, endpoint.insecure) == ("r.example", False)
