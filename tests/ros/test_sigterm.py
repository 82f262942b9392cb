"""Programs that SIGTERM ends, with the signal handlers of rclpy installed."""

from __future__ import annotations

import signal

from polymorph_ipc import list_pools

from support.processes import Spawner

WAITS = """
    import sys
    import numpy as np
    import rclpy
    import polymorph_ipc
    from polymorph_ipc import ClosedError, TensorStream
    from std_msgs.msg import Float64MultiArray

    if sys.argv[2] == "cleanup":
        polymorph_ipc.cleanup_on_sigterm()
    rclpy.init()
    node = rclpy.create_node("waits")
    stream = TensorStream(
        "waited_for", ros_node=node, ros_topic=sys.argv[1], ros_msg_type=Float64MultiArray, ros_sample_data=np.zeros(2)
    )
    print("waiting")
    try:
        stream.get_new()
    except ClosedError as problem:
        print(f"closed: {problem}")
"""


def test_sigterm_ends_a_wait_with_closed_error(topic: str, spawn: Spawner) -> None:
    child = spawn(WAITS, topic, "none")
    child.expect("waiting")
    child.process.send_signal(signal.SIGTERM)
    line = child.read_line()
    assert line is not None
    assert line.startswith("closed: pool 'waited_for': ROS was shut down")
    assert child.process.wait(20) == 0
    assert list_pools() == []


def test_cleanup_on_sigterm_works_before_rclpy_init(topic: str, spawn: Spawner) -> None:
    child = spawn(WAITS, topic, "cleanup")
    child.expect("waiting")
    child.process.send_signal(signal.SIGTERM)
    assert child.process.wait(20) in (0, 143)
    assert list_pools() == []
