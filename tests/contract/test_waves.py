"""Waves are the same in every implementation: one of sh, sha256sum and awk answers the vectors, too."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "schemas/tidegate_schemas/generated/waves.vectors.json").read_text("utf-8"))
COHORTS = json.loads((ROOT / "tests/golden/cohorts.json").read_text("utf-8"))["vectors"]


def _labels(labels: dict[str, str]) -> str:
    return ";".join(f"{key}={value}" for key, value in labels.items())


def _waves(rollout: dict[str, Any]) -> str:
    return "|".join(
        f"{wave['name']},{wave['fraction']!r},{_labels(wave['labels'])}" for wave in rollout["waves"]
    )


def _answers(questions: list[tuple[str, str, str, str]]) -> list[tuple[int, str | None]]:
    lines = "".join("\t".join(question) + "\n" for question in questions)
    script = Path(__file__).parents[1] / "support/waves.sh"
    done = subprocess.run(["sh", script], input=lines.encode(), capture_output=True, check=True, timeout=60)  # noqa: S607 -- the shell that is there
    answers = (line.split("\t") for line in done.stdout.decode().splitlines())
    return [(int(place), None if wave == "-" else wave) for place, wave in answers]


@pytest.mark.real("sha256sum")
@pytest.mark.real("awk")
def test_another_implementation_answers_the_vectors_of_waves() -> None:
    asked = [(rollout, host) for rollout in VECTORS["rollouts"] for host in rollout["hosts"]]
    questions = [
        (rollout["seed"], host["host"], f";{_labels(host['labels'])};", _waves(rollout))
        for rollout, host in asked
    ]
    assert _answers(questions) == [(host["place"], host["wave"]) for _, host in asked]
    assert len(questions) > 50


@pytest.mark.real("sha256sum")
@pytest.mark.real("awk")
def test_another_implementation_answers_the_vectors_of_places() -> None:
    # What a shell's line cannot hold is left to the unit tests.
    vectors = [each for each in COHORTS if not {"\t", "\n", "\0"} & set(each["seed"] + each["host"])]
    places = [place for place, _ in _answers([(each["seed"], each["host"], ";", "") for each in vectors])]
    assert places == [int(each["numerator"]) for each in vectors]
    assert len(vectors) >= 5
