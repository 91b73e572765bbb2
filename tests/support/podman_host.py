"""A host with a real podman of its own: storage, configuration, unit files, and a registry beside it.

Nothing of the machine's own podman is touched. The first process here is not systemd, so a stand-in manages
the units. With cgroups in hybrid mode, which crun refuses, podman runs in a mount namespace that shows it the
unified hierarchy only.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import find_program
from tidegate_agent.engines.podman.session import Session

if TYPE_CHECKING:
    import pwd

UNIT = "app.service"
_MANAGER = Path(__file__).parent / "standins" / "service_manager.py"

# What podman 5.4's quadlet makes of docs/engines/podman.md's example is one of these; see
# tests/contract/test_podman_units.py.
PLAIN_UNIT = """\
[Unit]
Description=The application

[Service]
Type=notify
NotifyAccess=all
Environment=PODMAN_SYSTEMD_UNIT=%n
ExecStartPre=/bin/rm -f %t/%N.cid
ExecStart=/usr/bin/podman run --name=app --replace --rm --cidfile=%t/%N.cid \\
    --sdnotify=conmon --detach ${TIDEGATE_IMAGE}
ExecStop=/usr/bin/podman rm -f -i --cidfile=%t/%N.cid
ExecStopPost=-/usr/bin/podman rm -f -i --cidfile=%t/%N.cid
"""


class PodmanHost:
    """podman with everything below one folder.

    Args:
        folder: for configuration, unit files and what podman keeps while it runs.
        disk: for storage; `folder` when it is left out.
        registry: host and port of a registry that is to be believed in over plain HTTP.
        user: who podman is run as, where it is not the test's own user; `folder` is their home.
    """

    def __init__(
        self, folder: Path, registry: str, disk: Path | None = None, user: pwd.struct_passwd | None = None
    ) -> None:
        self.folder, self.disk, self._user = folder, disk or folder, user
        self.units = folder / "units"
        self.registries_conf = folder / "registries.conf"
        self.manager = folder / "manager.json"
        self._holder: subprocess.Popen[bytes] | None = None
        for place in (self.units, folder / "run", folder / "tmp", self.disk / "storage"):
            place.mkdir(exist_ok=True, parents=True)
        self.environment = self._configure(registry)
        program = find_program("podman")
        assert program is not None, "podman is not installed"
        prefix = () if user is None else ("/usr/sbin/runuser", "-u", user.pw_name, "--")
        self.podman = (*self._hold(), *prefix, program)
        if user is not None:
            subprocess.run(["/bin/chown", "--recursive", f"{user.pw_uid}:{user.pw_gid}", folder], check=True)
        self.manage()
        self.install(PLAIN_UNIT)

    def session(self) -> Session:
        """How the engine reaches this host."""
        manager = (sys.executable, str(_MANAGER), str(self.manager))
        return Session(
            podman=self.podman,
            systemctl=manager,
            journal=(*manager, "journal", "{unit}"),
            environment=self.environment,
            dropins=self.units,
            owner=None if self._user is None else (self._user.pw_uid, self._user.pw_gid),
            scratch=None if self._user is None else self.folder / "tmp",
        )

    def install(self, text: str, unit: str = UNIT) -> None:
        """Write a unit file; the manager has to be told to read it."""
        (self.units / unit).write_text(text)

    def believe(self, registry: str) -> None:
        """Have podman believe in a registry over plain HTTP, beside those that it does already."""
        with self.registries_conf.open("a") as file:
            file.write(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')

    def manage(self, **more: object) -> None:
        """Write the service manager's configuration, with more of it than usual."""
        config = {
            "units": [str(self.units)],
            "state": str(self.folder / "manager"),
            "runtime": str(self.folder / "run"),
            "environment": self.environment | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            "programs": {"/usr/bin/podman": list(self.podman)},
            **more,
        }
        self.manager.write_text(json.dumps(config))

    def run(self, *words: str, check: bool = True) -> str:
        """Run podman as a person would, and return what it printed."""
        done = subprocess.run(
            [*self.podman, *words],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def running(self) -> list[str]:
        """The images, by name, that run in containers."""
        return self.run("ps", "--format", "{{.Image}}").splitlines()

    def close(self) -> None:
        """End all containers and remove the storage."""
        self.run("rm", "--force", "--all", "--time", "0", check=False)
        self._end_pause()
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait()
        for place in (self.disk / "storage", self.folder / "run"):
            subprocess.run(["/bin/umount", "-q", "-R", place / "overlay"], check=False)
            shutil.rmtree(place, ignore_errors=True)

    def _configure(self, registry: str) -> dict[str, str]:
        """Write all configuration that podman reads, so that the machine's own has no part in it."""
        run = self.folder / "run"
        self.believe(registry)
        storage, containers = self.folder / "storage.conf", self.folder / "containers.conf"
        driver = "overlay" if os.geteuid() == 0 else "vfs"
        storage.write_text(
            f'[storage]\ndriver = "{driver}"\ngraphroot = "{self.disk}/storage"\nrunroot = "{run}/storage"\n'
        )
        # Not every test machine may raise limits, has the shared memory to itself, or lets one make networks.
        containers.write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
            'cgroups = "disabled"\nnetns = "none"\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nlock_type = "file"\n'
            f'tmp_dir = "{run}/libpod"\n'
        )
        return {
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(run),
            "TMPDIR": str(self.folder / "tmp"),
            "CONTAINERS_CONF": str(containers),
            "CONTAINERS_STORAGE_CONF": str(storage),
            "CONTAINERS_REGISTRIES_CONF": str(self.registries_conf),
        }

    def _end_pause(self) -> None:
        """End the process that keeps a user's namespaces for rootless podman."""
        for file in (self.folder / "run").rglob("pause.pid"):
            with suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGKILL)

    def _hold(self) -> tuple[str, ...]:
        """The command that enters a mount namespace in which cgroups are as crun wants them."""
        if os.geteuid() != 0 or _has_unified_cgroups():
            return ()
        script = "mount -t cgroup2 cgroup2 /sys/fs/cgroup && echo && exec sleep infinity"
        self._holder = subprocess.Popen(
            ["/usr/bin/unshare", "--mount", "--propagation", "slave", "sh", "-c", script],
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        with self._holder.stdout as said:
            assert said.readline(), "no mount namespace could be made"
        return ("/usr/bin/nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt")


def _has_unified_cgroups() -> bool:
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()
