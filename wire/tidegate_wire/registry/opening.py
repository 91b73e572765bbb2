"""From a reference to the source that it names: the one place that knows all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tidegate_wire.registry.auth_file import Credentials
from tidegate_wire.registry.client import RegistryClient
from tidegate_wire.registry.layout import LayoutSource
from tidegate_wire.registry.pacing import Pacing
from tidegate_wire.registry.reference import AnyReference, LayoutReference
from tidegate_wire.registry.registries_conf import load_registries_conf
from tidegate_wire.registry.transport import Transport

if TYPE_CHECKING:
    from tidegate_wire.registry.settings import RegistrySettings
    from tidegate_wire.registry.source import ImageSource


def open_source(
    reference: AnyReference, settings: RegistrySettings, pacing: Pacing | None = None
) -> ImageSource:
    """The source that a reference names. Nothing is fetched yet; registries.conf is read here.

    Args:
        reference: where the image lies.
        settings: what container tools honour.
        pacing: clock, waiting and limits; the real ones with the settings' limits when it is left out.

    Raises:
        TidegateError: CONFIG_SYNTAX, CONFIG_VALUE, CONFIG_MISSING.
    """
    if isinstance(reference, LayoutReference):
        return LayoutSource(Path(reference.path))
    registries = load_registries_conf(settings.registries_conf, settings.registries_conf_folders)
    pacing = pacing or Pacing(settings.limits)
    return RegistryClient(
        reference,
        registries,
        Credentials(settings.auth_files),
        Transport(settings, pacing.ahead),
        pacing,
    )
