"""The podman engine of an agent that is root, over the rootless podman of another user."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.podman_site import PodmanSite
from tidegate_agent.model import ImageStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.real("podman"),
    pytest.mark.real("crun"),
    pytest.mark.real("docker-registry"),
    pytest.mark.real("newuidmap"),
    pytest.mark.real("useradd"),
    pytest.mark.skipif(os.geteuid() != 0, reason="making a user, and acting for them, needs root"),
]


@pytest.fixture
def user() -> Iterator[pwd.struct_passwd]:
    """A user of their own, with subordinate ids, for the length of one test."""
    # Not below pytest's folder, which other users cannot enter.
    home = Path(tempfile.mkdtemp(prefix="tidegate-test-", dir="/var/tmp"))
    name = f"tidegate-{secrets.token_hex(4)}"
    home.chmod(0o755)
    subprocess.run(["/usr/sbin/useradd", "--home-dir", home, "--no-create-home", name], check=True)
    try:
        yield pwd.getpwnam(name)
    finally:
        # Podman may leave a process of its own behind for a moment, to pause in.
        subprocess.run(["/usr/sbin/userdel", "--force", name], check=True)
        shutil.rmtree(home)


@pytest.fixture
def site(user: pwd.struct_passwd, tmp_path: Path) -> Iterator[PodmanSite]:
    with PodmanSite(tmp_path, home=Path(user.pw_dir), user=user) as site:
        yield site


def test_a_users_container_is_updated_and_taken_back(site: PodmanSite, user: pwd.struct_passwd) -> None:
    first, second = site.build("1"), site.build("2", index=True)
    for digest in (first, second):
        site.update(digest)
    assert site.engine().status() == ImageStatus(second, None, first)
    assert site.host.running() == [site.name(second)]
    site.engine().rollback(first)
    assert site.engine().status() == ImageStatus(first, None, None)
    assert site.host.running() == [site.name(first)]
    assert site.host.run("info", "--format", "{{.Host.Security.Rootless}}") == "true"
    conmon = int(site.host.run("ps", "--format", "{{.Pid}}"))
    assert Path(f"/proc/{conmon}").stat().st_uid == user.pw_uid


def test_what_root_keeps_is_roots_alone(site: PodmanSite) -> None:
    site.update(site.build("1"))
    assert site.state.stat().st_uid == os.geteuid()
    assert site.state.stat().st_mode & 0o777 == 0o700
    assert list((site.host.folder / "tmp").glob("tidegate-*")) == []
