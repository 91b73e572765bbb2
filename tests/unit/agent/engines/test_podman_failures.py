"""What podman's words mean."""

from __future__ import annotations

import pytest

from tidegate_agent.engines.podman.failures import code_of, failure_of
from tidegate_schemas.codes import Code

NAME = "localhost:5000/app@sha256:" + "0" * 64

# As podman 4.3 and 5.4 really said it.
SAID = {
    f"Trying to pull {NAME}...\nError: initializing source docker://{NAME}: reading manifest "
    f"sha256:{'0' * 64} in localhost:5000/app: manifest unknown: manifest unknown": Code.IMAGE_NOT_FOUND,
    f"Error: initializing source docker://{NAME}: pinging container registry localhost:5000: Get "
    '"https://localhost:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused': (
        Code.IMAGE_UNREACHABLE
    ),
    f"Error: initializing source docker://{NAME}: reading manifest sha256:00 in localhost:5000/app: "
    "unauthorized: authentication required": Code.IMAGE_UNAUTHORIZED,
    'Error: writing blob: storing blob to file "/var/tmp/storage1/1": happened during read: Digest did not '
    "match, expected sha256:45, got sha256:98": Code.IMAGE_DIGEST_MISMATCH,
    'Error: writing blob: storing blob to file "/d/storage36/1": write /d/storage36/1: no space left on '
    "device": Code.DISK_FULL,
    'Error: writing blob: adding layer with blob "sha256:da": ApplyLayer stdout:  stderr: write /base: no '
    "space left on device exit status 1": Code.DISK_FULL,
    "Error: Source image rejected: Running image docker://x is rejected by policy.": Code.IMAGE_SIGNATURE,
    "Error: choosing an image from manifest list docker://x: no image found in manifest list for "
    'architecture arm64, variant "v8", OS linux': Code.IMAGE_PLATFORM,
    f"Error: initializing source docker://{NAME}: pinging container registry localhost:5000: Get "
    '"https://x": x509: certificate signed by unknown authority': Code.IMAGE_UNREACHABLE,
    "Error: creating an ID-mapped copy: something new": Code.STAGE_FAILED,
    "": Code.STAGE_FAILED,
}


@pytest.mark.parametrize(("said", "code"), SAID.items())
def test_known_words_have_a_code(said: str, code: Code) -> None:
    assert code_of(said, Code.STAGE_FAILED) is code


def test_a_warning_before_the_last_word_decides_nothing() -> None:
    said = 'level=warning msg="Failed, retrying: connection refused"\nError: reading: manifest unknown'
    assert code_of(said, Code.STAGE_FAILED) is Code.IMAGE_NOT_FOUND


@pytest.mark.parametrize("word", ["unauthorized", "manifest-unknown", "denied", "timeout"])
def test_a_repositorys_name_decides_nothing(word: str) -> None:
    name = f"registry.example/{word}@sha256:{'1' * 64}"
    said = f"Error: initializing source docker://{name}: reading manifest in registry.example/{word}: odd"
    assert code_of(said, Code.STAGE_FAILED) is Code.STAGE_FAILED


def test_a_failure_is_a_sentence_without_control_characters() -> None:
    error = failure_of("noise\nError: \x1b[31mno such host\n", "podman cannot pull app", Code.STAGE_FAILED)
    assert error.code is Code.IMAGE_UNREACHABLE
    assert error.retryable
    assert error.reason.startswith("podman cannot pull app: Error: ")
    assert error.reason.isprintable()


def test_what_only_a_new_release_can_mend_is_not_tried_again() -> None:
    assert not failure_of("Error: Digest did not match", "podman", Code.STAGE_FAILED).retryable
