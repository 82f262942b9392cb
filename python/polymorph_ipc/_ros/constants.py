"""Constants: values from a pool's metadata that every message of its topic has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .. import _core
from .._describe import shortened
from .classes import has_path
from .types import type_name

Constant = str | list[str] | float

# Keys that are not paths, with the fields that can hold their values: a message must have one of them.
WHERE = {
    "frame_id": ("header.frame_id", "frame_id"),
    "names": ("name", "joint_names", "names"),
    "point_fields": ("point_step",),
}
IGNORED = frozenset({"ros_type"})
IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"


def constants_of(metadata: Mapping[str, Any], message_class: Any, pool_name: str) -> dict[str, Constant]:
    """The entries of the metadata that apply to the message type: known keys, and paths of its fields. Other entries,
    such as units or serial numbers, are ignored.

    Raises:
        InvalidArgumentError: An entry has a value that a message field cannot have.
    """
    constants: dict[str, Constant] = {}
    for key, value in metadata.items():
        if key in IGNORED or value is None or not concerns(key, message_class):
            continue
        is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not is_list and not isinstance(value, (str, bool, int, float)):
            raise _core.InvalidArgumentError(
                f"pool {pool_name!r}: the metadata's {key!r} is a field of {type_name(message_class)}: its value must "
                f"be a text, a list of texts or a number, not {shortened(value)}"
            )
        constants[key] = float(value) if isinstance(value, (bool, int)) else value
    return constants


def concerns(key: str, message_class: Any) -> bool:
    """Whether a key of the metadata applies to messages of this type."""
    if key == "layout":  # "HWC" or "CHW" of an Image's samples. A MultiArray's field "layout" follows from the sample
        return type_name(message_class) == IMAGE
    return any(has_path(message_class, path) for path in WHERE.get(key, (key,)))


def missing_value(message_class: Any, given: Collection[str]) -> str:
    """A text about a value that some receivers need and that neither metadata nor fields give; "" when none is missing.

    `given`: keys of the constants and paths of the fields. `RosEncoder` raises when a value is missing that every
    receiver needs.
    """
    if type_name(message_class) != COMPRESSED_IMAGE or "format" in given:
        return ""
    return (
        "the messages' format is empty: some receivers cannot tell which codec to use. Give the metadata "
        '"format": "jpeg" or "png" ("" if the receivers find out from the data)'
    )
