"""A dict of three fields compared with one tensor of the same size: 3 x 7 floats, or an observation with images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy
from polymorph_ipc import TensorProducer, TensorStream

from harness.serve import Operation, statement


def _samples(of: str) -> tuple[dict[str, numpy.ndarray], numpy.ndarray]:
    if of == "small":
        return {name: numpy.arange(7.0) for name in ("q", "dq", "tau")}, numpy.arange(21.0)
    fields: dict[str, numpy.ndarray] = {
        "rgb": numpy.full((480, 640, 3), 7, numpy.uint8),
        "depth": numpy.full((480, 640), 1.5, numpy.float32),
        "q": numpy.arange(7.0),
    }
    return fields, numpy.full(sum(field.nbytes for field in fields.values()), 7, numpy.uint8)


@contextmanager
def open_case(case: str, arguments: dict[str, str]) -> Iterator[dict[str, Operation]]:
    """publish and get_last of both."""
    fields, tensor = _samples(arguments["of"])
    dict_name, tensor_name = f"bench/dict_{os.getpid()}", f"bench/tensor_{os.getpid()}"
    batch = 1000 if tensor.nbytes < 65536 else 13
    with (
        TensorProducer.from_sample(dict_name, fields) as dict_producer,
        TensorProducer.from_sample(tensor_name, tensor) as tensor_producer,
        TensorStream(dict_name) as dict_stream,
        TensorStream(tensor_name) as tensor_stream,
    ):
        dict_producer.publish(fields)
        tensor_producer.publish(tensor)
        yield {
            "publish_dict": statement("producer.publish(fields)", batch, producer=dict_producer, fields=fields),
            "publish_tensor": statement("producer.publish(tensor)", batch, producer=tensor_producer, tensor=tensor),
            "get_dict": statement("stream.get_last()", 1000, stream=dict_stream),
            "get_tensor": statement("stream.get_last()", 1000, stream=tensor_stream),
        }
