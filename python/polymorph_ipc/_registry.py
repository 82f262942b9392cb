"""The pools that exist, read from their files alone: of the living and the dead, disturbing nobody."""

from __future__ import annotations

import os
import warnings
from operator import itemgetter
from typing import Any, NamedTuple

from . import _core, _lifetime
from ._arguments import check_pool_name, registry_folder
from ._describe import parse_metadata


class ReaderInfo(NamedTuple):
    """One stream that is connected to a pool, as it describes itself."""

    row: int
    """Its row in the pool's table of readers, 0 to 63."""
    alive: bool
    """Its lock is held: kernel truth, not a heartbeat."""
    pid: int
    """Process id, in the stream's own PID namespace."""
    command: str
    """Name of the program."""
    last_seq: int
    """Newest sample it has read."""
    dropped: int
    """Samples that left history before it read them."""
    copies: int
    """Reads that were copies, because it holds many views."""
    oldest_pin_seq: int
    """Oldest sample it still holds; 0: none."""
    pinned_slots: int
    """Slots that its views cover."""
    since: int
    """When it connected: ns since the epoch."""


class PoolInfo(NamedTuple):
    """A pool, as its file describes it."""

    name: str
    status: str
    """"OK", or why the rest is empty: "CORRUPT", "INCOMPATIBLE", "PERMISSION"."""
    problem: str | None
    """In words what is wrong with it; None when nothing is."""
    schema: _core.Schema | None
    """What it carries; None when there is a problem."""
    metadata: dict[str, Any]
    """What the producer said about it; empty when it said nothing."""
    incarnation: int
    """Random identity: changes when the pool is made anew, not when it is adopted."""
    seq: int
    """Sequence number of the newest sample; 0: none yet."""
    stamp: int
    """Its stamp: ns since the epoch, or whatever clock the producer stamps with."""
    published: int
    """When it was published: ns on `time.CLOCK_BOOTTIME`; 0: none yet."""
    age: float | None
    """Seconds since it was published; None: none yet."""
    history_len: int
    slot_count: int
    """Slots now; more than at first when streams hold many views."""
    origin: str
    """What the producer's sample was: "c", "numpy" or "torch"."""
    nbytes: int
    """Bytes of one sample, at most."""
    file_nbytes: int
    """Bytes of shared memory the pool takes."""
    mode: int
    """Permission bits of the file."""
    uid: int
    """Owner of the file."""
    retired: bool
    """Its producer is done with it, or it was removed: streams treat it as absent."""
    producer_alive: bool
    """Kernel truth: the producer's lock is held."""
    producer_pid: int
    """Of the newest producer, in its own PID namespace."""
    producer_command: str
    """Its command line."""
    producer_since: int
    """When it opened the pool: ns since the epoch."""
    owner_epoch: int
    """1 for the creator, one more for each producer that adopted the pool."""
    clock_offset: int
    """ns from `time.CLOCK_BOOTTIME` to the time of day, as the producer saw it within about its last
    second."""
    grown: int
    """Times the pool grew because streams held views."""
    given_up: int
    """Samples dropped from history early because no slot was free."""
    cleared_rows: int
    """Rows of dead streams that producers have cleared."""
    malformed_cells: int
    """Pins that made no sense: somebody writes into the file."""
    readers: tuple[ReaderInfo, ...]
    """The streams that are connected."""

    def __repr__(self) -> str:
        """On one line what tells pools apart: a list of them is read by people."""
        if self.problem is not None:
            return f"<PoolInfo of {self.name!r}: {self.status}, {self.problem}>"
        producer = "producer alive" if self.producer_alive else "retired" if self.retired else "producer dead"
        streams = f"{len(self.readers)} stream{'' if len(self.readers) == 1 else 's'}"
        return f"<PoolInfo of {self.name!r}: {self.schema}, seq {self.seq}, {producer}, {streams}>"

    def __str__(self) -> str:
        """Every fact on a line of its own, permissions in octal."""
        shown = {**self._asdict(), "mode": f"0o{self.mode:o}"}
        readers = shown.pop("readers")
        lines = [f"{name}: {value}" for name, value in shown.items()]
        return "\n".join([*lines, f"readers: {len(readers)}", *(f"  {reader}" for reader in readers)])


MOST_NAMED = 5  # in one warning

in_order = itemgetter(*PoolInfo._fields)


def chosen(folder: str | os.PathLike[str] | None) -> str | None:
    """What the extension takes: None for the folder of the environment."""
    return None if folder is None else registry_folder(folder)


def list_pools(*, folder: str | os.PathLike[str] | None = None) -> list[PoolInfo]:
    """Every pool in the registry folder, by name. `folder` None: `$POLYMORPH_IPC_DIR`, or
    `/dev/shm/polymorph_ipc-<uid>`.

    Pools of dead producers are in it (`producer_alive` is False), and damaged ones (`problem` says why). Works from the
    files alone: takes no lock, connects to nothing, disturbs nobody.

    Raises:
        PoolPermissionError: the folder may not be read. SystemCallError.

    Example:
        >>> for pool in list_pools():
        ...     print(pool.name, pool.schema, "alive" if pool.producer_alive else "dead")
    """
    return [pool_info(facts) for facts in _core.registry_list(chosen(folder))]


def inspect_pool(pool_name: str, *, folder: str | os.PathLike[str] | None = None) -> PoolInfo:
    """Describe one pool: of a live or a dead producer, connected to or not. `folder` as in `list_pools`.

    Raises:
        PoolNotFoundError (LookupError): there is no such pool.
        InvalidNameError (ValueError): no pool can have that name.
        PoolCorruptError, PoolIncompatibleError, PoolPermissionError, SystemCallError: it cannot be described, and why.

    Example:
        >>> inspect_pool("arm/q").metadata["names"]
        ['shoulder', 'elbow', 'wrist']
    """
    check_pool_name(pool_name)
    return pool_info(_core.registry_inspect(pool_name, chosen(folder)))


def remove_pool(pool_name: str, *, force: bool = False, folder: str | os.PathLike[str] | None = None) -> None:
    """Remove a pool that no live process uses, or a damaged pool. Streams treat it as absent from then on.

    Args:
        pool_name: its name.
        force: remove it although live streams are connected: their arrays stay valid, their next call finds the pool
            gone. Also remove what is not a pool: a file of another program (it does not begin with the magic number of
            a pool), a FIFO, a symbolic link, a socket; never a folder. A live producer keeps its pool: use its
            `cleanup()`.
        folder: as in `list_pools`.

    Raises:
        PoolNotFoundError (LookupError): there is no such pool.
        PoolBusyError: a live producer, or without `force` a live stream, uses it; names them.
        PoolCorruptError: it is not a pool, and `force` is not set; says what it is.
        InvalidNameError, PoolPermissionError, SystemCallError, UnsupportedError (it is a folder).
    """
    check_pool_name(pool_name)
    _core.registry_remove(pool_name, chosen(folder), force)
    _lifetime.forget(pool_name, registry_folder(folder))


def clean_pools(*, folder: str | os.PathLike[str] | None = None) -> list[str]:
    """Remove every pool that no live producer and no live stream uses, damaged pools included.

    Only pools are removed: what does not begin with the magic number of a pool stays, and so does a pool of another
    user who does not permit its removal. One warning (UserWarning) names all that stays for these reasons. The
    registry folder may therefore be one that is shared with other programs, such as /dev/shm. `folder` as in
    `list_pools`.

    Returns: the names of the pools that were removed.

    Raises:
        PoolPermissionError: a pool of this user cannot be removed. SystemCallError.
    """
    removed, left = _core.registry_clean(chosen(folder))
    for pool_name in removed:
        _lifetime.forget(pool_name, registry_folder(folder))
    if left:
        reasons = "; ".join(why for _name, why in left[:MOST_NAMED])
        more = f"; and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
        entries = "1 entry" if len(left) == 1 else f"{len(left)} entries"
        warnings.warn(f"clean_pools() leaves {entries} alone. {reasons}{more}", stacklevel=2)
    return removed


def pool_info(facts: dict[str, Any]) -> PoolInfo:
    """A PoolInfo from the extension's plain facts."""
    text, facts["metadata"] = facts["metadata"], {}
    try:
        facts["metadata"] = parse_metadata(text, facts["name"])
    except _core.PoolCorruptError as damage:  # one bad text must not hide the pool, nor a list of others
        facts["problem"] = facts["problem"] or str(damage)
    if facts["readers"]:
        facts["readers"] = tuple(ReaderInfo(*reader) for reader in facts["readers"])
    published = facts["published"]
    facts["age"] = (_core.monotonic_ns() - published) / 1e9 if published else None
    return PoolInfo._make(in_order(facts))  # thirty keyword arguments take four times as long
