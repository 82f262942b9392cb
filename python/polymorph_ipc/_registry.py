"""The pools of a registry folder, described from their files alone, and their removal."""

import os
import warnings
from operator import itemgetter
from typing import Any, NamedTuple

from . import _core, _lifetime
from ._arguments import check_pool_name, registry_folder
from ._describe import parse_metadata

MOST_NAMED = 5  # entries that one warning describes


class ReaderInfo(NamedTuple):
    """One stream that is connected to a pool, as its row in the pool describes it.

    Attributes:
        row: The row in the pool's table of readers, 0 to 63.
        alive: Whether the stream's process is alive: it holds the lock of the row.
        pid: The process id, in the PID namespace of the stream.
        command: The name of the program.
        last_seq: The sequence number of the newest sample that the stream has read; 0 before the first.
        dropped: The number of samples that left the history before the stream read them.
        copies: The number of reads that returned a copy, because the stream holds many views.
        oldest_pin_seq: The sequence number of the oldest sample that the stream holds; 0 when it holds none.
        pinned_slots: The number of slots that the stream's views pin.
        since: The time when the stream connected, in ns since the epoch.
    """

    row: int
    alive: bool
    pid: int
    command: str
    last_seq: int
    dropped: int
    copies: int
    oldest_pin_seq: int
    pinned_slots: int
    since: int


class PoolInfo(NamedTuple):
    """A pool, as its file describes it.

    Attributes:
        name: The name of the pool.
        status: "OK"; or "CORRUPT", "INCOMPATIBLE" or "PERMISSION": the other facts are then empty.
        problem: What is wrong with the pool, as a text; None when nothing is wrong.
        schema: The schema of the pool; None when there is a problem.
        metadata: The metadata that the producer gave; empty when it gave none.
        incarnation: The random identity of the pool. A new pool under the same name has another one; adoption keeps it.
        seq: The sequence number of the newest sample; 0 before the first.
        stamp: The stamp of the newest sample, in ns since the epoch or on the producer's own clock.
        published: The time of the newest publication, in ns on `time.CLOCK_BOOTTIME`; 0 before the first.
        age: Seconds since the newest publication; None before the first.
        history_len: The number of newest samples that the pool keeps.
        slot_count: The number of slots that the pool has now. It grows when streams hold many views.
        origin: What the producer's sample was: "c", "numpy" or "torch".
        nbytes: Bytes of data in one sample; of variable fields, bytes at their full length.
        file_nbytes: Bytes of shared memory that the pool takes.
        mode: The permission bits of the file.
        uid: The user id of the file's owner.
        retired: Whether the pool has ended: its producer has closed it, or it was removed. New streams treat
            it as absent; connected streams still return what they have not read.
        producer_alive: Whether the producer's process is alive: it holds the producer's lock.
        producer_pid: The process id of the newest producer, in its own PID namespace.
        producer_command: The command line of the newest producer.
        producer_since: The time when the newest producer opened the pool, in ns since the epoch.
        owner_epoch: 1 for the creator of the pool, one more for each producer that adopted it.
        clock_offset: ns from `time.CLOCK_BOOTTIME` to the time of day, as the producer measured it within about its
            last second.
        grown: The number of times that the pool grew because streams held views.
        given_up: The number of samples that left the history early because no other slot was free.
        cleared_rows: The number of rows of dead streams that producers have cleared.
        malformed_cells: The number of cells that hold no valid pin: another program has written into the file.
        readers: The streams that are connected.
    """

    name: str
    status: str
    problem: str | None
    schema: _core.Schema | None
    metadata: dict[str, Any]
    incarnation: int
    seq: int
    stamp: int
    published: int
    age: float | None
    history_len: int
    slot_count: int
    origin: str
    nbytes: int
    file_nbytes: int
    mode: int
    uid: int
    retired: bool
    producer_alive: bool
    producer_pid: int
    producer_command: str
    producer_since: int
    owner_epoch: int
    clock_offset: int
    grown: int
    given_up: int
    cleared_rows: int
    malformed_cells: int
    readers: tuple[ReaderInfo, ...]

    def __repr__(self) -> str:
        """The facts that distinguish pools, on one line: a list of pools stays readable."""
        if self.problem is not None:
            return f"<PoolInfo of {self.name!r}: {self.status}, {self.problem}>"
        producer = "producer alive" if self.producer_alive else "retired" if self.retired else "producer dead"
        streams = f"{len(self.readers)} stream{'' if len(self.readers) == 1 else 's'}"
        return f"<PoolInfo of {self.name!r}: {self.schema}, seq {self.seq}, {producer}, {streams}>"

    def __str__(self) -> str:
        """All facts, one on each line, with the permission bits in octal."""
        shown = {**self._asdict(), "mode": f"0o{self.mode:o}"}
        readers = shown.pop("readers")
        lines = [f"{name}: {value}" for name, value in shown.items()]
        return "\n".join([*lines, f"readers: {len(readers)}", *(f"  {reader}" for reader in readers)])


in_order = itemgetter(*PoolInfo._fields)


def folder_argument(folder: str | os.PathLike[str] | None) -> str | None:
    """The folder as the extension takes it: None for the folder that the environment names."""
    return None if folder is None else registry_folder(folder)


def list_pools(*, folder: str | os.PathLike[str] | None = None) -> list[PoolInfo]:
    """List every pool in the registry folder, sorted by name.

    The list has pools of dead producers too (`producer_alive` is False), and damaged pools (`problem` says why). Only
    files are read: no lock is taken, no stream connects, no process is disturbed.

    Args:
        folder: The registry folder. None: `$POLYMORPH_IPC_DIR`, or `/dev/shm/polymorph_ipc-<uid>`.

    Returns:
        One PoolInfo per pool.

    Raises:
        PoolPermissionError: This user may not read the folder.
        SystemCallError: A system call failed.

    Threads: any.

    Example:
        >>> for pool in list_pools():
        ...     print(pool.name, pool.schema, "alive" if pool.producer_alive else "dead")
    """
    return [pool_info(facts) for facts in _core.registry_list(folder_argument(folder))]


def inspect_pool(pool_name: str, *, folder: str | os.PathLike[str] | None = None) -> PoolInfo:
    """Describe one pool, of a live or a dead producer. Only its file is read.

    Args:
        pool_name: The name of the pool.
        folder: The registry folder. None: `$POLYMORPH_IPC_DIR`, or `/dev/shm/polymorph_ipc-<uid>`.

    Returns:
        The facts about the pool.

    Raises:
        PoolNotFoundError: There is no pool of this name.
        InvalidNameError: No pool can have this name.
        PoolCorruptError: The file is damaged or is not a pool.
        PoolIncompatibleError: The pool was made by an incompatible build of the library.
        PoolPermissionError: This user may not read the file or the folder.
        SystemCallError: A system call failed.

    Threads: any.

    Example:
        >>> inspect_pool("arm/q").metadata["names"]
        ['shoulder', 'elbow', 'wrist']
    """
    check_pool_name(pool_name)
    return pool_info(_core.registry_inspect(pool_name, folder_argument(folder)))


def remove_pool(pool_name: str, *, force: bool = False, folder: str | os.PathLike[str] | None = None) -> None:
    """Remove a pool that no live process uses, or a damaged pool. Streams then treat it as absent.

    A pool with a live producer is never removed: call `cleanup()` of its producer.

    Args:
        pool_name: The name of the pool.
        force: True: remove the pool also while live streams are connected; their arrays stay valid, and their next call
            finds no pool. Also remove a file that is not a pool (it does not begin with the magic number of a pool), a
            FIFO, a symbolic link or a socket. A directory is never removed.
        folder: The registry folder. None: `$POLYMORPH_IPC_DIR`, or `/dev/shm/polymorph_ipc-<uid>`.

    Raises:
        PoolNotFoundError: There is no pool of this name.
        PoolBusyError: A live producer uses the pool, or, without `force`, a live stream. The text names them.
        PoolCorruptError: The file is not a pool, and `force` is False. The text says what the file is.
        InvalidNameError: No pool can have this name.
        PoolPermissionError: This user may not remove the file.
        UnsupportedError: The name leads to a directory.
        SystemCallError: A system call failed.

    Threads: any.
    """
    check_pool_name(pool_name)
    _core.registry_remove(pool_name, folder_argument(folder), force)
    _lifetime.forget(pool_name, registry_folder(folder))


def clean_pools(*, folder: str | os.PathLike[str] | None = None) -> list[str]:
    """Remove every pool that no live producer and no live stream uses, damaged pools included.

    A file that does not begin with the magic number of a pool stays, and so does a pool of another user who does not
    permit its removal; one warning (UserWarning) names them. The folder may therefore be shared with other programs,
    as /dev/shm is.

    Args:
        folder: The registry folder. None: `$POLYMORPH_IPC_DIR`, or `/dev/shm/polymorph_ipc-<uid>`.

    Returns:
        The names of the pools that were removed.

    Raises:
        PoolPermissionError: A pool of this user cannot be removed.
        SystemCallError: A system call failed.

    Threads: any.
    """
    removed, left = _core.registry_clean(folder_argument(folder))
    for pool_name in removed:
        _lifetime.forget(pool_name, registry_folder(folder))
    if left:
        reasons = "; ".join(why for _name, why in left[:MOST_NAMED])
        more = f"; and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
        entries = "1 entry" if len(left) == 1 else f"{len(left)} entries"
        warnings.warn(f"clean_pools() leaves {entries} alone. {reasons}{more}", stacklevel=2)
    return removed


def pool_info(facts: dict[str, Any]) -> PoolInfo:
    """Make a PoolInfo of the facts that the extension gives."""
    text, facts["metadata"] = facts["metadata"], {}
    try:
        facts["metadata"] = parse_metadata(text, facts["name"])
    except _core.PoolCorruptError as damage:  # damaged metadata must hide neither the pool nor the rest of a list
        facts["problem"] = facts["problem"] or str(damage)
    if facts["readers"]:
        facts["readers"] = tuple(ReaderInfo(*reader) for reader in facts["readers"])
    published = facts["published"]
    facts["age"] = (_core.monotonic_ns() - published) / 1e9 if published else None
    return PoolInfo._make(in_order(facts))  # keyword arguments for 29 fields take four times as long
