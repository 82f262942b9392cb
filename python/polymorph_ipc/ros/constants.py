"""What a pool's metadata says of every message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import _core
from .classes import has_path
from .types import type_name

Constant = str | list[str] | float

# Keys that are no paths: where a message must have what they tell of, one of these.
WHERE = {
    "frame_id": ("header.frame_id", "frame_id"),
    "names": ("name", "joint_names", "names"),
    "point_fields": ("point_step",),
}
IGNORED = frozenset({"ros_type"})


def constants_of(metadata: Mapping[str, Any], message_class: Any, pool_name: str) -> dict[str, Constant]:
    """Those entries that say something of the message type: known keys and paths of its fields. What else metadata say
    (units, serial numbers) is nobody's business here.

    Raises: InvalidArgumentError for an entry whose value no message field can have.
    """
    constants: dict[str, Constant] = {}
    for key, value in metadata.items():
        if key in IGNORED or value is None or not any(has_path(message_class, path) for path in WHERE.get(key, (key,))):
            continue
        is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not is_list and not isinstance(value, (str, bool, int, float)):
            raise _core.InvalidArgumentError(
                f"pool {pool_name!r}: its metadata say {key!r}, which {type_name(message_class)} has, but a constant "
                f"of a message is a text, a list of texts or a number, not {value!r}"
            )
        constants[key] = float(value) if isinstance(value, (bool, int)) else value
    return constants
