"""What a pool's metadata says of every message."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .. import _core
from .._describe import shortened
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
IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"


def constants_of(metadata: Mapping[str, Any], message_class: Any, pool_name: str) -> dict[str, Constant]:
    """Those entries that say something of the message type: known keys and paths of its fields. What else metadata say
    (units, serial numbers) is nobody's business here.

    Raises: InvalidArgumentError for an entry whose value no message field can have.
    """
    constants: dict[str, Constant] = {}
    for key, value in metadata.items():
        if key in IGNORED or value is None or not concerns(key, message_class):
            continue
        is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not is_list and not isinstance(value, (str, bool, int, float)):
            raise _core.InvalidArgumentError(
                f"pool {pool_name!r}: its metadata say {key!r}, which {type_name(message_class)} has, but a constant "
                f"of a message is a text, a list of texts or a number, not {shortened(value)}"
            )
        constants[key] = float(value) if isinstance(value, (bool, int)) else value
    return constants


def concerns(key: str, message_class: Any) -> bool:
    """Whether a key of the metadata says something of messages of this type."""
    if key == "layout":  # of the samples: "HWC" or "CHW". In a MultiArray it is a field that follows from the sample
        return type_name(message_class) == IMAGE
    return any(has_path(message_class, path) for path in WHERE.get(key, (key,)))


def missing_words(message_class: Any, given: Collection[str]) -> str:
    """What some receivers need and neither metadata nor fields give, in words; "" when nothing is missing.

    `given`: keys of the constants and paths of the fields. What every receiver needs is refused by `RosEncoder`.
    """
    if type_name(message_class) != COMPRESSED_IMAGE or "format" in given:
        return ""
    return (
        "the messages' format is empty: some receivers cannot tell which codec to use. Give the metadata "
        '"format": "jpeg" or "png" ("" if the receivers find out from the data)'
    )
