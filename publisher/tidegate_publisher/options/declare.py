"""How a group of options becomes one argument of a command.

A group is a frozen dataclass, and a list of click options whose names are its fields. `group` adds the
options to a command, takes their values out of its arguments, and passes the object they make.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Command = TypeVar("Command", bound="Callable[..., Any]")


def group(
    argument: str, build: Callable[..., object], options: Sequence[Callable[[Any], Any]], names: Sequence[str]
) -> Callable[[Command], Command]:
    """A decorator for a command's function.

    Args:
        argument: the name of the argument that gets the object.
        build: makes the object from the options' values.
        options: click's option decorators, in the order of the help text.
        names: the options' parameter names.
    """

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def wrapped(**values: Any) -> Any:  # noqa: ANN401 -- whatever the command's other options are
            own = {name: values.pop(name) for name in names}
            return function(**{argument: build(**own)}, **values)

        decorated: Any = wrapped
        for option in reversed(options):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate
