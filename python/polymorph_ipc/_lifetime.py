"""Orderly exit: what a process does with its pools when it returns, raises or is interrupted.

Every producer that is still open is cleaned up (unless made with keep=True), and so are the pools of producers that
were garbage collected, unless another producer has adopted them. A killed process leaves its pools readable instead.
"""

from __future__ import annotations

import atexit
import contextlib
import signal
import sys
import weakref
from collections.abc import Callable
from types import FrameType

from . import _core

live: weakref.WeakSet[_core.Producer] = weakref.WeakSet()
watched_generation: int | None = None
ending_generation: int | None = None


def watch(producer: _core.Producer) -> None:
    """Clean up this producer when the process ends. Raises WrongStateError when that has begun: the last of a thread's
    new producers would stay behind."""
    global watched_generation
    if ending_generation == _core.fork_generation():
        raise _core.WrongStateError("no producer can be made any more: the process is ending, its pools are removed")
    live.add(producer)
    if watched_generation != _core.fork_generation():
        watched_generation = _core.fork_generation()
        watch_multiprocessing()


def watch_multiprocessing() -> None:
    """In a child of multiprocessing, register clean_up with multiprocessing: such a child does not run the parent's
    atexit functions, and a forked one runs none at all."""
    process = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None:
        return
    from multiprocessing.util import Finalize

    Finalize(None, clean_up, exitpriority=0)


def clean_up() -> None:
    """Clean up every producer of this process."""
    global ending_generation
    ending_generation = _core.fork_generation()
    for producer in list(live):
        clean_up_one(producer)
    remove_abandoned()


def clean_up_one(producer: _core.Producer) -> None:
    """Clean up one producer. Raises nothing: an error in a subclass's cleanup() must not keep the pools of others."""
    try:
        producer.cleanup()  # leaves the pool of the parent alone when the producer was inherited over a fork
    except _core.PolymorphError:
        return
    except Exception:
        import logging  # not at the top: importing the package stays cheap

        logging.getLogger("polymorph_ipc").exception("cleanup() of a %s failed at exit", type(producer).__name__)


def remove_abandoned() -> None:
    """Remove the pools of producers that were garbage collected, except those that another producer has adopted, also
    when that one is dead."""
    generation = _core.fork_generation()
    notes = dict(_core.abandoned)
    _core.abandoned.clear()
    for (name, folder), (incarnation, owner_epoch, made_in) in notes.items():
        if made_in != generation:
            continue
        with contextlib.suppress(_core.PolymorphError):
            _core.registry_remove(name, folder, True, incarnation, owner_epoch)


def cleanup_on_sigterm() -> None:
    """Make SIGTERM and SIGHUP an orderly exit, which removes this process's pools (not those made with keep=True).

    Without it, a process that such a signal ends leaves its pools readable, with a dead producer. Call it once, in the
    main thread and before `rclpy.init()`: the handlers of rclpy then call these.

    The handler calls the Python handler that was installed before. If there was none, it raises SystemExit in the main
    thread: finally blocks and atexit functions run, and the exit code is 128 + the number of the signal (143 for
    SIGTERM). A signal that was ignored, as SIGHUP is under nohup, stays ignored. Python runs handlers between two
    instructions of the main thread; during a wait of this package, within 100 ms.

    Raises:
        ValueError: It is called in another thread than the main thread.

    Example:
        >>> polymorph_ipc.cleanup_on_sigterm()
        >>> producer = TensorProducer.from_sample("camera", frame)
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        before = signal.getsignal(number)
        if before is signal.SIG_IGN or getattr(before, "is_orderly_exit", False):
            continue
        signal.signal(number, orderly_exit(before))


def orderly_exit(before: object) -> Callable[[int, FrameType | None], None]:
    """A handler that cleans up and then calls the handler `before`, or raises SystemExit."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        if callable(before):
            for producer in list(live):
                clean_up_one(producer)
            before(number, frame)
        else:
            raise SystemExit(128 + number)

    on_signal.is_orderly_exit = True  # type: ignore[attr-defined]
    return on_signal


def forget(pool_name: str, folder: str) -> None:
    """Note that a pool was removed: the end of the process need not remove it."""
    _core.abandoned.pop((pool_name, folder), None)


atexit.register(clean_up)
