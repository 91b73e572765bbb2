"""TLS towards one host: certificate authorities and client certificates out of certs.d.

Source: containers-certs.d(5).
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def context_for(
    host: str, certs_folders: Iterable[Path], ca_file: Path | None, *, verify: bool
) -> ssl.SSLContext:
    """The TLS context for one host.

    Args:
        host: host with optional port, the name of its folder in certs.d.
        certs_folders: `certs.d` folders; the first that has a folder for the host counts.
        ca_file: PEM file in the place of the system's certificate authorities.
        verify: False only where registries.conf calls the host insecure.

    Raises:
        TidegateError: CONFIG_VALUE, when a certificate or key cannot be used.
    """
    where: Path | None = ca_file
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        folder = next((place for place in (base / host for base in certs_folders) if place.is_dir()), None)
        for where in sorted(folder.glob("*.crt")) if folder else ():
            context.load_verify_locations(cafile=where)
        for where in sorted(folder.glob("*.cert")) if folder else ():
            context.load_cert_chain(where, where.with_suffix(".key"))
    except OSError as error:
        raise TidegateError(
            Code.CONFIG_VALUE, f"cannot use the certificate {where} for {host}: {error}"
        ) from error
    return context
