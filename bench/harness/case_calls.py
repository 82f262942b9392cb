"""Calls on seven floats: publishing and reading in Python, compared with numpy and torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy
from polymorph_ipc import TensorProducer, TensorStream

from harness.by_hand import Ring
from harness.serve import Operation, statement

BATCH = 1000


@contextmanager
def open_case(case: str, arguments: dict[str, str]) -> Iterator[dict[str, Operation]]:
    """Operations on a numpy pool, on shared memory by hand and, if torch is installed, on a torch pool."""
    joints = numpy.arange(7.0)
    with ExitStack() as stack:
        name = f"bench/calls_{os.getpid()}"
        producer = stack.enter_context(TensorProducer.from_sample(name, joints))
        producer.publish(joints)
        stream = stack.enter_context(TensorStream(name))
        ring = Ring(joints)
        operations = {
            "publish_numpy": statement("producer.publish(joints)", BATCH, producer=producer, joints=joints),
            "slice_assign": statement("shared[:] = joints", BATCH, shared=ring.slots[0], joints=joints),
            "get_last_numpy": statement("stream.get_last()", BATCH, stream=stream),
            "ndarray": statement(
                "numpy.ndarray(shape, dtype, buffer=buffer)",
                BATCH,
                numpy=numpy,
                shape=joints.shape,
                dtype=joints.dtype,
                buffer=memoryview(ring.memory),
            ),
        }
        operations |= _torch_operations(stack, joints)
        yield operations


def _torch_operations(stack: ExitStack, joints: numpy.ndarray) -> dict[str, Operation]:
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    tensor = torch.from_numpy(joints.copy())
    name = f"bench/calls_torch_{os.getpid()}"
    producer = stack.enter_context(TensorProducer.from_sample(name, tensor))
    producer.publish(tensor)
    stream = stack.enter_context(TensorStream(name, backend="torch"))
    return {
        "publish_torch": statement("producer.publish(tensor)", BATCH, producer=producer, tensor=tensor),
        "get_last_torch": statement("stream.get_last()", BATCH, stream=stream),
        "from_numpy": statement("torch.from_numpy(joints)", BATCH, torch=torch, joints=joints),
    }
