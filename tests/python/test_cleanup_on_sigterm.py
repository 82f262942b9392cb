"""cleanup_on_sigterm(): SIGTERM and SIGHUP end the process with an orderly exit."""

from __future__ import annotations

import signal
import threading
from typing import Any

import polymorph_ipc
import pytest
from polymorph_ipc import list_pools

from support.processes import Spawner

PROGRAM = """
    import signal
    import sys
    import numpy as np
    import polymorph_ipc
    from polymorph_ipc import TensorProducer, TensorStream

    if sys.argv[1] == "handler":
        signal.signal(signal.SIGTERM, lambda number, frame: (print("earlier handler"), sys.exit(7)))
    if sys.argv[1] == "ignored":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if sys.argv[1] != "none":
        polymorph_ipc.cleanup_on_sigterm()
        polymorph_ipc.cleanup_on_sigterm()
    producer = TensorProducer.from_sample("ends", np.zeros(2))
    kept = TensorProducer.from_sample("kept", np.zeros(2), keep=True)
    kept.publish(np.ones(2))
    try:
        print("ready")
        if sys.argv[1] == "ignored":
            print(sys.stdin.readline().strip())
        TensorStream("absent").get_new()
    finally:
        print("finally")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_removes_pools_and_runs_finally(spawn: Spawner, number: int) -> None:
    child = spawn(PROGRAM, "cleanup")
    child.expect("ready")
    child.process.send_signal(number)
    child.expect("finally")
    assert child.process.wait(20) == 128 + number
    assert [pool.name for pool in list_pools()] == ["kept"]
    polymorph_ipc.remove_pool("kept")


def test_pool_stays_readable_without_cleanup_on_sigterm(spawn: Spawner) -> None:
    child = spawn(PROGRAM, "none")
    child.expect("ready")
    child.process.send_signal(signal.SIGTERM)
    assert child.process.wait(20) == -signal.SIGTERM
    assert [pool.name for pool in list_pools()] == ["ends", "kept"]
    for name in ("ends", "kept"):
        polymorph_ipc.remove_pool(name)


def test_earlier_handler_is_called_after_the_cleanup(spawn: Spawner) -> None:
    child = spawn(PROGRAM, "handler")
    child.expect("ready")
    child.process.send_signal(signal.SIGTERM)
    child.expect("earlier handler")
    child.expect("finally")
    assert child.process.wait(20) == 7
    polymorph_ipc.remove_pool("kept")


def test_ignored_signal_stays_ignored(spawn: Spawner) -> None:
    child = spawn(PROGRAM, "ignored")
    child.expect("ready")
    child.process.send_signal(signal.SIGHUP)
    child.send("still here")
    child.expect("still here")
    child.process.send_signal(signal.SIGTERM)
    child.expect("finally")
    assert child.process.wait(20) == 143
    polymorph_ipc.remove_pool("kept")


def test_cleanup_on_sigterm_refuses_other_threads() -> None:
    outcome: list[Any] = []

    def call() -> None:
        try:
            polymorph_ipc.cleanup_on_sigterm()
        except ValueError as problem:
            outcome.append(problem)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert len(outcome) == 1
