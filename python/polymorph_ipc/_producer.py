"""TensorProducer: the producer of a pool."""

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
    """Publishes arrays into a pool, which any number of `TensorStream`s read without a copy.

    A pool has one producer. The producer never waits for a reader, and a sample never changes while a reader holds it.

    Make a producer by `TensorProducer.from_sample`, or by the constructor from a `Schema`, such as `stream.schema`.
    `publish` copies a sample into the pool, `loan` gives a slot to fill in place. `readers()` describes the streams
    that are connected.

    The pool ends in one of two ways:

    - `cleanup()`, its second name `close()`, the end of a `with` block and an orderly end of the process (return,
      exception, Ctrl-C) remove the pool, unless it was made with `keep=True`.
    - A killed process leaves the pool readable. The next producer with the same schema, history_len, spare, metadata
      and origin (numpy or torch) adopts it, and streams stay connected. A producer with others replaces it.

    Threads: any; calls take turns. Until a loan ends, `publish` and `loan` raise WrongStateError in every thread.
    Processes: a forked child cannot use its parent's producer (ForkedError), and a producer cannot be pickled. Pass the
    pool's name to a worker process and make the producer there.

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
        adopt: bool = True,
        mode: int = 0o600,
        folder: str | os.PathLike[str] | None = None,
        origin: Literal["numpy", "torch"] = "numpy",
        ros_node: Any = None,
        ros_topic: str | None = None,
        ros_msg_type: Any = None,
        ros_qos: Any = None,
        ros_field: str | Mapping[str, str] | None = None,
    ) -> None:
        """Make the pool, or adopt it. `from_sample` describes the arguments and errors that have no text here.

        Args:
            pool_name: See `from_sample`.
            schema: The schema of the pool: `Schema.from_sample(sample)`, `stream.schema` or `producer.schema`.
            history_len: See `from_sample`.
            metadata: See `from_sample`.
            spare: See `from_sample`.
            grow: See `from_sample`.
            max_bytes: See `from_sample`.
            keep: See `from_sample`.
            recreate: See `from_sample`.
            adopt: See `from_sample`.
            mode: See `from_sample`.
            folder: See `from_sample`.
            origin: Which arrays streams give by default and `loan` gives: "numpy" or "torch". "torch" imports torch.
            ros_node: See `from_sample`.
            ros_topic: See `from_sample`.
            ros_msg_type: See `from_sample`.
            ros_qos: See `from_sample`.
            ros_field: See `from_sample`.

        Raises:
            TypeError: `schema` is not a Schema.
            ValueError: `origin` is neither "numpy" nor "torch".
            ImportError: `origin` is "torch", and torch cannot be imported.
        """
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
        _lifetime.watch(self)  # before the pool exists: Ctrl-C may come between any two steps
        super().__init__(
            pool_name,
            schema,
            whole_number(history_len, f"pool {pool_name!r}: history_len"),
            _core.DEFAULT_SPARE if spare is None else whole_number(spare, f"pool {pool_name!r}: spare"),
            whole_number(mode, f"pool {pool_name!r}: mode"),
            origin,
            metadata_json,
            registry_folder(folder),
            grow,
            keep,
            0 if max_bytes is None else whole_number(max_bytes, f"pool {pool_name!r}: max_bytes"),
            recreate,
            adopt,
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
        """Make the encoder of the samples. Finds every error in the ros_* arguments, before a pool or a publisher
        exists."""
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

        def warn_node(text: str) -> None:
            warn(ros_node, pool_name, ros_topic, text)

        return make_encoder(warn_node, pool_name, schema, found, ros_field, metadata)

    def _publish_to_ros(self, encoder: _core.RosEncoder, node: Any, topic: str, msg_type: Any, ros_qos: Any) -> None:
        """Make the publisher and publish every sample on it. Removes the pool when that fails."""
        from ._ros.classes import message_class
        from ._ros.publication import Publication

        pool_name = self.pool_name
        try:
            publication = Publication(node, topic, message_class(msg_type, "ros_msg_type"), ros_qos, pool_name)
            self._publication = publication
            publication.use(encoder)
            self._send_to(encoder)
        except BaseException:
            self.cleanup()
            raise
        # For a producer that is garbage collected without cleanup(). At exit, _lifetime closes the publisher.
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
        adopt: bool = True,
        mode: int = 0o600,
        folder: str | os.PathLike[str] | None = None,
        ros_node: Any = None,
        ros_topic: str | None = None,
        ros_msg_type: Any = None,
        ros_qos: Any = None,
        ros_field: str | Mapping[str, str] | None = None,
    ) -> Self:
        """Make the pool, or adopt the one that a dead producer of the same schema left. Publishes nothing.

        Takes about (history_len + spare) times the bytes of the sample, which are reserved now.

        Args:
            pool_name: 1 to 200 characters of `A-Z a-z 0-9 _ - . /`, such as "victor/left_arm/joint_states"; no empty,
                `.` or `..` component.
            sample: An array like those that will be published. Its shape and dtype make the schema; its values are not
                used. numpy, torch, an object with the buffer protocol or DLPack, or a scalar for a 0-d pool; or a dict
                of 1 to 32 of them, which are published together. Up to 8 dimensions; a dimension may be 0. Every numpy
                dtype without objects, and torch's bfloat16 and float8.
            history_len: The number of newest samples that stay readable, 1 to 32768.
            metadata: Facts for readers, such as units, joint names or frame_id: a dict of JSON values, at most 1 MiB of
                JSON. Read it as `stream.metadata` and `inspect_pool(name).metadata`.
            variable: True: each sample has its own length in the first dimension (point clouds, detections). The pool
                begins with room for the sample's length; a longer sample makes the pool larger. For a dict: the names
                of the variable fields, at most 8, or True for all fields.
            spare: The number of slots beyond history_len before the pool has to grow. None: 3.
            grow: True: the pool grows when streams hold many views, and when a variable sample is longer than the pool
                has room for. False (real time): the pool never allocates and refuses longer samples. Then set `spare`
                to the number of views that may be held at a time, plus 1, and call `sweep()` outside the control loop.
            max_bytes: The maximum bytes of the pool. None: growing for views is limited by memory only, growing for
                longer samples ends at 1 GiB.
            keep: True: `cleanup()` and exit leave the pool behind, readable and adoptable.
            recreate: True: when the pool's file is removed from outside (by hand, or by systemd-logind's RemoveIPC at
                the end of the user's last session), make the pool again under its name. History, sequence numbers and
                metadata continue, and streams follow. False: `publish` then raises PoolLostError. The removal is
                noticed within a second.
            adopt: False: the history of a dead producer is not handed on. Its pool is replaced, so that a stream that
                starts later does not read its samples; streams that are connected still read what they have not read.
                Recommended for commands: a new receiver does not execute those of a killed policy.
            mode: Permission bits of the pool's file: 0o600 (only this user), 0o660 (the group), 0o606 or 0o666 (all
                users). Read permission without write permission is refused: streams register in the file. A dead pool
                of another user is adopted only when it has these bits and the group of a new file. Otherwise it is
                replaced, or, when the folder does not permit that, PoolPermissionError is raised.
            folder: The registry folder. None: `$POLYMORPH_IPC_DIR`, or `/dev/shm/polymorph_ipc-<uid>`.
            ros_node: An rclpy node. Each sample that is published or committed also goes to a topic, after it is in the
                pool, as a message that is encoded in C. The node is never spun. A sample without a stamp gets the
                node's time. Failures of ROS do not affect the pool: a destroyed node or a shut down context is counted
                in `ros_stats`, and the node's logger warns once.
            ros_topic: The name of the topic.
            ros_msg_type: The message class, such as `sensor_msgs.msg.Image`, or its name, "sensor_msgs/msg/Image". A
                plain sample is the type's default tensor (image, points, joint positions, ...). The names of a dict are
                paths in the message ("position", "pose.orientation"). Values that samples do not have come from the
                metadata: "frame_id", "encoding", "names" (of joints), "child_frame_id", "format", "point_fields",
                "layout" ("CHW" for images with the channels first), and any path in the message. Numbers are rounded
                to the field's dtype.
            ros_qos: A QoSProfile, or the depth of a reliable one. None: reliable, keep last 10.
            ros_field: The path in the message of a plain sample, or {field: path} for a dict.

        Returns:
            The producer.

        Raises:
            PoolBusyError: Another producer, in this process or another, has the pool. The text names it.
            PoolSpaceError: There is not enough shared memory (errno ENOSPC). The text says how much is needed and what
                could be cleaned.
            InvalidNameError: No pool can have this name.
            InvalidArgumentError: history_len, spare, max_bytes, mode, a field name, or the number of dimensions or
                fields is out of range. With `ros_node`: a path does not exist, or the message cannot carry a value of
                the metadata.
            TypeError: The sample is not an array (lists, numpy.matrix and masked arrays: the text names the
                conversion), its dtype holds objects, or the metadata is not made of JSON values. With `ros_node`:
                `ros_msg_type` is not a message class, or a ros_* argument is missing.
            PoolCorruptError: A file that is not a pool has the name. The text says what it is.
            PoolPermissionError: A permission is missing, or the file has another owner. The text names it.
            PoolIncompatibleError: An incompatible build of the library made the pool.
            SchemaMismatchError: With `ros_node`: samples cannot be such messages. The text says what was expected and
                what came.
            ImportError: With `ros_node`: rclpy or the message package cannot be imported. The text has the command that
                installs it. rclpy's own errors are raised too, such as for a topic name that is not valid.
            UnsupportedError: The folder is not on tmpfs.
            WrongStateError: The process is ending.
            OutOfMemoryError: There is no memory.
            SystemCallError: A system call failed.

        Threads: any.

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
            adopt=adopt,
            mode=mode,
            folder=folder,
            origin=_samples.origin_of(sample),
            ros_node=ros_node,
            ros_topic=ros_topic,
            ros_msg_type=ros_msg_type,
            ros_qos=ros_qos,
            ros_field=ros_field,
        )

    def cleanup(self) -> None:
        """Remove the pool (unless made with `keep=True`) and close the producer and its ROS publisher.

        Streams that are connected still return what they have not read, then treat the pool as absent; streams that
        wait go on waiting for the next pool of that name. Arrays that streams have given stay valid and unchanged.
        Later calls raise ClosedError. In a forked child it does not touch the parent's pool. Idempotent; allowed before
        and after `node.destroy_node()` and `rclpy.shutdown()`.

        Threads: any.
        """
        super().cleanup()
        if self._ros is not None:
            self._ros.close()

    def close(self) -> None:
        """The same as `cleanup()`."""
        self.cleanup()

    def readers(self) -> list[ReaderInfo]:
        """Describe the streams that are connected now: their processes, what they have read and what they hold.

        Returns:
            One ReaderInfo per stream.

        Raises:
            ForkedError: The producer belongs to the parent of this process.
            ClosedError: The producer is closed.

        Threads: any.
        """
        return [ReaderInfo(*row) for row in self._reader_rows()]

    @property
    def shape(self) -> tuple[int, ...] | dict[str, tuple[int, ...]]:
        """The shape of a sample, of a variable one at its full length; for a dict pool a dict of the fields' shapes."""
        return by_field(self.schema, [field.shape for field in self.schema.fields])

    @property
    def dtype(self) -> Any:
        """The dtype of a sample: a torch.dtype when the producer's sample was torch, else a numpy.dtype; for a dict
        pool a dict of the fields' dtypes."""
        return by_field(self.schema, native_dtypes(self.schema, self.origin == "torch"))

    @property
    def _ros(self) -> Publication | None:
        """The ROS publication of the samples; None without `ros_node=`."""
        return getattr(self, "_publication", None)

    @property
    def ros_stats(self) -> PublicationStats | None:
        """Counters of the publication to ROS, a dict; None without `ros_node=`.

        Keys: topic, msg_type, path ("fast": given to rcl without the GIL, or "portable"), published, misfits, failures,
        bytes, problem (the text of the last misfit or failure).
        """
        return None if self._ros is None else self._ros.stats

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata that was given; empty when none was."""
        return parse_metadata(self._metadata_json, self.pool_name)

    def __repr__(self) -> str:
        try:
            return f"<TensorProducer of {self.pool_name!r}: {self.schema}, seq {self.seq}>"
        except _core.PolymorphError:  # closed, inherited over a fork, or never opened
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
