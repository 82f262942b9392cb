"""Default values of message fields, read from a new message: SLOT_TYPES do not have them."""

from __future__ import annotations

from typing import Any

from .types import describe_classes


def describe_with_defaults(given: Any) -> dict[str, str]:
    """The .msg texts of a message class and of all messages in it, as `types.describe` gives them, with the default
    values of fields: a Quaternion's w is 1, a NavSatStatus's status is "unknown"."""
    return {name: with_defaults(text, found()) for name, (text, found) in describe_classes(given).items()}


def with_defaults(text: str, message: Any) -> str:
    lines = []
    for line in text.splitlines():
        default = literal(getattr(message, line.split()[-1], None))
        lines.append(f"{line} {default}\n" if default else f"{line}\n")
    return "".join(lines)


def literal(value: Any) -> str:
    """A default value as .msg text; "" for zero, for empty values, for messages, and for what .msg text cannot hold."""
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, (int, float)):
        return repr(value) if value else ""
    if isinstance(value, str):
        return f'"{value}"' if value and value.isprintable() and not set(value) & set("\"'\\") else ""
    if isinstance(value, (bytes, bytearray)):  # the value of a field of type byte
        return str(value[0]) if len(value) == 1 and value[0] else ""
    if hasattr(value, "get_fields_and_field_types") or value is None:
        return ""
    items = [plain(item) for item in value]
    if not any(items) or not all(isinstance(item, (bool, int, float, str)) for item in items):
        return ""
    return f"[{', '.join(literal(item) or ZERO[type(item)] for item in items)}]"


ZERO = {bool: "false", int: "0", float: "0", str: '""'}


def plain(item: Any) -> Any:
    """A numpy number or a byte as a Python number."""
    if isinstance(item, bytes):
        return item[0] if item else 0
    return item.item() if hasattr(item, "item") else item
