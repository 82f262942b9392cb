"""One publisher on the user's node that samples of a pool go to, encoded in C.

fast      The message is encoded into memory that is used again and given to rcl, by the publisher's own pointer,
          without the GIL.
portable  Where rcl is not in this process under its name, or rclpy has changed: `publisher.publish(bytes)`.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

from .. import _core
from .._describe import printable
from . import entities, qos
from .constants import constants_of, missing_words
from .defaults import describe_with_defaults
from .missing import require_rclpy
from .types import type_name


class PublicationStats(TypedDict):
    """What became of a pool's samples on their way to a topic."""

    topic: str
    """Its full name, remappings applied."""
    msg_type: str
    """"sensor_msgs/msg/Image"."""
    path: Literal["fast", "portable"]
    """How messages are handed over: to rcl without the GIL, or to rclpy as bytes."""
    published: int
    """Messages that the middleware has taken."""
    misfits: int
    """Samples that could be no message of this type (a bound, a list's length)."""
    failures: int
    """Samples that ROS would not take: node or publisher destroyed, context shut down, the middleware's own errors."""
    bytes: int
    """Of all published messages."""
    problem: str
    """The last misfit or failure in words; "" when there was none."""


def make_encoder(
    warn: Callable[[str], None],
    pool_name: str,
    schema: _core.Schema,
    message_class: Any,
    field: str | Mapping[str, str] | None,
    metadata: Mapping[str, Any],
) -> _core.RosEncoder:
    """The encoder of a pool's samples as messages. Raises InvalidArgumentError, SchemaMismatchError, UnsupportedError,
    each with the pool's name. `warn` gets the words for messages that only some receivers can use."""
    constants = constants_of(metadata, message_class, pool_name)
    fields = fields_of(schema, field)
    try:
        encoder = _core.RosEncoder(
            pool_name, describe_with_defaults(message_class), type_name(message_class), schema, fields, constants
        )
    except _core.PolymorphError as problem:
        raise type(problem)(f"pool {pool_name!r}: {problem}") from None
    paths = [each.name for each in schema.fields] if fields is None else fields.values()
    missing = missing_words(message_class, {*constants, *paths})
    if missing:
        warn(missing)
    return encoder


def fields_of(schema: _core.Schema, field: str | Mapping[str, str] | None) -> dict[str, str] | None:
    """Paths by field name, as RosEncoder takes them."""
    if field is None:
        return None
    if isinstance(field, str):
        if schema.is_dict:
            raise TypeError("ros_field must be a dict {field of the sample: path in the message} for a dict sample")
        return {"": field}
    if not isinstance(field, Mapping):
        raise TypeError(f"ros_field must be a path, a dict of paths or None, not {field!r}")
    if not schema.is_dict:
        raise TypeError("ros_field must be one path: the sample is no dict")
    return dict(field)


def default_qos(ros_qos: Any) -> Any:
    """The QoSProfile of a publisher: as given, or reliable, keep last 10."""
    return qos.as_given(qos.DEPTH if ros_qos is None else ros_qos)


def check_node(node: Any, argument: str) -> None:
    require_rclpy(argument)
    if not hasattr(node, "create_publisher") or not hasattr(node, "get_logger"):
        raise TypeError(f"{argument} must be an rclpy.node.Node, not {type(node).__name__}")


def warn(node: Any, pool_name: str, topic: str, words: str) -> None:
    """By the node's logger, which a destroyed node still has; else by Python's."""
    text = printable(f"pool {pool_name!r} to topic {topic}: {words}")
    try:
        node.get_logger().warning(text)
    except Exception:
        logging.getLogger("polymorph_ipc").warning(text)


class Publication:
    """A publisher, the encoder that feeds it, and what became of the samples.

    Threads: any. `rewrite` gives it another encoder, when the pool is made anew with another schema or metadata.
    """

    def __init__(
        self,
        node: Any,
        topic: str,
        message_class: Any,
        ros_qos: Any,
        pool_name: str,
        on_closed: Callable[[], None] | None = None,
    ) -> None:
        self.node = node
        self.pool_name = pool_name
        self.message_class = message_class
        self.msg_type = type_name(message_class)
        self.publisher = node.create_publisher(
            message_class, topic, default_qos(ros_qos), event_callbacks=entities.no_publisher_events()
        )
        self.clock = node.get_clock()
        self.on_closed = on_closed
        self.generation = _core.fork_generation()
        self.lock = threading.Lock()
        self.encoder: _core.RosEncoder | None = None
        self.before = {"published": 0, "misfits": 0, "failures": 0, "bytes": 0}  # by earlier writers
        self.problem = ""
        self.warned: set[str] = set()
        self.is_open = True
        handle = self.publisher.handle
        with handle:
            self.topic = str(self.publisher.topic_name)
            is_fast = _core.rcl_available() and hasattr(handle, "pointer")
            self.pointer: int | None = handle.pointer if is_fast else None
        self.jumps = self.watch_clock()

    def rewrite(self, encoder: _core.RosEncoder) -> None:
        """From now on samples are written by this one."""
        with self.lock:
            if self.encoder is not None:
                counters = self.encoder.counters
                self.before = {key: self.before[key] + counters[key] for key in counters}
            self.encoder = encoder
            self.connect(encoder)

    def connect(self, encoder: _core.RosEncoder) -> None:
        """To the publisher. The node's clock, which costs as much as publishing, is only asked in simulated time."""
        handle = self.publisher.handle if self.pointer is not None else None
        now = self.now if self.clock.ros_time_is_active else None
        encoder.connect(handle, self.pointer, self.publisher.publish, now, self.failed)

    def watch_clock(self) -> Any:
        """Notice when simulated time begins or ends. The clock, which the node owns, does not keep this alive."""
        from rclpy.clock import JumpThreshold

        changed = weakref.WeakMethod(self.on_clock_change)

        def tell(_jump: Any) -> None:
            method = changed()
            if method is not None:
                method()

        threshold = JumpThreshold(min_forward=None, min_backward=None, on_clock_change=True)
        return self.clock.create_jump_callback(threshold, post_callback=tell)

    def on_clock_change(self) -> None:
        with self.lock:
            if self.is_open and self.encoder is not None:
                self.connect(self.encoder)

    def now(self) -> int:
        """The node's clock, ns since the epoch; simulated when the node uses simulated time."""
        return int(self.clock.now().nanoseconds)

    def failed(self, status: str, words: str) -> None:
        """A sample was not published."""
        self.problem = words
        kind = "misfit" if status == "SCHEMA_MISMATCH" else "failure"
        if kind not in self.warned:
            self.warned.add(kind)
            if kind == "misfit":
                why = f"the sample cannot be converted to {self.msg_type}: {words}"
            elif status == "CLOSED":
                why = f"ROS takes no more messages, the node or its publisher was destroyed ({words})"
            else:
                why = f"ROS did not take a message: {words}"
            words = f"{why}. The pool is not affected; further ones are only counted, in the stats"
            warn(self.node, self.pool_name, self.topic, words)
        if status == "CLOSED" and self.on_closed is not None:
            self.on_closed()

    @property
    def stats(self) -> PublicationStats:
        with self.lock:
            counters = self.encoder.counters if self.encoder is not None else dict.fromkeys(self.before, 0)
            total = {key: self.before[key] + counters[key] for key in counters}
        return {
            "topic": self.topic,
            "msg_type": self.msg_type,
            "path": "fast" if self.pointer is not None else "portable",
            "published": total["published"],
            "misfits": total["misfits"],
            "failures": total["failures"],
            "bytes": total["bytes"],
            "problem": self.problem,
        }

    def close(self) -> None:
        """Destroy the publisher. Idempotent; harmless when the node is destroyed or its context shut down already."""
        if self.generation != _core.fork_generation():
            return  # the publisher is the parent's
        with self.lock:
            was_open, self.is_open = self.is_open, False
        if not was_open:
            return
        if self.encoder is not None:
            self.encoder.disconnect()
        with contextlib.suppress(Exception):
            self.jumps.unregister()
        with contextlib.suppress(Exception):  # rclpy's ways to say that it is gone differ
            self.node.destroy_publisher(self.publisher)
