"""The table of the embedded engine."""

from __future__ import annotations

from tidegate_agent.config.scalars import Argv, File
from tidegate_agent.config.tables import Table


class EmbeddedSettings(Table):
    """The embedded image engine: generations below one directory, and a `current` link.

    Attributes:
        directory: the store and the link.
        on_switch: a program that is run after the link has moved, such as a service's restart. What it leaves
            running in the background has to redirect its output.
        auth_file: registry credentials, in the form of containers-auth.json(5).
        registries_conf: mirrors and insecure registries, in the form of containers-registries.conf(5).
    """

    directory: File
    on_switch: Argv = ()
    auth_file: File | None = None
    registries_conf: File | None = None
