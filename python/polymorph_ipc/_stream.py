"""TensorStream: a reader of a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from . import _core, _samples
from ._arguments import check_pool_name, registry_folder
from ._describe import by_field, native_dtypes, parse_metadata

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from ._infos import StreamStats
    from ._ros.source import RosSource


class TensorStream(_core.Stream):
    """Reads a pool by name, without copies. The pool may be made later, and may end and come back.

    A stream has one cursor: samples up to this sequence number count as seen. It starts at the newest sample, so that
    `get_new` returns what is published from now on. `get_last`, `get_new`, `get_next`, `get_all_new` and iteration move
    it; `get_history` and `get_at` do not. Use one stream per consumer.

    Samples are arrays over the pool's own memory: read-only `numpy.ndarray`s, or `torch.Tensor`s, which must not be
    written to (torch has no read-only tensors; see `explain_faults`). They stay valid and unchanged for as long as they
    are held, also after `cleanup()` (or `close()`, its second name) and after the producer's death. A stream can hold
    seven views; further samples are private copies, and `info.copied` is True.

    When the producer dies, the pool stays readable, and the next producer adopts it; the stream stays connected. When
    the producer cleans up, the stream still returns what it has not read: get_next, get_all_new and iteration each
    sample, get_last and get_new the newest one. Then it has no sample, and `ended` is True, until a new pool of that
    name exists; the stream then reads that one.
    The schema of a stream is fixed by `expect`, by the first sample that it returns, or by the first pool with a live
    producer. After that, a pool with another schema raises SchemaMismatchError, unless `expect="any"`.

    Threads: any; calls take turns. Processes: after a fork the child's stream opens the pool again. Streams pickle by
    name and registry folder: a worker process gets its own stream, made with the same arguments.

    From a ROS topic: with `ros_node=`, `ros_topic=` and `ros_msg_type=` the stream also makes the pool. It subscribes
    on that node, decodes each message in C and publishes it into the local pool `pool_name`, which any process may read
    and which the stream itself reads. The user spins the node; the callbacks run there, in a callback group of their
    own. The stamp of a sample is the stamp of the message's header, or the node's clock when that is missing or zero. A
    message that does not fit the pool (another size, encoding or dtype, a missing joint) is never reinterpreted: it is
    counted in `stats`, and the node's logger warns once for each kind. `metadata` has what the first message states:
    frame_id, encoding, joint names. `cleanup()` and an orderly end of the process remove the pool and the subscription.
    A wait (`get_new`, ...) in a callback of the thread that spins the node raises WrongStateError, because no message
    can arrive before the callback returns. A pickled or forked copy only reads the pool.

    Args:
        pool_name: The name of the pool.
        backend: Which arrays to give: "numpy" or "torch". "torch" imports torch when the stream is made. None: torch if
            the producer's sample was torch (for a dict: if any of its arrays was) and this process has imported torch
            when the stream first reads from the pool, or is asked for its schema, backend or dtype; else numpy. That
            decides it for good. A read never imports torch, which takes seconds.
        expect: What the pool must carry: a sample (array or dict of arrays) or a Schema. A pool with another schema
            raises SchemaMismatchError. "any": follow the pool's schema, also when it changes (for viewers).
        max_age: Maximum seconds since publication; an older sample is not returned. None: any age. Each get_* has an
            argument of that name too.
        copy: True: return private, contiguous, writable arrays instead of views. Each get_* has an argument of that
            name too.
        start: "newest": the samples that the pool has now count as seen. "oldest": the whole history counts as new.
        folder: The registry folder. None: `$POLYMORPH_IPC_DIR`, or `/dev/shm/polymorph_ipc-<uid>`.
        ros_node: The rclpy node to subscribe on. The stream never spins it and never adds it to an executor.
        ros_topic: The name of the topic. The node's namespace and remappings apply.
        ros_msg_type: The message class, such as `sensor_msgs.msg.Image`, or its name, "sensor_msgs/msg/Image".
        ros_sample_data: An array like those that messages become, or a dict of them. The pool then exists at once. An
            Image: (H, W, 3) uint8 for rgb8. A PointCloud2: (N, 3) float32 for up to N points x, y, z. A JointState:
            (J,) float64 positions, or (3, J) with velocities and efforts. The keys of a dict are paths in the message,
            unless `ros_field` gives the paths. None: the pool is made when the first message arrives, which decides.
        ros_qos: A QoSProfile, or the depth of a reliable one. None: keep last 10; reliable when all publishers are,
            else best effort; latched (transient local) when all publishers are, else volatile; chosen again when
            publishers come and go.
        ros_field: What to take of the message: a path such as "pose.position", or a dict {field name: path}. None: the
            type's default tensor. A string becomes uint8 (n), or, with a sample such as np.array("", "U64"), one text;
            texts that do not fit are left out, never cut.
        ros_joints: JointState, JointTrajectory: the joints to take, in this order. The pool's metadata has them as
            "names". JointStates of several publishers are merged: each changes the joints that it names, and the others
            keep their values; NaN before the first. The field "joint_stamps" (int64, one per joint) and
            `stats["joint_stamps"]` have the stamp of each joint. None: the joints of the first message, and each
            message must name all of them.
        ros_point_fields: PointCloud2 as (N, k): the fields to take. None: x, y, z and further fields in their order.
        ros_variable: Whether sequences (a scan's ranges, a JPEG's bytes, points) become fields of variable length, for
            which the pool grows when a message needs it. None: True. False: every message must have the length of the
            sample, or of the first message; a history is then one array and not a list.
        ros_frames: "any": messages may differ in frame_id and child_frame_id, and the metadata does not have them (a
            field with the path "header.frame_id" can). None: messages with other frames than the first are left out.
        ros_organized: True: PointCloud2 as (height, width) points, or (height, width, k). A sample of that shape does
            the same.
        ros_on_change: What to do with messages that do not fit the pool because their size, encoding or layout differs
            (a camera that was restarted with another resolution). "refuse": leave them out. "follow": replace the pool
            by one whose first sample is that message; streams with expect="any" follow, others raise
            SchemaMismatchError. Not for joints, and not back to a kind that the pool had within the last 10 s. None:
            "refuse" with `ros_sample_data`, else "follow".
        ros_max_bytes: The maximum bytes of the pool. None: 1 GiB, or twice what the sample asks for.
        ros_history_len: The number of newest samples that the pool keeps.
        ros_mode: Permission bits of the pool's file, as `mode` of a TensorProducer: 0o600, 0o660, 0o606 or 0o666.

    Raises:
        InvalidNameError: No pool can have this name.
        ValueError: `backend`, `start` or `max_age` has a value that is not possible; with ros_*: another argument.
        TypeError: `expect` is neither a sample nor a Schema nor "any"; with ros_*: an argument is missing or has a
            wrong type.
        SchemaMismatchError: The pool has another schema than `expect`; with ros_*: no message of this type can become
            such a sample.
        PoolCorruptError: The pool's file is damaged.
        PoolIncompatibleError: The pool was made by an incompatible build of the library.
        PoolPermissionError: This user may not open the pool's file.
        PoolFullError: 64 streams are connected to the pool. The text names them.
        UnsupportedError: The folder is not on tmpfs, or the backend does not have a dtype of the pool.
        ImportError: `backend` is "torch", and torch cannot be imported; or a ros_* argument is given, and rclpy cannot.
        PoolBusyError: With ros_*: another producer has the pool.
        InvalidArgumentError: With ros_*: a path that the message does not have.
        OutOfMemoryError: There is no memory.
        SystemCallError: A system call failed.

    Example:
        >>> with TensorStream("cam") as camera:
        ...     image = camera.get_new(timeout=1.0)

        >>> camera = TensorStream("cam", ros_node=node, ros_topic="/camera/image_raw", ros_msg_type=Image,
        ...                       ros_sample_data=np.zeros((480, 640, 3), np.uint8))
        >>> rclpy.spin(node)        # in another process: TensorStream("cam").get_new()
    """

    __slots__ = ("__weakref__", "_arguments", "_source")

    _arguments: dict[str, Any]
    _source: RosSource

    def __init__(
        self,
        pool_name: str,
        *,
        backend: Literal["numpy", "torch"] | None = None,
        expect: Any = None,
        max_age: float | None = None,
        copy: bool = False,
        start: Literal["newest", "oldest"] = "newest",
        folder: str | os.PathLike[str] | None = None,
        ros_node: Any = None,
        ros_topic: str | None = None,
        ros_msg_type: Any = None,
        ros_sample_data: Any = None,
        ros_qos: Any = None,
        ros_field: str | Mapping[str, str] | None = None,
        ros_joints: Sequence[str] | None = None,
        ros_point_fields: Sequence[str] | None = None,
        ros_variable: bool | None = None,
        ros_frames: Literal["any"] | None = None,
        ros_organized: bool = False,
        ros_on_change: Literal["refuse", "follow"] | None = None,
        ros_max_bytes: int | None = None,
        ros_history_len: int = 10,
        ros_mode: int = 0o600,
    ) -> None:
        self._check_unopened()
        check_pool_name(pool_name)
        if start not in ("newest", "oldest"):
            raise ValueError(f'start must be "newest" or "oldest", not {start!r}')
        follow_schema = isinstance(expect, str) and expect == "any"
        schema = None if follow_schema else expected_schema(expect, pool_name)
        folder = registry_folder(folder)
        self._arguments = {
            "backend": backend,
            "expect": "any" if follow_schema else schema,
            "max_age": max_age,
            "copy": copy,
            "start": start,
            "folder": folder,
        }
        of_topic = (ros_node, ros_topic, ros_msg_type)
        details = (ros_sample_data, ros_qos, ros_field, ros_joints, ros_point_fields)
        source: RosSource | None = None
        if any(
            argument is not None
            for argument in (*of_topic, *details, ros_variable, ros_frames, ros_on_change, ros_max_bytes)
        ):
            from ._ros.request import Request
            from ._ros.source import RosSource

            request = Request(
                *of_topic,
                *details,
                variable=ros_variable,
                frames=ros_frames,
                organized=ros_organized,
                on_change=ros_on_change,
                max_bytes=ros_max_bytes,
                history_len=ros_history_len,
                mode=ros_mode,
            )
            source = RosSource(pool_name, request, folder)
        try:
            super().__init__(
                pool_name,
                backend,
                schema,
                follow_schema,
                start == "oldest",
                max_age,
                copy,
                folder,
            )
            if source is not None:
                self._source = source
                self._before_wait = source.before_wait
                source.start()
        except BaseException:
            if source is not None:
                source.cleanup()
            raise

    @property
    def _ros(self) -> RosSource | None:
        """The ROS source that fills the pool; None without `ros_node=`."""
        return getattr(self, "_source", None)

    @property
    def stats(self) -> StreamStats:
        """Counters of the stream, and of its ROS topic when it has one: see `StreamStats`."""
        counters: dict[str, Any] = {**super().stats}
        if self._ros is not None:
            counters.update(self._ros.stats())
        return cast("StreamStats", counters)

    def cleanup(self) -> None:
        """Close the stream. Arrays that it has given stay valid.

        A stream of a ROS topic also unsubscribes and removes its pool. Threads that wait wake up and raise ClosedError,
        later calls raise it too, and iterations end. Idempotent.

        Threads: any.
        """
        if self._ros is not None:
            self._ros.cleanup()
        super().cleanup()

    def close(self) -> None:
        """The same as `cleanup()`."""
        self.cleanup()

    @property
    def shape(self) -> tuple[int, ...] | dict[str, tuple[int, ...]] | None:
        """The shape of a sample, of a variable one at its full length; for a dict pool a dict of the fields' shapes.
        None before the stream has been connected."""
        schema = self.schema
        return None if schema is None else by_field(schema, [field.shape for field in schema.fields])

    @property
    def dtype(self) -> Any:
        """The dtype of a sample: a numpy.dtype or a torch.dtype, as the backend is; for a dict pool a dict of the
        fields' dtypes. None before the stream has been connected."""
        schema = self.schema
        if schema is None:
            return None
        is_torch = self.backend == "torch"
        return by_field(schema, native_dtypes(schema, is_torch))

    @property
    def metadata(self) -> dict[str, Any] | None:
        """The metadata of the pool, a dict of JSON values, empty when the producer gave none. None before the stream
        has been connected. Raises PoolCorruptError when it is damaged."""
        found = self._read_metadata()
        if found is None:
            return None
        return parse_metadata(found, self.pool_name)

    def __repr__(self) -> str:
        try:
            return f"<TensorStream of {self.pool_name!r}: {self.schema or 'not connected yet'}>"
        except _core.PolymorphError:  # never opened, or its pool cannot be read
            return f"<{type(self).__name__}, never opened or not readable>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cleanup()

    def __reduce__(self) -> tuple[Any, ...]:
        state = getattr(self, "__dict__", None)
        return (reopen, (type(self), self.pool_name, self._arguments), state or None)


def expected_schema(expect: Any, pool_name: str) -> _core.Schema | None:
    """The schema that `expect` asks for; None when it asks for none."""
    if expect is None or isinstance(expect, _core.Schema):
        return expect
    if isinstance(expect, str):
        raise TypeError(f'expect must be a sample, a Schema or "any", not {expect!r}')
    return _samples.schema_for(expect, False, f"expect of pool {pool_name!r}")


def reopen(kind: type[TensorStream], pool_name: str, arguments: dict[str, Any]) -> TensorStream:
    """Make a pickled stream again, in the process that unpickles it."""
    return kind(pool_name, **arguments)
