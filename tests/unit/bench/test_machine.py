"""Facts about the machine."""

from __future__ import annotations

import pytest

from tests.bench import machine


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("podman version 4.3.1\n", "4.3.1"),
        ("libostree:\n Version: '2022.7'\n Git: 39a54c3c\n Features:\n  - libcurl\n", "2022.7"),
        ("docker-registry github.com/docker/distribution 2.8.2+ds1\n", "2.8.2"),
        ("umoci version 0.4.7+ds-3+b7\n", "0.4.7"),
        ("no idea", ""),
    ],
)
def test_a_version_is_found_in_what_programs_say(text: str, expected: str) -> None:
    assert machine.version(text) == expected


def test_the_facts_name_what_the_table_depends_on() -> None:
    facts = machine.facts()
    assert list(facts) == ["date", "processor", "memory", "kernel", "python", "programs", "load before"]
    assert all(not entry.startswith(" ") for entry in facts["programs"].split(", ")[:1])
