"""A policy at 30 Hz on a ROS camera: it reads /camera/image_raw and publishes actions in a pool.

    python examples/ros/camera_policy.py --seconds 10

A thread spins the node; it decodes messages in C. The main thread waits for images and computes actions. When the
newest image is older than 100 ms, no action is published, and the readers of the pool see stale actions. Without torch
the policy uses numpy.
"""

import argparse
import contextlib
import importlib.util
import threading
import time

import numpy as np
import rclpy
from polymorph_ipc import TensorProducer, TensorStream
from rclpy.executors import ExternalShutdownException
from sensor_msgs.msg import Image

RATE_HZ = 30.0
STALE_SECONDS = 0.1
JOINTS = 7
HEIGHT, WIDTH = 480, 640
BACKEND = "torch" if importlib.util.find_spec("torch") else "numpy"


def torch_policy():
    """A small untrained policy: an image encoder and a linear head."""
    import torch

    torch.set_num_threads(1)
    encoder = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(192, JOINTS))

    @torch.inference_mode()
    def act(image):
        pixels = image.permute(2, 0, 1).unsqueeze(0).float() / 255.0
        return torch.tanh(encoder(pixels))[0]

    return act


def numpy_policy():
    weights = np.random.default_rng(0).normal(0.0, 0.1, (192, JOINTS)).astype(np.float32)

    def act(image):
        pooled = image.reshape(8, HEIGHT // 8, 8, WIDTH // 8, 3).mean(axis=(1, 3), dtype=np.float32) / 255
        return np.tanh(pooled.reshape(-1) @ weights)

    return act


def spin(node):
    with contextlib.suppress(ExternalShutdownException):  # Ctrl-C and shutdown() end it
        rclpy.spin(node)


def control(images, actions, seconds):
    """Act on the newest image, at most RATE_HZ times per second."""
    act = torch_policy() if BACKEND == "torch" else numpy_policy()
    acted = waited = 0
    end = time.monotonic() + seconds
    with contextlib.suppress(KeyboardInterrupt):
        while time.monotonic() < end:
            began = time.monotonic()
            image, info = images.get_new(timeout=STALE_SECONDS, max_age=STALE_SECONDS, return_info=True)
            if image is None:
                waited += 1
                continue
            actions.publish(act(image), stamp=info.stamp)  # the stamp of the image
            acted += 1
            time.sleep(max(0.0, began + 1 / RATE_HZ - time.monotonic()))
    print(f"{BACKEND}: {acted} actions, {waited} timeouts without a fresh image")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--topic", default="/camera/image_raw")
    parser.add_argument("--actions", default="policy/actions", help="pool")
    arguments = parser.parse_args()

    rclpy.init()
    node = rclpy.create_node("camera_policy")
    sample = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    with (
        TensorStream(
            "camera/rgb",
            backend=BACKEND,
            ros_node=node,
            ros_topic=arguments.topic,
            ros_msg_type=Image,
            ros_sample_data=sample,
        ) as images,
        TensorProducer.from_sample(arguments.actions, np.zeros(JOINTS, np.float32)) as actions,
    ):
        spinner = threading.Thread(target=spin, args=[node])
        spinner.start()
        try:
            control(images, actions, arguments.seconds)
        finally:
            rclpy.try_shutdown()
            spinner.join()
    node.destroy_node()  # after the stream on it, and before the interpreter exits


if __name__ == "__main__":
    main()
