"""What the other side of a topic says of itself: its types and its quality of service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

NO_PUBLISHER = "no publisher"
WRONG_TYPE = "wrong type"
QOS_MISMATCH = "QoS mismatch"


class Finding(NamedTuple):
    """`state` is "" where messages can go from one side to the other; `problem` may then still say what is left out."""

    state: str = ""
    problem: str = ""


def of_publishers(topic: str, infos: Sequence[Any], type_name: str, profile: Any) -> Finding:
    """Why nothing arrives from these publishers, or from some of them. `profile`: the QoSProfile that was asked for;
    None: chosen by what they offer."""
    if not infos:
        return Finding(NO_PUBLISHER)
    types = types_of(infos)
    if type_name not in types:
        return Finding(WRONG_TYPE, f"topic {topic} is published as {listed(types)}, not {type_name}")
    ours = [info.qos_profile for info in infos if info.topic_type == type_name]
    wrong = [] if profile is None else [words for words in (shortfall(offer, profile) for offer in ours) if words]
    if wrong:
        some = "the publishers offer" if len(wrong) == len(ours) else f"{len(wrong)} of {len(ours)} publishers offer"
        words = f"topic {topic}: {some} {wrong[0]}"
        return Finding(QOS_MISMATCH if len(wrong) == len(ours) else "", words)
    others = [each for each in types if each != type_name]
    if others:
        return Finding("", f"topic {topic} is published as {listed(others)} too, which is not read; {type_name} is")
    return Finding()


def of_subscriptions(topic: str, infos: Sequence[Any], type_name: str, profile: Any) -> Finding:
    """Why nothing arrives at these subscriptions, or at some of them. `profile`: the QoSProfile that is offered."""
    others = [each for each in types_of(infos) if each != type_name]
    if others:
        return Finding("", f"topic {topic} is subscribed to as {listed(others)}, not {type_name}")
    wanted = [info.qos_profile for info in infos]
    wrong = [words for words in (shortfall(profile, want) for want in wanted) if words]
    if wrong:
        return Finding("", f"topic {topic}: {len(wrong)} of {len(wanted)} subscriptions get nothing: {wrong[0]}")
    return Finding()


def types_of(infos: Sequence[Any]) -> list[str]:
    return sorted({str(info.topic_type) for info in infos})


def listed(types: Sequence[str]) -> str:
    return " and ".join(types)


def shortfall(offer: Any, want: Any) -> str:
    """What a publisher offers less than a subscription asks for, in words; "" when they match."""
    from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

    if offer.reliability == ReliabilityPolicy.BEST_EFFORT and want.reliability == ReliabilityPolicy.RELIABLE:
        return "best_effort where reliable is asked for"
    if offer.durability == DurabilityPolicy.VOLATILE and want.durability == DurabilityPolicy.TRANSIENT_LOCAL:
        return "volatile where transient_local is asked for"
    return ""
