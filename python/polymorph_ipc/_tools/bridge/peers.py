"""The other side of a topic: its message types and its quality of service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

NO_PUBLISHER = "no publisher"
WRONG_TYPE = "wrong type"
QOS_MISMATCH = "QoS mismatch"


class Finding(NamedTuple):
    """The result of a check. `state` is "" when messages can pass; `problem` may then still name what is left out."""

    state: str = ""
    problem: str = ""


def of_publishers(topic: str, infos: Sequence[Any], type_name: str, profile: Any) -> Finding:
    """Why no messages arrive from these publishers, or from some of them. `profile`: the QoSProfile of the
    subscription; None: it is chosen by what they offer."""
    if not infos:
        return Finding(NO_PUBLISHER)
    types = types_of(infos)
    if type_name not in types:
        return Finding(WRONG_TYPE, f"topic {topic} is published as {listed(types)}, not {type_name}")
    ours = [info.qos_profile for info in infos if info.topic_type == type_name]
    wrong = [] if profile is None else [text for text in (shortfall(offer, profile) for offer in ours) if text]
    if wrong:
        some = "the publishers offer" if len(wrong) == len(ours) else f"{len(wrong)} of {len(ours)} publishers offer"
        text = f"topic {topic}: {some} {wrong[0]}"
        return Finding(QOS_MISMATCH if len(wrong) == len(ours) else "", text)
    others = [each for each in types if each != type_name]
    if others:
        return Finding("", f"topic {topic} is published as {listed(others)} too; only {type_name} is read")
    return Finding()


def of_subscriptions(topic: str, infos: Sequence[Any], type_name: str, profile: Any) -> Finding:
    """Why no messages arrive at these subscriptions, or at some of them. `profile`: the QoSProfile of the publisher."""
    others = [each for each in types_of(infos) if each != type_name]
    if others:
        return Finding("", f"topic {topic} is subscribed to as {listed(others)}, not {type_name}")
    wanted = [info.qos_profile for info in infos]
    wrong = [text for text in (shortfall(profile, want) for want in wanted) if text]
    if wrong:
        return Finding("", f"topic {topic}: {len(wrong)} of {len(wanted)} subscriptions get nothing: {wrong[0]}")
    return Finding()


def types_of(infos: Sequence[Any]) -> list[str]:
    return sorted({str(info.topic_type) for info in infos})


def listed(types: Sequence[str]) -> str:
    return " and ".join(types)


def shortfall(offer: Any, want: Any) -> str:
    """A text about what a publisher offers less than a subscription asks for; "" when they match."""
    from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

    if offer.reliability == ReliabilityPolicy.BEST_EFFORT and want.reliability == ReliabilityPolicy.RELIABLE:
        return "best_effort where reliable is asked for"
    if offer.durability == DurabilityPolicy.VOLATILE and want.durability == DurabilityPolicy.TRANSIENT_LOCAL:
        return "volatile where transient_local is asked for"
    return ""
