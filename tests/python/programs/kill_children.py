"""Fork processes that use pools, and send SIGKILL to them on command.

    start ROLE      fork a process that runs this function; answers `started PID` when its work has begun
    kill            send SIGKILL to the newest process and wait for its end; answers `killed`
    kills ROLE N    N times: start, let it run for a random time, kill; answers `done`

The interpreter starts only once. This process never opens a handle, so its children inherit none.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable

import numpy as np
from polymorph_ipc import TensorProducer, TensorStream

from support.child import receive, send

SHAPE = (16, 64)


def produce(started: Callable[[], None]) -> None:
    producer = TensorProducer.from_sample("cam", np.zeros(SHAPE, np.int64), history_len=4)
    started()
    while True:
        producer.publish(np.full(SHAPE, producer.seq + 1))


def produce_dicts(started: Callable[[], None]) -> None:
    sample = {"rgb": np.zeros((64, 48, 3), np.int32), "depth": np.zeros((64, 48)), "q": np.zeros(7, np.int64)}
    producer = TensorProducer.from_sample("obs", sample, history_len=4)
    started()
    while True:
        number = producer.seq + 1
        with producer.loan() as frame:
            for field in frame.data.values():
                field[...] = number


def hold_seven_views(started: Callable[[], None]) -> None:
    stream = TensorStream("cam", start="oldest")
    held = []
    while len(held) < 7:
        frame = stream.get_next(timeout=10)
        if frame is not None:
            held.append(frame)
    started()
    signal.pause()


def wait_for_a_sample(started: Callable[[], None]) -> None:
    stream = TensorStream("cam")
    stream.get_last()
    started()
    while True:
        stream.get_new(timeout=None)


def wait_for_a_pool(started: Callable[[], None]) -> None:
    stream = TensorStream("never/created")
    started()
    stream.get_new(timeout=None)


def open_and_close(started: Callable[[], None]) -> None:
    started()
    while True:
        with TensorStream("cam") as stream:
            stream.get_last()


def read_history(started: Callable[[], None]) -> None:
    stream = TensorStream("cam")
    started()
    while True:
        stream.get_history(2)


ROLES = {
    role.__name__: role
    for role in (
        produce,
        produce_dicts,
        hold_seven_views,
        wait_for_a_sample,
        wait_for_a_pool,
        open_and_close,
        read_history,
    )
}


def start(role: str) -> int:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            ROLES[role](lambda: os.write(writer, b"!") and None)
        finally:
            os._exit(98)
    os.close(writer)
    begun = os.read(reader, 1)
    os.close(reader)
    if not begun:
        send("the child ended before its work began:", role)
        sys.exit(99)
    return pid


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if status != signal.SIGKILL:
        send("the child had ended before the kill, status", status)
        sys.exit(99)


def main() -> None:
    chance = random.Random(20240607)
    newest = 0
    send("ready")
    while True:
        command, *arguments = receive().split()
        if command == "start":
            newest = start(arguments[0])
            send("started", newest)
        elif command == "kill":
            kill(newest)
            send("killed")
        elif command == "kills":
            for _ in range(int(arguments[1])):
                pid = start(arguments[0])
                end = time.perf_counter_ns() + chance.randrange(300_000)
                while time.perf_counter_ns() < end:
                    continue
                kill(pid)
            send("done")
        elif command == "end":
            break


main()
