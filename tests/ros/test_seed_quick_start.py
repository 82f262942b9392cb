"""The seed's ROS quick start, unchanged: a camera, the snippet and a stream in three processes."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from polymorph_ipc import TensorStream

from support.observe import pool_files, wait_until
from support.processes import Spawner

PROGRAMS = Path(__file__).parent / "programs"
SEED = PROGRAMS / "seed_ros_stream.py"
CAMERA = PROGRAMS / "camera.py"
FRAMES = 45


@pytest.mark.parametrize("first", ["snippet", "camera"])
def test_seed_ros_snippet_delivers_every_frame_to_a_third_process(
    spawn: Spawner, pool_folder: Path, first: str
) -> None:
    camera = (CAMERA, "/camera/image_raw", 15, FRAMES)
    if first == "camera":
        publisher = spawn(*camera)
        publisher.expect("ready")
        snippet = spawn(SEED)
    else:
        snippet = spawn(SEED)
        wait_until(lambda: pool_files(pool_folder), what="the pool")
        publisher = spawn(*camera)
        publisher.expect("ready")
    snippet.expect("Subscribed to ROS topic. Spinning...")

    with TensorStream("camera_stream_from_ros") as local:
        numbers = []
        while len(numbers) < FRAMES:
            image, info = local.get_next(timeout=20.0, return_info=True)
            assert image is not None, f"frame {len(numbers) + 1} did not arrive: {publisher.lines} {snippet.stderr}"
            assert image.shape == (480, 640, 3)
            number = info.stamp // 10**9
            assert (np.asarray(image) == number % 251).all()
            numbers.append(number)
        assert numbers == list(range(1, FRAMES + 1))
        assert local.metadata == {
            "encoding": "rgb8",
            "frame_id": "camera_optical",
            "is_bigendian": False,
            "ros_type": "sensor_msgs/msg/Image",
        }

    snippet.signal(signal.SIGINT)
    snippet.finish()
    assert "KeyboardInterrupt" in snippet.stderr
    assert pool_files(pool_folder) == []


def test_seed_ros_snippet_follows_a_restarted_camera(spawn: Spawner) -> None:
    snippet = spawn(SEED)
    snippet.expect("Subscribed")
    with TensorStream("camera_stream_from_ros") as local:
        for _ in range(2):
            camera = spawn(CAMERA, "/camera/image_raw", 15, 0)
            for _ in range(3):
                assert local.get_new(timeout=20.0) is not None, snippet.stderr
            camera.kill()
            while local.get_new(timeout=1.0) is not None:
                pass
        assert local.producer_alive
    snippet.signal(signal.SIGINT)
    snippet.finish()
