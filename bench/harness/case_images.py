"""Images in Python: publishing one, and reading a history of sixteen."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy
from polymorph_ipc import TensorProducer, TensorStream

from harness.by_hand import SLOTS, Ring
from harness.serve import Operation, statement

SHAPES = {4096: (32, 128), 921_600: (480, 640, 3), 6_220_800: (1080, 1920, 3)}
HISTORY = 16


@contextmanager
def open_case(case: str, arguments: dict[str, str]) -> Iterator[dict[str, Operation]]:
    """``large``: publish, and assignment into a ring. ``history``: get_history(16), and get_last."""
    shape = SHAPES[int(arguments["bytes"])]
    image = numpy.random.default_rng(1).integers(0, 255, shape, dtype=numpy.uint8)
    name = f"bench/{case}_{os.getpid()}"
    if case == "large":
        with TensorProducer.from_sample(name, image) as producer:
            ring = Ring(image)
            yield {
                "publish": statement("producer.publish(image)", SLOTS, producer=producer, image=image),
                "slice_assign": statement(
                    "next(slots)[:] = image", SLOTS, slots=itertools.cycle(ring.slots), image=image
                ),
            }
        return
    with TensorProducer.from_sample(name, image, history_len=HISTORY) as producer, TensorStream(name) as stream:
        for _ in range(2 * HISTORY + 5):
            producer.publish(image)
        history, info = stream.get_history(HISTORY, return_info=True)
        if history.shape != (HISTORY, *shape) or numpy.any(info.copied):
            raise RuntimeError(f"the history is not a view: shape {history.shape}, copied {info.copied}")
        del history, info
        yield {
            "get_history": statement(f"stream.get_history({HISTORY})", 200, stream=stream),
            "get_last": statement("stream.get_last()", 1000, stream=stream),
        }
