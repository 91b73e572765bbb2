"""The generated contract is what the models say, and real messages obey it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.support.statements import a_statement, an_event
from tidegate_schemas import export
from tidegate_schemas.codes import REGISTRY, Code

GENERATED = Path(export.__file__).parent / "generated"


@pytest.mark.parametrize("name", sorted(export.documents()))
def test_checked_in_copy_is_current(name: str) -> None:
    assert (GENERATED / name).read_text() == export.documents()[name], "run ./dev generate"


def test_no_stray_copies() -> None:
    assert {path.name for path in GENERATED.iterdir()} == set(export.documents())


@pytest.mark.parametrize(
    ("name", "raw"), [("statement", a_statement().to_json()), ("event", an_event().to_json())]
)
def test_messages_obey_their_schema(name: str, raw: bytes) -> None:
    jsonschema.validate(json.loads(raw), export.json_schema(name))


def test_schema_refuses_what_the_model_refuses() -> None:
    wrong = json.loads(a_statement().to_json())
    wrong["predicate"]["sequence"] = "7"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, export.json_schema("statement"))


def test_every_reference_in_asyncapi_leads_somewhere() -> None:
    document = export.asyncapi()
    references = [str(part["$ref"]) for part in _dicts(document) if "$ref" in part]
    assert references
    for reference in references:
        if reference.startswith("#/"):
            place: object = document
            for step in reference.removeprefix("#/").split("/"):
                assert isinstance(place, dict)
                place = place[step]
        else:
            assert (GENERATED / reference).is_file()


def _dicts(part: object) -> list[dict[str, object]]:
    if isinstance(part, dict):
        return [part, *(found for value in part.values() for found in _dicts(value))]
    return []


def test_every_code_has_cause_and_remedy() -> None:
    assert set(REGISTRY) == set(Code)
    for entry in REGISTRY.values():
        assert entry.cause.endswith(".")
        assert entry.remedy.endswith(".")


def test_codes_are_in_order() -> None:
    assert [str(code) for code in Code] == sorted(code for code in Code)
    assert list(REGISTRY) == list(Code)
