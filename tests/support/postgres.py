"""A real PostgreSQL for tests: a server of their own, on loopback, which forgets all with its directory.

It refuses to run as root: then it runs as the user `nobody`, or `postgres` where that exists.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Self

import psycopg

from tests.conftest import find_program
from tests.support.brokers import free_port
from tests.support.waiting import wait_until

_TRIES = 5


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs, which look for each other beside themselves."""
    found = find_program(name)
    assert found is not None, f"{name} is not installed"
    return str(Path(found).resolve())


class Postgres:
    """A server. A context manager; `stop`, `kill` and `start` keep port and data.

    Attributes:
        port: where it listens on 127.0.0.1.
    """

    def __init__(self) -> None:
        self.port = free_port()
        # Below /tmp, where another user can get at it: pytest's own directories are closed to others.
        self._place = Path(tempfile.mkdtemp(prefix="tidegate-pg-"))
        self._data = self._place / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def __enter__(self) -> Self:
        self._place.chmod(0o755)
        self._data.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(self._place, self._user.pw_uid, self._user.pw_gid)
            os.chown(self._data, self._user.pw_uid, self._user.pw_gid)
        options = ("--auth=trust", "--username=tidegate", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
        self._run([program("initdb"), "-D", str(self._data), *options])
        for _ in range(_TRIES):
            try:
                self.start()
            except AssertionError:
                # Another test was quicker to take the port.
                self.stop()
                self.port = free_port()
            else:
                return self
        raise AssertionError((self._place / "log").read_text(errors="replace")[-2000:])

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._place)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = ("fsync=off", f"port={self.port}", "listen_addresses=127.0.0.1", "max_connections=60")
        words = [program("postgres"), "-D", str(self._data), "-k", str(self._place)]
        words += [word for setting in settings for word in ("-c", setting)]
        with (self._place / "log").open("ab") as log:
            self._process = subprocess.Popen(
                words, stdout=log, stderr=log, cwd="/", user=self._uid, group=self._gid
            )
        wait_until(self._answers, "PostgreSQL answers", 60)

    def stop(self) -> None:
        """End it in order. Idempotent."""
        if self._process is not None:
            self._process.send_signal(2)  # SIGINT: fast shutdown
            self._process.wait(30)
            self._process = None

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._databases += 1
        name = f"fleet_{self._databases}"
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://tidegate@127.0.0.1:{self.port}/{name}"

    def _conninfo(self, name: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=tidegate dbname={name} connect_timeout=5"

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._place / "log").read_text(errors="replace")[-2000:]
        try:
            psycopg.connect(self._conninfo("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    @cached_property
    def _user(self) -> pwd.struct_passwd | None:
        if os.geteuid() != 0:
            return None
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        return names.get("postgres") or names["nobody"]

    @property
    def _uid(self) -> int | None:
        return None if self._user is None else self._user.pw_uid

    @property
    def _gid(self) -> int | None:
        return None if self._user is None else self._user.pw_gid

    def _run(self, words: list[str]) -> None:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, cwd="/", user=self._uid, group=self._gid
        )
        assert done.returncode == 0, done.stderr
