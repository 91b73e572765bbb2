"""What the complaints of the tools that fetch and deploy images mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_agent.engines.complaints import DISK, IMAGES, Complaints, last_complaint
from tidegate_schemas.codes import Code

COMPLAINTS = Complaints(*DISK, *IMAGES)
NAME = "localhost:5000/app@sha256:" + "0" * 64
PING = f"Error: initializing source docker://{NAME}: pinging container registry localhost:5000"

# As podman 4.3 and 5.4, bootc 1.16 and rpm-ostree 2024 to 2025 really said it.
SAID = [
    ("Status: Initializing storage: Acquiring Sysroot: No space left on device", Code.DISK_FULL),
    ("Insufficient free space for r/os (available: 0 bytes required: 12.0 kB)", Code.DISK_FULL),
    ("Importing: Layer sha256:58f6: min-free-space-percent '3%' would be exceeded", Code.DISK_FULL),
    (
        'writing blob: storing blob to file "/d/storage1": write /d/storage1: no space left on device',
        Code.DISK_FULL,
    ),
    (
        'adding layer with blob "sha256:da": ApplyLayer stdout: stderr: write /a: no space left on device',
        Code.DISK_FULL,
    ),
    ("remounting: Read-only file system (os error 30)", Code.DISK_IO),
    ("Source image rejected: A signature was required, but no signature exists", Code.IMAGE_UNSIGNED),
    ("Source image rejected: None of the signatures were accepted", Code.IMAGE_SIGNATURE),
    ("Source image rejected: Running image docker://x is rejected by policy.", Code.IMAGE_SIGNATURE),
    ("cryptographic signature verification failed", Code.IMAGE_SIGNATURE),
    ("OpenImage: remote error: Source image rejected: Invalid GPG signature", Code.IMAGE_SIGNATURE),
    ("Digest did not match, expected sha256:a, got sha256:b", Code.IMAGE_DIGEST_MISMATCH),
    (
        'storing blob to file "/var/tmp/1": happened during read: Digest did not match, expected sha256:45',
        Code.IMAGE_DIGEST_MISMATCH,
    ),
    ("Manifest does not match provided manifest digest sha256:0", Code.IMAGE_DIGEST_MISMATCH),
    ("Deploying: Failed to find kernel in /usr/lib/modules", Code.IMAGE_NOT_BOOTABLE),
    ("Fetching manifest: Target image does not have ostree.bootable label", Code.IMAGE_NOT_BOOTABLE),
    (
        "No ostree.final-diffid label found, not an ostree encapsulated container",
        Code.IMAGE_NOT_BOOTABLE,
    ),
    ('no image found in image index for architecture "riscv64", variant v8', Code.IMAGE_PLATFORM),
    (
        "choosing an image from manifest list docker://x: no image found in manifest list for architecture",
        Code.IMAGE_PLATFORM,
    ),
    ("OpenImage: reading manifest sha256:… in r/os: manifest unknown", Code.IMAGE_NOT_FOUND),
    ("OpenImage: reading manifest: StatusCode: 404, page not found", Code.IMAGE_NOT_FOUND),
    ("reading manifest x in r/os: unauthorized: authentication required", Code.IMAGE_UNAUTHORIZED),
    ("in docker.io/a/b: requested access to the resource is denied", Code.IMAGE_UNAUTHORIZED),
    ("invalid status code from registry 403 (Forbidden)", Code.IMAGE_UNAUTHORIZED),
    ("OpenImage: reading manifest v2 in quay.io/os: unauthorized: access", Code.IMAGE_UNAUTHORIZED),
    ("dial tcp 192.0.2.1:443: connect: connection refused", Code.IMAGE_UNREACHABLE),
    ("lookup r.example: no such host", Code.IMAGE_UNREACHABLE),
    ("tls: failed to verify certificate: x509: unknown authority", Code.IMAGE_UNREACHABLE),
    ("received unexpected HTTP status: 503 (Service Unavailable)", Code.IMAGE_UNREACHABLE),
    (
        f'{PING}: Get "https://localhost:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused',
        Code.IMAGE_UNREACHABLE,
    ),
    (f'{PING}: Get "https://x": x509: certificate signed by unknown authority', Code.IMAGE_UNREACHABLE),
    ("pinging container registry x: i/o timeout", Code.IMAGE_UNREACHABLE),
    ("open /run/ostree/auth.json: permission denied: something new", Code.STAGE_FAILED),
    ("creating an ID-mapped copy: something that nobody has seen before", Code.STAGE_FAILED),
    ("", Code.STAGE_FAILED),
]
FINAL = {
    Code.IMAGE_DIGEST_MISMATCH,
    Code.IMAGE_NOT_BOOTABLE,
    Code.IMAGE_NOT_FOUND,
    Code.IMAGE_PLATFORM,
    Code.IMAGE_SIGNATURE,
    Code.IMAGE_UNAUTHORIZED,
}


@pytest.mark.parametrize("begin", ["", "error: Switching: ", "Trying to pull x...\nError: "])
@pytest.mark.parametrize(("said", "code"), SAID)
def test_words_are_understood(said: str, code: Code, begin: str) -> None:
    error = COMPLAINTS.error(f"{begin}{said}", "…", Code.STAGE_FAILED)
    assert (error.code, error.reason) == (code, "…")
    assert error.retryable == (code not in FINAL)


def test_a_warning_before_the_last_complaint_decides_nothing() -> None:
    said = "level=warning msg=connection refused\nerror: asked again\nError: reading: manifest unknown\n"
    assert last_complaint(said) == "Error: reading: manifest unknown"
    assert COMPLAINTS.code(said, Code.STAGE_FAILED) is Code.IMAGE_NOT_FOUND


NAMES = ["unauthorized", "denied:", "x509", "timeout", "forbidden"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "said",
    [
        "initializing source docker://registry.example/{name}@sha256:1: odd",
        "Old and new refs are equal: ostree-unverified-image:registry:quay.io/{name}@sha256:0",
        "reading manifest 1 in quay.io/{name}: odd",
        "reading manifest 1 in {name}/os: odd",
        "initializing source localhost/{name}:latest: odd",
        "initializing source registry.example:5000/{name}:latest: odd",
        'Get "https://registry.example/v2/ {name}": odd',
        "open /var/lib/{name}/x: odd",
        "pinging container registry {name}.example: odd",
        "lookup {name}.example on 192.0.2.1:53: odd",
    ],
)
def test_what_a_publisher_names_decides_nothing(said: str, name: str) -> None:
    registry = "container registry" in said
    expected = Code.IMAGE_UNREACHABLE if registry else Code.STAGE_FAILED
    assert COMPLAINTS.code(f"error: {said.format(name=name)}", Code.STAGE_FAILED) is expected


def test_the_first_row_that_fits_counts() -> None:
    own = Complaints((Code.ENGINE_BUSY, "one.two"), (Code.ENGINE_CONFLICT, "ONE"), *DISK)
    assert own.code("error: One Two", Code.STAGE_FAILED) is Code.ENGINE_BUSY
    assert own.code("error: one", Code.STAGE_FAILED) is Code.ENGINE_CONFLICT
    assert own.code("error: manifest unknown", Code.ENGINE_OUTPUT) is Code.ENGINE_OUTPUT


@given(st.text())
def test_any_text_has_a_meaning(said: str) -> None:
    assert isinstance(COMPLAINTS.code(said, Code.STAGE_FAILED), Code)
