"""As whom podman and the service manager are run."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from tidegate_agent.engines.podman.session import session_of
from tidegate_schemas.codes import Code, TidegateError

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for others")


@AS_ROOT
def test_root_uses_the_systems_manager() -> None:
    session = session_of(None, {"HTTPS_PROXY": "http://proxy.example"})
    assert (session.podman, session.systemctl) == (("podman",), ("systemctl",))
    assert session.environment["HTTPS_PROXY"] == "http://proxy.example"
    assert (session.dropins, session.owner) == (Path("/etc/systemd/system"), None)


@AS_ROOT
def test_for_another_user_root_writes_nothing_into_their_home() -> None:
    account = pwd.getpwnam("nobody")
    session = session_of("nobody", {}, Path("/etc/auth.json"))
    assert session.podman == ("runuser", "-u", "nobody", "--", "podman")
    assert session.systemctl == ("systemctl", "--user", "--machine=nobody@")
    assert session.environment["XDG_RUNTIME_DIR"] == f"/run/user/{account.pw_uid}"
    assert session.dropins == Path("/etc/systemd/user")
    assert session.owner == (account.pw_uid, account.pw_gid)
    assert session.auth_file == Path("/etc/auth.json")


def test_a_user_that_does_not_exist_is_told() -> None:
    with pytest.raises(TidegateError) as caught:
        session_of("no-such-user", {})
    assert caught.value.code is Code.CONFIG_VALUE
    assert "no-such-user" in caught.value.reason
