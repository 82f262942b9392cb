"""Which quality of service a subscription asks for when its user does not say."""

from __future__ import annotations

from typing import Any

DEPTH = 10  # as ROS's default; 5 of a reliable 30 Hz camera are lost when the machine stalls for 170 ms


def as_given(ros_qos: Any) -> Any:
    """The QoSProfile that `ros_qos` says: one, or the depth of a reliable one as everywhere in rclpy."""
    from rclpy.qos import QoSProfile

    if isinstance(ros_qos, QoSProfile):
        return ros_qos
    if isinstance(ros_qos, int) and not isinstance(ros_qos, bool) and ros_qos >= 1:
        return QoSProfile(depth=ros_qos)
    raise TypeError(f"ros_qos must be a QoSProfile, a depth (int, 1 or more) or None, not {ros_qos!r}")


def chosen(reliable: bool) -> Any:
    """Keep last 10, volatile, and the given reliability."""
    from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

    return QoSProfile(
        depth=DEPTH,
        history=HistoryPolicy.KEEP_LAST,
        durability=DurabilityPolicy.VOLATILE,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
    )


def is_reliable(profile: Any) -> bool:
    from rclpy.qos import ReliabilityPolicy

    return bool(profile.reliability == ReliabilityPolicy.RELIABLE)


def wants_reliable(publishers: list[Any], now: bool) -> bool:
    """Reliable when every publisher is: a reliable subscription gets nothing from one that is not. Nobody there: as it
    is `now`, because whoever comes back is most likely the same, and its first messages would be lost by changing."""
    return all(is_reliable(info.qos_profile) for info in publishers) if publishers else now
