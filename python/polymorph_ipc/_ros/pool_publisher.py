"""PoolPublisher: publishes the samples of a pool on a topic, from a thread."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from .. import _core
from .._stream import TensorStream
from .._waiting import wait_any
from .classes import message_class
from .publication import Publication, PublicationStats, check_node, default_qos, make_encoder, warn

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

BATCH = 64  # samples between two checks of whether to continue
LOOK = 0.5  # seconds between two checks of the context while nothing is published
RETRY = 1.0  # seconds between two attempts to read a pool that cannot be read

live: weakref.WeakSet[PoolPublisher] = weakref.WeakSet()


class PoolPublisherStats(PublicationStats):
    """Counters of a PoolPublisher since it was made. A dict, with the keys of PublicationStats.

    Attributes:
        topic: The full name of the topic, with remappings applied.
        msg_type: The type name of the messages, such as "sensor_msgs/msg/Image"; "" before it is known.
        path: How messages leave: "fast" (given to rcl without the GIL) or "portable" (given to rclpy as bytes).
        published: The number of messages that the middleware has taken.
        misfits: The number of samples that cannot be messages of this type.
        failures: The number of samples that ROS did not take.
        bytes: The number of bytes of all published messages.
        problem: The text of the last misfit or failure; "" when there was none.
        connected: Whether it is connected to a pool whose samples it publishes.
        dropped: The number of samples that left the pool's history before they could be published.
        running: Whether its thread runs: it was not cleaned up, its node not destroyed, the context not shut down.
    """

    connected: bool
    dropped: int
    running: bool


class PoolPublisher:
    """Publishes every sample of a pool on a topic, in order, from a thread of its own.

    It works with every producer: a C program reaches ROS without a change.

    The pool may be made later. Producers may die and come back, also with another schema or metadata: the topic stays,
    and messages follow the new schema. A pool whose samples cannot be such messages is logged once by the node's
    logger; its samples count as misfits. The stamps of messages are the stamps of samples. Values that samples do not
    have come from the pool's metadata, as in `TensorProducer.from_sample`.

    The node is never spun and need not be spun. The thread ends with `cleanup()`, its second name `close()`, the end of
    a `with` block, when the node is destroyed, when its context is shut down (Ctrl-C does that), and at the end of the
    interpreter; `running` is then False. Messages are encoded directly from the pool and given to rcl without the GIL.

    Threads: any.

    Args:
        node: An rclpy node.
        pool_name: The name of the pool.
        topic: The name of the topic.
        msg_type: The message class, or its name. None: the type that the pool's metadata has as "ros_type", as pools of
            ROS topics do; the publisher is then made when the pool exists.
        qos: A QoSProfile, or the depth of a reliable one. None: reliable, keep last 10.
        field: The path in the message of a plain sample, or {field: path} for a dict.
        metadata: Values for the messages, which replace those of the pool's metadata. The value None removes a key.
        start: "newest": the samples that the pool has now are not published. "oldest": its history is published first.

    Raises:
        TypeError: `node` is not a node, `msg_type` not a message class, or `qos` not a profile.
        ImportError: rclpy or the message package cannot be imported. The text has the command that installs it. rclpy's
            own errors are raised too, such as for a topic name that is not valid.
        InvalidNameError: No pool can have this name.

    Example:
        >>> with PoolPublisher(node, "arm/q", "/joint_states", JointState):
        ...     rclpy.spin(node)
    """

    def __init__(
        self,
        node: Any,
        pool_name: str,
        topic: str,
        msg_type: Any = None,
        *,
        qos: Any = None,
        field: str | Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        start: Literal["newest", "oldest"] = "newest",
    ) -> None:
        check_node(node, "node")
        default_qos(qos)
        self._node = node
        self._pool_name = pool_name
        self._topic = topic
        self._message_class = None if msg_type is None else message_class(msg_type, "msg_type")
        self._qos = qos
        self._field = field
        self._overrides = dict(metadata or {})
        self._closing = threading.Event()
        self._generation = _core.fork_generation()
        self._publication: Publication | None = None
        self._encoder: _core.RosEncoder | None = None
        self._schema: _core.Schema | None = None  # of the pool that the encoder is for, or that was refused
        self._refused = False
        self._incarnation = 0
        self._dropped = 0
        self._misfits = 0  # samples of pools that were refused
        self._problem = ""
        self._warned: set[str] = set()
        self._stream = TensorStream(pool_name, expect="any", backend="numpy", start=start)
        try:
            if self._message_class is not None:
                self._publication = self._make_publication(self._message_class)
        except BaseException:
            self._stream.cleanup()
            raise
        live.add(self)
        self._thread = threading.Thread(target=self._run, name=f"{pool_name} to {topic}", daemon=True)
        self._thread.start()

    def _make_publication(self, found: Any) -> Publication:
        return Publication(self._node, self._topic, found, self._qos, self._pool_name, self._closing.set)

    # ---- the thread

    def _run(self) -> None:
        try:
            while not self._closing.is_set() and self._node.context.ok():
                self._step()
        except _core.ClosedError:
            pass  # another thread called cleanup()
        except Exception as problem:
            if not self._closing.is_set():
                self._warn_once(f"publishing ended: {type(problem).__name__}: {problem}")
        finally:
            self._release()

    def _step(self) -> None:
        """Publish the new samples, or wait for one."""
        try:
            if self._encoder is None and not self._adapt():
                self._pass_over()
            elif self._encoder is not None and self._forward() > 0:
                return
            wait_any([self._stream], LOOK)
        except _core.ClosedError:
            raise
        except _core.PolymorphError as problem:
            self._warn_once(f"the pool cannot be read; trying again every {RETRY:g} s: {problem}")
            self._closing.wait(RETRY)

    def _forward(self) -> int:
        """Publish up to BATCH samples and return their number. For another pool, drop the encoder and return 1."""
        assert self._encoder is not None
        taken, dropped, incarnation = self._encoder.forward(self._stream, self._incarnation, BATCH)
        self._dropped += dropped
        if incarnation != self._incarnation:
            self._incarnation = incarnation
            self._encoder = None
            return 1
        return taken

    def _adapt(self) -> bool:
        """Make the encoder for the present pool. False: no pool exists, or its samples cannot be such messages."""
        schema = self._stream.schema  # another object for each new pool
        if schema is None or (schema is self._schema and self._refused):
            return False
        self._schema = schema
        try:
            self._refused = True
            metadata = {**(self._stream.metadata or {}), **self._overrides}
            if self._publication is None:
                self._publication = self._make_publication(self._find_class(metadata))
            encoder = make_encoder(
                self._warn_of, self._pool_name, schema, self._find_class(metadata), self._field, metadata
            )
            self._publication.use(encoder)
        except _core.PoolCorruptError:
            raise
        except (_core.PolymorphError, TypeError, ImportError) as problem:
            self._warn_once(f"nothing is published until a new pool replaces this one: {problem}")
            return False
        self._encoder = encoder
        self._refused = False
        self._problem = ""
        return True

    def _find_class(self, metadata: Mapping[str, Any]) -> Any:
        if self._message_class is not None:
            return self._message_class
        name = metadata.get("ros_type")
        if name is None:
            raise TypeError('msg_type was not given, and the pool\'s metadata does not have "ros_type"')
        found = message_class(name, 'the metadata\'s "ros_type"')
        if self._publication is not None and self._publication.message_class is not found:
            raise TypeError(f"the topic carries {self._publication.msg_type}, and the new pool carries {name}")
        return found

    def _pass_over(self) -> None:
        """Count the samples of a refused pool as misfits."""
        while self._stream.schema is self._schema:
            sample, info = self._stream.get_next(timeout=0, return_info=True)
            if info is None:
                return
            del sample
            self._misfits += 1 + info.dropped

    def _warn_once(self, text: str) -> None:
        self._problem = text
        self._warn_of(text)

    def _warn_of(self, text: str) -> None:
        if text in self._warned:
            return
        self._warned.add(text)
        warn(self._node, self._pool_name, self._topic, text)

    # ---- public

    @property
    def pool_name(self) -> str:
        """The name of the pool."""
        return self._pool_name

    @property
    def running(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive() and not self._closing.is_set()

    @property
    def stats(self) -> PoolPublisherStats:
        """Counters since it was made, a dict.

        Keys: topic, msg_type, path ("fast": given to rcl without the GIL, or "portable"), published, misfits, failures,
        bytes, problem (the text of the last misfit or failure), connected, dropped (samples that left the history
        before they were published), running.
        """
        publication = self._publication
        name = self._topic if self._message_class is None else ""
        base: PublicationStats = (
            publication.stats
            if publication is not None
            else {
                "topic": name,
                "msg_type": "",
                "path": "portable",
                "published": 0,
                "misfits": 0,
                "failures": 0,
                "bytes": 0,
                "problem": "",
            }
        )
        return {
            "topic": base["topic"],
            "msg_type": base["msg_type"],
            "path": base["path"],
            "published": base["published"],
            "misfits": base["misfits"] + self._misfits,
            "failures": base["failures"],
            "bytes": base["bytes"],
            "problem": base["problem"] or self._problem,
            "connected": self.running and self._encoder is not None and self._stream.connected,
            "dropped": self._dropped,
            "running": self.running,
        }

    def _take_latencies(self) -> list[int]:
        """The ns from publication in the pool until the middleware had taken the message, of up to 256 messages since
        the last call."""
        encoder = self._encoder
        return [] if encoder is None else encoder.take_latencies()

    def cleanup(self) -> None:
        """End the thread and destroy the publisher. The pool stays as it is.

        Idempotent; allowed before and after `destroy_node()` and `rclpy.shutdown()`.

        Threads: any.
        """
        self._closing.set()
        if self._generation != _core.fork_generation():
            return  # the thread belongs to the parent process
        self._stream.cleanup()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._release()

    def close(self) -> None:
        """The same as `cleanup()`."""
        self.cleanup()

    def _release(self) -> None:
        self._closing.set()
        self._stream.cleanup()
        if self._publication is not None:
            self._publication.close()
        live.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cleanup()

    def __repr__(self) -> str:
        return f"PoolPublisher({self._pool_name!r}, {self._topic!r})"


def clean_up_all() -> None:
    for publisher in list(live):
        publisher.cleanup()


atexit.register(clean_up_all)
