"""Damage pool files at random and use them. Every call must return or raise an error of the package, never crash.

    damage_files.py before|during SEED COUNT

Each round first sends `round SEED`, so that the last line names the seed that crashed.
"""

from __future__ import annotations

import gc
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from polymorph_ipc import (
    PolymorphError,
    TensorProducer,
    TensorStream,
    clean_pools,
    inspect_pool,
    list_pools,
    remove_pool,
)

from support.child import send

FOLDER = Path(os.environ["POLYMORPH_IPC_DIR"])
SAMPLES: list[tuple[Any, bool]] = [
    (np.zeros((4, 8), np.int64), False),
    (np.zeros((20, 3), np.float32), True),
    ({"rgb": np.zeros((6, 8, 3), np.uint8), "q": np.zeros(7), "points": np.zeros((9, 2))}, True),
    ({"rgb": np.zeros((6, 8, 3), np.uint8), "q": np.zeros(7)}, False),
]


def pool_file() -> Path:
    (file,) = FOLDER.iterdir()
    return file


def allowed(act: Callable[[], Any]) -> Any:
    """Call `act`. Errors of the package are allowed."""
    try:
        return act()
    except PolymorphError:
        return None


def damage_file(file: Path, chance: random.Random) -> None:
    """Overwrite one to eight places, mostly at the end and in the first pages (everything except the slots)."""
    size = file.stat().st_size
    with open(file, "r+b", buffering=0) as raw:
        for _ in range(chance.randint(1, 8)):
            reach = chance.choice([64, 256, 4096, 16384, 65536, size])
            length = chance.choice([1, 2, 4, 8, 8, 8, 64, 4096])
            place = chance.randrange(min(reach, size))
            raw.seek((place if chance.random() < 0.7 else size - 1 - place) & ~7)
            filling = chance.choice(["noise", "zeros", "ones", "small", "bit"])
            length = max(1, min(length, size - raw.tell()))
            if filling == "bit":
                position = raw.tell()
                byte = raw.read(1)[0]
                raw.seek(position)
                raw.write(bytes([byte ^ (1 << chance.randrange(8))]))
            elif filling == "small":
                raw.write((chance.randrange(1 << 16).to_bytes(8, "little") * (length // 8 + 1))[:length])
            else:
                byte = {"zeros": b"\0", "ones": b"\xff"}.get(filling)
                raw.write(byte * length if byte else chance.randbytes(length))


def touch(value: Any) -> None:
    """Read every byte of the result of a read."""
    if isinstance(value, dict):
        for field in value.values():
            touch(field)
    elif isinstance(value, list):
        for each in value:
            touch(each)
    elif value is not None:
        value.tobytes()


def read_everything(stream: TensorStream) -> list[Any]:
    reads: list[Callable[[], Any]] = [
        stream.get_last,
        lambda: stream.get_new(timeout=0),
        lambda: stream.get_next(timeout=0),
        stream.get_all_new,
        lambda: stream.get_history(3, pad="zeros"),
        lambda: stream.get_at(0),
        lambda: stream.get_last(copy=True),
    ]
    views = [allowed(read) for read in reads]
    for view in views:
        touch(view)
    allowed(lambda: (stream.metadata, stream.stats, stream.schema, stream.connected, stream.producer_alive))
    return views


def inspect_all() -> None:
    for pool in allowed(list_pools) or []:
        assert pool.problem or pool.schema is not None
    allowed(lambda: inspect_pool("cam"))


def make(sample: Any, variable: bool, count: int = 6) -> TensorProducer:
    producer = TensorProducer.from_sample(
        "cam", sample, history_len=4, metadata={"units": "rad"}, keep=True, variable=variable
    )
    for _ in range(count):
        producer.publish(sample)
    return producer


def damaged_before(chance: random.Random) -> None:
    sample, variable = chance.choice(SAMPLES)
    make(sample, variable).cleanup()
    damage_file(pool_file(), chance)
    if chance.random() < 0.5:
        inspect_all()
        stream = allowed(lambda: TensorStream("cam", expect=chance.choice([None, "any"])))
        if stream is not None:
            read_everything(stream)
            stream.cleanup()
    producer = allowed(lambda: make(sample, variable))
    if producer is not None:
        with allowed(lambda: TensorStream("cam")) or TensorStream("elsewhere") as stream:
            read_everything(stream)
        producer.cleanup()
    gc.collect()
    allowed(lambda: remove_pool("cam", force=True))
    clean_pools()


def damaged_during(chance: random.Random) -> None:
    sample, variable = chance.choice(SAMPLES)
    producer: Any = make(sample, variable)
    stream: Any = TensorStream("cam")
    held = read_everything(stream) if chance.random() < 0.5 else []
    file = pool_file()
    for _ in range(4):
        damage_file(file, chance)
        for _ in range(chance.randint(1, 6)):
            allowed(lambda: producer.publish(sample))
            read_everything(stream)
        inspect_all()
        second = allowed(lambda: TensorStream("cam"))
        if second is not None:
            read_everything(second)
            second.cleanup()
        allowed(producer.readers)
        for view in held:
            touch(view)
    allowed(stream.cleanup)
    allowed(producer.cleanup)
    producer = stream = held = None
    gc.collect()
    allowed(lambda: remove_pool("cam", force=True))
    clean_pools()


def main() -> None:
    run_round = {"before": damaged_before, "during": damaged_during}[sys.argv[1]]
    first, count = int(sys.argv[2]), int(sys.argv[3])
    for seed in range(first, first + count):
        send("round", seed)
        run_round(random.Random(seed))
        left = list(FOLDER.iterdir())
        assert not left, f"round {seed} left files that cannot be removed: {left}"
    send("survived", count)


main()
