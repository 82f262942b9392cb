"""A producer or a stream in Python that runs until it is killed, and reports its progress.

    member.py producer NAME PACE_US          member.py stream NAME numpy|torch [FAULT]

The lines and the faults are those of member.c.
"""

from __future__ import annotations

import ctypes
import signal
import sys
import time
from itertools import count
from typing import Any

import numpy as np
from frames import Frames, stamp_of
from polymorph_ipc import TensorProducer, TensorStream, inspect_pool

FRAMES_BETWEEN_LINES = 100
SPARE = 140  # more than all streams can pin: the pool grows only if slots leak
HELD = 5
SAMPLE = {"head": np.zeros(4, np.uint64), "rgb": np.zeros((24, 32, 3), np.uint8), "q": np.zeros(7)}


def report(*words: object) -> None:
    print(*words, flush=True)


def report_frames(frames: int) -> None:
    if frames % FRAMES_BETWEEN_LINES == 0:
        report("frames", frames)


def produce(name: str, pace_us: int) -> None:
    producer = TensorProducer.from_sample(name, SAMPLE, spare=SPARE)
    frames = Frames(name, producer.incarnation)
    for number in count(1):
        seq, nonce = producer.seq + 1, number * 0x9E3779B97F4A7C15 % 2**64
        fields = {
            key: frames.words(seq, nonce, index, field.nbytes // 8).view(field.dtype).reshape(field.shape)
            for index, (key, field) in enumerate(SAMPLE.items())
        }
        if number % 2:
            producer.publish(fields, stamp=stamp_of(seq, nonce))
        else:
            with producer.loan() as frame:
                for key, field in frame.data.items():
                    field[...] = fields[key]
                frame.stamp = stamp_of(seq, nonce)
        report_frames(number)
        time.sleep(pace_us / 1e6)


def as_fields(sample: Any) -> list[Any]:
    parts = list(sample.values()) if isinstance(sample, dict) else [sample]
    return [part if isinstance(part, np.ndarray) else part.numpy() for part in parts]


def of_history(sample: Any, place: int) -> Any:
    return {key: field[place] for key, field in sample.items()} if isinstance(sample, dict) else sample[place]


def read_in_turn(stream: TensorStream, turn: int) -> tuple[Any, Any, bool]:
    """A sample or a history, its info, and whether it is a history."""
    if turn % 5 == 0:
        return *stream.get_last(return_info=True), False
    if turn % 5 == 1:
        return *stream.get_history(5, return_info=True), True
    if turn % 5 == 2:
        return *stream.get_all_new(return_info=True), True
    if turn % 5 == 3:
        return *stream.get_next(timeout=None, return_info=True), False
    return *stream.get_new(timeout=None, return_info=True, copy=turn % 2 == 0), False


def check(frames: Frames, sample: Any, info: Any, is_history: bool) -> None:
    places = range(len(info.seq)) if is_history else [None]
    for place in places:
        one = sample if place is None else of_history(sample, place)
        seq, stamp = (info.seq, info.stamp) if place is None else (int(info.seq[place]), int(info.stamp[place]))
        problem = frames.problem(as_fields(one), seq, stamp)
        if problem:
            report("wrong", problem)
            sys.exit(1)


def consume(name: str, backend: str, fault: str) -> None:
    stream = TensorStream(name, backend=backend)
    stream.get_new(timeout=None)
    frames = Frames(name, inspect_pool(name).incarnation)
    held: list[Any] = [None] * HELD
    leaked = []
    done = 0
    for turn in count():
        sample, info, is_history = read_in_turn(stream, turn)
        if sample is None:
            continue
        check(frames, sample, info, is_history)
        if held[turn % HELD]:
            check(frames, *held[turn % HELD])
        held[turn % HELD] = (sample, info, is_history)
        done += 1
        report_frames(done)
        if fault == "memory":
            leaked.append(b"x" * 20000)


def main() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    role, name, *rest = sys.argv[1:]
    if role == "producer":
        produce(name, int(rest[0]))
    else:
        consume(name, rest[0], rest[1] if len(rest) > 1 else "")


main()
