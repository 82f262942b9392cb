"""docs/ros.md is correct: its blocks run, its table agrees with the code, its files are those in examples/."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from launcher import EXAMPLES, REPOSITORY, Launcher
from polymorph_ipc import TensorProducer, TensorStream, UnsupportedError, _core
from polymorph_ipc._ros.classes import message_class
from polymorph_ipc._ros.types import describe, type_name
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState, PointField

from ros_nodes import Ros, joints
from support.observe import wait_until
from support.processes import Spawner

GUIDE = (REPOSITORY / "docs" / "ros.md").read_text()
HEADER = (REPOSITORY / "include" / "polymorph_ipc" / "ros.h").read_text()
CAMERA = Path(__file__).parent / "programs" / "camera.py"
TABLE = re.findall(r"^\| ((?:\w+_msgs/\w+|any other).*?) \| (.*) \|$", GUIDE, re.MULTILINE)
TYPE = re.compile(r"\w+_msgs/\w+")
TENSOR = re.compile(r"`(\w+) (\(.*?\))`")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def rows_with_a_tensor() -> Iterator[Any]:
    for types, text in TABLE:
        tensor = TENSOR.search(text)
        for name in TYPE.findall(types):
            if tensor:
                yield pytest.param(name, tensor[1], tensor[2], "variable" in text.split(":")[0], id=name)


# ---- the table


def example_of(name: str) -> Any:
    """A message with filled sequences: H = 4, W = 6, N = T = 5, J = 3."""
    message = message_class(name, "name")()
    fill = FILLINGS.get(name)
    if fill:
        fill(message)
    return message


def fill_image(message: Any) -> None:
    message.height, message.width, message.encoding, message.step = 4, 6, "rgb8", 18
    message.data.frombytes(bytes(72))


def fill_cloud(message: Any) -> None:
    names = ("x", "y", "z")
    message.fields = [PointField(name=n, offset=4 * i, datatype=7, count=1) for i, n in enumerate(names)]
    message.height, message.width, message.point_step, message.row_step = 1, 5, 12, 60
    message.data.frombytes(bytes(60))


def fill_joints(message: Any) -> None:
    message.name, message.position = ["a", "b", "c"], [1.0, 2.0, 3.0]


def fill_trajectory(message: Any) -> None:
    from trajectory_msgs.msg import JointTrajectoryPoint

    message.joint_names = ["a", "b", "c"]
    message.points = [JointTrajectoryPoint(positions=[1.0, 2.0, 3.0]) for _ in range(5)]


def fill_grid(message: Any) -> None:
    message.info.height, message.info.width, message.data = 4, 6, [0] * 24


def filling(field: str, element: Any) -> Any:
    return lambda message: setattr(message, field, [element] * 5)


def fillings() -> dict[str, Any]:
    from geometry_msgs.msg import Point32, Pose, PoseStamped

    return {
        "sensor_msgs/Image": fill_image,
        "sensor_msgs/PointCloud2": fill_cloud,
        "sensor_msgs/JointState": fill_joints,
        "trajectory_msgs/JointTrajectory": fill_trajectory,
        "nav_msgs/OccupancyGrid": fill_grid,
        "sensor_msgs/CompressedImage": filling("data", 7),
        "sensor_msgs/LaserScan": filling("ranges", 1.0),
        "sensor_msgs/Joy": filling("axes", 1.0),
        "std_msgs/Float32MultiArray": filling("data", 1.0),
        "std_msgs/UInt8MultiArray": filling("data", 1),
        "geometry_msgs/PoseArray": filling("poses", Pose()),
        "nav_msgs/Path": filling("poses", PoseStamped()),
        "geometry_msgs/Polygon": filling("points", Point32()),
        "geometry_msgs/PolygonStamped": lambda message: filling("points", Point32())(message.polygon),
    }


FILLINGS = fillings()


def reader_of(name: str) -> Any:
    found = message_class(name, "name")
    return _core.RosDecoder(describe(found), type_name(found), {"": ""})


@pytest.mark.parametrize(("name", "dtype", "shape", "variable"), list(rows_with_a_tensor()))
def test_default_tensor_agrees_with_the_guide(name: str, dtype: str, shape: str, variable: bool) -> None:
    schema, _metadata = reader_of(name).learn(serialize_message(example_of(name)))
    (field,) = schema.fields
    sizes = {"H": 4, "W": 6, "N": 5, "T": 5, "J": 3}
    expected = [sizes.get(length) or int(length) for length in re.findall(r"[\w]+", shape)]
    if variable:
        assert field.shape[0] == 1024, "capacity for twice the rows, at least 1024"
        expected[0] = 1024
    assert field.variable == variable
    assert list(field.shape) == expected
    if dtype == "structured":
        assert field.dtype == "[('x', '<f4'), ('y', '<f4'), ('z', '<f4')]"
    elif dtype != "T":
        assert field.dtype == dtype


def test_type_that_the_guide_lists_as_refused_is_refused() -> None:
    assert dict(TABLE)["tf2_msgs/TFMessage"].startswith("refused")
    transform = message_class("geometry_msgs/TransformStamped", "name")
    texts = {"tf2_msgs/msg/TFMessage": "geometry_msgs/msg/TransformStamped[] transforms\n", **describe(transform)}
    with pytest.raises(UnsupportedError, match="frame"):
        _core.RosDecoder(texts, "tf2_msgs/msg/TFMessage", {"": ""})


def test_guide_and_header_list_the_same_types() -> None:
    table = HEADER.partition("the default tensor of the message type:")[2].partition("any other")[0]
    rows = re.findall(r"^ \*   (\w+_msgs/.*?)(?:  | float64 \(N, 7\)|$)", table, re.MULTILINE)
    in_header = {name for row in rows for name in re.findall(r"[A-Z]\w+", row.replace("(Stamped)", ""))}
    in_guide = {name.split("/")[1] for types, _text in TABLE for name in TYPE.findall(types)}
    assert {"Image", "JointTrajectory", "Odometry"} < in_header
    missing = {name for name in in_header if name not in in_guide and name != "MultiArray"}
    assert not missing
    variable = {types.split(",")[0] for types, text in TABLE if "`, variable" in text}
    assert {"sensor_msgs/LaserScan", "sensor_msgs/PointCloud2"} < variable


# ---- the blocks


def test_first_block_is_the_quick_start_of_the_readme_and_examples() -> None:
    snippet = (EXAMPLES / "ros" / "quickstart.py").read_text()
    assert snippet == (Path(__file__).parent / "programs" / "seed_ros_stream.py").read_text()
    assert blocks("python")[0] == snippet
    assert f"```python\n{snippet}```" in (REPOSITORY / "README.md").read_text()


def test_other_python_blocks_of_the_guide_run(ros: Ros) -> None:
    node = ros.node("guide")
    names: dict[str, Any] = {"node": node}
    try:
        for block in blocks("python")[1:]:
            exec(compile(block, "docs/ros.md", "exec"), names)
        assert names["image_or_none"] is None
        assert names["producer"].ros_stats["published"] == 1
        sender = ros.publisher(JointState, "/joint_states")
        wait_until(sender.get_subscription_count, what="a match")
        sender.publish(joints(wrist=3.0, elbow=2.0, gripper=9.0, shoulder=1.0))
        assert names["arm"].get_new(timeout=20.0).tolist() == [1.0, 2.0, 3.0]
    finally:
        if "executor" in names:
            names["executor"].shutdown()
        for value in names.values():
            if isinstance(value, (TensorProducer, TensorStream)):
                value.cleanup()


def test_yaml_block_is_the_example_file_and_bridges(launch: Launcher, spawn: Spawner, ros: Ros) -> None:
    file = EXAMPLES / "ros" / "bridge.yaml"
    assert blocks("yaml") == [file.read_text()]
    bridge = launch.module("polymorph_ipc", "bridge", str(file), "--plain")
    camera = spawn(CAMERA, "/camera/image_raw", 10, 0)
    camera.expect("ready")
    arm = launch.c("arm_loop", "arm/q", "600")
    node = ros.node()
    seen: list[JointState] = []
    node.create_subscription(JointState, "/arm/joint_states", seen.append, 100)
    ros.spin(node, lambda: seen, f"a joint state: {bridge.output}")
    assert seen[0].header.frame_id == "base"
    with TensorStream("camera/rgb") as images, TensorStream("wrist/q") as wrist, TensorStream("arm/q") as whole:
        assert images.get_new(timeout=20.0).shape == (480, 640, 3), bridge.output
        q, info = wrist.get_new(timeout=20.0, return_info=True)
        assert wrist.metadata["names"] == ["a5", "a6"]
        assert q.tolist() == whole.get_at(info.stamp, tolerance=0).tolist()[4:6]
    camera.kill()
    bridge.signal(signal.SIGINT)
    arm.signal(signal.SIGTERM)


def test_large_message_profile_delivers_every_best_effort_image(topic: str, spawn: Spawner) -> None:
    file = str(EXAMPLES / "ros" / "fastdds_large_messages.xml")
    profile = dict.fromkeys(re.findall(r"^export (FAST\w+)=", GUIDE, re.MULTILINE), file)
    assert len(profile) == 2, "Fast DDS 2 (Jazzy) and 3 (Kilted) read different variables"
    listener = spawn(LISTENER, topic, environment=profile)
    listener.expect("ready")
    camera = spawn(CAMERA, topic, 10, 20, "--best-effort", environment=profile)
    camera.expect("ready")
    with TensorStream("images") as images:
        stamps = []
        while len(stamps) < 20:
            image, info = images.get_next(timeout=20.0, return_info=True)
            assert image is not None, f"only {len(stamps)} images arrived"
            stamps.append(info.stamp // 10**9)
    assert stamps == list(range(1, 21))
    listener.signal(signal.SIGINT)
    listener.fail_with(-signal.SIGINT)


LISTENER = """
    import sys
    import rclpy
    from sensor_msgs.msg import Image
    from polymorph_ipc import TensorStream
    rclpy.init()
    node = rclpy.create_node("listener")
    with TensorStream("images", ros_node=node, ros_topic=sys.argv[1], ros_msg_type=Image):
        send("ready")
        rclpy.spin(node)
"""
