"""One bridge each: made when it can be, watched, made again when what it stands on has changed."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Any, NamedTuple, Protocol

from ... import _core
from ...describe import printable
from ...ros.classes import message_class
from ...ros.pool_publisher import PoolPublisher
from ...ros.types import type_name
from ...stream import TensorStream
from .request import Request

RETRY = 1.0  # seconds between two tries to make what cannot be made yet
KEPT = 4096  # latencies between two reports
UNLIKELY = 3600.0  # seconds of latency that mean that the stamps are on another clock

# What no waiting mends.
FATAL = (TypeError, ValueError, ImportError)
TRANSIENT = (
    _core.PoolBusyError,
    _core.PoolSpaceError,
    _core.PoolFullError,
    _core.OutOfMemoryError,
    _core.PoolLostError,
)


class Report(NamedTuple):
    """What a bridge did since the last report."""

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
        """Called about ten times a second, by the main thread."""

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
        idle: str,
        *,
        published: int,
        dropped: int,
        misfits: int,
        failures: int,
        problem: str,
    ) -> Report:
        """Since the last one, by what was counted since the beginning. `idle`: the state when nothing came."""
        rate = self.rate(published)
        median, p99 = self.quantiles()
        return Report(
            source=str(request.from_ros if request.from_ros is not None else request.from_pool),
            target=request.to,
            type=type,
            state="running" if rate else idle,
            rate_hz=rate,
            latency_median_ms=median,
            latency_p99_ms=p99,
            published=published,
            dropped=dropped,
            misfits=misfits,
            failures=failures,
            problem=printable(problem),
        )


class FromRos:
    """A topic becomes a pool. Its type is that of its publishers when it was not given."""

    def __init__(self, request: Request, node: Any) -> None:
        self.request = request
        self.node = node
        self.meter = Meter()
        self.stream: TensorStream | None = None
        self.found_class: Any = None
        self.problem = ""
        self.try_at = 0.0
        self.before = {"published": 0, "misfits": 0, "failures": 0, "lost": 0}  # by earlier streams
        if request.type is not None:
            self.found_class = message_class(request.type, "type")
            self.try_to_make()

    def find_class(self) -> Any:
        """The class of the topic's messages, None while nobody publishes any."""
        name = self.node.resolve_topic_name(str(self.request.from_ros))
        found = sorted({info.topic_type for info in self.node.get_publishers_info_by_topic(name)})
        if not found:
            return None
        if len(found) > 1:
            raise TypeError(f"its publishers do not agree on a type ({', '.join(found)}): say which with type")
        return message_class(found[0], "the topic's type")

    def try_to_make(self) -> None:
        """Subscribe and make the pool. What may mend itself becomes a problem to show; the rest is raised."""
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
                ros_history_len=request.history_len or 10,
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
            if self.found_class is not None:
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
        return self.meter.report(
            self.request,
            type_name(self.found_class) if self.found_class is not None else "",
            "silent" if stats.get("publishers", 0) else f"waiting for {self.request.from_ros}",
            published=count["published"],
            dropped=count["lost"],
            misfits=count["misfits"],
            failures=count["failures"],
            problem=self.problem or next(iter(stats.get("misfit_reasons", {})), ""),
        )

    def close(self) -> None:
        self.end_stream()


class FromPool:
    """A pool becomes a topic."""

    def __init__(self, request: Request, node: Any) -> None:
        self.request = request
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
            qos=request.profile(),
            field=request.field,
            metadata=metadata,
        )

    def tick(self) -> None:
        self.meter.latencies.extend(ns / 1e6 for ns in self.publisher.take_latencies())

    def report(self) -> Report:
        self.tick()
        stats = self.publisher.stats
        report = self.meter.report(
            self.request,
            stats["msg_type"],
            "silent",
            published=stats["published"],
            dropped=stats["dropped"],
            misfits=stats["misfits"],
            failures=stats["failures"],
            problem=stats["problem"],
        )
        if not self.publisher.running:
            return report._replace(state="ended")
        return report if stats["connected"] else report._replace(state=f"waiting for pool {self.request.from_pool}")

    def close(self) -> None:
        self.publisher.cleanup()


def make_link(request: Request, node: Any) -> Link:
    return FromRos(request, node) if request.from_ros is not None else FromPool(request, node)
