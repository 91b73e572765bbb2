from __future__ import annotations

import importlib

import pytest

from tidegate_publisher.extras import needs
from tidegate_schemas.codes import Code, TidegateError


def test_a_missing_library_is_told_with_the_extra_that_brings_it() -> None:
    with (
        pytest.raises(TidegateError, match=r"no_such_library .*tidegate\[fleet\]") as caught,
        needs("fleet"),
    ):
        importlib.import_module("no_such_library.part")
    assert caught.value.code is Code.CONFIG_EXTRA


def test_a_missing_part_of_tidegate_is_a_fault_and_no_matter_of_extras() -> None:
    with pytest.raises(ModuleNotFoundError), needs("fleet"):
        importlib.import_module("tidegate_fleet.no_such_part")
