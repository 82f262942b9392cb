"""Which quality of service a subscription asks for when its user does not say."""

from __future__ import annotations

from typing import Any, NamedTuple

DEPTH = 10  # as ROS's default; 5 of a reliable 30 Hz camera are lost when the machine stalls for 170 ms


def as_given(ros_qos: Any) -> Any:
    """The QoSProfile that `ros_qos` says: one, or the depth of a reliable one as everywhere in rclpy."""
    from rclpy.qos import QoSProfile

    if isinstance(ros_qos, QoSProfile):
        return ros_qos
    if isinstance(ros_qos, int) and not isinstance(ros_qos, bool) and ros_qos >= 1:
        return QoSProfile(depth=ros_qos)
    raise TypeError(f"ros_qos must be a QoSProfile, a depth (int, 1 or more) or None, not {ros_qos!r}")


class Choice(NamedTuple):
    """What is chosen by the publishers."""

    reliable: bool
    latched: bool


def chosen(choice: Choice) -> Any:
    """Keep last 10, with the reliability and durability of the choice."""
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
    """What every publisher offers: a subscription that asks for more gets nothing from one that offers less.

    With no publisher it stays as it is `now`: the next one is most likely the same, and changing would lose its first
    messages.
    """
    profiles = [info.qos_profile for info in publishers]
    if not profiles:
        return now
    return Choice(all(map(is_reliable, profiles)), all(map(is_latched, profiles)))


def offers_less(publisher: Any, subscription: Any) -> bool:
    """Whether a publisher with that profile does not match a subscription with this one."""
    from rclpy.qos import QoSCompatibility, qos_check_compatible

    compatibility, _reason = qos_check_compatible(publisher, subscription)
    return bool(compatibility == QoSCompatibility.ERROR)
