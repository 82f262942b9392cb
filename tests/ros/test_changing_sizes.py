"""Messages of changing size and kind from real publishers, as in public bug reports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest
from nav_msgs.msg import OccupancyGrid
from polymorph_ipc import PoolBusyError, SchemaMismatchError, TensorProducer, TensorStream, inspect_pool
from polymorph_ipc._samples import schema_for
from sensor_msgs.msg import CameraInfo, CompressedImage, JointState, LaserScan, PointCloud2, PointField
from std_msgs.msg import Float64MultiArray, MultiArrayDimension

from ros_nodes import RGB, Ros, image, joints
from support.observe import wait_until

SCANS = [200, 459, 460, 459, 458, 460, 459, 461, 459, 460, 1080, 459, 0, 720]
JPEGS = [900, 1100, 2500, 40_000, 64_000, 61_000, 120_000, 90_000, 300_000, 800]
CLOUDS = [0, 0, 3, 2000, 0, 6000, 30_000, 12]
MAPS = [(10, 10), (10, 20), (30, 20), (30, 20), (64, 48)]


def scan(length: int) -> Any:
    message = LaserScan(ranges=np.arange(length, dtype=np.float32).tolist())
    message.header.stamp.sec = 1 + length
    return message


def jpeg(length: int) -> Any:
    message = CompressedImage(format="jpeg")
    message.data.frombytes((np.arange(length) % 251).astype(np.uint8).tobytes())
    return message


def grid(height: int, width: int) -> Any:
    message = OccupancyGrid(data=(np.arange(height * width) % 100).astype(np.int8).tolist())
    message.info.height, message.info.width = height, width
    return message


def field(name: str, offset: int, datatype: int = PointField.FLOAT32, count: int = 1) -> Any:
    return PointField(name=name, offset=offset, datatype=datatype, count=count)


XYZ = [field("x", 0), field("y", 4), field("z", 8)]
PCL = [*XYZ, field("_", 12, PointField.UINT8, 4), field("intensity", 16), field("ring", 20, PointField.UINT16),
       field("_", 22, PointField.UINT8, 10)]  # fmt: skip


def cloud(length: int, fields: list[Any] | None = None, step: int = 12, height: int = 1) -> Any:
    message = PointCloud2(height=height, width=length, point_step=step, row_step=step * length, fields=fields or XYZ)
    points = np.zeros((height * length, step), np.uint8)
    if length:
        points[:, :12] = np.arange(3 * height * length, dtype=np.float32).reshape(-1, 3).view(np.uint8)
    message.data.frombytes(points.tobytes())
    return message


def frames_of(stream: TensorStream) -> list[Any]:
    """All new samples. A call returns the samples of one pool; growth replaces the pool by a larger one."""
    frames: list[Any] = []
    while (batch := stream.get_all_new()) is not None:
        frames.extend(batch)
    return frames


@pytest.mark.parametrize("sample", [None, np.zeros(200, np.float32)], ids=["learned", "sample"])
def test_all_scans_of_varying_length_become_samples(ros: Ros, topic: str, sample: Any) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, LaserScan, sample)
    publisher = ros.publisher(LaserScan, topic)
    seen = []
    for length in SCANS:
        ros.send(node, stream, publisher, scan(length))
        seen.extend(frames_of(stream))
    assert [len(frame) for frame in seen] == SCANS
    for length, frame in zip(SCANS, seen, strict=True):
        assert np.array_equal(frame, np.arange(length, dtype=np.float32))
    assert stream.stats["published"] == len(SCANS)
    assert stream.stats["misfits"] == stream.stats["failures"] == stream.stats["changes"] == 0
    assert stream.stats["dropped"] == 0


def test_all_jpegs_after_small_first_ones_become_samples(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, CompressedImage)
    publisher = ros.publisher(CompressedImage, topic)
    lengths = []
    with TensorStream("pool0") as other:
        for length in JPEGS:
            ros.send(node, stream, publisher, jpeg(length))
            frame = other.get_new(timeout=0)
            assert np.array_equal(frame, np.arange(length) % 251)
            lengths.append(len(frame))
        assert other.stats["dropped"] == 0
    assert lengths == JPEGS
    assert stream.metadata["format"] == "jpeg"


@pytest.mark.parametrize("sample", [None, np.zeros((4, 3), np.float32)], ids=["structured", "table"])
def test_all_clouds_after_an_empty_first_one_become_samples(ros: Ros, topic: str, sample: Any) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, PointCloud2, sample)
    publisher = ros.publisher(PointCloud2, topic)
    for length in CLOUDS:
        ros.send(node, stream, publisher, cloud(length))
        frame = stream.get_new(timeout=0)
        assert len(frame) == length
        if length:
            last = frame[-1].tolist() if sample is None else tuple(frame[-1])
            assert last == tuple(float(value) for value in range(3 * length - 3, 3 * length))
    assert stream.stats["misfits"] == 0


def test_multi_arrays_and_camera_infos_of_another_length_become_samples(ros: Ros, topic: str) -> None:
    node = ros.node()
    arrays = ros.stream(node, topic, Float64MultiArray, np.zeros(3))
    infos = ros.stream(node, f"{topic}/info", CameraInfo, {"d": np.zeros(5), "k": np.zeros((3, 3))})
    publisher, informer = ros.publisher(Float64MultiArray, topic), ros.publisher(CameraInfo, f"{topic}/info")
    for length in (3, 7, 0, 20):
        ros.send(node, arrays, publisher, Float64MultiArray(data=[float(length)] * length))
        assert arrays.get_new(timeout=0).tolist() == [float(length)] * length
    for length in (5, 8, 0, 4):
        ros.send(node, infos, informer, CameraInfo(d=[0.5] * length))
        frame = infos.get_new(timeout=0)
        assert frame["d"].tolist() == [0.5] * length
        assert frame["k"].shape == (3, 3)
    assert arrays.stats["misfits"] == infos.stats["misfits"] == 0


def test_multi_array_may_get_more_rows_but_not_wider_ones(ros: Ros, topic: str) -> None:
    def matrix(rows: int, columns: int) -> Any:
        message = Float64MultiArray(data=[1.0] * (rows * columns))
        message.layout.dim = [
            MultiArrayDimension(size=rows, stride=rows * columns),
            MultiArrayDimension(size=columns, stride=columns),
        ]
        return message

    node = ros.node()
    stream = ros.stream(node, topic, Float64MultiArray, np.zeros((2, 3)))
    publisher = ros.publisher(Float64MultiArray, topic)
    ros.send(node, stream, publisher, matrix(2, 3), matrix(9, 3), matrix(2, 4))
    assert [frame.shape for frame in frames_of(stream)] == [(2, 3), (9, 3)]
    assert stream.stats["misfits"] == 1


def test_ros_variable_false_refuses_other_lengths(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, LaserScan, np.zeros(4, np.float32), ros_variable=False)
    publisher = ros.publisher(LaserScan, topic)
    ros.send(node, stream, publisher, scan(4), scan(5), scan(4))
    assert stream.get_history(2).shape == (2, 4)
    assert stream.stats["misfits"] == 1


def test_growth_is_logged_once_with_old_and_new_capacity(ros: Ros, topic: str, capfd: Any) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, LaserScan, np.zeros(10, np.float32))
    publisher = ros.publisher(LaserScan, topic)
    ros.send(node, stream, publisher, scan(10), scan(11), scan(11), scan(20))
    logged = [line for line in capfd.readouterr().err.splitlines() if "room for" in line]
    assert len(logged) == 1
    assert "room for (20,) now, (10,) before" in logged[0]


# ---- limits of growth


def test_cloud_with_one_point_of_200_kilobytes_makes_a_small_pool(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, PointCloud2)
    publisher = ros.publisher(PointCloud2, topic)
    ros.send(node, stream, publisher, cloud(1, step=200_000))
    assert len(stream.get_last()) == 1
    assert inspect_pool("pool0").file_nbytes < 20_000_000


def test_message_above_ros_max_bytes_fails_and_the_next_shapes_the_pool(ros: Ros, topic: str, capfd: Any) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, CompressedImage, ros_max_bytes=2_000_000)
    publisher = ros.publisher(CompressedImage, topic)
    ros.send(node, stream, publisher, jpeg(3_000_000))
    assert stream.stats["failures"] == 1
    assert "max_bytes allows 2000000" in capfd.readouterr().err
    stream._source.handler.retry_at = 0.0  # retry at once instead of a second later
    ros.send(node, stream, publisher, jpeg(1000))
    assert len(stream.get_last()) == 1000
    ros.send(node, stream, publisher, jpeg(3_000_000), jpeg(2000))
    assert stream.stats["failures"] == 2
    assert len(stream.get_last()) == 2000


def test_ros_max_bytes_defaults_to_a_gigabyte_or_more_for_a_sample(ros: Ros, topic: str) -> None:
    node = ros.node()
    learned = ros.stream(node, topic, CompressedImage)
    given = ros.stream(node, topic, CompressedImage, ros_max_bytes=5)
    sampled = ros.stream(node, topic, CompressedImage, np.zeros(10, np.uint8))
    small, large = (schema_for(np.zeros(count, np.uint8), False, "a test") for count in (10, 1 << 27))
    for schema in (small, large):
        assert learned._source.pool.max_bytes(schema) == 1 << 30
        assert given._source.pool.max_bytes(schema) == 5
    assert sampled._source.pool.max_bytes(small) == 1 << 30
    assert sampled._source.pool.max_bytes(large) > 2 * 13 * (1 << 27)
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="ros_max_bytes"):
            ros.stream(node, topic, LaserScan, ros_max_bytes=wrong)


# ---- messages of another kind


def test_another_resolution_or_encoding_replaces_the_pool(ros: Ros, topic: str, capfd: Any) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, image(0).__class__, expect="any")
    publisher = ros.publisher(image(0).__class__, topic)
    strict = TensorStream("pool0")
    ros.send(node, stream, publisher, image(1), image(2))
    assert strict.get_last().shape == (4, 6, 3)
    ros.send(node, stream, publisher, image(3, 8, 12))
    assert stream.get_last().shape == (8, 12, 3)
    assert (stream.get_last() == 3).all()
    with pytest.raises(SchemaMismatchError):
        strict.get_new(timeout=0)
    ros.send(node, stream, publisher, image(4, 8, 12, "bgr8"))
    assert stream.metadata["encoding"] == "bgr8"
    assert (stream.get_last() == 4).all()
    ros.send(node, stream, publisher, image(5, 8, 12, "bgr8"))
    assert stream.stats["changes"] == 2
    assert stream.stats["published"] == 5
    assert stream.stats["misfits"] == 0
    assert capfd.readouterr().err.count("of another kind from now on") == 2
    strict.cleanup()


def test_stream_with_a_sample_refuses_another_resolution(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, image(0).__class__, RGB)
    publisher = ros.publisher(image(0).__class__, topic)
    ros.send(node, stream, publisher, image(1), image(2, 8, 12), image(3))
    assert (stream.get_last() == 3).all()
    assert stream.stats["changes"] == 0
    assert stream.stats["misfits"] == 1


def test_stream_with_a_sample_follows_changes_with_ros_on_change(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, image(0).__class__, RGB, ros_on_change="follow", expect="any")
    publisher = ros.publisher(image(0).__class__, topic)
    ros.send(node, stream, publisher, image(1), image(2, 8, 12))
    assert stream.get_last().shape == (8, 12, 3)
    with pytest.raises(ValueError, match="ros_on_change"):
        ros.stream(node, topic, LaserScan, ros_on_change="maybe")


def test_two_cameras_on_one_topic_replace_the_pool_only_once(ros: Ros, topic: str, capfd: Any) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, image(0).__class__, expect="any")
    publisher = ros.publisher(image(0).__class__, topic)
    for value in range(1, 11):
        ros.send(node, stream, publisher, image(value), image(value, 8, 12))
    assert stream.stats["changes"] == 1
    assert stream.get_last().shape == (8, 12, 3)
    assert stream.stats["misfits"] == 9
    assert capfd.readouterr().err.count("messages of different kinds come on this topic") == 1


def test_growing_map_replaces_the_pool_and_then_keeps_it(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, OccupancyGrid, expect="any")
    publisher = ros.publisher(OccupancyGrid, topic)
    for height, width in MAPS:
        ros.send(node, stream, publisher, grid(height, width))
        assert stream.get_new(timeout=0).shape == (height, width)
    assert stream.stats["misfits"] == 0
    with TensorStream("pool0") as late:
        assert late.get_last().shape == MAPS[-1]


def test_other_joint_names_do_not_replace_the_pool(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, JointState)
    publisher = ros.publisher(JointState, topic)
    ros.send(node, stream, publisher, joints(a=1.0, b=2.0), joints(gripper=0.5), joints(a=3.0, b=4.0))
    assert stream.get_last().tolist() == [3.0, 4.0]
    assert stream.stats["changes"] == 0
    assert stream.stats["misfits"] == 1


# ---- a killed bridge

BRIDGE = textwrap.dedent(
    """
    import sys
    import rclpy
    from polymorph_ipc import TensorStream
    from sensor_msgs.msg import LaserScan
    rclpy.init()
    node = rclpy.create_node("bridge")
    stream = TensorStream("pool0", ros_node=node, ros_topic=sys.argv[1], ros_msg_type=LaserScan)
    rclpy.spin(node)
    """
)


def test_restarted_stream_process_adopts_its_pool(ros: Ros, topic: str) -> None:
    publisher = ros.publisher(LaserScan, topic)
    consumer = TensorStream("pool0")

    def is_received(length: int) -> bool:
        publisher.publish(scan(length))
        frame = consumer.get_new(timeout=0.1)
        return frame is not None and len(frame) == length

    bridges = []
    try:
        for length in (100, 2000, 300):
            bridges.append(subprocess.Popen([sys.executable, "-c", BRIDGE, topic], env=dict(os.environ)))
            wait_until(lambda length=length: is_received(length), 30.0, f"a scan of {length}")
            seq = inspect_pool("pool0").seq
            bridges[-1].send_signal(signal.SIGKILL)
            bridges[-1].wait()
        node = ros.node()
        stream = ros.stream(node, topic, LaserScan, pool_name="pool0")
        ros.send(node, stream, publisher, scan(400))
        assert len(consumer.get_new(timeout=1)) == 400
        assert inspect_pool("pool0").seq > seq, "the pool was adopted, so its sequence continues"
    finally:
        for bridge in bridges:
            bridge.kill()
            bridge.wait()
        consumer.cleanup()


def test_name_with_a_live_producer_is_busy(ros: Ros, topic: str) -> None:
    with TensorProducer.from_sample("pool0", np.zeros(3)), TensorStream("pool0"), pytest.raises(PoolBusyError):
        ros.stream(ros.node(), topic, LaserScan)


# ---- points


def test_clouds_with_padding_fields_are_read_as_structs_and_numbers(ros: Ros, topic: str) -> None:
    node = ros.node()
    structured = ros.stream(node, topic, PointCloud2)
    table = ros.stream(node, topic, PointCloud2, np.zeros((10, 3), np.float32))
    publisher = ros.publisher(PointCloud2, topic)
    ros.send(node, structured, publisher, cloud(5, PCL, 32))
    ros.spin(node, lambda: table.stats["messages"], "the table's message")
    assert structured.get_last().dtype.names == ("x", "y", "z", "intensity", "ring")
    assert structured.get_last().dtype.itemsize == 32
    assert structured.get_last()["y"].tolist() == [1, 4, 7, 10, 13]
    assert table.get_last().tolist() == np.arange(15).reshape(5, 3).tolist()
    assert structured.stats["misfits"] == table.stats["misfits"] == 0


def test_organized_clouds_keep_height_and_width(ros: Ros, topic: str) -> None:
    node = ros.node()
    structured = ros.stream(node, topic, PointCloud2, ros_organized=True)
    table = ros.stream(node, topic, PointCloud2, np.zeros((2, 4, 3), np.float32))
    publisher = ros.publisher(PointCloud2, topic)
    ros.send(node, structured, publisher, cloud(4, height=2))
    ros.spin(node, lambda: table.stats["messages"], "the table's message")
    assert structured.get_last().shape == (2, 4)
    assert table.get_last().tolist() == np.arange(24).reshape(2, 4, 3).tolist()
    with pytest.raises(ValueError, match="organized"):
        ros.stream(node, topic, LaserScan, ros_organized=True)
