"""The compiled part of polymorph_ipc. This stub is the contract of the extension, and its docstrings are those that
`help()` shows: the build copies them into the extension.
"""

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, ClassVar, Final, Literal, SupportsIndex, TypeVar, final, overload

import numpy as np
from typing_extensions import Self, disjoint_base

from ._infos import Field, HistoryInfo, SampleInfo, StreamStats

_StreamT = TypeVar("_StreamT", bound=Stream)

DEFAULT_SPARE: Final[int]
STAMP_NOW: Final[int]
version: Final[str]

class PolymorphError(Exception):
    """Base of all errors of this package. `status` is the C library's name of the error, such as "BUSY"."""

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
    """The layout of a pool's samples: one plain tensor, or 1 to 32 named fields that are published together as a dict.

    Made by `Schema.from_sample`, or read from `producer.schema`, `stream.schema` and `inspect_pool(name).schema`. A
    schema is immutable and hashable. Two schemas are equal when names, order, dtypes, shapes and variable flags are
    equal. `str()` gives a short description: `uint8 (480, 640, 3)` or `{rgb: uint8 (480, 640, 3), q: float64 (7,)}`.

    Threads: any.
    """

    def __new__(cls, fields: Iterable[tuple[str, int, int, str | None, int, tuple[int, ...], bool]]) -> Self: ...
    @classmethod
    def from_sample(cls, sample: Any, *, variable: bool | Iterable[str] = False) -> Schema:
        """Make the schema of samples like `sample`.

        Args:
            sample: An array, or a dict of arrays, as for `TensorProducer.from_sample`. Its values are not used.
            variable: Which fields have their own length in each sample, as for `TensorProducer.from_sample`.

        Returns:
            The schema.

        Raises:
            TypeError: The sample is not an array, its dtype cannot be published, or a dict has a key that is not a str.
            InvalidArgumentError: The number of fields or dimensions, a field name or `variable` is out of range.

        Example:
            >>> Schema.from_sample(np.zeros((480, 640, 3), np.uint8)).nbytes
            921600
        """

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields, in order."""

    def numpy_dtype(self, index: int, /) -> np.dtype[Any]:
        """The numpy dtype of the field at `index`.

        Raises:
            UnsupportedError: The dtype is bfloat16 or a float8, and ml_dtypes is not installed.
            IndexError: The schema has no field at `index`.
        """

    @property
    def is_dict(self) -> bool:
        """Whether samples are dicts of arrays (True) or plain arrays (False)."""

    @property
    def nbytes(self) -> int:
        """Bytes of data in one sample; of a variable field, bytes at its full length."""

@final
class Loan:
    """A slot that is filled in place, as `with producer.loan() as frame` gives it.

    Leaving the `with` block commits the sample. Leaving it by an exception, or after `discard()`, discards it.

    Threads: use a loan in one thread. Until it ends, `publish` and `loan` of its producer raise WrongStateError in
    every thread.
    """

    @property
    def data(self) -> Any:
        """The memory to fill: a writable array, or a dict of arrays for a dict pool. The arrays are numpy or torch, as
        the producer's sample was. They hold the values of an older sample. An array of a variable field has the full
        length.

        Do not write to an array after its loan has ended: streams read the memory then. The numpy arrays become
        read-only when the loan ends; torch tensors cannot.

        Raises:
            WrongStateError: The loan has ended.
        """

    @property
    def seq(self) -> int:
        """The sequence number that the sample gets."""
    stamp: SupportsIndex | float | np.floating[Any] | None
    """The stamp that the sample gets: int in ns since the epoch, float in seconds since the epoch, or None (the
    default) for the time of the commit. Setting a value of another type raises TypeError, one that is out of range
    ValueError.
    """
    length: Any
    """The leading length of the sample: an int for a variable plain tensor; for a dict pool a dict with the lengths of
    the variable fields by name, whose items can be set. It starts as the full length. None when no field is variable.
    """

    def commit(self) -> int:
        """Publish the sample now.

        Returns:
            The sequence number of the sample.

        Raises:
            SchemaMismatchError: A length is negative or too large. The loan has not ended: correct the length or
                discard.
            TypeError: A length is not an int, or an array in the dict `data` was replaced: write into the arrays
                instead.
            WrongStateError: The loan has ended.
            PoolLostError: The producer has lost its lock, and another producer has taken over the pool.
            ForkedError: The producer belongs to the parent of this process.
            ClosedError: The producer is closed.
        """

    def discard(self) -> None:
        """Give the slot back without publishing it. Without effect when the loan has ended."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

@disjoint_base
class Producer:
    """The compiled base class of TensorProducer: the handle and the calls that are made in loops."""

    def __init__(
        self,
        pool_name: str,
        schema: Schema,
        history_len: int,
        spare: int,
        mode: int,
        origin: Literal["numpy", "torch"],
        metadata: str | None,
        folder: str | None,
        grow: bool,
        keep: bool,
        max_bytes: int = 0,
        recreate: bool = False,
        adopt: bool = True,
    ) -> None: ...
    def publish(self, data: Any, *, stamp: SupportsIndex | float | np.floating[Any] | None = None) -> int:
        """Copy one sample into the pool and make it visible to all streams.

        Values are never converted and never reshaped. Strided data is copied once, directly into the pool.

        Args:
            data: The sample: an array of exactly the pool's shape and dtype. numpy with any strides, torch with any
                strides, on any device, with or without `requires_grad`; or an object with the buffer protocol or
                DLPack. A 0-d field also takes a numpy scalar of its dtype, or a Python scalar: bool for bool, int for
                integers (in range), float for floats, complex for complex. A dict pool takes a dict with exactly its
                fields, numpy and torch mixed; all fields become visible together. A variable field takes any length in
                the first dimension. A longer one than the pool has room for makes the pool larger: twice as long, or as
                long as the sample, up to `max_bytes`. History and sequence numbers continue, and streams follow. With
                `grow=False` it raises SchemaMismatchError.
            stamp: The time of the sample: int in ns since the epoch (`time.time_ns()`), float in seconds since the
                epoch (`time.time()`), or None for now. Other clocks are possible, such as simulated time from 0. Stamps
                may go back; ages do not depend on them. An int that looks like the time of day in s, ms or µs, such as
                `int(time.time())`, is taken as ns, and the logger "polymorph_ipc" warns once per producer.

        Returns:
            The sequence number of the sample. The first sample of a pool has 1.

        Raises:
            SchemaMismatchError: Wrong shape, dtype or byte order, a missing or an extra field; with `grow=False` also a
                length over the largest. The text says what was expected and what came.
            PoolSpaceError: The sample is longer than the pool has room for, and a larger pool would take more than
                `max_bytes` or more memory than is free. The pool is unchanged.
            PoolFullError: Live streams pin every slot, and the pool cannot grow. The text names the streams.
            PoolLostError: This producer has lost its lock, and another producer has taken over the pool; or the pool's
                file was removed, and `recreate` is False.
            TypeError: `data` is not an array: a list, a tuple, a numpy.matrix, a masked array. The text names the
                conversion.
            ValueError: `stamp` is a float beyond 292 years, such as ns or ms as a float.
            WrongStateError: A loan has not ended, in this thread or another.
            ForkedError: The producer belongs to the parent of this process.
            ClosedError: The producer is closed.

        Threads: any. Calls take turns in the order in which they arrive, but do not wait for a loan: until it ends,
        they raise WrongStateError. Threads that share a producer, of which one uses loans, need a lock of their own.
        The GIL is released while more than 64 KiB are copied.

        Example:
            >>> seq = producer.publish(image, stamp=camera_time_ns)
        """

    def loan(self, length: Any = None) -> Loan:
        """Borrow the slot of the next sample, to fill it in place without a copy. One loan at a time.

        Args:
            length: The leading length to have room for: an int for a variable plain tensor, a dict of ints by field
                name for a dict pool. If the pool has less room, a larger pool replaces it when the loan is committed.
                None: the room that the pool has.

        Returns:
            A Loan, to be used in a `with` block.

        Raises:
            WrongStateError: Another loan has not ended, in this thread or another.
            SchemaMismatchError: No field is variable, or a length is negative; with `grow=False` also a length over the
                largest.
            PoolSpaceError: A larger pool would take more than `max_bytes` or more memory than is free.
            PoolFullError: Live streams pin every slot, and the pool cannot grow.
            PoolLostError: This producer has lost its lock, and another producer has taken over the pool.
            ForkedError: The producer belongs to the parent of this process.
            ClosedError: The producer is closed.

        Threads: any. Until the loan ends, `publish` and `loan` raise WrongStateError in every thread; they do not wait.

        Example:
            >>> with producer.loan() as frame:
            ...     camera.read_into(frame.data)
            ...     frame.stamp = camera.timestamp_ns
        """

    def cleanup(self) -> None:
        """Retire the pool, remove it (unless made with `keep=True`) and close the producer.

        Streams that are connected still return what they have not read, then treat the pool as absent; streams that
        wait go on waiting for the next pool of that name. Arrays that streams have given stay valid and unchanged. In a
        forked child, cleanup does not touch the parent's pool. Idempotent. An orderly exit of the process does the same
        for every open producer. A killed process leaves its pool readable, and the next producer made with the same
        arguments adopts it.
        """

    def abandon(self) -> None:
        """Close the producer as if its process had died. The pool stays readable; the next producer of that name adopts
        or replaces it, and the name exists at every moment. Idempotent.
        """

    def _replace(self, schema: Schema, metadata: str | None, /) -> None:
        """Replace the pool by one of this schema and metadata with the next sample that is published.

        Until then nothing changes. The name stays, and sequence numbers continue.

        Raises:
            PoolSpaceError: There is not enough shared memory. The pool is unchanged.
            WrongStateError: A loan has not ended.
            PoolLostError: This producer has lost its lock.
            ForkedError: The producer belongs to the parent of this process.
            ClosedError: The producer is closed.
            SystemCallError: A system call failed. The pool is unchanged.
        """

    def _send_to(self, encoder: RosEncoder, /) -> None:
        """Publish each following sample as a ROS message too, after it is in the pool. To be called once."""

    def sweep(self) -> int:
        """Clear the rows that dead streams have left in the pool, so that the slots they pin can be used again.

        `publish` does this when it runs out of slots. With `grow=False`, call it between two steps of a control loop,
        so that no publish has to. Makes a system call for each connected stream.

        Returns:
            The number of rows that were cleared.

        Raises:
            ForkedError: The producer belongs to the parent of this process.
            ClosedError: The producer is closed.
        """

    def _reader_rows(self) -> list[tuple[int, bool, int, str, int, int, int, int, int, int]]:
        """The rows of connected streams, as tuples of the fields of ReaderInfo."""

    def _check_unopened(self) -> None:
        """Raise WrongStateError when `__init__` has already succeeded: a producer is opened once."""

    @property
    def _metadata_json(self) -> str | None:
        """The metadata as JSON text; None when there is no metadata."""

    @property
    def pool_name(self) -> str:
        """The name of the pool."""

    @property
    def schema(self) -> Schema:
        """The schema of the pool."""

    @property
    def history_len(self) -> int:
        """The number of newest samples that stay readable."""

    @property
    def origin(self) -> Literal["numpy", "torch"]:
        """What the samples are, and what streams give by default: "numpy" or "torch"."""

    @property
    def seq(self) -> int:
        """The sequence number of the newest sample, 0 before the first. In an adopted pool the numbers continue."""

    @property
    def slot_count(self) -> int:
        """The number of slots that the pool has now. It grows when streams hold many views."""

    @property
    def adopted(self) -> bool:
        """Whether this producer adopted the pool of a dead producer."""

    @property
    def incarnation(self) -> int:
        """The random identity of the pool. A new pool under the same name has another one; adoption keeps it."""

    @property
    def closed(self) -> bool:
        """True after `cleanup()`, and when `__init__` has not succeeded: the producer cannot publish."""

@disjoint_base
class Stream:
    """The compiled base class of TensorStream: the handle and the calls that are made in loops."""

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
        """Return the newest sample, new or not. Never waits. Moves the cursor to the sample.

        The array is a read-only view of the pool's memory. It stays valid and unchanged for as long as it is held,
        whatever happens to the producer, the stream and the pool. A dict pool gives a dict of arrays that share one
        pin. torch has no read-only tensors: writing to one in place is a segmentation fault (see `explain_faults`). Use
        `copy=True` for a tensor to work on.

        Args:
            copy: True: return a private, contiguous, writable array instead of a view. None: as the stream was made.
            out: An array, or a dict of arrays for a dict pool, to copy the sample into and return: numpy or torch, of
                exactly the sample's shape and dtype, with any strides. For a variable field it has the full length, and
                the part that was filled is returned.
            max_age: Maximum seconds since publication, on a monotonic clock that does not depend on stamps. None: as
                the stream was made; math.inf: any age.
            return_info: True: return the pair (sample, SampleInfo), or (None, None).

        Returns:
            The sample, or None: the pool does not exist (not yet, or not any more), no sample has been published, or
            the newest sample is older than `max_age`.

        Raises:
            SchemaMismatchError: The pool's schema differs from `expect` or from the one that this stream reads; or
                `out` does not fit. The text says what was expected and what came.
            PoolCorruptError: The pool's file is damaged.
            PoolIncompatibleError: The pool was made by an incompatible build of the library.
            PoolPermissionError: This user may not open the pool's file.
            PoolFullError: 64 streams are connected to the pool. The text names them.
            PoolLostError: The program has closed the stream's file descriptors.
            UnsupportedError: The backend does not have a dtype of the pool.
            ClosedError: The stream is closed.
            OutOfMemoryError: There is no memory for an array or a copy.
            SystemCallError: A system call failed.
            TypeError: An argument is of a wrong type.
            ValueError: `max_age` is negative, or `out` is read-only.

        Threads: any; calls take turns. After a fork the child's stream opens the pool again, with the same cursor.

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
        """Wait for a sample above the cursor and return the newest one. Moves the cursor to it.

        Each sample is returned at most once; samples between two calls are passed over. Waits for the pool too. A
        sample older than `max_age` counts as seen, and the wait continues.

        Args:
            timeout: Seconds to wait; 0 polls, None waits forever.
            copy: See `get_last`.
            out: See `get_last`.
            max_age: See `get_last`.
            return_info: True: return the pair (sample, SampleInfo), or (None, None).

        Returns:
            The sample, or None: no new sample was published within `timeout`.

        Raises:
            SchemaMismatchError: The pool's schema differs from `expect` or from the one that this stream reads; or
                `out` does not fit. The text says what was expected and what came.
            PoolCorruptError: The pool's file is damaged.
            PoolIncompatibleError: The pool was made by an incompatible build of the library.
            PoolPermissionError: This user may not open the pool's file.
            PoolFullError: 64 streams are connected to the pool. The text names them.
            PoolLostError: The program has closed the stream's file descriptors.
            UnsupportedError: The backend does not have a dtype of the pool.
            ClosedError: The stream is closed, also by another thread during the wait; or, with `ros_node=`, the node
                was destroyed or ROS was shut down.
            WrongStateError: With `ros_node=`, the wait is inside a callback of the thread that spins the node.
            OutOfMemoryError: There is no memory for an array or a copy.
            SystemCallError: A system call failed.
            TypeError: An argument is of a wrong type.
            ValueError: `timeout` or `max_age` is negative, or `out` is read-only.
            KeyboardInterrupt: Ctrl-C, at once.

        Threads: any. Several threads may wait on one stream; each sample wakes all of them and is returned by one. The
        GIL is released during the wait. A waiting thread uses no CPU.

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
        """Wait for a sample above the cursor and return the oldest one in the history. Moves the cursor to it.

        Called often enough, it returns every sample, in order. Samples that left the history before they were read are
        counted in `info.dropped` and `stream.stats["dropped"]`. Samples older than `max_age` are passed over and
        counted in `info.dropped`. `for sample in stream` calls get_next() in a loop; the loop ends when the stream is
        closed, in this thread or another.

        Args:
            timeout: Seconds to wait; 0 polls, None waits forever.
            copy: See `get_last`.
            out: See `get_last`.
            max_age: See `get_last`.
            return_info: True: return the pair (sample, SampleInfo), or (None, None).

        Returns:
            The sample, or None: no new sample was published within `timeout`.

        Raises:
            SchemaMismatchError: The pool's schema differs from `expect` or from the one that this stream reads; or
                `out` does not fit. The text says what was expected and what came.
            PoolCorruptError: The pool's file is damaged.
            PoolIncompatibleError: The pool was made by an incompatible build of the library.
            PoolPermissionError: This user may not open the pool's file.
            PoolFullError: 64 streams are connected to the pool. The text names them.
            PoolLostError: The program has closed the stream's file descriptors.
            UnsupportedError: The backend does not have a dtype of the pool.
            ClosedError: The stream is closed, also by another thread during the wait; or, with `ros_node=`, the node
                was destroyed or ROS was shut down.
            WrongStateError: With `ros_node=`, the wait is inside a callback of the thread that spins the node.
            OutOfMemoryError: There is no memory for an array or a copy.
            SystemCallError: A system call failed.
            TypeError: An argument is of a wrong type.
            ValueError: `timeout` or `max_age` is negative, or `out` is read-only.
            KeyboardInterrupt: Ctrl-C, at once.

        Threads: any; see `get_new`.

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
        """Return every sample above the cursor that is in the history, oldest first. Never waits. Moves the cursor to
        the newest.

        All samples are of one pool: while the stream has unread samples of a pool that was retired or replaced, a call
        returns those, and the next call returns those of the next pool. Samples older than `max_age` are left out.
        They, and samples that left the history before they were read, are counted in `info.dropped`.

        Args:
            copy: See `get_last`.
            out: An array of shape `(history_len, *shape)`, or longer, to copy the samples into; the part that was
                filled is returned. A dict of such arrays for a dict pool. Not for variable fields.
            max_age: See `get_last`.
            return_info: True: return the pair (samples, HistoryInfo), or (None, None).

        Returns:
            An array of shape `(k, *shape)` with the k new samples, as `get_history` gives them; or None: the pool does
            not exist, or it has no new sample.

        Raises:
            InvalidArgumentError: `out` is given for a variable field.
            SchemaMismatchError: The pool's schema differs from `expect` or from the one that this stream reads; or
                `out` does not fit. The text says what was expected and what came.
            PoolCorruptError: The pool's file is damaged.
            PoolIncompatibleError: The pool was made by an incompatible build of the library.
            PoolPermissionError: This user may not open the pool's file.
            PoolFullError: 64 streams are connected to the pool. The text names them.
            PoolLostError: The program has closed the stream's file descriptors.
            UnsupportedError: The backend does not have a dtype of the pool.
            ClosedError: The stream is closed.
            OutOfMemoryError: There is no memory for an array or a copy.
            SystemCallError: A system call failed.
            TypeError: An argument is of a wrong type.
            ValueError: `max_age` is negative, or `out` is read-only.

        Threads: any; calls take turns.

        Example:
            >>> forces = stream.get_all_new()          # (k, 6)
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
        """Return the newest `n` samples as one array of shape `(n, *shape)`, oldest first, without a copy.

        Never waits. Does not move the cursor. The array is one strided read-only view of the pool: a constant stride
        leads from each sample to the next. `reshape` works on it (and copies); torch's `view` raises. With `copy=True`
        it is contiguous. A dict pool gives a dict of such arrays. A variable field gives a list of `n` arrays.

        Args:
            n: The number of samples, 1 to the pool's history_len.
            pad: What to do when the history holds at least one sample, but fewer than `n`. None: return None. "repeat":
                repeat the oldest sample in front, in a copy. "zeros": put zeros in front, in a copy (variable fields:
                length 0); their info has seq, stamp and published 0 and age inf.
            copy: See `get_last`.
            out: An array of shape `(n, *shape)` to copy the samples into and return. A dict of such arrays for a dict
                pool. Not for variable fields.
            max_age: See `get_last`; it applies to the newest sample.
            return_info: True: return the pair (samples, HistoryInfo), or (None, None).

        Returns:
            The samples, or None: the history holds fewer than `n` samples, the pool does not exist, or the newest
            sample is older than `max_age`.

        Raises:
            InvalidArgumentError: `n` is below 1 or above history_len, or `out` is given for a variable field.
            SchemaMismatchError: The pool's schema differs from `expect` or from the one that this stream reads; or
                `out` does not fit. The text says what was expected and what came.
            PoolCorruptError: The pool's file is damaged.
            PoolIncompatibleError: The pool was made by an incompatible build of the library.
            PoolPermissionError: This user may not open the pool's file.
            PoolFullError: 64 streams are connected to the pool. The text names them.
            PoolLostError: The program has closed the stream's file descriptors.
            UnsupportedError: The backend does not have a dtype of the pool.
            ClosedError: The stream is closed.
            OutOfMemoryError: There is no memory for an array or a copy.
            SystemCallError: A system call failed.
            TypeError: An argument is of a wrong type.
            ValueError: `pad` is another value, `max_age` is negative, or `out` is read-only.

        Threads: any; calls take turns.

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
        """Return the sample in the history whose stamp fits `stamp` best.

        Waits only with `timeout`. Does not move the cursor.

        Args:
            stamp: int in ns, or float in seconds, since the epoch. Or a 1-d array of stamps (int64 ns or float64
                seconds), for one sample each. A list must not mix ints and floats. The samples' stamps need not be in
                order.
            method: "nearest" (of two equally near samples the newer), "before" (the latest at or before `stamp`) or
                "after" (the earliest at or after `stamp`).
            tolerance: Maximum distance from `stamp`: int in ns or float in seconds. None: any distance.
            timeout: Seconds to wait first, for a sample stamped at or after `stamp` (of an array: at or after the
                latest). The answer is then final, also when this stream's samples arrive later than another's with the
                same stamps. None waits forever. Not given: use what the history holds now.
            copy: See `get_last`. Samples of an array of stamps are always a copy.
            out: An array to copy the sample into and return, as for `get_last`; for an array of stamps of shape
                `(len(stamp), *shape)`.
            max_age: See `get_last`.
            return_info: True: return the pair (sample, SampleInfo), or (samples, HistoryInfo) for an array of stamps,
                or (None, None).

        Returns:
            The sample. For an array of stamps an array of shape `(len(stamp), *shape)`; a variable field gives a list
            of arrays. None: the pool does not exist, no sample fits (for an array: some stamp has no sample), the
            sample is older than `max_age`, or `timeout` ran out.

        Raises:
            InvalidArgumentError: `method` is another one, or `tolerance` is negative.
            SchemaMismatchError: The pool's schema differs from `expect` or from the one that this stream reads; or
                `out` does not fit. The text says what was expected and what came.
            PoolCorruptError: The pool's file is damaged.
            PoolIncompatibleError: The pool was made by an incompatible build of the library.
            PoolPermissionError: This user may not open the pool's file.
            PoolFullError: 64 streams are connected to the pool. The text names them.
            PoolLostError: The program has closed the stream's file descriptors.
            UnsupportedError: The backend does not have a dtype of the pool.
            ClosedError: The stream is closed, also by another thread during the wait; or, with `ros_node=`, the node
                was destroyed or ROS was shut down.
            WrongStateError: With `ros_node=`, the wait is inside a callback of the thread that spins the node.
            OutOfMemoryError: There is no memory for an array or a copy.
            SystemCallError: A system call failed.
            TypeError: An argument is of a wrong type.
            ValueError: `stamp` is out of range or has more than one dimension, `timeout` or `max_age` is negative, or
                `out` is read-only.
            KeyboardInterrupt: Ctrl-C during the wait, at once.

        Threads: any; calls take turns. The GIL is released during the wait.

        Example:
            >>> depth = depths.get_at(info.stamp, tolerance=0.02, timeout=0.1)  # taken at the same time as this image
        """

    def __iter__(self) -> Iterator[Any]: ...
    def __next__(self) -> Any: ...
    def wait_connected(self, timeout: float | None = None) -> bool:
        """Wait until the pool exists and the stream is connected to it.

        A pool whose producer has died counts as connected: see `producer_alive`.

        Args:
            timeout: Seconds to wait; 0 polls, None waits forever.

        Returns:
            True when connected, False when `timeout` ran out.

        Raises:
            SchemaMismatchError: The pool's schema differs from `expect` or from the one that this stream reads.
            PoolCorruptError: The pool's file is damaged.
            PoolIncompatibleError: The pool was made by an incompatible build of the library.
            PoolPermissionError: This user may not open the pool's file.
            PoolFullError: 64 streams are connected to the pool. The text names them.
            PoolLostError: The program has closed the stream's file descriptors.
            ClosedError: The stream is closed, also by another thread during the wait; or, with `ros_node=`, the node
                was destroyed or ROS was shut down.
            WrongStateError: With `ros_node=`, the wait is inside a callback of the thread that spins the node.
            OutOfMemoryError: There is no memory.
            SystemCallError: A system call failed.
            TypeError: `timeout` is not a number.
            ValueError: `timeout` is negative.
            KeyboardInterrupt: Ctrl-C, at once.

        Threads: any. The GIL is released during the wait.
        """

    def cleanup(self) -> None:
        """Close the stream. Arrays that it has given stay valid. Idempotent.

        Threads that wait wake up and raise ClosedError, later calls raise it too, and iterations end.
        """

    def _read_metadata(self) -> str | None:
        """The JSON text of the pool that the stream is connected to, or was last; None when it was never connected."""

    def _check_unopened(self) -> None:
        """Raise WrongStateError when `__init__` has already succeeded: a stream is opened once."""

    @property
    def pool_name(self) -> str:
        """The name of the pool."""

    @property
    def connected(self) -> bool:
        """Whether the stream is connected to a pool that is not retired. Connects when the pool exists. False after
        `cleanup()`, and when the pool has another schema; reads raise SchemaMismatchError then.
        """

    @property
    def ended(self) -> bool:
        """Whether the pool ended in order and the stream has returned all of it.

        True when the producer was closed, or the pool was removed or replaced, every sample above the cursor was
        returned, and the stream is not connected to another pool. False for a killed producer: its pool stays, and the
        next producer adopts it. Does not connect.
        """

    @property
    def producer_alive(self) -> bool:
        """Whether the stream is connected and the producer's process is alive: its lock on the pool's file is held.
        Connects when the pool exists.
        """

    @property
    def schema(self) -> Schema | None:
        """The schema of the pool; None before the stream has been connected."""

    @property
    def backend(self) -> Literal["numpy", "torch"] | None:
        """Which arrays the stream gives: "numpy" or "torch". None while that is not decided, before the stream has been
        connected.
        """

    @property
    def stats(self) -> StreamStats:
        """Counters: received, dropped, copies, reconnects, views_held, cursor, head, history_len, slot_count. See
        `StreamStats`.
        """

    @property
    def closed(self) -> bool:
        """True after `cleanup()`, and when `__init__` has not succeeded: the stream cannot read."""

    _before_wait: Callable[[bool], None] | None
    """Called, with the GIL, when a get_* or wait of this stream is about to sleep, and every 100 ms during the sleep.
    The argument is True when the wait is for this stream alone, False when it is for several. When it raises, the wait
    raises.
    """

@final
class RosDecoder:
    """Decodes serialized ROS 2 messages of one type into samples: `pmipc_ros_decoder` of the C library.

    It uses no node: its input is bytes, or the pointer of an `rcl_subscription_t`.

    Threads: any; calls take turns.

    Args:
        types: .msg text by type name, of the message and of all messages in it: see `polymorph_ipc._ros.types`.
        message: The type name, such as "sensor_msgs/msg/Image".
        fields: Path in the message ("": the type's default tensor) by field name; `{"": path}` for a plain tensor.
        joints: JointState, JointTrajectory: the joints to take, in this order. None: those of the first message.
        point_fields: PointCloud2 as (N, k): the fields to take. None: x, y, z and the following ones.
        variable: True: sequences make variable fields. False: each message must have the length of the first one, or of
            the sample.
        organized: PointCloud2: decode to (height, width) points, or (height, width, k) numbers.
        any_frame: True: take messages of any frame_id and child_frame_id. False: only those of the first message's.

    Raises:
        InvalidArgumentError: A path does not exist, or the type has no default tensor.
        UnsupportedError: Samples cannot hold messages of this type, such as TFMessage.
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
        """Set the schema of the samples before the first message.

        Returns:
            The schema of the pool.

        Raises:
            SchemaMismatchError: No message of this type can fit the schema.
        """

    def learn(self, message: bytes, /) -> tuple[Schema, str]:
        """Learn encoding, names and layout from the first message. When it raises, nothing was learned: try the next
        message.

        Returns:
            The schema of the pool, and its metadata as JSON text.

        Raises:
            SchemaMismatchError: The message does not fit the expected schema.
            PoolCorruptError: The message is damaged.
            UnsupportedError: The message has an encoding or a layout that cannot be a sample.
        """

    def publish(self, producer: Producer, message: bytes, fallback_stamp_ns: int, /) -> int | tuple[str, str]:
        """Publish one serialized message as one sample.

        Its stamp is the message's header stamp, or, when that is missing or zero, the fallback (STAMP_NOW: the wall
        clock). The GIL is released for large messages.

        Returns:
            The sequence number; or (name of a status, text) when the message does not fit or cannot be published.
        """

    def take(
        self, producer: Producer, subscription_pointer: int, fallback_stamp_ns: int, /
    ) -> int | tuple[str, str] | None:
        """Take the next message of an `rcl_subscription_t` and publish it. The GIL is released for large messages.

        The subscription must stay alive during the call (`with subscription.handle:`), and no other thread may take
        from it.

        Returns:
            The sequence number; 0 for a message that was taken before (a latched publisher sends again to a new
            subscription); (name of a status, text) when the message does not fit or cannot be published; None when
            there is no message.

        Raises:
            SystemCallError: rcl failed. The text is rcl's.
            ClosedError: The subscription is closed. The text is rcl's.
            OutOfMemoryError: rcl has no memory. The text is rcl's.
            UnsupportedError: rcl is not in this process.
        """

    def take_refused(self) -> bytes | None:
        """The last message that publish or take refused because it does not fit the pool, if `keeps_refused`. None when
        there was no such message since the last call.
        """

    def joint_stamps(self) -> list[int]:
        """The stamps in ns of the last message of each of the selected `joints` of a JointState, 0 before the first;
        empty for other decoders.
        """

    def take_bytes(self, subscription_pointer: int, /) -> bytes | None:
        """Take the next message as bytes; None when there is no message. Raises the same errors as `take`."""

    @property
    def lost(self) -> int:
        """The number of messages that publishers sent between those that arrived, and that did not arrive: gaps in the
        publishers' own numbers. Counted by take and take_bytes only, and only if the middleware passes the numbers on.
        """
    @property
    def in_place(self) -> int:
        """The number of messages that rcl copied directly to the place of their pixels in the slot; `take` does so for
        images like the last one.
        """
    keeps_refused: bool
    """Whether messages that do not fit the pool are kept for take_refused(). False at first."""

@final
class Pin:
    """Keeps a sample in place: the `base` of numpy views. Its memory can be read through the buffer protocol."""

def explain_faults() -> None:
    """Make segmentation faults and bus errors print to stderr which pool was written to and what to do.

    torch has no read-only tensors, and the pool is mapped read-only: an in-place operation on a tensor that a stream
    gave (`frame.sub_(1)`) stops the process. The handler prints a text and then passes the signal to the handler that
    was installed before. Call it after `faulthandler.enable()`. The package does not call it. Idempotent.

    Raises:
        SystemCallError: The handler cannot be installed.
    """

def wait_any(streams: list[_StreamT], timeout: float | None = None, /) -> list[_StreamT]:
    """Implementation of `polymorph_ipc.wait_any`."""

def wait_connected(streams: list[_StreamT], timeout: float | None = None, /) -> bool:
    """Implementation of `polymorph_ipc.wait_connected`."""

def registry_list(folder: str | None, /) -> list[dict[str, Any]]:
    """The facts of every pool in a registry folder (None: the default folder)."""

def registry_inspect(pool_name: str, folder: str | None, /) -> dict[str, Any]:
    """The facts of one pool."""

def registry_remove(
    pool_name: str, folder: str | None, force: bool, incarnation: int = 0, owner_epoch: int = 0, /
) -> None:
    """Remove a pool. With `incarnation` other than 0, only the pool with that incarnation. With `owner_epoch`, only if
    no other producer has adopted it, and without waiting for locks that a dying process may hold.
    """

def registry_clean(folder: str | None, /) -> tuple[list[str], list[tuple[str, str]]]:
    """Remove the pools that no live process uses.

    Returns:
        Their names, and (name, reason) of each entry that was left.
    """

def registry_folder() -> str:
    """The path of the registry folder that the environment names now."""

def monotonic_ns() -> int:
    """The clock of ages: ns on `time.CLOCK_BOOTTIME`."""

def fork_generation() -> int:
    """The number of forks between the process that loaded the extension and this one."""

abandoned: dict[tuple[str, str | None], tuple[int, int, int]]
"""(name, folder): (incarnation, owner epoch, fork generation) of each pool whose producer was garbage collected and
that no later producer of this process has taken over.
"""

def rcl_available() -> bool:
    """Whether the functions of rcl can be found in this process, so that RosDecoder.take works."""

def use_dlpack_exchange(enabled: bool, /) -> bool:
    """For tests. True: make tensors by torch's DLPack C exchange API, the default where torch has it. False: by
    capsules.

    Returns:
        Whether the exchange API is in use now.
    """

@final
class RosEncoder:
    """Encodes samples of one schema as serialized ROS 2 messages, by `pmipc_ros_encoder` of the C library, and
    publishes them.

    There are two paths. With a publisher handle of rclpy, a message is encoded into reused memory and given to
    `rcl_publish_serialized_message`, all without the GIL. Without a handle, `publish(bytes)` is called.

    Threads: any; calls take turns. After the first messages, the first path allocates nothing.

    Args:
        pool_name: The name of the pool, for texts of errors.
        types: .msg text by type name, of the message and of all messages in it: see `polymorph_ipc._ros.types`.
        message: The type name, such as "sensor_msgs/msg/Image".
        schema: The schema of the samples.
        fields: Path in the message ("": the type's default tensor) by field name. None: the default tensor for a plain
            schema; for a dict the field names are the paths.
        constants: Values that every message has, by key ("frame_id", "encoding", "names", "child_frame_id", "format",
            "point_fields", "is_bigendian") or by path: a str, a list of str or a number.

    Raises:
        InvalidArgumentError: A type, path or constant is not valid.
        SchemaMismatchError: Samples of this schema cannot be messages of this type. The text says what was expected and
            what came.
        UnsupportedError: Messages of this type cannot be encoded.
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
        """Encode one sample as a serialized message: XCDR1 in this machine's byte order.

        Args:
            data: An array, or a dict of arrays, as a producer of this schema publishes it.
            stamp: The stamp of the message: int in ns or float in seconds since the epoch.

        Raises:
            SchemaMismatchError: `data` is not a sample of this schema.
            TypeError: `data` is not an array.
        """

    def publish(self, data: Any, stamp: int | float | None, /) -> bool:
        """Encode and publish one sample. `stamp` None: the time of the node's clock.

        Returns:
            True; or False when it could not be published: the callback `failed` was called.

        Raises:
            SchemaMismatchError: `data` is not a sample of this schema.
            TypeError: `data` is not an array.
        """

    def forward(self, stream: Stream, incarnation: int, limit: int, /) -> tuple[int, int, int]:
        """Publish up to `limit` samples above the stream's cursor, in order, directly from the pool.

        Never waits. When the stream has gone over to another pool than `incarnation`, nothing is taken from that pool:
        it needs an encoder of its own. Samples that could not be published are counted, and `failed` is called.

        Returns:
            (number of samples taken, number of samples that had left the history before, incarnation of the pool). The
            incarnation is 0 when the pool has another schema.

        Raises:
            SchemaMismatchError: The pool's schema differs from `expect` or from the one that this stream reads; or
                `out` does not fit. The text says what was expected and what came.
            PoolCorruptError: The pool's file is damaged.
            PoolIncompatibleError: The pool was made by an incompatible build of the library.
            PoolPermissionError: This user may not open the pool's file.
            PoolFullError: 64 streams are connected to the pool. The text names them.
            PoolLostError: The program has closed the stream's file descriptors.
            UnsupportedError: The backend does not have a dtype of the pool.
            ClosedError: The stream is closed.
            OutOfMemoryError: There is no memory for an array or a copy.
            SystemCallError: A system call failed.
        """

    def connect(
        self,
        handle: Any,
        pointer: int | None,
        publish: Callable[[bytes], object],
        now: Callable[[], int] | None,
        failed: Callable[[str, str], object],
    ) -> None:
        """Set where messages go. May be called again.

        Args:
            handle: rclpy's handle of a publisher; it is entered around each use of `pointer`, its `rcl_publisher_t`.
                None: use `publish`.
            publish: Called with each message when `handle` is None.
            now: Returns ns since the epoch on the node's clock, for samples without a stamp. None: use the wall clock.
            failed: Called with the name of a status ("SCHEMA_MISMATCH": the sample does not fit; "CLOSED", "SYSTEM")
                and a text, for each sample that could not be published, by the thread that published it.

        Raises:
            UnsupportedError: rcl is not in this process.
        """

    def disconnect(self) -> None:
        """Release everything that connect() was given. Samples that are published later fail with "CLOSED"."""

    def take_latencies(self) -> list[int]:
        """The ns from publication in the pool until the middleware had taken the message, of up to 256 messages since
        the last call.
        """

    @property
    def counters(self) -> dict[str, int]:
        """published; misfits: samples that cannot be messages of this type; failures: of ROS; bytes published."""
