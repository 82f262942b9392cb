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
    """Reads a pool by name, without copies. The pool need not exist yet, and may die and come back.

    A stream has one cursor, the newest sequence number it has returned. It starts at the newest sample there is, so
    that `get_new` gives what is published from now on. `get_last`, `get_new`, `get_next`, `get_all_new` and iteration
    move it, `get_history` and `get_at` do not. Use one stream per consumer.

    Samples are arrays over the pool's own memory: `numpy.ndarray`s that are read-only, or `torch.Tensor`s, which must
    not be written to (torch has no read-only; see `explain_faults`). They stay valid and unchanged for as long as
    anybody holds them, after `cleanup()` and after the producer's death too. A stream can hold seven; more are private
    copies, and say so in `info.copied`. `close()` is the same as `cleanup()`.

    When the producer dies, the pool stays readable, and a successor adopts it unnoticed. When the producer cleans up,
    the stream has nothing to give until a new pool of that name appears; it then reads that one. The schema of a
    stream is fixed by `expect`, by the first sample it gives, or by the first pool with a live producer; after that a
    pool with another schema raises SchemaMismatchError, unless made with `expect="any"`.

    Threads: any; calls take turns. Processes: after a fork the child's stream opens itself again. Streams pickle by
    name and registry folder: a worker process gets a stream of its own, made with the same arguments.

    **From a ROS topic.** With `ros_node=`, `ros_topic=` and `ros_msg_type=` the stream also makes the pool: it
    subscribes on that node, converts each message in C and publishes it into the local pool `pool_name`, which any
    process may read, and which the stream itself reads. The user spins the node; the callbacks run there, in a
    callback group of their own. A sample's stamp is its message's header's, or the node's clock when that is
    missing or zero. What does not fit the pool (another size, encoding or dtype, a missing joint) is never
    reinterpreted: it is counted in `stats`, and the node's logger warns once of each kind. `metadata` has what the
    first message says: frame_id, encoding, joint names. `cleanup()` removes the pool and the subscription; so does
    an orderly end of the process. Waiting (`get_new`, ...) in a callback of the thread that spins the node would
    wait for itself, and raises WrongStateError. A pickled or forked copy only reads the pool.

    Args:
        pool_name: the pool's name.
        backend: "numpy" or "torch": which arrays to give. "torch" imports torch when the stream is made. None: torch if
            the producer's sample was torch (or, for a dict, any of its arrays was) and this process has imported torch
            when the stream first reads from the pool (or is asked for its schema, backend or dtype); else numpy. Then
            it is settled. A read never imports torch, which takes seconds.
        expect: what the pool must carry: a sample (array, or dict of arrays) or a Schema; anything else in the pool
            raises SchemaMismatchError. "any": follow whatever schema the pool has, also when it changes (viewers).
        max_age: seconds since publication after which a sample is too old to be given; None: any age. Each get_* can
            say otherwise.
        copy: give private, contiguous, writable arrays instead of views. Each get_* can say otherwise.
        folder: the registry folder. None: `$POLYMORPH_IPC_DIR`, or `/dev/shm/polymorph_ipc-<uid>`.
        start: "newest": what is in the pool now counts as seen. "oldest": the cursor is before the history.
        ros_node: the rclpy node to subscribe on. It is never spun, and never added to an executor.
        ros_topic: the topic's name, which the node's namespace and remappings apply to.
        ros_msg_type: the message class, such as `sensor_msgs.msg.Image`, or its name, "sensor_msgs/msg/Image".
        ros_sample_data: an array like those that messages are to become, or a dict of them; makes the pool at once.
            An Image: (H, W, 3) uint8 for rgb8; a PointCloud2: (N, 3) float32 for up to N points x, y, z; a
            JointState: (J,) float64 positions, or (3, J) with velocities and efforts. The keys of a dict are paths in
            the message, unless ros_field says which. None: the first message decides, and the pool is made when it
            comes.
        ros_qos: a QoSProfile, or a depth (reliable). None: reliable when all publishers are, else best effort; latched
            (transient local) when all publishers are, else volatile; keep last 10. Chosen again when publishers come
            and go.
        ros_field: what of the message to take: a path such as "pose.position", or a dict {field name: path}. None:
            the type's default tensor. A string becomes uint8 (n), or, with a sample such as np.array("", "U64"), one
            text; texts that do not fit are left out, never cut.
        ros_joints: JointState, JointTrajectory: which joints, in which order; the pool's metadata say them as "names".
            JointStates of several publishers are merged: each changes the joints that it names, others keep their
            values; NaN until heard first. The field "joint_stamps" (int64, one per joint) and `stats["joint_stamps"]`
            say when each was heard. None: as in the first message, and all messages must name all of them.
        ros_point_fields: PointCloud2 as (N, k): which fields. None: x, y, z and further ones in their order.
        ros_variable: whether sequences (a scan's ranges, a JPEG's bytes, points) make fields of variable length, whose
            pool becomes larger when a message needs it. None: they do. False: every message must have the length of the
            sample, or of the first message; a history is then one array and not a list.
        ros_organized: PointCloud2 as (height, width) points, or (height, width, k). Also with a sample of that shape.
        ros_on_change: what to do with messages that do not fit the pool because they are of another size, encoding or
            layout (a camera that was restarted with another resolution). "refuse": leave them out. "follow": replace
            the pool by one that such a message is the first sample of; streams with expect="any" follow, others raise
            SchemaMismatchError. Not for joints, and not back to what the pool was within the last 10 s. None: refuse
            with ros_sample_data, else follow.
        ros_max_bytes: what the pool may take at most. None: 1 GiB, or twice what the sample asks for.
        ros_frames: "any": messages may differ in frame_id and child_frame_id, and the metadata do not say them (a field
            of the path "header.frame_id" can). None: messages of other frames than the first one's are left out.
        ros_history_len: history_len of the pool.
        ros_mode: permission bits of the pool's file, as `mode` of a TensorProducer: 0o600, 0o660, 0o606 or 0o666.

    Raises:
        InvalidNameError (ValueError): no pool can have that name. ValueError: another backend, start or max_age.
        TypeError: `expect` is neither sample nor Schema nor "any".
        SchemaMismatchError, PoolCorruptError, PoolIncompatibleError, PoolPermissionError, PoolFullError (64 streams are
            connected; names them): the pool exists, and cannot be read.
        ImportError: backend is "torch", and torch cannot be imported; or a ros_* argument is given, and rclpy is not
            there.
        With ros_*: PoolBusyError when another process has a producer on the pool; SchemaMismatchError when no message
            of
        this type can become such a sample; InvalidArgumentError for a path that the message does not have; TypeError
            and
        ValueError for other arguments.

    Example:
        >>> with TensorStream("cam") as camera:
        ...     image = camera.get_new(timeout=1.0)

        >>> camera = TensorStream("cam", ros_node=node, ros_topic="/camera/image_raw", ros_msg_type=Image,
        ...                       ros_sample_data=np.zeros((480, 640, 3), np.uint8))
        >>> rclpy.spin(node)        # elsewhere: TensorStream("cam").get_new()
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
        """The subscription that feeds the pool; None without `ros_node=`."""
        return getattr(self, "_source", None)

    @property
    def stats(self) -> StreamStats:
        """Counters of the stream, and of its ROS topic when it has one."""
        counters: dict[str, Any] = {**super().stats}
        if self._ros is not None:
            counters.update(self._ros.stats())
        return cast("StreamStats", counters)

    def cleanup(self) -> None:
        """Close the stream. Arrays that it gave stay valid. A stream of a ROS topic also unsubscribes and removes its
        pool. Idempotent; later calls raise ClosedError."""
        if self._ros is not None:
            self._ros.cleanup()
        super().cleanup()

    def close(self) -> None:
        """The same as `cleanup()`."""
        self.cleanup()

    @property
    def shape(self) -> tuple[int, ...] | dict[str, tuple[int, ...]] | None:
        """Shape of a sample (of the largest one, when variable); a dict pool: a dict of the fields' shapes. None while
        the stream was never connected."""
        schema = self.schema
        return None if schema is None else by_field(schema, [field.shape for field in schema.fields])

    @property
    def dtype(self) -> Any:
        """dtype of a sample: a numpy.dtype or a torch.dtype, as the backend is; a dict pool: a dict of the fields'.
        None while the stream was never connected."""
        schema = self.schema
        if schema is None:
            return None
        is_torch = self.backend == "torch"
        return by_field(schema, native_dtypes(schema, is_torch))

    @property
    def metadata(self) -> dict[str, Any] | None:
        """What the producer said about the pool, a dict of JSON values, empty when it said nothing; None while the
        stream was never connected. Raises PoolCorruptError when it is damaged."""
        found = self._read_metadata()
        if found is None:
            return None
        return parse_metadata(found, self.pool_name)

    def __repr__(self) -> str:
        try:
            return f"<TensorStream of {self.pool_name!r}: {self.schema or 'not connected yet'}>"
        except _core.PolymorphError:  # never opened, or its pool cannot be read
            return f"<{type(self).__name__}, never opened or not to be read>"

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
    """What `expect` says a pool must carry."""
    if expect is None or isinstance(expect, _core.Schema):
        return expect
    if isinstance(expect, str):
        raise TypeError(f'expect must be a sample, a Schema or "any", not {expect!r}')
    return _samples.schema_for(expect, False, f"expect of pool {pool_name!r}")


def reopen(kind: type[TensorStream], pool_name: str, arguments: dict[str, Any]) -> TensorStream:
    """A stream in this process like the one that was pickled in another."""
    return kind(pool_name, **arguments)
