"""PoolPublisher: a pool that exists, or will, as a topic."""

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

BATCH = 64  # samples between two looks at whether to go on
LOOK = 0.5  # seconds between two looks at the context while nothing is published
RETRY = 1.0  # seconds between two tries of a pool that cannot be read

live: weakref.WeakSet[PoolPublisher] = weakref.WeakSet()


class PoolPublisherStats(PublicationStats):
    """What became of the samples of a pool on their way to a topic."""

    connected: bool
    """To a pool whose samples are being published."""
    dropped: int
    """Samples that left the pool's history before they could be published."""
    running: bool
    """Its thread is at work: neither cleaned up, nor its node destroyed, nor the context shut down."""


class PoolPublisher:
    """Publishes every sample of a pool on a topic, in order, from a thread of its own, whoever produces them: a C
    program reaches ROS with no change to it.

    The pool need not exist yet. Producers may die and come back, also with another schema or other metadata: the topic
    stays, messages are then written anew. A pool whose samples cannot be such messages is warned about once, by the
    node's logger, and counted as misfits until one comes that fits. The messages' stamps are the samples'; what else
    samples do not say comes from the pool's metadata, as in `TensorProducer.from_sample`.

    The node is never spun and need not be spun by others. The thread ends with `cleanup()` (or `close()`, its other
    name), when the node is destroyed, when its context is shut down (Ctrl-C does that), and at the interpreter's end;
    `running` is False then. Messages are encoded straight from the pool and handed to rcl without the GIL.

    Threads: any.

    Args:
        node: an rclpy node.
        pool_name: the pool's name.
        topic: the topic.
        msg_type: the message class, or its name. None: what the pool's metadata say ("ros_type", as the pools of ROS
            topics do); the publisher is then made when the pool appears.
        qos: a QoSProfile, or the depth of a reliable one; None: reliable, keep last 10.
        field: the path in the message that a plain sample is, or {field: path} for a dict.
        metadata: said of the messages over what the pool's own metadata say; None as a value takes a key away.
        start: "newest": what is in the pool now is not published. "oldest": its history is, first.

    Raises: TypeError (no node, no message class, no profile); ImportError (rclpy or the message package is not here:
    with the command that gets it); InvalidNameError (no pool can have that name); and rclpy's own for a bad topic.

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
        self.pool_name = pool_name
        self._topic = topic
        self._message_class = None if msg_type is None else message_class(msg_type, "msg_type")
        self._qos = qos
        self._field = field
        self._overrides = dict(metadata or {})
        self._closing = threading.Event()
        self._generation = _core.fork_generation()
        self._publication: Publication | None = None
        self._encoder: _core.RosEncoder | None = None
        self._schema: _core.Schema | None = None  # of the pool that `encoder` is for, or that was refused
        self._refused = False
        self._incarnation = 0
        self._dropped = 0
        self._misfits = 0  # of pools that cannot be such messages
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
        return Publication(self._node, self._topic, found, self._qos, self.pool_name, self._closing.set)

    # ---- its thread

    def _run(self) -> None:
        try:
            while not self._closing.is_set() and self._node.context.ok():
                self._step()
        except _core.ClosedError:
            pass  # cleanup() was called, in another thread
        except Exception as problem:
            if not self._closing.is_set():
                self._warn_once(f"publishing ended: {type(problem).__name__}: {problem}")
        finally:
            self._release()

    def _step(self) -> None:
        """Publish what there is, or wait for it."""
        try:
            if self._encoder is None and not self._adapt():
                self._pass_over()
            elif self._encoder is not None and self._forward() > 0:
                return
            wait_any([self._stream], LOOK)
        except _core.ClosedError:
            raise
        except _core.PolymorphError as problem:
            self._warn_once(f"the pool cannot be read, which is tried again: {problem}")
            self._closing.wait(RETRY)

    def _forward(self) -> int:
        """Publish up to BATCH samples; how many there were. When the pool is another one, its encoder is to be made."""
        assert self._encoder is not None
        taken, dropped, incarnation = self._encoder.forward(self._stream, self._incarnation, BATCH)
        self._dropped += dropped
        if incarnation != self._incarnation:
            self._incarnation = incarnation
            self._encoder = None
            return 1
        return taken

    def _adapt(self) -> bool:
        """Make the encoder for the pool that there is now. False: there is none, or none that fits."""
        schema = self._stream.schema  # another object for each pool that is made anew
        if schema is None or (schema is self._schema and self._refused):
            return False
        self._schema = schema
        try:
            self._refused = True
            metadata = {**(self._stream.metadata or {}), **self._overrides}
            if self._publication is None:
                self._publication = self._make_publication(self._find_class(metadata))
            encoder = make_encoder(
                self._warn_of, self.pool_name, schema, self._find_class(metadata), self._field, metadata
            )
            self._publication.rewrite(encoder)
        except _core.PoolCorruptError:
            raise
        except (_core.PolymorphError, TypeError, ImportError) as problem:
            self._warn_once(f"nothing is published until the pool is another one: {problem}")
            return False
        self._encoder = encoder
        self._refused = False
        self._problem = ""
        return True

    def _find_class(self, metadata: Mapping[str, Any]) -> Any:
        if self._message_class is not None:
            return self._message_class
        said = metadata.get("ros_type")
        if said is None:
            raise TypeError('msg_type was not given, and the pool\'s metadata do not say "ros_type"')
        found = message_class(said, 'the metadata\'s "ros_type"')
        if self._publication is not None and self._publication.message_class is not found:
            raise TypeError(f"the topic carries {self._publication.msg_type}, and the pool has become {said}")
        return found

    def _pass_over(self) -> None:
        """What cannot be published counts as seen."""
        while self._stream.schema is self._schema:
            sample, info = self._stream.get_next(timeout=0, return_info=True)
            if info is None:
                return
            del sample
            self._misfits += 1 + info.dropped

    def _warn_once(self, words: str) -> None:
        self._problem = words
        self._warn_of(words)

    def _warn_of(self, words: str) -> None:
        if words in self._warned:
            return
        self._warned.add(words)
        warn(self._node, self.pool_name, self._topic, words)

    # ---- its user

    @property
    def running(self) -> bool:
        """Its thread is at work."""
        return self._thread.is_alive() and not self._closing.is_set()

    @property
    def stats(self) -> PoolPublisherStats:
        """Counters since it was made; see `PoolPublisherStats`."""
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
        """ns from publication in the pool until the middleware had the message, of the last 256 messages at most since
        the last call."""
        encoder = self._encoder
        return [] if encoder is None else encoder.take_latencies()

    def cleanup(self) -> None:
        """End the thread and destroy the publisher. Idempotent; in any order with `destroy_node()` and
        `rclpy.shutdown()`; from any thread. The pool is not touched."""
        self._closing.set()
        if self._generation != _core.fork_generation():
            return  # the thread is the parent's
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
        return f"PoolPublisher({self.pool_name!r}, {self._topic!r})"


def clean_up_all() -> None:
    for publisher in list(live):
        publisher.cleanup()


atexit.register(clean_up_all)
