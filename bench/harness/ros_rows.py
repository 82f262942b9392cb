"""The rows of the ROS benchmarks: messages into a pool and out of a pool, compared with rclpy and rcl."""

from __future__ import annotations

import importlib.util

from harness.rows import Group, Plan, Row, Source

ROS_MESSAGES = {
    "vga": ("Image 640 x 480", 1 / 5),
    "hd": ("Image 1920 x 1080", 1 / 5),
    "joints": ("JointState, 7 joints", 1 / 2),
    "cloud": ("PointCloud2, 100,000 points", 1 / 5),
}


def ros_groups(plan: Plan) -> list[Group]:
    """The ROS groups; none without rclpy or without a second core."""
    if not plan.two_cores or importlib.util.find_spec("rclpy") is None:
        return []
    return [
        *(ros_taking(plan, of) for of in ROS_MESSAGES),
        *(ros_latency(plan, of) for of in ("vga", "joints")),
        *(ros_publishing(plan, of) for of in ("vga", "joints")),
    ]


def ros_taking(plan: Plan, of: str) -> Group:
    """CPU time of the thread that takes a message."""
    name, budget = ROS_MESSAGES[of]
    pool = Source("pool", "take")
    rows = [
        Row(
            f"ROS {name} into a pool",
            pool,
            Source("plain", "take"),
            "rclpy's message object, numpy copy",
            budget,
        ),
        Row(f"ROS {name} into a pool", pool, Source("rcl", "take"), "rcl's take alone, into a ring"),
    ]
    title = f"ROS 2 topic to pool, CPU time: {name}"
    probes = {way: plan.python("ros", of=of, way=way) for way in ("rcl", "plain", "pool")}
    return Group(f"ros-{of}", title, probes, rows, sample_seconds=0.02, rounds=7, max_count=200)


def ros_latency(plan: Plan, of: str) -> Group:
    """Latency from publish in another process to the sample."""
    name, _ = ROS_MESSAGES[of]
    probes = {way: plan.python("ros-latency", of=of, way=way) for way in ("raw", "pool")}
    row = Row(
        f"ROS {name}, publish to sample",
        Source("pool", "message"),
        Source("raw", "message"),
        "publish to rclpy's raw callback",
        1.1,
    )
    return Group(
        f"ros-latency-{of}",
        f"ROS 2 topic to pool, latency: {name}",
        probes,
        [row],
        sample_seconds=0.1,
        rounds=9,
        max_count=100,
    )


def ros_publishing(plan: Plan, of: str) -> Group:
    """CPU time of the thread that publishes in a pool and to ROS."""
    name, _ = ROS_MESSAGES[of]
    plain, both = Source("plain", "publish"), Source("both", "publish")
    refilled = "rclpy, its message refilled in place"
    title = f"ROS {name} from a TensorProducer, with its pool"
    rows = [
        Row(title, both, plain, refilled, 0.5),
        Row(title, both, Source("fresh", "publish"), "rclpy, a new message for each frame"),
        Row(f"TensorProducer without ROS, {name}", Source("pool", "publish"), plain, refilled),
        Row(f"rcl's publish alone, {name}", Source("rcl", "publish"), plain, refilled),
    ]
    title = f"Pool to ROS 2 topic, CPU time: {name}"
    probes = {way: plan.python("ros-publish", of=of, way=way) for way in ("rcl", "fresh", "plain", "both", "pool")}
    return Group(f"ros-publish-{of}", title, probes, rows, sample_seconds=0.02, rounds=5, max_count=60)
