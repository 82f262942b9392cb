"""What is said about schemas and samples: the named tuples that the extension fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Field(NamedTuple):
    """One field of a schema."""

    name: str
    """`""` for the one field of a plain tensor."""
    dtype: str
    """"uint8", "float64", "bfloat16", "float8_e4m3fn", ...; or as numpy writes it, such as "datetime64[ns]", "|S8" or
    "[('x', '<f4'), ('id', '<u2')]", for what only numpy has."""
    shape: tuple[int, ...]
    """Of one sample; of the largest one when the field is variable."""
    variable: bool
    """Each sample has its own leading length, 0 up to shape[0]."""


class SampleInfo(NamedTuple):
    """What there is to know of one sample; `return_info=True` gives it beside the array."""

    seq: int
    """Sequence number: the pool's first sample has 1, each next one more."""
    stamp: int
    """When it was taken, as the producer says: ns since the epoch, of the publish when it says nothing."""
    age: float
    """Seconds since it was published (time in which the machine was suspended included), at the moment it was read."""
    published: int
    """When it was published: ns on `time.CLOCK_BOOTTIME`."""
    dropped: int
    """get_next: samples that were passed over since the cursor, because they had left history or were older than
    `max_age`. 0 for the other reads."""
    copied: bool
    """The array is a private copy: asked for by `copy=` or `out=`, or because the stream holds seven views already."""


class HistoryInfo(NamedTuple):
    """What there is to know of the samples of a history, oldest first."""

    seq: NDArray[np.int64]
    """(n,) sequence numbers."""
    stamp: NDArray[np.int64]
    """(n,) ns since the epoch."""
    age: NDArray[np.float64]
    """(n,) seconds since each sample was published."""
    published: NDArray[np.int64]
    """(n,) ns on `time.CLOCK_BOOTTIME`."""
    dropped: int
    """get_all_new: samples that were passed over since the cursor, because they had left history or were older than
    `max_age`. 0 for the other reads."""
    copied: bool
    """The arrays are a private copy: asked for, padded, gathered by `get_at`, or the pool gave one, because the stream
    holds seven views already or a skipped slot broke the run."""


class RosStats(TypedDict, total=False):
    """What a stream of a ROS topic counts besides; not there for other streams."""

    path: Literal["fast", "portable"] | None
    """How messages come: taken in C, or as bytes that the executor took. None before the first."""
    messages: int
    """Messages that arrived."""
    published: int
    """Messages that became samples."""
    in_place: int
    """Those of them that were received in the pool itself and needed no copy after that: images that are alike but for
    stamp and pixels, with packed rows in this machine's byte order."""
    lost: int
    """Messages that were sent between those that arrived, and did not arrive themselves, by their publishers' numbers;
    not counted on the portable path."""
    misfits: int
    """Messages that did not fit the pool and were left out."""
    misfit_reasons: dict[str, int]
    """How many of each kind, by the words of the first."""
    failures: int
    """Messages that could not be published for another reason: no memory, the pool lost."""
    problem: str
    """The last failure in words; "" when there was none."""
    changes: int
    """Times the pool was replaced because messages of another kind came (`ros_on_change="follow"`)."""
    publishers: int
    """Publishers of the topic at the last look."""
    reliability: Literal["reliable", "best_effort"]
    durability: Literal["volatile", "transient_local"]
    """Of the present subscription."""
    joint_stamps: dict[str, int]
    """With `ros_joints` of a JointState: the stamp (ns) of the last message of each joint, 0 before the first."""


class StreamStats(RosStats):
    """Counters of a stream since it was made."""

    received: int
    """Reads that gave something: not those that raised, or found only what was too old."""
    dropped: int
    """Samples that left history before get_next or get_all_new reached them, each counted once."""
    copies: int
    """Reads that the pool gave as copies, because seven views were held or a run was broken."""
    reconnects: int
    """Pools the stream has gone over to after its first."""
    views_held: int
    """Views of the present pool that are alive."""
    cursor: int
    """Sequence number up to which samples count as seen."""
    head: int
    """Sequence number of the newest sample in the pool, 0 when there is none."""
    history_len: int
    """Of the pool; 0 while the stream was never connected."""
    slot_count: int
    """Slots the pool has now; 0 while the stream was never connected."""
