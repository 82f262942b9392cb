"""Message classes by name, and what they have."""

from __future__ import annotations

import importlib
from typing import Any

from .types import element_of, find_class, is_message_class


def message_class(given: Any, argument: str) -> Any:
    """The generated class of a message type: that class itself, "sensor_msgs/msg/Image" or "sensor_msgs/Image".

    Raises: TypeError when it is no message type; ImportError, with what to do, when its package is not here.
    """
    if is_message_class(given):
        return given
    if not isinstance(given, str):
        raise TypeError(f"{argument} must be a message class, such as sensor_msgs.msg.Image, not {given!r}")
    parts = given.split("/")
    if len(parts) not in (2, 3) or not all(part.isidentifier() for part in parts):
        raise TypeError(f'{argument} must be a message type, such as "sensor_msgs/msg/Image", not {given!r}')
    package, folder, name = parts[0], parts[1] if len(parts) == 3 else "msg", parts[-1]
    try:
        module = importlib.import_module(f"{package}.{folder}")
    except ImportError as problem:
        raise ImportError(
            f"the message package {package!r} cannot be imported here ({problem}): source the workspace that it is in, "
            f"or `pip install ros-{package.replace('_', '-')}`"
        ) from problem
    found = getattr(module, name, None)
    if not is_message_class(found):
        raise TypeError(f"{argument}: the package {package!r} has no message {name!r}")
    return found


def has_path(given: Any, path: str) -> bool:
    """Whether a message has a field of this path, as `pmipc_cdr_types_find` understands them."""
    current: Any = given
    for part in path.split("."):
        if current is None:
            return False
        name = part.removesuffix("[]")
        names = list(current.get_fields_and_field_types())
        if name not in names:
            return False
        value, _suffix = element_of(current.SLOT_TYPES[names.index(name)])
        current = find_class(value, current) if hasattr(value, "namespaces") else None
    return True
