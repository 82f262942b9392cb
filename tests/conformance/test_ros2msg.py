"""The installed .msg files: their text agrees with the SLOT_TYPES of the classes, and their defaults with rclpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import reference
from ament_index_python import get_package_share_directory
from codec import Decoder, Encoder, Types
from messages import describe, installed, leaf_paths, members, type_name
from rclpy.serialization import serialize_message


def msg_file(cls: Any) -> Path:
    package, folder, name = type_name(cls).split("/")
    return Path(get_package_share_directory(package)) / folder / f"{name}.msg"


CLASSES = [cls for cls in installed().values() if msg_file(cls).exists()]


def mcap_schema(cls: Any) -> str:
    """The text of a class and of all classes that it needs, in the format of MCAP files."""
    needed = [cls]
    for one in needed:
        needed += {member.cls: None for member in members(one) if member.cls and member.cls not in needed}
    sections = [msg_file(cls).read_text()]
    for one in needed[1:]:
        package, _, name = type_name(one).split("/")
        sections.append(f"MSG: {package}/{name}\n{msg_file(one).read_text()}")
    return ("\n" + "=" * 80 + "\n").join(sections)


def test_many_message_files_are_installed() -> None:
    assert len(CLASSES) > 150


@pytest.mark.parametrize("cls", CLASSES, ids=type_name)
def test_msg_text_and_slot_types_agree(cls: Any) -> None:
    from_text, from_class = Types(), Types()
    package, _, name = type_name(cls).split("/")
    from_text.add(f"{package}/{name}", mcap_schema(cls))
    for other, text in describe(cls).items():
        from_class.add(other, text)
    for other in describe(cls):
        assert from_text.fields(other) == from_class.fields(other)
    leaves = list(leaf_paths(cls))
    raw = Encoder(from_text, type_name(cls), []).encode([])
    message = cls()
    assert raw == reference.canonical(message, serialize_message(message))
    values = Decoder(from_class, type_name(cls), leaves).decode(raw)
    assert Encoder(from_class, type_name(cls), leaves).encode(values) == raw
