"""The compiled half of polymorph_ipc. What this stub says is the contract, and its docstrings are the ones that
`help()` shows: the build copies them into the extension."""

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, ClassVar, Final, Literal, SupportsIndex, final, overload

import numpy as np
from typing_extensions import Self, disjoint_base

from ._infos import Field, HistoryInfo, SampleInfo, StreamStats
from ._waiting import StreamT

ORIGIN_NUMPY: Final[int]
ORIGIN_TORCH: Final[int]
DEFAULT_SPARE: Final[int]
STAMP_NOW: Final[int]
version: Final[str]

class PolymorphError(Exception):
    """Base of every error of this package. `status` is the C library's name for what happened, such as "BUSY"."""

    status: ClassVar[str]

class InvalidArgumentError(PolymorphError, ValueError): ...
class InvalidNameError(PolymorphError, ValueError): ...
class PoolNotFoundError(PolymorphError, LookupError): ...
class PoolBusyError(PolymorphError, RuntimeError): ...
class PoolFullError(PolymorphError, RuntimeError): ...
class SchemaMismatchError(PolymorphError, ValueError): ...
class PoolCorruptError(PolymorphError, RuntimeError): ...
class PoolIncompatibleError(PolymorphError, RuntimeError): ...
class ClosedError(PolymorphError, ValueError): ...
class ForkedError(PolymorphError, RuntimeError): ...
class PoolLostError(PolymorphError, RuntimeError): ...
class WrongStateError(PolymorphError, RuntimeError): ...
class PoolSpaceError(PolymorphError, OSError): ...
class OutOfMemoryError(PolymorphError, MemoryError): ...
class PoolPermissionError(PolymorphError, PermissionError): ...
class UnsupportedError(PolymorphError, RuntimeError): ...
class SystemCallError(PolymorphError, OSError): ...

@final
class Schema:
    """What a pool carries: one plain tensor, or 1 to 32 named fields that are published together as a dict.

    Immutable, hashable, equal when names, order, dtypes, shapes and variable flags are. `str()` writes it for people:
    `uint8 (480, 640, 3)` or `{rgb: uint8 (480, 640, 3), q: float64 (7,)}`. Made by `Schema.from_sample`, or read from
    `producer.schema`, `stream.schema` and `inspect_pool(name).schema`.
    """

    def __new__(cls, fields: Iterable[tuple[str, int, int, str | None, int, tuple[int, ...], bool]]) -> Self: ...
    @classmethod
    def from_sample(cls, sample: Any, *, variable: bool | Iterable[str] = False) -> Schema:
        """The schema of arrays like `sample`: the arguments are those of `TensorProducer.from_sample`."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields, in order."""

    def numpy_dtype(self, index: int, /) -> np.dtype[Any]:
        """numpy's dtype of a field. Raises UnsupportedError for bfloat16 and float8 when ml_dtypes is not installed."""

    @property
    def is_dict(self) -> bool:
        """Whether samples are dicts of arrays (True) or plain arrays (False)."""

    @property
    def nbytes(self) -> int:
        """Bytes of data in one sample, at most."""

@final
class Loan:
    """A frame that is being filled in place: what `with producer.loan() as frame` gives.

    Leaving the `with` block publishes the frame; leaving it by an exception, or after `discard()`, does not. A loan
    belongs to one thread, and while it is out the producer is that thread's: see `producer.loan`.
    """

    @property
    def data(self) -> Any:
        """The memory to fill: a writable array, or a dict of them for a dict pool; numpy or torch, as the producer's
        sample was. Holds whatever an older frame left there. Arrays of variable fields have the full length.

        Writing to it after the loan has ended would tear frames that others are reading; the numpy array is therefore
        made read-only when the loan ends, and `data` raises WrongStateError.
        """

    @property
    def seq(self) -> int:
        """The sequence number the frame will have."""
    stamp: SupportsIndex | float | np.floating[Any] | None
    """When the sample was taken: int ns since the epoch, float seconds since the epoch, None (the default) for the
    moment of the commit."""
    length: Any
    """Leading length of a variable plain tensor, preset to the largest: set it to an int. For a dict pool, a dict from
    the names of the variable fields to their lengths: set its items. None when nothing is variable."""

    def commit(self) -> int:
        """Publish the frame now and return its sequence number.

        Raises SchemaMismatchError for a length that is negative or too large (the loan is still out, so that it can be
        mended or discarded) and WrongStateError when the loan has ended.
        """

    def discard(self) -> None:
        """Give the frame back unpublished. Harmless when the loan has ended."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

@disjoint_base
class Producer:
    """The compiled base of TensorProducer: the handle and what is called in loops."""

    def __init__(
        self,
        pool_name: str,
        schema: Schema,
        history_len: int,
        spare: int,
        mode: int,
        origin: int,
        metadata: str | None,
        folder: str | None,
        grow: bool,
        keep: bool,
        max_bytes: int = 0,
        recreate: bool = False,
    ) -> None: ...
    def publish(self, data: Any, *, stamp: SupportsIndex | float | np.floating[Any] | None = None) -> int:
        """Copy one sample into the pool, make it visible to every stream at once, and return its sequence number.

        `data` is an array of exactly the pool's shape and dtype: numpy (any strides), torch (any strides, any device,
        `requires_grad` or not), or anything that offers the buffer protocol or DLPack. A 0-d field also takes a numpy
        scalar of its dtype or a Python scalar of its kind: bool for bool, int for integers (in range), float for
        floats, complex for complex. A dict pool takes a dict with exactly its fields, numpy and torch mixed as you
        like; all fields become visible together. A variable field takes any leading length. One that is longer than the
        pool has room for makes the pool larger: twice as long, or what the sample needs, up to `max_bytes`. History
        and sequence numbers go on, and streams follow. With `grow=False` it is refused.

        Nothing is ever cast or reshaped. Strided data is copied once, straight into the pool.

        Args:
            data: the sample.
            stamp: when it was taken: int ns since the epoch (`time.time_ns()`), float seconds since the epoch
                (`time.time()`), None for now; or on another clock, such as simulated time from 0 on. Stamps may go
                back; ages do not depend on them. An int that is the time of day in seconds, ms or µs, such as
                `int(time.time())`, is taken as ns, and the logger "polymorph_ipc" warns, once a producer. A float
                beyond 292 years, such as ns or ms, is refused (ValueError).

        Returns: the sample's sequence number; the pool's first is 1.

        Raises:
            SchemaMismatchError (ValueError): wrong shape, dtype or byte order, a missing or an extra field; with
                grow=False a length over the largest; says what was expected and what came.
            PoolSpaceError (OSError): the sample is longer than the pool has room for, and a larger pool would take more
                than `max_bytes` or more memory than there is. The pool stays as it is.
            TypeError: not an array: lists, tuples, numpy.matrix, masked arrays; names the conversion.
            PoolFullError: every slot is pinned by live streams and the pool cannot grow; names them.
            PoolLostError: this producer's lock was lost and another one has taken the pool over.
            ForkedError: the producer belongs to the parent of this process.
            WrongStateError: a loan is out, this thread's or another's. ClosedError: after cleanup().

        Threads: any; calls take turns, in the order in which they come. A loan is not one call: what comes while it is
        out raises WrongStateError and does not wait for it, so that threads that share a producer, of which one fills
        frames in place, need a lock of their own. The GIL is released while more than 64 KiB are copied.

        Example:
            >>> seq = producer.publish(image, stamp=camera_time_ns)
        """

    def loan(self, length: Any = None) -> Loan:
        """Borrow the next frame and fill it in place, without any copy. One loan at a time.

        Args:
            length: room for this leading length: an int for a variable plain tensor, a dict of them by field name for
                a dict pool. Where the pool has less room, a larger one takes its place when the loan is committed.
                None: the room that the pool has.

        Raises: WrongStateError while another loan is out, in this thread or another; PoolFullError, PoolLostError,
        ForkedError, ClosedError as publish.

        Threads: until the loan ends, `publish` and `loan` raise WrongStateError in every thread; they do not wait.

        Example:
            >>> with producer.loan() as frame:
            ...     camera.read_into(frame.data)
            ...     frame.stamp = camera.timestamp_ns
        """

    def cleanup(self) -> None:
        """Retire the pool and remove it (or leave it when made with keep=True), and close the producer.

        Streams then treat the pool as absent: those that wait go on waiting for a successor; arrays that somebody holds
        stay valid and unchanged. Idempotent. Later publishes raise ClosedError. In a forked child it does nothing to
        the parent's pool. Without it, orderly exit of the process does the same; a killed process leaves the pool
        readable, and the next producer made with the same arguments adopts it.
        """

    def abandon(self) -> None:
        """Close the producer as if its process had died: the pool stays readable, and the next producer of that name
        adopts it, or replaces it without a moment in which the name leads nowhere. Idempotent."""

    def _replace(self, schema: Schema, metadata: str | None, /) -> None:
        """With the next sample that is published, a pool of this schema and metadata takes the place of this one, under
        the same name; until then nothing changes. Sequence numbers go on. Raises PoolSpaceError, WrongStateError (a
        loan is out), PoolLostError, ClosedError, ForkedError, SystemCallError: the pool stays as it is."""

    def _send_to(self, writer: RosEncoder, /) -> None:
        """From now on publish each sample as a ROS message too, after the pool. Once."""

    def sweep(self) -> int:
        """Clear what streams that died have left in the pool, so that the slots they held are free again; returns how
        many there were.

        Publishing does it by itself when it runs out of slots. With `grow=False` call it between two control loops, so
        that no publish has to. Takes a system call for each connected stream.

        Raises: ClosedError after cleanup(); ForkedError in a forked child.
        """

    def _reader_rows(self) -> list[tuple[int, bool, int, str, int, int, int, int, int, int]]:
        """What `readers()` makes into ReaderInfos."""

    def _check_unopened(self) -> None:
        """Raise WrongStateError when __init__ has succeeded: a producer is opened once."""

    @property
    def _origin(self) -> int:
        """ORIGIN_NUMPY or ORIGIN_TORCH."""

    @property
    def _metadata_json(self) -> str | None:
        """The metadata as JSON text; None when there is none."""

    @property
    def pool_name(self) -> str:
        """The pool's name."""

    @property
    def schema(self) -> Schema:
        """What the pool carries."""

    @property
    def history_len(self) -> int:
        """Newest samples that stay readable."""

    @property
    def seq(self) -> int:
        """Sequence number of the newest sample, 0 when there is none. An adopted pool goes on where it was."""

    @property
    def slot_count(self) -> int:
        """Slots the pool has now: it grows when streams hold many views."""

    @property
    def adopted(self) -> bool:
        """Whether this producer took over the pool of one that had died."""

    @property
    def incarnation(self) -> int:
        """The pool's random identity: changes when the pool is made anew, not when it is adopted."""

    @property
    def closed(self) -> bool:
        """True after cleanup(), and when `__init__` has not succeeded: nothing can be read or published."""

@disjoint_base
class Stream:
    """The compiled base of TensorStream: the handle and what is called in loops."""

    def __init__(
        self,
        pool_name: str,
        backend: Literal["numpy", "torch"] | None,
        expect: Schema | None,
        follow_schema: bool,
        start_oldest: bool,
        max_age: float | None,
        copy: bool,
        folder: str | None,
    ) -> None: ...
    @overload
    def get_last(
        self,
        *,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: Literal[False] = False,
    ) -> Any: ...
    @overload
    def get_last(
        self, *, copy: bool | None = None, out: Any = None, max_age: float | None = None, return_info: Literal[True]
    ) -> tuple[Any, SampleInfo] | tuple[None, None]: ...
    @overload
    def get_last(
        self, *, copy: bool | None = None, out: Any = None, max_age: float | None = None, return_info: bool = False
    ) -> Any:
        """The newest sample, whether it was seen before or not, or None when there is none. Never waits.

        None also when the pool does not exist (yet, or any more) and when the newest sample is older than `max_age`.
        Moves the cursor to the sample.

        The array is a read-only view of the pool's memory; it stays valid and unchanged for as long as anybody holds
        it, whatever happens to producer, stream and pool. A dict pool gives a dict of arrays that share one pin.
        A torch tensor knows no read-only: writing to it in place is a segmentation fault (see explain_faults); use
        `copy=True` for a tensor to work on.

        Args:
            copy: True: a private, contiguous, writable array instead of a view. None: as the stream was made.
            out: copy into this array and return it (a dict of arrays for a dict pool): numpy or torch, of exactly the
                sample's shape and dtype, any strides. For a variable field it has the largest shape, and the part that
                was filled is returned.
            max_age: seconds since publication (monotonic clock, whatever the stamps say) after which a sample is too
                old to be given. None: as the stream was made; math.inf: any age.
            return_info: return the pair (sample, SampleInfo), or (None, None).

        Raises:
            SchemaMismatchError (ValueError): the pool's schema is not the expected one, or not the one this stream
                reads; or `out` does not fit. PoolCorruptError: the pool's file is damaged.
            PoolFullError: 64 streams are connected.
            PoolPermissionError, PoolIncompatibleError, UnsupportedError (a dtype the backend does not have).
            ClosedError: after cleanup().

        Threads: any; calls take turns. After a fork the child's stream opens itself anew, with the same cursor.

        Example:
            >>> image = stream.get_last(max_age=0.2)
            >>> if image is not None:
            ...     steer(image)
        """

    @overload
    def get_new(
        self,
        timeout: float | None = None,
        *,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: Literal[False] = False,
    ) -> Any: ...
    @overload
    def get_new(
        self,
        timeout: float | None = None,
        *,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: Literal[True],
    ) -> tuple[Any, SampleInfo] | tuple[None, None]: ...
    @overload
    def get_new(
        self,
        timeout: float | None = None,
        *,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: bool = False,
    ) -> Any:
        """The newest sample above the cursor, waiting for it, and for the pool; None when `timeout` runs out.

        Moves the cursor to the sample, so that each sample is given once at most and the ones between are passed over.
        A sample older than `max_age` counts as seen, and the wait goes on.

        Args:
            timeout: seconds; 0 polls; None waits forever. The other arguments are those of get_last.

        Raises: as get_last; ClosedError also when another thread calls cleanup() meanwhile; KeyboardInterrupt at once
        on Ctrl-C; ValueError for a negative timeout.

        Threads: several may wait on one stream; each sample wakes all of them and is given to one. The GIL is released
        while waiting; a waiting thread uses no CPU.

        Example:
            >>> while (image := stream.get_new(timeout=1.0)) is not None:
            ...     track(image)
        """

    @overload
    def get_next(
        self,
        timeout: float | None = None,
        *,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: Literal[False] = False,
    ) -> Any: ...
    @overload
    def get_next(
        self,
        timeout: float | None = None,
        *,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: Literal[True],
    ) -> tuple[Any, SampleInfo] | tuple[None, None]: ...
    @overload
    def get_next(
        self,
        timeout: float | None = None,
        *,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: bool = False,
    ) -> Any:
        """The oldest sample above the cursor that history still holds, waiting as get_new does; None on timeout.

        Called often enough it gives every sample, in order. What left history before it got there is counted in
        `info.dropped` and `stream.stats["dropped"]`. Moves the cursor to the sample. Samples older than `max_age` are
        passed over, and counted in `info.dropped`.

        Arguments, errors, threads: as get_new. `for sample in stream` is the same as get_next() in a loop; it ends when
        the stream is cleaned up, in this thread or another.

        Example:
            >>> sample, info = stream.get_next(timeout=1.0, return_info=True)
            >>> if info is not None and info.dropped:
            ...     print(f"too slow: {info.dropped} samples missed")
        """

    @overload
    def get_all_new(
        self,
        *,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: Literal[False] = False,
    ) -> Any: ...
    @overload
    def get_all_new(
        self, *, copy: bool | None = None, out: Any = None, max_age: float | None = None, return_info: Literal[True]
    ) -> tuple[Any, HistoryInfo] | tuple[None, None]: ...
    @overload
    def get_all_new(
        self, *, copy: bool | None = None, out: Any = None, max_age: float | None = None, return_info: bool = False
    ) -> Any:
        """Every sample above the cursor that history still holds, oldest first, shaped as get_history gives them; None
        when there is none. Never waits. Moves the cursor to the newest.

        Samples older than `max_age` are left out; what was left out or had left history before is counted in
        `info.dropped`. `out` has room for history_len samples, `(history_len, *shape)` or more; the part that was
        filled is returned.

        Raises: as get_last.

        Example:
            >>> forces = stream.get_all_new()          # (k, 6), k as it comes
        """

    @overload
    def get_history(
        self,
        n: int,
        pad: Literal["repeat", "zeros"] | None = None,
        *,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: Literal[False] = False,
    ) -> Any: ...
    @overload
    def get_history(
        self,
        n: int,
        pad: Literal["repeat", "zeros"] | None = None,
        *,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: Literal[True],
    ) -> tuple[Any, HistoryInfo] | tuple[None, None]: ...
    @overload
    def get_history(
        self,
        n: int,
        pad: Literal["repeat", "zeros"] | None = None,
        *,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: bool = False,
    ) -> Any:
        """The newest `n` samples, oldest first, as one array `(n, *shape)`, without a copy. Never waits.

        The array is one strided read-only view of the pool: frames lie a constant stride apart, so `reshape` works
        (and copies) where torch's `view` refuses; `copy=True` is contiguous. A dict pool gives a dict of such arrays;
        for a variable field it is a list of `n` arrays instead. None when history holds fewer than `n` samples, when
        there is no pool, and when the newest sample is older than `max_age`. The cursor stays where it is.

        Args:
            n: how many, 1 to the pool's history_len.
            pad: with fewer samples than `n`, but at least one, fill up in front, in a copy: "repeat" repeats the oldest
                sample, "zeros" gives zeros (variable fields: length 0), whose info has seq, stamp and published 0 and
                age inf.
            out: as in get_last, `(n, *shape)`; not for variable fields. The other arguments are those of get_last.

        Raises: InvalidArgumentError (ValueError) when `n` is below 1 or over history_len, and names both; else as
        get_last.

        Example:
            >>> window = stream.get_history(16, pad="repeat")     # (16, 480, 640, 3), no copy once 16 are there
        """

    @overload
    def get_at(
        self,
        stamp: Any,
        method: Literal["nearest", "before", "after"] = "nearest",
        tolerance: SupportsIndex | float | np.floating[Any] | None = None,
        *,
        timeout: float | None = ...,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: Literal[False] = False,
    ) -> Any: ...
    @overload
    def get_at(
        self,
        stamp: Any,
        method: Literal["nearest", "before", "after"] = "nearest",
        tolerance: SupportsIndex | float | np.floating[Any] | None = None,
        *,
        timeout: float | None = ...,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: Literal[True],
    ) -> tuple[Any, SampleInfo | HistoryInfo] | tuple[None, None]: ...
    @overload
    def get_at(
        self,
        stamp: Any,
        method: Literal["nearest", "before", "after"] = "nearest",
        tolerance: SupportsIndex | float | np.floating[Any] | None = None,
        *,
        timeout: float | None = ...,
        copy: bool | None = None,
        out: Any = None,
        max_age: float | None = None,
        return_info: bool = False,
    ) -> Any:
        """The sample in history whose stamp fits best, or None when none does. Waits only with `timeout`; the cursor
        stays.

        Args:
            stamp: int ns or float seconds since the epoch; or a 1-d array of them (int64 ns or float64 seconds), which
                gives `(len(stamp), *shape)`, always a copy (a variable field: a list of arrays), and None when any of
                them finds no sample, or there is no pool. A list must not mix ints and floats.
            method: "nearest" (ties go to the newer sample), "before" (the latest at or before `stamp`), "after" (the
                earliest at or after). Stamps need not be in order.
            tolerance: how far from `stamp` it may be: int ns or float seconds; None: any distance.
            timeout: seconds to wait, at first, for a sample stamped at or after `stamp` (of an array: the latest of
                them); None waits forever. When the time is over: None. The answer is final then, also of a stream
                whose samples arrive later than another's with the same stamps. Not given: what there is now.
            The other arguments are those of get_last; a sample older than `max_age` gives None.

        Raises: InvalidArgumentError (ValueError) for another method or a negative tolerance; else as get_last. With
        `timeout` also ClosedError when the stream is closed meanwhile, and KeyboardInterrupt at once on Ctrl-C.

        Example:
            >>> depth = depths.get_at(info.stamp, tolerance=0.02, timeout=0.1)  # the one taken with this colour image
        """

    def __iter__(self) -> Iterator[Any]: ...
    def __next__(self) -> Any: ...
    def wait_connected(self, timeout: float | None = None) -> bool:
        """Wait until the pool exists and the stream is connected to it; False when `timeout` (seconds) runs out.

        A pool whose producer died counts: see producer_alive. Raises: as get_new.
        """

    def cleanup(self) -> None:
        """Close the stream. Arrays that came from it stay valid. Idempotent.

        Threads that wait wake up and raise ClosedError, and so do later calls; iterations end.
        """

    def _read_metadata(self) -> str | None:
        """JSON text of what the stream is or was connected to; None when it never was."""

    def _check_unopened(self) -> None:
        """Raise WrongStateError when __init__ has succeeded: a stream is opened once."""

    @property
    def pool_name(self) -> str:
        """The pool's name."""

    @property
    def connected(self) -> bool:
        """Connected to a pool that was not retired. Connects if the pool has appeared meanwhile. False after
        cleanup(), and when the pool has another schema (which the reads refuse in words)."""

    @property
    def producer_alive(self) -> bool:
        """Connected, and the producer's process lives (asked of the kernel). Connects as `connected` does."""

    @property
    def schema(self) -> Schema | None:
        """What the pool carries; None while the stream was never connected."""

    @property
    def backend(self) -> Literal["numpy", "torch"] | None:
        """Which arrays the stream gives; None while that is not settled, because it was never connected."""

    @property
    def stats(self) -> StreamStats:
        """Counters: received, dropped, copies, reconnects, views_held, cursor, head, history_len, slot_count."""

    @property
    def closed(self) -> bool:
        """True after cleanup(), and when `__init__` has not succeeded: nothing can be read or published."""

    _before_wait: Callable[[bool], None] | None
    """Called, with the GIL, whenever a get_* or wait of this stream is about to sleep, and once in 100 ms while it
    does; with True when the stream is waited for alone, False when among others. May raise: then the wait raises."""

@final
class RosDecoder:
    """Reads serialized ROS 2 messages of one type into samples: `pmipc_ros_decoder` of the C library.

    Threads: any; calls take turns. Knows of no node: bytes, or the pointer of an `rcl_subscription_t`, come in.

    Args:
        types: .msg text by type name, of the message and of all that it needs: see `polymorph_ipc._ros.types`.
        message: "sensor_msgs/msg/Image".
        fields: path in the message ("": the type's default tensor) by field name; `{"": path}` for a plain tensor.
        joints: JointState, JointTrajectory: which joints, in which order. None: as the first message has them.
        point_fields: PointCloud2 as (N, k): which fields. None: x, y, z and further ones.
        variable: sequences make variable fields. False: each message must have the first one's length, or the sample's.
        organized: PointCloud2: (height, width) points, or (height, width, k) numbers.
        any_frame: take messages whatever their frame_id and child_frame_id. False: those of the first message only.

    Raises: InvalidArgumentError (no such path, no default tensor, ...), UnsupportedError (TFMessage).
    """

    def __init__(
        self,
        types: dict[str, str],
        message: str,
        fields: dict[str, str],
        joints: list[str] | None = None,
        point_fields: list[str] | None = None,
        variable: bool = True,
        organized: bool = False,
        any_frame: bool = False,
    ) -> None: ...
    def expect(self, sample: Schema, /) -> Schema:
        """Say what samples are to look like before the first message; the pool's schema. Raises SchemaMismatchError
        when no message of this type can ever fit."""

    def learn(self, message: bytes, /) -> tuple[Schema, str]:
        """Learn encoding, names and layout from the first message: the pool's schema and its metadata as JSON text.
        Raises SchemaMismatchError, PoolCorruptError, UnsupportedError: nothing was learned, try the next message."""

    def publish(self, producer: Producer, message: bytes, fallback_stamp_ns: int, /) -> int | tuple[str, str]:
        """Publish one serialized message as one sample. Its stamp is the header's, or the fallback (STAMP_NOW: the
        wall clock) when there is none or it is zero. Returns its sequence number; or the name of a status and words,
        when it does not fit or cannot be published. The GIL is released for large ones."""

    def take(
        self, producer: Producer, subscription_pointer: int, fallback_stamp_ns: int, /
    ) -> int | tuple[str, str] | None:
        """Take the next message of an `rcl_subscription_t` and publish it, without the GIL when messages are large.

        The subscription must be kept alive meanwhile (`with subscription.handle:`), and no other thread may take from
        it. Returns as publish; 0 for a message that was taken before (a latched publisher sends again to a new
        subscription); or None when there is no message. Raises SystemCallError, ClosedError or OutOfMemoryError with
        rcl's own words when rcl fails; UnsupportedError when rcl is not in this process."""

    def take_refused(self) -> bytes | None:
        """The last message that publish or take has refused as one that does not fit the pool, if `keeps_refused`; None
        when there was none since the last call."""

    def joint_stamps(self) -> list[int]:
        """The stamps (ns) of the last messages of each of the selected `joints` of a JointState, 0 before the first;
        empty for other readers."""

    def take_bytes(self, subscription_pointer: int, /) -> bytes | None:
        """Take the next message as it is; None when there is none. Raises as take."""

    @property
    def lost(self) -> int:
        """Messages that were sent between others that were taken, and did not arrive: gaps in the publishers' own
        numbers. Counted by take and take_bytes only, and where the middleware passes the numbers on."""
    @property
    def in_place(self) -> int:
        """Messages that rcl copied right to where their pixels stay: take does it with images like the last one."""
    keeps_refused: bool
    """Whether messages that do not fit the pool are kept for take_refused(). False at first."""

@final
class Pin:
    """What keeps a sample in place: the `base` of numpy views. Its memory can be read through the buffer protocol."""

def explain_faults() -> None:
    """Have segmentation faults and bus errors say, on stderr, which pool was written to and what the cure is.

    Torch has no read-only tensors, and the pool is mapped read-only: an in-place operation on a tensor that a stream
    gave (`frame.sub_(1)`) therefore stops the process. With this handler it says so first, and then hands the signal to
    whatever handler was there before. Call it after `faulthandler.enable()`. Idempotent; nothing calls it by itself.

    Raises: SystemCallError.
    """

def wait_any(streams: list[StreamT], timeout: float | None = None, /) -> list[StreamT]:
    """What `polymorph_ipc.wait_any` calls."""

def wait_connected(streams: list[StreamT], timeout: float | None = None, /) -> bool:
    """What `polymorph_ipc.wait_connected` calls."""

def registry_list(folder: str | None, /) -> list[dict[str, Any]]:
    """The facts of every pool in a registry folder (None: the default one)."""

def registry_inspect(pool_name: str, folder: str | None, /) -> dict[str, Any]:
    """The facts of one pool."""

def registry_remove(
    pool_name: str, folder: str | None, force: bool, incarnation: int = 0, owner_epoch: int = 0, /
) -> None:
    """Remove a pool; `incarnation` other than 0: only that very one; `owner_epoch`: only while no other producer has
    adopted it, and without waiting for locks that the dying may hold."""

def registry_clean(folder: str | None, /) -> tuple[list[str], list[tuple[str, str]]]:
    """Remove the pools that no live process uses: their names, and (name, why) of each entry that is left alone."""

def registry_folder() -> str:
    """Path of the registry folder that the environment names now."""

def monotonic_ns() -> int:
    """The clock of ages: ns on `time.CLOCK_BOOTTIME`."""

def fork_generation() -> int:
    """How many forks this process descends from since the extension was loaded."""

abandoned: dict[tuple[str, str | None], tuple[int, int, int]]
"""(name, folder): (incarnation, owner epoch, fork generation) of each pool whose producer was garbage collected, and
that no later producer of this process has taken over."""

def rcl_available() -> bool:
    """Whether rcl's functions can be found in this process, so that RosDecoder.take works."""

def use_dlpack_exchange(enabled: bool, /) -> bool:
    """Make tensors through torch's DLPack C exchange API (the default where torch has it) or, False, through capsules.

    Returns: whether the exchange API is in use now. For tests.
    """

@final
class RosEncoder:
    """Writes samples of one schema as serialized ROS 2 messages, `pmipc_ros_encoder` of the C library, and publishes
    them.

    Two ways out: with a handle of rclpy's, a message is encoded into memory that is used again and given to
    `rcl_publish_serialized_message`, all without the GIL; without one, `publish(bytes)` is called.

    Threads: any; calls take turns. In steady state the first way allocates nothing.

    Args:
        pool_name: whose samples they are; for the words of errors.
        types: .msg text by type name, of the message and of all that it needs: see `polymorph_ipc._ros.types`.
        message: "sensor_msgs/msg/Image".
        schema: what the samples are.
        fields: path in the message ("": the type's default tensor) by field name. None: the default tensor for a plain
            schema; for a dict the paths are its fields' names.
        constants: what every message says beside its sample, by key ("frame_id", "encoding", "names", "child_frame_id",
            "format", "point_fields", "is_bigendian") or by path: str, list of str, or a number.

    Raises: InvalidArgumentError (types, paths, constants), SchemaMismatchError (the schema cannot be such a message:
    expected and got), UnsupportedError.
    """

    def __init__(
        self,
        pool_name: str,
        types: dict[str, str],
        message: str,
        schema: Schema,
        fields: dict[str, str] | None,
        constants: dict[str, str | list[str] | float],
    ) -> None: ...
    def encode(self, data: Any, stamp: int | float, /) -> bytes:
        """One sample as a serialized message: XCDR1, this machine's byte order. `data` as for a producer of this schema
        (an array, or a dict of them), `stamp` in ns (int) or seconds (float) since the epoch. Raises
        SchemaMismatchError, TypeError."""

    def publish(self, data: Any, stamp: int | float | None, /) -> bool:
        """Encode and publish one sample; None: stamped with the node's clock. False: it could not be, and `failed` was
        told. Raises as encode when `data` is no sample of this schema."""

    def forward(self, stream: Stream, incarnation: int, limit: int, /) -> tuple[int, int, int]:
        """Publish what is above the stream's cursor, in order, up to `limit` samples, straight from the pool; never
        waits.

        Returns (samples taken, samples that had left history before, incarnation of the pool they were in). When the
        stream has come to another pool than `incarnation`, or to one with another schema (then 0 is returned), nothing
        is taken from it: a writer for it is needed. Raises as Stream.get_next. Samples that could not be published are
        counted, and `failed` is told."""

    def connect(
        self,
        handle: Any,
        pointer: int | None,
        publish: Callable[[bytes], object],
        now: Callable[[], int] | None,
        failed: Callable[[str, str], object],
    ) -> None:
        """Say where messages go. It may be said again.

        Args:
            handle: rclpy's handle of a publisher, entered around each use of `pointer`, its `rcl_publisher_t`; None:
                the portable way.
            publish: called with the message, the portable way.
            now: ns since the epoch on the node's clock, for samples that nobody stamps; None: it is the wall clock.
            failed: called with the name of a status ("SCHEMA_MISMATCH": the sample does not fit; "CLOSED", "SYSTEM")
                and words, for each sample that could not be published, by the thread that published it.

        Raises: UnsupportedError when rcl is not in this process.
        """

    def disconnect(self) -> None:
        """Let go of all that connect() was given: what is published from now on fails with "CLOSED"."""

    def take_latencies(self) -> list[int]:
        """ns from publication in the pool to the middleware's having taken the message, of the last 256 messages at
        most since the last call."""

    @property
    def counters(self) -> dict[str, int]:
        """published; misfits: samples that could be no message of this type; failures: of ROS; bytes published."""
