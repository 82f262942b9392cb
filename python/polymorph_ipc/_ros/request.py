"""The `ros_*` arguments of `TensorStream`, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .. import _core, _samples
from .._arguments import MODES, whole_number
from . import qos, types
from .classes import message_class
from .missing import require_rclpy


@dataclass(frozen=True)
class Request:
    """The `ros_*` arguments of `TensorStream`."""

    node: Any
    topic: Any
    message_class: Any
    sample: Any = None
    qos: Any = None
    field: Any = None
    joints: Any = None
    point_fields: Any = None
    variable: bool | None = None
    frames: str | None = None
    organized: bool = False
    on_change: str | None = None
    max_bytes: int | None = None
    history_len: int = 10
    mode: int = 0o600

    def checked(self) -> Request:
        """The same arguments, with the message class instead of its name. Raises for every error that can be found
        before a subscription or a pool exists."""
        given = {"ros_node": self.node, "ros_topic": self.topic, "ros_msg_type": self.message_class}
        missing = [f"{name}=" for name, value in given.items() if value is None]
        present = next((name for name, value in given.items() if value is not None), "ros_node")
        require_rclpy(present)
        if missing:
            raise TypeError(
                f"a stream of a ROS topic needs ros_node=, ros_topic= and ros_msg_type=: {missing[0]} is missing"
            )
        from rclpy.node import Node

        if not isinstance(self.node, Node):
            raise TypeError(f"ros_node must be an rclpy.node.Node, not {self.node!r}")
        if not isinstance(self.topic, str) or not self.topic:
            raise TypeError(f'ros_topic must be the name of a topic such as "/camera/image_raw", not {self.topic!r}')
        if self.variable is not None and not isinstance(self.variable, bool):
            raise TypeError(f"ros_variable must be True, False or None, not {self.variable!r}")
        if self.mode not in MODES:
            raise _core.InvalidArgumentError(
                f"ros_mode must be 0o600, 0o660, 0o606 or 0o666, not {self.mode!r}: a process that may read a "
                "pool must also be able to write it"
            )
        if self.frames not in (None, "any"):
            raise TypeError(f'ros_frames must be "any" or None, not {self.frames!r}')
        if not isinstance(self.organized, bool):
            raise TypeError(f"ros_organized must be True or False, not {self.organized!r}")
        if self.on_change not in (None, "refuse", "follow"):
            raise ValueError(f'ros_on_change must be "refuse", "follow" or None, not {self.on_change!r}')
        if self.max_bytes is not None and whole_number(self.max_bytes, "ros_max_bytes") < 1:
            raise ValueError(f"ros_max_bytes must be 1 or more, not {self.max_bytes!r}")
        if self.qos is not None:
            qos.as_given(self.qos)
        return replace(self, message_class=message_class(self.message_class, "ros_msg_type"))

    @property
    def follows(self) -> bool:
        """Whether messages of another kind (size, encoding, layout) replace the pool."""
        return self.on_change == "follow" or (self.on_change is None and self.sample is None)

    def fields(self) -> dict[str, str]:
        """The path in the message of each field of the pool."""
        is_dict = isinstance(self.sample, Mapping)
        if self.field is None:
            return {str(name): str(name) for name in self.sample} if is_dict else {"": ""}
        if isinstance(self.field, str):
            if is_dict:
                raise TypeError("ros_field must be a dict {field name: path} when ros_sample_data is a dict")
            return {"": self.field}
        if not isinstance(self.field, Mapping) or not self.field:
            raise TypeError(f"ros_field must be a path, or a dict {{field name: path}}, not {self.field!r}")
        if self.sample is not None and (not is_dict or set(self.sample) != set(self.field)):
            names = sorted(self.sample) if is_dict else "a plain array"
            raise ValueError(f"ros_sample_data must be a dict with the fields that ros_field names: "
                             f"{sorted(self.field)}, not {names}")  # fmt: skip
        return {str(name): str(path) for name, path in self.field.items()}

    def sample_schema(self) -> _core.Schema | None:
        """The schema of the sample, its fields in the order of `fields()`."""
        if self.sample is None:
            return None
        sample = (
            {name: self.sample[name] for name in self.fields()} if isinstance(self.sample, Mapping) else self.sample
        )
        return _samples.schema_for(sample, False, "ros_sample_data")

    def decoder(self) -> _core.RosDecoder:
        """Make a decoder of such messages."""
        return _core.RosDecoder(
            types.describe(self.message_class),
            types.type_name(self.message_class),
            self.fields(),
            names("ros_joints", self.joints),
            names("ros_point_fields", self.point_fields),
            self.variable is not False,
            self.organized,
            self.frames == "any",
        )


def names(argument: str, value: Any) -> list[str] | None:
    """The argument as a list of str. Raises TypeError when it is another thing, or empty."""
    if value is None:
        return None
    found = None if isinstance(value, (str, bytes)) else list(value)
    if not found or not all(isinstance(name, str) for name in found):
        raise TypeError(f"{argument} must be a list of names, not {value!r}")
    return found
