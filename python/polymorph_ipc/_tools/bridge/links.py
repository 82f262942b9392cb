"""The bridges: each is made when its topic or pool exists, is measured, and reports why no samples arrive."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Any, NamedTuple, Protocol

from ... import _core
from ..._describe import printable
from ..._ros import qos
from ..._ros.classes import message_class
from ..._ros.pool_publisher import PoolPublisher
from ..._ros.publication import default_qos
from ..._ros.types import type_name
from ..._stream import TensorStream
from . import peers
from .request import Request

RETRY = 1.0  # seconds between two attempts to make a bridge
KEPT = 4096  # latencies that are kept between two reports
UNLIKELY = 3600.0  # seconds of latency above which the stamps must be on another clock

# Errors that stay until the topic's publishers change.
FATAL = (TypeError, ValueError, ImportError, _core.PolymorphError)
# Errors that may end by themselves.
TRANSIENT = (
    _core.PoolBusyError,
    _core.PoolSpaceError,
    _core.PoolFullError,
    _core.OutOfMemoryError,
    _core.PoolLostError,
)


class Report(NamedTuple):
    """Facts about a bridge; rate and latencies since the last report, counters since its start.

    Attributes:
        source: The topic or pool that is read.
        target: The pool or topic that is written.
        type: The type name of the messages; "" before it is known.
        state: "running", or why no samples arrive, such as "no publisher".
        rate_hz: Samples per second.
        latency_median_ms: The median latency in ms; None when none was measured.
        latency_p99_ms: The 99th percentile of the latency in ms; None when none was measured.
        published: The number of samples, or messages, that were published.
        dropped: The number of messages that were lost, or of samples that left the history before they were published.
        misfits: The number of messages that did not fit the pool, or of samples that cannot be such messages.
        failures: The number of messages or samples that could not be published for another reason.
        problem: What is wrong; "" when nothing is.
    """

    source: str
    target: str
    type: str
    state: str
    rate_hz: float
    latency_median_ms: float | None
    latency_p99_ms: float | None
    published: int
    dropped: int
    misfits: int
    failures: int
    problem: str


class Link(Protocol):
    def tick(self) -> None:
        """Called about ten times a second by the main thread."""

    def report(self) -> Report: ...

    def close(self) -> None: ...


class Meter:
    """Rates and latencies between two reports."""

    def __init__(self) -> None:
        self.published = 0
        self.since = time.monotonic()
        self.latencies: deque[float] = deque(maxlen=KEPT)  # ms

    def rate(self, published: int) -> float:
        now = time.monotonic()
        rate = (published - self.published) / max(now - self.since, 1e-9)
        self.published, self.since = published, now
        return rate

    def quantiles(self) -> tuple[float | None, float | None]:
        """Median and p99 in ms; None when nothing was measured."""
        found = sorted(self.latencies)
        self.latencies.clear()
        if not found:
            return None, None
        return found[len(found) // 2], found[min(len(found) - 1, math.ceil(len(found) * 0.99) - 1)]

    def report(
        self,
        request: Request,
        type: str,
        *,
        published: int,
        dropped: int,
        misfits: int,
        failures: int,
        problem: str,
    ) -> Report:
        """Make a report from counters since the start. Its state is "running", or "" when nothing was published."""
        rate = self.rate(published)
        median, p99 = self.quantiles()
        return Report(
            source=str(request.from_ros if request.from_ros is not None else request.from_pool),
            target=request.to,
            type=type,
            state="running" if rate else "",
            rate_hz=rate,
            latency_median_ms=median,
            latency_p99_ms=p99,
            published=published,
            dropped=dropped,
            misfits=misfits,
            failures=failures,
            problem=printable(request.origin.with_user_names(problem)),
        )


class Stalls:
    """Remembers which counter grew last: published, misfits or failures."""

    def __init__(self) -> None:
        self.counts = {"failures": 0, "misfits": 0, "published": 0}
        self.state = ""

    def update(self, **counts: int) -> str:
        """Take new counters. Returns "failures" or "misfits" when nothing was published since the last of them, else
        ""."""
        for state, before in self.counts.items():
            if counts[state] > before:
                self.state = "" if state == "published" else state
        self.counts = {state: counts[state] for state in self.counts}
        return self.state


class FromRos:
    """Fills a pool from a topic. Without a type in the request, it has the type of the topic's publishers."""

    def __init__(self, request: Request, node: Any) -> None:
        self.request = request
        self.node = node
        self.meter = Meter()
        self.stream: TensorStream | None = None
        self.found_class: Any = None
        self.topic = str(node.resolve_topic_name(request.from_ros))
        self.profile = None if request.qos is None else qos.as_given(request.profile())
        self.stalls = Stalls()
        self.reasons: dict[str, int] = {}  # number of misfits by text, at the last report
        self.misfit = ""  # the text of the last misfit
        self.problem = ""
        self.try_at = 0.0
        self.before = {"published": 0, "misfits": 0, "failures": 0, "lost": 0}  # by earlier streams
        if request.type is not None:
            self.found_class = message_class(request.type, request.name("type"))
            self.try_to_make()

    def publishers(self) -> list[Any]:
        """The publishers of the topic that the graph has."""
        infos: list[Any] = self.node.get_publishers_info_by_topic(self.topic)
        return infos

    def find_class(self) -> Any:
        """The class of the topic's messages; None while it has no publishers."""
        found = peers.types_of(self.publishers())
        if not found:
            return None
        if len(found) > 1:
            raise TypeError(
                f"topic {self.topic} is published as {peers.listed(found)}: choose with {self.request.name('type')}"
            )
        return message_class(found[0], f"the type of topic {self.topic}")

    def try_to_make(self) -> None:
        """Subscribe and make the pool. TRANSIENT errors become the problem that is shown, others are raised."""
        request = self.request
        try:
            self.stream = TensorStream(
                request.to,
                expect="any",
                backend="numpy",
                ros_node=self.node,
                ros_topic=request.from_ros,
                ros_msg_type=self.found_class,
                ros_sample_data=request.sample(),
                ros_qos=request.profile(),
                ros_field=request.field,
                ros_joints=request.joints,
                ros_point_fields=request.point_fields,
                ros_variable=request.variable,
                ros_frames="any" if request.frames == "any" else None,
                ros_organized=request.organized,
                ros_on_change=request.on_change,
                ros_max_bytes=request.max_bytes,
                ros_history_len=request.history_len,
                ros_mode=request.permissions(),
            )
        except TRANSIENT as problem:
            self.problem = str(problem)
            return
        self.problem = ""

    def tick(self) -> None:
        now = time.monotonic()
        if self.stream is None:
            if now >= self.try_at:
                self.try_at = now + RETRY / 4
                self.look()
            return
        self.measure(self.stream)

    def look(self) -> None:
        try:
            self.found_class = self.found_class or self.find_class()
            if self.found_class is None:
                self.problem = ""
            else:
                self.try_to_make()
        except FATAL as problem:
            self.problem = str(problem)
            self.found_class = self.found_class if self.request.type is not None else None
            self.try_at = time.monotonic() + RETRY

    def measure(self, stream: TensorStream) -> None:
        _samples, info = stream.get_all_new(return_info=True)
        if info is None:
            return
        to_epoch = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        for stamp, published in zip(info.stamp.tolist(), info.published.tolist(), strict=True):
            latency = (published + to_epoch - stamp) / 1e6
            if abs(latency) < UNLIKELY * 1e3:
                self.meter.latencies.append(latency)

    def end_stream(self) -> None:
        stream, self.stream = self.stream, None
        if stream is None:
            return
        stats: Any = stream.stats
        stream.cleanup()
        for key in self.before:
            self.before[key] += stats.get(key, 0)

    def report(self) -> Report:
        stats: Any = self.stream.stats if self.stream is not None else {}
        count = {key: before + stats.get(key, 0) for key, before in self.before.items()}
        name = type_name(self.found_class) if self.found_class is not None else ""
        stalled = self.stalls.update(**{key: count[key] for key in self.stalls.counts})
        found = peers.of_publishers(self.topic, self.publishers(), name, self.profile) if name else None
        report = self.meter.report(
            self.request,
            name,
            published=count["published"],
            dropped=count["lost"],
            misfits=count["misfits"],
            failures=count["failures"],
            problem=self.problem or (found.problem if found else "") or self.last_problem(stats, stalled),
        )
        if report.state:
            return report
        if found is None:
            state = "cannot start" if self.problem else peers.NO_PUBLISHER
        elif self.stream is None:
            state = "cannot start"
        else:
            state = found.state or stalled or "no messages"
        return report._replace(state=state)

    def last_problem(self, stats: dict[str, Any], stalled: str) -> str:
        """The text of the last failure while failures stall the bridge, else of the last misfit."""
        for text, count in stats.get("misfit_reasons", {}).items():
            if count > self.reasons.get(text, 0):
                self.misfit = text
        self.reasons = dict(stats.get("misfit_reasons", {}))
        return stats.get("problem", "") if stalled == "failures" else self.misfit

    def close(self) -> None:
        self.end_stream()


class FromPool:
    """Publishes a pool on a topic."""

    def __init__(self, request: Request, node: Any) -> None:
        self.request = request
        self.node = node
        self.topic = str(node.resolve_topic_name(request.to))
        self.profile = default_qos(request.profile())
        self.stalls = Stalls()
        self.meter = Meter()
        metadata = dict(request.metadata)
        if request.joints is not None:
            metadata["names"] = request.joints
        if request.point_fields is not None:
            metadata["point_fields"] = request.point_fields
        self.publisher = PoolPublisher(
            node,
            str(request.from_pool),
            request.to,
            request.type,
            qos=self.profile,
            field=request.field,
            metadata=metadata,
        )

    def tick(self) -> None:
        self.meter.latencies.extend(ns / 1e6 for ns in self.publisher._take_latencies())

    def report(self) -> Report:
        self.tick()
        stats = self.publisher.stats
        stalled = self.stalls.update(**{key: stats[key] for key in self.stalls.counts})  # type: ignore[literal-required]
        infos = self.node.get_subscriptions_info_by_topic(self.topic) if stats["msg_type"] else []
        report = self.meter.report(
            self.request,
            stats["msg_type"],
            published=stats["published"],
            dropped=stats["dropped"],
            misfits=stats["misfits"],
            failures=stats["failures"],
            problem=stats["problem"]
            or peers.of_subscriptions(self.topic, infos, stats["msg_type"], self.profile).problem,
        )
        if not self.publisher.running:
            state = "ended"
        elif stats["connected"]:
            state = report.state or stalled or "no samples"
        else:
            state = "cannot start" if self.publisher._stream.connected and stats["problem"] else "no pool"
        return report._replace(state=state)

    def close(self) -> None:
        self.publisher.cleanup()


def make_link(request: Request, node: Any) -> Link:
    """The bridge for a request."""
    return FromRos(request, node) if request.from_ros is not None else FromPool(request, node)
