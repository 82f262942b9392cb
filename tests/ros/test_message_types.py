"""Message classes are described as rclpy serializes them: every class of every installed interface."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from ament_index_python import get_resource, get_resources
from polymorph_ipc import InvalidArgumentError, SchemaMismatchError, UnsupportedError, _core
from polymorph_ipc._ros.types import describe, is_message_class, type_name
from rclpy.serialization import serialize_message


def installed(folders: set[str]) -> list[Any]:
    """The message classes of all installed packages, including those of services and actions."""
    found: dict[str, Any] = {}

    def add(holder: Any) -> None:
        for value in list(vars(holder).values()):
            if is_message_class(value):
                found[type_name(value)] = value
            elif isinstance(value, type) and value not in seen:
                seen.add(value)
                add(value)

    seen: set[type] = set()
    for package in sorted(get_resources("rosidl_interfaces")):
        content, _ = get_resource("rosidl_interfaces", package)
        for folder in sorted({line.split("/")[0] for line in content.split()} & folders):
            add(importlib.import_module(f"{package}.{folder}"))
    return [found[name] for name in sorted(found)]


def test_every_installed_message_class_is_described_and_decoded() -> None:
    classes = installed({"msg", "srv", "action"})
    read = 0
    for message_class in classes:
        texts = describe(message_class)
        assert next(iter(texts)) == type_name(message_class)
        try:
            reader = _core.RosDecoder(texts, type_name(message_class), {"": ""})
        except (InvalidArgumentError, UnsupportedError) as refusal:
            # The type has no default tensor; its description was parsed.
            assert "line " not in str(refusal), f"{message_class}: {refusal}"
            continue
        try:
            reader.learn(serialize_message(message_class()))
        except SchemaMismatchError:  # an empty image or a joint state without joints
            continue
        read += 1
    assert len(classes) > 150
    assert read > 50


@pytest.mark.parametrize("other", [None, "sensor_msgs/msg/Image", 3, type, importlib])
def test_object_that_is_not_a_message_class(other: Any) -> None:
    assert not is_message_class(other)


def test_service_is_not_a_message_class() -> None:
    from std_srvs.srv import Empty

    assert not is_message_class(Empty)
    assert is_message_class(Empty.Request)
