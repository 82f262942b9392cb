"""Publish tensors in one process and read the newest one in others: shared memory, no copies, found by name.

>>> producer = TensorProducer.from_sample("cam", np.zeros((480, 640, 3), np.uint8))     # one process
>>> producer.publish(image)

>>> stream = TensorStream("cam")                                                        # any number of others
>>> image = stream.get_new(timeout=1.0)

Publish: `TensorProducer`, `Loan`.
Read: `TensorStream`, `wait_any`, `wait_connected`. About samples: `SampleInfo`, `HistoryInfo`. Counters: `StreamStats`.
Describe samples: `Schema`, `Field`.
Manage pools: `list_pools`, `inspect_pool`, `remove_pool`, `clean_pools`. About pools: `PoolInfo`, `ReaderInfo`.
Processes: `cleanup_on_sigterm`, `explain_faults`.
ROS 2: the `ros_*` arguments of producers and streams, and `polymorph_ipc.ros`.
Errors: `PolymorphError` is the base of all of them.
"""

import sys as _sys

if not _sys.platform.startswith("linux"):
    raise ImportError(
        f"polymorph_ipc runs on Linux only (this is {_sys.platform}): it is built on tmpfs, futexes and "
        "open-file-description locks, which macOS and Windows do not have"
    )

from ._core import (
    ClosedError,
    ForkedError,
    InvalidArgumentError,
    InvalidNameError,
    Loan,
    OutOfMemoryError,
    PolymorphError,
    PoolBusyError,
    PoolCorruptError,
    PoolFullError,
    PoolIncompatibleError,
    PoolLostError,
    PoolNotFoundError,
    PoolPermissionError,
    PoolSpaceError,
    Schema,
    SchemaMismatchError,
    SystemCallError,
    UnsupportedError,
    WrongStateError,
    explain_faults,
)
from ._core import version as __version__
from ._infos import Field, HistoryInfo, SampleInfo, StreamStats
from ._lifetime import cleanup_on_sigterm
from ._producer import TensorProducer
from ._registry import PoolInfo, ReaderInfo, clean_pools, inspect_pool, list_pools, remove_pool
from ._stream import TensorStream
from ._waiting import wait_any, wait_connected

__all__ = [
    "ClosedError",
    "Field",
    "ForkedError",
    "HistoryInfo",
    "InvalidArgumentError",
    "InvalidNameError",
    "Loan",
    "OutOfMemoryError",
    "PolymorphError",
    "PoolBusyError",
    "PoolCorruptError",
    "PoolFullError",
    "PoolIncompatibleError",
    "PoolInfo",
    "PoolLostError",
    "PoolNotFoundError",
    "PoolPermissionError",
    "PoolSpaceError",
    "ReaderInfo",
    "SampleInfo",
    "Schema",
    "SchemaMismatchError",
    "StreamStats",
    "SystemCallError",
    "TensorProducer",
    "TensorStream",
    "UnsupportedError",
    "WrongStateError",
    "__version__",
    "clean_pools",
    "cleanup_on_sigterm",
    "explain_faults",
    "inspect_pool",
    "list_pools",
    "remove_pool",
    "wait_any",
    "wait_connected",
]

# help(), tracebacks and pickles name the package, not the module that a public name comes from.
for _public in [globals()[_name] for _name in __all__]:
    if getattr(_public, "__module__", __name__) != __name__:
        _public.__module__ = __name__
