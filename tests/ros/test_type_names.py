"""Type names come from pools, other computers and files: what they may import, and how their texts are logged."""

from __future__ import annotations

import importlib
import logging
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ament_index_python import get_resource, get_resources
from polymorph_ipc import InvalidArgumentError, TensorProducer
from polymorph_ipc._describe import printable
from polymorph_ipc._ros.classes import check_generated, message_class, messages_folder
from polymorph_ipc._ros.publication import warn
from polymorph_ipc._tools.bridge.request import from_file
from polymorph_ipc.ros import PoolPublisher
from sensor_msgs.msg import Image

from ros_nodes import RGB, Ros, image
from support.observe import the_pool_file, wait_until

GENERATED = "# generated from rosidl_generator_py/resource/_idl.py.em\n"


def installed_messages() -> Iterator[tuple[str, str]]:
    for package in sorted(get_resources("rosidl_interfaces")):
        content, _ = get_resource("rosidl_interfaces", package)
        for line in content.split():
            folder, _, file = line.partition("/")
            if folder == "msg" and file.endswith(".msg"):
                yield package, file.removesuffix(".msg")


def test_every_installed_message_type_is_found_without_an_import() -> None:
    found = list(installed_messages())
    assert len(found) > 100
    before = set(sys.modules)
    for package, name in found:
        folder = messages_folder(package)
        assert folder is not None, package
        check_generated(folder, package, name, "type")
    assert {module for module in set(sys.modules) - before if "." not in module} == set()
    package, name = found[-1]
    assert message_class(f"{package}/msg/{name}", "type") is message_class(f"{package}/{name}", "type")


@pytest.mark.parametrize(
    "name",
    [
        "unittest/__main__/X",
        "unittest/msg/X",
        "os/path/join",
        "this/X",
        "sensor_msgs/srv/SetCameraInfo",
        "sensor_msgs/msg/Image/x",
        "sensor_msgs.msg/Image",
        "sensor_msgs/msg/Image\n",
        "sensor_msgs/msg/_image",
        "sensor_msgs/msg/__class__",
        "__main__/msg/X",
        "../sensor_msgs/msg/Image",
        "sensor_msgs/msg/Ímage",
        "a/" + "b" * 5000,
        "b" * 5000 + "/msg/A",
        "",
        7,
        ["sensor_msgs/msg/Image"],
    ],
)
def test_invalid_type_name_imports_nothing(name: Any) -> None:
    sys.modules.pop("unittest.__main__", None)
    before = set(sys.modules)
    with pytest.raises((TypeError, ImportError), match=r"^type must be |has no message|cannot be imported") as refusal:
        message_class(name, "type")
    assert len(str(refusal.value)) < 600
    assert str(refusal.value).isprintable()
    assert set(sys.modules) == before


def plant(folder: Path, package: str, first_line: str) -> Path:
    """Make a package whose import creates a file. Returns that file."""
    mark = folder / "it_was_imported"
    code = f"open({str(mark)!r}, 'w').close()\n"
    messages = folder / package / "msg"
    messages.mkdir(parents=True)
    (folder / package / "__init__.py").write_text(code)
    (messages / "__init__.py").write_text(f"{code}from ._thing import Thing\n")
    (messages / "_thing.py").write_text(f"{first_line}{code}class Thing:\n    SLOT_TYPES = ()\n")
    return mark


def test_package_not_generated_by_rosidl_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = plant(tmp_path, "planted_one", "# by hand\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(TypeError, match="the package 'planted_one' has no message 'Thing'"):
        message_class("planted_one/msg/Thing", "type")
    assert not mark.exists()


def test_package_in_the_working_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = plant(tmp_path, "planted_two", GENERATED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    with pytest.raises(ImportError, match="is in the working folder"):
        message_class("planted_two/msg/Thing", "type")
    assert not mark.exists()
    monkeypatch.chdir("/")  # from another working folder, the package counts as installed
    monkeypatch.syspath_prepend(str(tmp_path))
    assert message_class("planted_two/msg/Thing", "type").__name__ == "Thing"
    assert mark.exists()
    for module in ("planted_two.msg._thing", "planted_two.msg", "planted_two"):
        sys.modules.pop(module)


def test_class_of_another_package_is_not_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, "planted_three", GENERATED)
    (tmp_path / "planted_three" / "msg" / "__init__.py").write_text("from sensor_msgs.msg import Image as Thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(TypeError, match="the package 'planted_three' has no message 'Thing'"):
        message_class("planted_three/msg/Thing", "type")
    for module in ("planted_three.msg", "planted_three"):
        sys.modules.pop(module)


def test_ros_type_in_metadata_cannot_import_a_module(ros: Ros, topic: str) -> None:
    assert importlib.util.find_spec("unittest.__main__") is not None
    sys.modules.pop("unittest.__main__", None)
    metadata = {"ros_type": "unittest/__main__/X"}
    with (
        TensorProducer.from_sample("arm/q", np.zeros(2), metadata=metadata) as producer,
        PoolPublisher(ros.node(), "arm/q", topic) as publisher,
    ):
        producer.publish(np.ones(2))
        wait_until(lambda: "ros_type" in publisher.stats["problem"], what="the refusal")
        assert "'unittest/__main__/X'" in publisher.stats["problem"]
        assert publisher.stats["published"] == 0
    assert "unittest.__main__" not in sys.modules


def test_logged_texts_contain_no_control_characters(caplog: pytest.LogCaptureFixture) -> None:
    class DestroyedNode:
        def get_logger(self) -> Any:
            raise RuntimeError

    hostile = "a\x1b[2J\x1b]0;title\x07\r\nb\u202ec\x9b" + "x" * 5000
    with caplog.at_level(logging.WARNING):
        warn(DestroyedNode(), "cam", "/topic", hostile)
    (record,) = caplog.records
    assert record.getMessage().isprintable()
    assert len(record.getMessage()) < 2100
    assert printable("Zürich 画像 ok") == "Zürich 画像 ok"


# ---- mode


@pytest.mark.parametrize("sample", [RGB, None])
def test_pool_of_a_topic_has_the_given_mode(ros: Ros, topic: str, pool_folder: Path, sample: Any) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, sample, ros_mode=0o660)
    ros.send(node, stream, ros.publisher(Image, topic), image(3))
    assert stream.get_last() is not None
    assert stat.S_IMODE(the_pool_file(pool_folder).stat().st_mode) == 0o660


@pytest.mark.parametrize("mode", [0o644, 0o777, -1, "0660", None])
def test_invalid_ros_mode_is_refused_at_once(ros: Ros, topic: str, mode: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=re.escape("0o600, 0o660, 0o606 or 0o666")):
        ros.stream(ros.node(), topic, Image, RGB, ros_mode=mode)


@pytest.mark.parametrize(
    ("given", "mode"), [("", 0o600), (", mode: 0660", 0o660), (', mode: "0666"', 0o666), (", mode: 0o606", 0o606)]
)
def test_mode_in_a_bridge_file_is_octal(tmp_path: Path, given: str, mode: int) -> None:
    file = tmp_path / "bridge.yaml"
    file.write_text(f"- {{from_ros: /x, to: a{given}}}")
    (request,) = from_file(file)
    assert request.permissions() == mode
