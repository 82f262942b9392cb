"""Orderly exit: what a process leaves behind when it ends by itself.

Every producer that is still open is cleaned up (unless made with keep=True), and so are the pools of producers that
were garbage collected, unless somebody has adopted them. A process that is killed leaves its pools readable instead.
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
    """Clean this producer up when the process ends. Raises WrongStateError when that has begun: a thread that goes on
    making producers would leave the last of them behind."""
    global watched_generation
    if ending_generation == _core.fork_generation():
        raise _core.WrongStateError("no producer can be made any more: the process is ending, its pools are removed")
    live.add(producer)
    if watched_generation != _core.fork_generation():
        watched_generation = _core.fork_generation()
        watch_multiprocessing()


def watch_multiprocessing() -> None:
    """Children of multiprocessing do not run what their parents registered with atexit, and those that were forked end
    without running atexit at all: there, its own finalizers are what is run."""
    process = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None:
        return
    from multiprocessing.util import Finalize

    Finalize(None, clean_up, exitpriority=0)


def clean_up() -> None:
    """Do what `cleanup()` does, for every producer of this process."""
    global ending_generation
    ending_generation = _core.fork_generation()
    for producer in list(live):
        clean_up_one(producer)
    remove_abandoned()


def clean_up_one(producer: _core.Producer) -> None:
    """Raises nothing: what a subclass does in its cleanup() must not keep the other producers' pools."""
    try:
        producer.cleanup()  # one inherited over a fork is its parent's: its pool stays
    except _core.PolymorphError:
        return
    except Exception:
        import logging  # only here: importing the package stays cheap

        logging.getLogger("polymorph_ipc").exception("cleanup() of a %s failed at exit", type(producer).__name__)


def remove_abandoned() -> None:
    """Remove the pools of collected producers. One that another producer has adopted is that one's, also when it has
    left it behind."""
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

    Without it a process that such a signal ends leaves its pools readable, with no producer. Call it once, in the main
    thread, before `rclpy.init()`: rclpy's own handlers then call these.

    The handler calls the Python handler that was there before; if there was none it raises SystemExit in the main
    thread: finally blocks and atexit functions run, and the exit code is 128 + the signal's number (143 for SIGTERM).
    A signal that was ignored, as SIGHUP is under nohup, stays ignored. Python runs handlers between two instructions of
    the main thread; a wait of this package lets it do so within 100 ms. Raises ValueError in another thread.

    >>> polymorph_ipc.cleanup_on_sigterm()
    >>> producer = TensorProducer.from_sample("camera", frame)
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        before = signal.getsignal(number)
        if before is signal.SIG_IGN or getattr(before, "ends_in_order", False):
            continue
        signal.signal(number, _orderly_exit(before))


def _orderly_exit(before: object) -> Callable[[int, FrameType | None], None]:
    def on_signal(number: int, frame: FrameType | None) -> None:
        if callable(before):
            for producer in list(live):
                clean_up_one(producer)
            before(number, frame)
        else:
            raise SystemExit(128 + number)

    on_signal.ends_in_order = True  # type: ignore[attr-defined]
    return on_signal


def forget(pool_name: str, folder: str) -> None:
    """The pool was removed: there is nothing left to do for it at the end."""
    _core.abandoned.pop((pool_name, folder), None)


atexit.register(clean_up)
