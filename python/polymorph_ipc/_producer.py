"""TensorProducer: the one writer of a pool."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from . import _core, _lifetime, _samples
from ._arguments import check_pool_name, registry_folder, whole_number
from ._describe import by_field, metadata_text, native_dtypes, parse_metadata
from ._registry import ReaderInfo

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ._ros.publication import Publication, PublicationStats


class TensorProducer(_core.Producer):
    """Publishes arrays into a pool, where any number of `TensorStream`s read them without a copy.

    One producer per pool. Nothing ever waits for a reader, and no reader ever sees a sample change under it. When the
    process returns, raises or is interrupted by Ctrl-C, the pool is removed as by `cleanup()` (unless made with
    `keep=True`); when it is killed, the pool stays readable, and the next producer with the same schema, history_len,
    spare, origin (numpy or torch) and metadata adopts it: streams carry on without being told. Any other replaces it.

    Most producers are made by `TensorProducer.from_sample`; the constructor takes a `Schema` where that takes a sample,
    e.g. another stream's `stream.schema`. `close()` is the same as `cleanup()`.

    Threads: any; calls take turns, but a loan keeps the others out: while one is out, `publish` and `loan` raise
    WrongStateError in every thread. Processes: a forked child cannot use its parent's producer (ForkedError), and a
    producer cannot be pickled: give the worker the pool's name, and make the producer there.

    Example:
        >>> producer = TensorProducer.from_sample("arm/q", np.zeros(7), history_len=200)
        >>> producer.publish(joint_positions)
        1
    """

    __slots__ = ("__weakref__", "_publication")

    _publication: Publication

    def __init__(
        self,
        pool_name: str,
        schema: _core.Schema,
        history_len: int = 10,
        *,
        metadata: Mapping[str, Any] | None = None,
        spare: int | None = None,
        grow: bool = True,
        max_bytes: int | None = None,
        keep: bool = False,
        recreate: bool = False,
        mode: int = 0o600,
        folder: str | os.PathLike[str] | None = None,
        origin: Literal["numpy", "torch"] = "numpy",
        ros_node: Any = None,
        ros_topic: str | None = None,
        ros_msg_type: Any = None,
        ros_qos: Any = None,
        ros_field: str | Mapping[str, str] | None = None,
    ) -> None:
        """As `from_sample`, which documents the arguments. `origin`: "numpy" or "torch", which arrays streams give
        when they are not told, and which `loan()` gives. "torch" imports torch here, and raises ImportError when it
        cannot be imported."""
        self._check_unopened()
        if origin not in ("numpy", "torch"):
            raise ValueError(f'origin must be "numpy" or "torch", not {origin!r}')
        check_pool_name(pool_name)
        if not isinstance(schema, _core.Schema):
            raise TypeError(
                f"pool {pool_name!r}: schema must be a Schema, not {type(schema).__name__}: make the producer by "
                "TensorProducer.from_sample(pool_name, sample), or pass Schema.from_sample(sample)"
            )
        metadata_json = metadata_text(metadata, pool_name)
        ros = (ros_node, ros_topic, ros_msg_type, ros_qos, ros_field)
        encoder = (
            self._make_encoder(pool_name, schema, metadata or {}, *ros)
            if any(each is not None for each in ros)
            else None
        )
        _lifetime.watch(self)  # before there is a pool: Ctrl-C may come between any two steps
        super().__init__(
            pool_name,
            schema,
            whole_number(history_len, "history_len", pool_name),
            _core.DEFAULT_SPARE if spare is None else whole_number(spare, "spare", pool_name),
            whole_number(mode, "mode", pool_name),
            _core.ORIGIN_TORCH if origin == "torch" else _core.ORIGIN_NUMPY,
            metadata_json,
            registry_folder(folder),
            grow,
            keep,
            0 if max_bytes is None else whole_number(max_bytes, "max_bytes", pool_name),
            recreate,
        )
        if encoder is not None:
            self._publish_to_ros(encoder, ros_node, str(ros_topic), ros_msg_type, ros_qos)

    @staticmethod
    def _make_encoder(
        pool_name: str,
        schema: _core.Schema,
        metadata: Mapping[str, Any],
        ros_node: Any,
        ros_topic: Any,
        ros_msg_type: Any,
        ros_qos: Any,
        ros_field: str | Mapping[str, str] | None,
    ) -> _core.RosEncoder:
        """What encodes the samples. All that can be wrong with the ros_* arguments is found here, before there is a
        pool or a publisher."""
        from ._ros.classes import message_class
        from ._ros.publication import check_node, default_qos, make_encoder, warn

        given = {"ros_node": ros_node, "ros_topic": ros_topic, "ros_msg_type": ros_msg_type}
        missing = [f"{name}=" for name, value in given.items() if value is None]
        if missing:
            raise TypeError(
                f"pool {pool_name!r}: to publish to ROS too, ros_node=, ros_topic= and ros_msg_type= are needed: "
                f"{' and '.join(missing)} missing"
            )
        check_node(ros_node, "ros_node")
        if not isinstance(ros_topic, str):
            raise TypeError(f"ros_topic must be str, not {type(ros_topic).__name__}")
        default_qos(ros_qos)
        found = message_class(ros_msg_type, "ros_msg_type")

        def tell(words: str) -> None:
            warn(ros_node, pool_name, ros_topic, words)

        return make_encoder(tell, pool_name, schema, found, ros_field, metadata)

    def _publish_to_ros(self, encoder: _core.RosEncoder, node: Any, topic: str, msg_type: Any, ros_qos: Any) -> None:
        """Make the publisher, and have every sample sent to it; without it there is no pool either."""
        from ._ros.classes import message_class
        from ._ros.publication import Publication

        pool_name = self.pool_name
        try:
            publication = Publication(node, topic, message_class(msg_type, "ros_msg_type"), ros_qos, pool_name)
            self._publication = publication
            publication.rewrite(encoder)
            self._send_to(encoder)
        except BaseException:
            self.cleanup()
            raise
        # For a producer that is collected without a cleanup(); at exit lifetime does it.
        weakref.finalize(self, publication.close).atexit = False

    @classmethod
    def from_sample(
        cls,
        pool_name: str,
        sample: Any,
        history_len: int = 10,
        *,
        metadata: Mapping[str, Any] | None = None,
        variable: bool | Iterable[str] = False,
        spare: int | None = None,
        grow: bool = True,
        max_bytes: int | None = None,
        keep: bool = False,
        recreate: bool = False,
        mode: int = 0o600,
        folder: str | os.PathLike[str] | None = None,
        ros_node: Any = None,
        ros_topic: str | None = None,
        ros_msg_type: Any = None,
        ros_qos: Any = None,
        ros_field: str | Mapping[str, str] | None = None,
    ) -> Self:
        """Make the pool, or adopt the one that a producer of the same schema left when it died. Publishes nothing.

        Args:
            pool_name: 1 to 200 characters of `A-Z a-z 0-9 _ - . /`, such as "victor/left_arm/joint_states"; no empty,
                `.` or `..` component.
            sample: an array like those that will be published: its shape and dtype make the schema, its values are
                not used. numpy or torch (or anything that offers the buffer protocol or DLPack, or a scalar for a 0-d
                pool); or a dict of 1 to 32 of them, which are then published together. Up to 8 dimensions; a dimension
                may be 0. Every numpy dtype without objects, and torch's bfloat16 and float8.
            history_len: how many of the newest samples stay readable, 1 to 32768.
            metadata: what readers should know (units, joint names, frame_id): a dict of JSON values, read as
                `stream.metadata` and `inspect_pool(name).metadata`. 1 MiB of JSON at most.
            variable: True: each sample has its own length in the first dimension (point clouds, detections). The
                pool begins with room for the sample's; a longer one makes it larger. For a dict, the names of the
                fields of which that is so (True: of all; 8 at most).
            spare: slots beyond history_len before the pool has to grow; None: 3.
            grow: let the pool grow when streams hold many views, and when a variable sample is longer than it has room
                for. False (real time): never allocate, refuse longer samples; `spare` should then be the number of
                views that may be held at a time, plus 1, and `sweep()` be called outside the control loop.
            max_bytes: what the pool may take at most. None: growing for views has no limit but memory, growing for
                longer samples ends at 1 GiB.
            keep: leave the pool behind on cleanup() and on exit, readable and adoptable.
            recreate: when the pool's file is removed from outside (by hand, or by systemd-logind's RemoveIPC when your
                last session ends), make the pool again under its name: history, numbers and metadata go on, and streams
                follow. False: publish raises PoolLostError then. It is noticed within a second.
            mode: permission bits of the pool's file: 0o600 (only you), 0o660 (your group), 0o606 or 0o666 (everybody).
                Read permission without write permission is refused: streams register in the file. A dead pool of
                another user is adopted only when it has these bits and the group of a new file; else it is replaced, or
                refused (PoolPermissionError) when the folder does not permit that.
            folder: the registry folder. None: `$POLYMORPH_IPC_DIR`, or `/dev/shm/polymorph_ipc-<uid>`.
            ros_node: an rclpy node: what is published (or committed as a loan) goes to a topic too, after the pool, as
                a message that is encoded in C from what the pool holds. Never spun. Samples that nobody stamps get the
                node's time. What ROS makes of it never breaks the pool: a node that was destroyed or a context that was
                shut down is counted in `ros_stats` and warned about once, by the node's logger.
            ros_topic: the topic.
            ros_msg_type: the message class, `sensor_msgs.msg.Image`, or its name, "sensor_msgs/msg/Image". A plain
                sample is the type's default tensor (image, points, joint positions, ...); a dict's names are paths in
                the message ("position", "pose.orientation"). The metadata's "frame_id", "encoding", "names" (of
                joints), "child_frame_id", "format", "point_fields", "layout" ("CHW" for images with the channels in
                front), and what else is a path of the message, say what samples do not; numbers are rounded to the
                field's dtype.
            ros_qos: a QoSProfile, or the depth of a reliable one; None: reliable, keep last 10.
            ros_field: the path that a plain sample is, or {field: path} for a dict.

        Memory: about (history_len + spare) times the sample, reserved now.

        Raises:
            PoolBusyError: another process has a producer on this pool; says which.
            PoolSpaceError (OSError, errno ENOSPC): not enough shared memory; says how much is needed and what could be
                cleaned.
            InvalidNameError (ValueError): no pool can have that name.
            InvalidArgumentError (ValueError): history_len, spare, mode, a field name, or the number of dimensions or
                fields is out of range.
            TypeError: the sample is not an array (lists, numpy.matrix, masked arrays: names the conversion), its dtype
                holds objects, or the metadata is not made of JSON values.
            PoolCorruptError: the name is taken by a file that is not a pool; says what it is.
            PoolPermissionError: names the permission that is missing, or the owner of the file.
            PoolIncompatibleError, OutOfMemoryError, SystemCallError.
            With ros_node: SchemaMismatchError (samples cannot be such messages: expected and got), InvalidArgumentError
            (no such path, metadata that the message cannot carry), TypeError (no message class, an argument missing),
            ImportError (rclpy or the message package is not here: with the command that gets it), and rclpy's own.

        Example:
            >>> image = np.zeros((480, 640, 3), np.uint8)
            >>> camera = TensorProducer.from_sample("cam", image, metadata={"encoding": "rgb8"})
            >>> observation = TensorProducer.from_sample("obs", {"rgb": rgb, "depth": depth, "q": np.zeros(7)})
            >>> cloud = TensorProducer.from_sample("lidar", np.zeros((120_000, 4), np.float32), variable=True)
            >>> cloud.publish(points)                   # any (n, 4)
            >>> joints = TensorProducer.from_sample("arm/q", np.zeros(7), metadata={"names": names}, ros_node=node,
            ...                                     ros_topic="/joint_states", ros_msg_type=JointState)
        """
        check_pool_name(pool_name)
        return cls(
            pool_name,
            _samples.schema_for(sample, variable, f"pool {pool_name!r}"),
            history_len,
            metadata=metadata,
            spare=spare,
            grow=grow,
            max_bytes=max_bytes,
            keep=keep,
            recreate=recreate,
            mode=mode,
            folder=folder,
            origin="torch" if _samples.origin_of(sample) == _core.ORIGIN_TORCH else "numpy",
            ros_node=ros_node,
            ros_topic=ros_topic,
            ros_msg_type=ros_msg_type,
            ros_qos=ros_qos,
            ros_field=ros_field,
        )

    def cleanup(self) -> None:
        """Remove the pool (unless made with keep=True) and, with `ros_node=`, destroy the publisher.

        Streams treat the pool as absent, those that wait wake up. Idempotent, and harmless in any order with
        `node.destroy_node()` and `rclpy.shutdown()`; later calls raise ClosedError. In a forked child it leaves the
        parent's pool alone.
        """
        super().cleanup()
        if self._ros is not None:
            self._ros.close()

    def close(self) -> None:
        """The same as `cleanup()`."""
        self.cleanup()

    def readers(self) -> list[ReaderInfo]:
        """The streams that are connected now: who they are, what they have read, what they hold.

        Raises: ClosedError after cleanup(); ForkedError in a forked child.
        """
        return [ReaderInfo(*row) for row in self._reader_rows()]

    @property
    def shape(self) -> tuple[int, ...] | dict[str, tuple[int, ...]]:
        """Shape of a sample (of the largest one, when variable); a dict pool: a dict of the fields' shapes."""
        return by_field(self.schema, [field.shape for field in self.schema.fields])

    @property
    def dtype(self) -> Any:
        """dtype of a sample: a numpy.dtype, or a torch.dtype when the sample was torch's; a dict pool: a dict."""
        is_torch = self._origin == _core.ORIGIN_TORCH
        return by_field(self.schema, native_dtypes(self.schema, is_torch))

    @property
    def _ros(self) -> Publication | None:
        """The ROS publisher of the samples; None without `ros_node=`."""
        return getattr(self, "_publication", None)

    @property
    def ros_stats(self) -> PublicationStats | None:
        """What became of the samples on their way to ROS: topic, msg_type, path ("fast": handed to rcl without the GIL,
        or "portable"), published, misfits, failures, bytes, problem (the last one, in words). None without
        `ros_node=`."""
        return None if self._ros is None else self._ros.stats

    @property
    def metadata(self) -> dict[str, Any]:
        """What was given as metadata; empty when nothing was."""
        return parse_metadata(self._metadata_json, self.pool_name)

    def __repr__(self) -> str:
        try:
            return f"<TensorProducer of {self.pool_name!r}: {self.schema}, seq {self.seq}>"
        except _core.PolymorphError:  # closed, the parent's, or never opened
            return f"<{type(self).__name__}, closed or never opened>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cleanup()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"the producer of pool {self.pool_name!r} cannot be pickled: a pool has one producer, in one process. "
            "Pass the pool's name and make the producer in the process that publishes"
        )
