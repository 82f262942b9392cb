"""One publisher on the user's node for the samples of a pool, which are encoded in C. Messages leave on one of two
paths.

fast      The message is encoded into reused memory and given to rcl, by the publisher's pointer, without the GIL.
portable  When rcl is not in this process under its name, or rclpy has changed: `publisher.publish(bytes)`.
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
from .constants import constants_of, missing_value
from .defaults import describe_with_defaults
from .missing import require_rclpy
from .types import type_name


class PublicationStats(TypedDict):
    """Counters of the publication of a pool's samples on a topic. A dict.

    Attributes:
        topic: The full name of the topic, with remappings applied.
        msg_type: The type name of the messages, such as "sensor_msgs/msg/Image".
        path: How messages leave: "fast" (given to rcl without the GIL) or "portable" (given to rclpy as bytes).
        published: The number of messages that the middleware has taken.
        misfits: The number of samples that cannot be messages of this type, because of a bound or the length of a list.
        failures: The number of samples that ROS did not take: the node or publisher was destroyed, the context was shut
            down, or the middleware failed.
        bytes: The number of bytes of all published messages.
        problem: The text of the last misfit or failure; "" when there was none.
    """

    topic: str
    msg_type: str
    path: Literal["fast", "portable"]
    published: int
    misfits: int
    failures: int
    bytes: int
    problem: str


def make_encoder(
    warn: Callable[[str], None],
    pool_name: str,
    schema: _core.Schema,
    message_class: Any,
    field: str | Mapping[str, str] | None,
    metadata: Mapping[str, Any],
) -> _core.RosEncoder:
    """Make the encoder of a pool's samples.

    Args:
        warn: Called with a text when some receivers cannot use the messages.
        pool_name: The name of the pool, for errors.
        schema: The schema of the samples.
        message_class: The class of the messages.
        field: The path in the message of a plain sample, {field: path} for a dict, or None.
        metadata: The metadata of the pool.

    Raises:
        InvalidArgumentError: A path does not exist, or the message cannot carry a value of the metadata.
        SchemaMismatchError: Samples of this schema cannot be such messages.
        UnsupportedError: Messages of this type cannot be encoded.
    """
    constants = constants_of(metadata, message_class, pool_name)
    fields = fields_of(schema, field)
    try:
        encoder = _core.RosEncoder(
            pool_name, describe_with_defaults(message_class), type_name(message_class), schema, fields, constants
        )
    except _core.PolymorphError as problem:
        raise type(problem)(f"pool {pool_name!r}: {problem}") from None
    paths = [each.name for each in schema.fields] if fields is None else fields.values()
    missing = missing_value(message_class, {*constants, *paths})
    if missing:
        warn(missing)
    return encoder


def fields_of(schema: _core.Schema, field: str | Mapping[str, str] | None) -> dict[str, str] | None:
    """The paths in the message by field name, as RosEncoder takes them; None: the default."""
    if field is None:
        return None
    if isinstance(field, str):
        if schema.is_dict:
            raise TypeError("ros_field must be a dict {field of the sample: path in the message} for a dict sample")
        return {"": field}
    if not isinstance(field, Mapping):
        raise TypeError(f"ros_field must be a path, a dict of paths or None, not {field!r}")
    if not schema.is_dict:
        raise TypeError("ros_field must be one path: the sample is not a dict")
    return dict(field)


def default_qos(ros_qos: Any) -> Any:
    """The QoSProfile of a publisher: as given, or reliable, keep last DEPTH."""
    return qos.as_given(qos.DEPTH if ros_qos is None else ros_qos)


def check_node(node: Any, argument: str) -> None:
    """Raise ImportError without rclpy, TypeError when `node` is not a node."""
    require_rclpy(argument)
    if not hasattr(node, "create_publisher") or not hasattr(node, "get_logger"):
        raise TypeError(f"{argument} must be an rclpy.node.Node, not {type(node).__name__}")


def warn(node: Any, pool_name: str, topic: str, text: str) -> None:
    """Log a warning by the node's logger, which also a destroyed node has; if that fails, by Python's."""
    shown = printable(f"pool {pool_name!r} to topic {topic}: {text}")
    try:
        node.get_logger().warning(shown)
    except Exception:
        logging.getLogger("polymorph_ipc").warning(shown)


class Publication:
    """A publisher, its encoder, and counters.

    Threads: any. `use` sets another encoder, when a new pool has another schema or metadata.
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
        self.before = {"published": 0, "misfits": 0, "failures": 0, "bytes": 0}  # by earlier encoders
        self.problem = ""
        self.warned: set[str] = set()
        self.is_open = True
        handle = self.publisher.handle
        with handle:
            self.topic = str(self.publisher.topic_name)
            is_fast = _core.rcl_available() and hasattr(handle, "pointer")
            self.pointer: int | None = handle.pointer if is_fast else None
        self.jumps = self.watch_clock()

    def use(self, encoder: _core.RosEncoder) -> None:
        """Use this encoder from now on."""
        with self.lock:
            if self.encoder is not None:
                counters = self.encoder.counters
                self.before = {key: self.before[key] + counters[key] for key in counters}
            self.encoder = encoder
            self.connect(encoder)

    def connect(self, encoder: _core.RosEncoder) -> None:
        """Connect the encoder to the publisher. The node's clock is read only in simulated time: reading it costs as
        much as publishing."""
        handle = self.publisher.handle if self.pointer is not None else None
        now = self.now if self.clock.ros_time_is_active else None
        encoder.connect(handle, self.pointer, self.publisher.publish, now, self.failed)

    def watch_clock(self) -> Any:
        """Register for the begin and end of simulated time. The node's clock does not keep this object alive."""
        from rclpy.clock import JumpThreshold

        changed = weakref.WeakMethod(self.on_clock_change)

        def on_jump(_jump: Any) -> None:
            method = changed()
            if method is not None:
                method()

        threshold = JumpThreshold(min_forward=None, min_backward=None, on_clock_change=True)
        return self.clock.create_jump_callback(threshold, post_callback=on_jump)

    def on_clock_change(self) -> None:
        with self.lock:
            if self.is_open and self.encoder is not None:
                self.connect(self.encoder)

    def now(self) -> int:
        """The time of the node's clock in ns since the epoch; simulated when the node uses simulated time."""
        return int(self.clock.now().nanoseconds)

    def failed(self, status: str, text: str) -> None:
        """Called by the encoder for a sample that was not published."""
        self.problem = text
        kind = "misfit" if status == "SCHEMA_MISMATCH" else "failure"
        if kind not in self.warned:
            self.warned.add(kind)
            if kind == "misfit":
                what = f"the sample cannot be converted to {self.msg_type}: {text}"
            elif status == "CLOSED":
                what = f"ROS takes no more messages: the node or its publisher was destroyed ({text})"
            else:
                what = f"ROS did not take a message: {text}"
            text = f"{what}. The pool is not affected. Others of this kind are counted in the stats only"
            warn(self.node, self.pool_name, self.topic, text)
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
        """Destroy the publisher. Idempotent; allowed after the node is destroyed or its context is shut down."""
        if self.generation != _core.fork_generation():
            return  # the publisher belongs to the parent process
        with self.lock:
            was_open, self.is_open = self.is_open, False
        if not was_open:
            return
        if self.encoder is not None:
            self.encoder.disconnect()
        with contextlib.suppress(Exception):
            self.jumps.unregister()
        with contextlib.suppress(Exception):  # rclpy's error for a destroyed node differs between versions
            self.node.destroy_publisher(self.publisher)
