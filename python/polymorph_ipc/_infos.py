"""Facts about schemas and samples: the named tuples that the extension fills, and the counters of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Field(NamedTuple):
    """One field of a schema.

    Attributes:
        name: The name of the field; "" for the one field of a plain tensor.
        dtype: The name of the dtype: "uint8", "float64", "bfloat16", "float8_e4m3fn", ... For dtypes that only numpy
            has, numpy's description, such as "datetime64[ns]", "|S8" or "[('x', '<f4'), ('id', '<u2')]".
        shape: The shape of one sample; of a variable field, the shape of the longest sample that the pool has room for.
        variable: Whether each sample has its own length in the first dimension, from 0 to `shape[0]`.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    variable: bool


class SampleInfo(NamedTuple):
    """Facts about one sample; `return_info=True` returns it with the array.

    Attributes:
        seq: The sequence number. The first sample of a pool has 1, each following sample one more.
        stamp: The time of the sample as its producer states it, in ns since the epoch or on the producer's own clock.
            The time of publication when the producer states none.
        age: Seconds from publication to the read. Time in which the machine was suspended counts.
        published: The time of publication, in ns on `time.CLOCK_BOOTTIME`.
        dropped: Of get_next: the number of samples that were passed over since the cursor, because they had left the
            history or were older than `max_age`. 0 for other reads.
        copied: Whether the array is a private copy: `copy=` or `out=` asked for it, or the stream already held seven
            views.
    """

    seq: int
    stamp: int
    age: float
    published: int
    dropped: int
    copied: bool


class HistoryInfo(NamedTuple):
    """Facts about n samples of a history, oldest first; `return_info=True` returns it with the array.

    Attributes:
        seq: int64 array (n,): the sequence numbers.
        stamp: int64 array (n,): the times of the samples as their producer states them, in ns since the epoch or on the
            producer's own clock.
        age: float64 array (n,): seconds from each publication to the read.
        published: int64 array (n,): the times of publication, in ns on `time.CLOCK_BOOTTIME`.
        dropped: Of get_all_new: the number of samples that were passed over since the cursor, because they had left the
            history or were older than `max_age`. 0 for other reads.
        copied: Whether the arrays are a private copy: `copy=`, `out=` or padding asked for it, `get_at` gathered them,
            the stream already held seven views, or a skipped slot broke the run.
    """

    seq: NDArray[np.int64]
    stamp: NDArray[np.int64]
    age: NDArray[np.float64]
    published: NDArray[np.int64]
    dropped: int
    copied: bool


class RosStats(TypedDict, total=False):
    """The counters that only streams of a ROS topic have. `StreamStats` describes them."""

    path: Literal["fast", "portable"] | None
    messages: int
    published: int
    in_place: int
    lost: int
    misfits: int
    misfit_reasons: dict[str, int]
    failures: int
    problem: str
    changes: int
    publishers: int
    reliability: Literal["reliable", "best_effort"]
    durability: Literal["volatile", "transient_local"]
    joint_stamps: dict[str, int]


class StreamStats(RosStats):
    """Counters of a stream since it was made, and facts about its pool. A dict.

    Attributes:
        received: The number of reads that returned a sample or samples.
        dropped: The number of samples that left the history before get_next or get_all_new reached them, each counted
            once.
        copies: The number of reads that returned a copy, because the stream held seven views or a skipped slot broke
            the run.
        reconnects: The number of pools that the stream has gone over to after its first.
        views_held: The number of views of the present pool that are held.
        cursor: The sequence number up to which samples count as seen.
        head: The sequence number of the newest sample in the pool, 0 before the first.
        history_len: The number of newest samples that the pool keeps; 0 before the stream has been connected.
        slot_count: The number of slots that the pool has now; 0 before the stream has been connected.

    Streams of a ROS topic also have:

    Attributes:
        path: How messages arrive: "fast" (taken in C), "portable" (as bytes that the executor took), or None before the
            first message.
        messages: The number of messages that arrived.
        published: The number of messages that became samples.
        in_place: Of those, the number that were received directly in the pool and not copied again: images that differ
            only in stamp and pixels, with packed rows in this machine's byte order.
        lost: The number of messages that were sent between those that arrived and did not arrive, by their publishers'
            numbers. Not counted on the portable path.
        misfits: The number of messages that did not fit the pool and were left out.
        misfit_reasons: The number of misfits of each kind, by the text of the first.
        failures: The number of messages that could not be published for another reason, such as no memory or a lost
            pool.
        problem: The text of the last failure; "" when there was none.
        changes: The number of times that the pool was replaced because messages of another kind arrived
            (`ros_on_change="follow"`).
        publishers: The number of publishers of the topic when it was last checked.
        reliability: The reliability of the present subscription.
        durability: The durability of the present subscription.
        joint_stamps: With `ros_joints` of a JointState: the stamp of the last message of each joint in ns, 0 before the
            first.
    """

    received: int
    dropped: int
    copies: int
    reconnects: int
    views_held: int
    cursor: int
    head: int
    history_len: int
    slot_count: int
