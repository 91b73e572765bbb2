"""As whom the unit runs: commands, environment and folders of root, of the agent's user, or of another."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

_SYSTEM_UNITS: Final = Path("/etc/systemd/system")
_ALL_USERS_UNITS: Final = Path("/etc/systemd/user")
_SCRATCH: Final = Path("/var/tmp")  # noqa: S108 - file-hierarchy(7): large files that outlive no staging
_ROOT: Final = 0


@dataclass(frozen=True, slots=True)
class Session:
    """How podman and the unit's service manager are reached.

    Attributes:
        podman: the command that runs podman.
        systemctl: the command that reaches the unit's service manager.
        journal: the command that shows what the unit's own processes logged, with {unit} for its name.
        environment: variables for all of them.
        dropins: the folder with the manager's unit files; the pin goes into `<unit>.d` below it.
        owner: the user and group that podman runs as, where that is not the agent's own.
        scratch: where the folder for blobs in flight is made; the state directory when it is None.
        auth_file: registry credentials for podman, in the form of containers-auth.json(5).
    """

    podman: tuple[str, ...] = ("podman",)
    systemctl: tuple[str, ...] = ("systemctl",)
    journal: tuple[str, ...] = ("journalctl", "_SYSTEMD_UNIT={unit}")
    environment: Mapping[str, str] = field(default_factory=dict)
    dropins: Path = _SYSTEM_UNITS
    owner: tuple[int, int] | None = None
    scratch: Path | None = None
    auth_file: Path | None = None


def session_of(user: str | None, environment: Mapping[str, str], auth_file: Path | None = None) -> Session:
    """The session of a user's unit.

    The pin of another user's unit goes to /etc/systemd/user, which all users' managers read: root never
    writes into a folder of that user, who could plant a link there.

    Args:
        user: whose podman and service manager it is; None for the agent's own.
        environment: variables to pass on, proxies for example.
        auth_file: registry credentials, which that user can read.

    Raises:
        EngineError: CONFIG_VALUE when there is no such user, or only root could act for them.
    """
    own = os.geteuid()
    account = pwd.getpwuid(own) if user is None else _account(user)
    if account.pw_uid == _ROOT:
        return Session(environment=dict(environment) | {"HOME": account.pw_dir}, auth_file=auth_file)
    runtime = f"/run/user/{account.pw_uid}"
    variables = dict(environment) | {
        "HOME": account.pw_dir,
        "XDG_RUNTIME_DIR": runtime,
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
    }
    journal = ("journalctl", f"_UID={account.pw_uid}", "_SYSTEMD_USER_UNIT={unit}")
    if account.pw_uid == own:
        return Session(
            systemctl=("systemctl", "--user"),
            journal=journal,
            environment=variables,
            dropins=Path(account.pw_dir) / ".config/systemd/user",
            auth_file=auth_file,
        )
    if own != _ROOT:
        reason = f"only root can run podman for {account.pw_name}, and the agent is user {own}"
        raise EngineError(Code.CONFIG_VALUE, reason)
    return Session(
        podman=("runuser", "-u", account.pw_name, "--", "podman"),
        systemctl=("systemctl", "--user", f"--machine={account.pw_name}@"),
        journal=journal,
        environment=variables,
        dropins=_ALL_USERS_UNITS,
        owner=(account.pw_uid, account.pw_gid),
        scratch=_SCRATCH,
        auth_file=auth_file,
    )


def _account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError as error:
        raise EngineError(Code.CONFIG_VALUE, f"there is no user {user!r} to run podman for") from error
