"""Message classes as .msg texts, from which the C library compiles decoders and encoders."""

from __future__ import annotations

import importlib
import sys
from typing import Any

# Names of .msg text for types that IDL names differently.
MSG_NAMES = {"float": "float32", "double": "float64", "boolean": "bool", "octet": "byte"}


def is_message_class(candidate: Any) -> bool:
    """Whether the object is a generated message class, such as `sensor_msgs.msg.Image`."""
    return isinstance(candidate, type) and isinstance(getattr(candidate, "SLOT_TYPES", None), (tuple, list))


def type_name(message_class: Any) -> str:
    """The type name of a message class: "sensor_msgs/msg/Image" for `sensor_msgs.msg.Image`."""
    package, folder = message_class.__module__.split(".")[:2]
    return f"{package}/{folder}/{message_class.__name__}"


def describe(message_class: Any) -> dict[str, str]:
    """The .msg texts of a message class and of all the messages in it, by type name, the class itself first.

    They are made from `SLOT_TYPES`, which every generated class has since Dashing. No .msg file is needed.

    Example:
        >>> describe(geometry_msgs.msg.PointStamped)["geometry_msgs/msg/PointStamped"]
        'std_msgs/msg/Header header\\ngeometry_msgs/msg/Point point\\n'
    """
    return {name: text for name, (text, _found) in describe_classes(message_class).items()}


def describe_classes(message_class: Any) -> dict[str, tuple[str, Any]]:
    """The .msg texts of a message class and of all the messages in it, each with its class, by type name."""
    described: dict[str, tuple[str, Any]] = {}
    add(message_class, described)
    return described


def add(message_class: Any, described: dict[str, tuple[str, Any]]) -> None:
    name = type_name(message_class)
    if name in described:
        return
    described[name] = ("", message_class)
    lines = []
    for field, slot in zip(message_class.get_fields_and_field_types(), message_class.SLOT_TYPES, strict=True):
        value, suffix = element_of(slot)
        if hasattr(value, "namespaces"):
            nested = find_class(value, message_class)
            add(nested, described)
            base = type_name(nested)
        else:
            base = primitive(value)
        lines.append(f"{base}{suffix} {field}\n")
    described[name] = ("".join(lines), message_class)


def element_of(slot: Any) -> tuple[Any, str]:
    """The element type of a field, and the suffix for arrays and sequences in .msg text."""
    kind = type(slot).__name__
    if kind == "Array":
        return slot.value_type, f"[{slot.size}]"
    if kind == "BoundedSequence":
        return slot.value_type, f"[<={slot.maximum_size}]"
    if kind == "UnboundedSequence":
        return slot.value_type, "[]"
    return slot, ""


def primitive(value: Any) -> str:
    kind = type(value).__name__
    if kind.endswith("String"):
        base = "wstring" if kind.endswith("WString") else "string"
        return f"{base}<={value.maximum_size}" if kind.startswith("Bounded") else base
    name: str = value.typename
    return MSG_NAMES.get(name, name)


def find_class(named: Any, user: Any) -> Any:
    """The class of a message that is a field of `user`."""
    module = importlib.import_module(".".join(named.namespaces))
    found = getattr(module, named.name, None)
    if found is None:  # messages of services and actions are in the module of their user
        found = getattr(sys.modules[user.__module__], named.name)
    return found
