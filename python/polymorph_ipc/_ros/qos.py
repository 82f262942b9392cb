"""Quality of service: as the user gives it, or chosen by what the publishers of the topic offer."""

from __future__ import annotations

from typing import Any, NamedTuple

DEPTH = 10  # keep last: as ROS's default. With 5, a stall of 170 ms loses messages of a reliable 30 Hz camera


def as_given(ros_qos: Any) -> Any:
    """The QoSProfile for `ros_qos`: the profile itself, or a reliable one of this depth, as in rclpy."""
    from rclpy.qos import QoSProfile

    if isinstance(ros_qos, QoSProfile):
        return ros_qos
    if isinstance(ros_qos, int) and not isinstance(ros_qos, bool) and ros_qos >= 1:
        return QoSProfile(depth=ros_qos)
    raise TypeError(f"ros_qos must be a QoSProfile, a depth (int, 1 or more) or None, not {ros_qos!r}")


class Choice(NamedTuple):
    """What a subscription asks for, chosen by what the publishers offer."""

    reliable: bool
    latched: bool


def chosen(choice: Choice) -> Any:
    """Keep last DEPTH, with the reliability and durability of the choice."""
    from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

    return QoSProfile(
        depth=DEPTH,
        history=HistoryPolicy.KEEP_LAST,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if choice.latched else DurabilityPolicy.VOLATILE,
        reliability=ReliabilityPolicy.RELIABLE if choice.reliable else ReliabilityPolicy.BEST_EFFORT,
    )


def is_reliable(profile: Any) -> bool:
    from rclpy.qos import ReliabilityPolicy

    return bool(profile.reliability == ReliabilityPolicy.RELIABLE)


def is_latched(profile: Any) -> bool:
    from rclpy.qos import DurabilityPolicy

    return bool(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL)


def choice_of(profile: Any) -> Choice:
    return Choice(is_reliable(profile), is_latched(profile))


def wanted(publishers: list[Any], now: Choice) -> Choice:
    """What all publishers offer: a subscription gets nothing from a publisher that offers less than it asks for.

    Without publishers the choice stays as it is `now`: the next publisher is most likely the same one, and changing
    would lose its first messages.
    """
    profiles = [info.qos_profile for info in publishers]
    if not profiles:
        return now
    return Choice(all(map(is_reliable, profiles)), all(map(is_latched, profiles)))


def offers_less(publisher: Any, subscription: Any) -> bool:
    """Whether a publisher with the first profile does not match a subscription with the second."""
    from rclpy.qos import QoSCompatibility, qos_check_compatible

    compatibility, _reason = qos_check_compatible(publisher, subscription)
    return bool(compatibility == QoSCompatibility.ERROR)
