"""A correct program for the type checker. It is never run."""

import numpy as np
from polymorph_ipc import (
    PoolBusyError,
    PoolInfo,
    SampleInfo,
    Schema,
    TensorProducer,
    TensorStream,
    clean_pools,
    explain_faults,
    inspect_pool,
    list_pools,
    remove_pool,
    wait_any,
    wait_connected,
)


def produce() -> int:
    try:
        producer = TensorProducer.from_sample("cam", np.zeros((4, 8)), history_len=5, metadata={"units": "rad"})
    except PoolBusyError as error:
        raise SystemExit(str(error)) from error
    with producer:
        seq: int = producer.publish(np.ones((4, 8)), stamp=1.5)
        for stamp in (np.int64(3), np.float32(1.5)):
            producer.publish(np.ones((4, 8)), stamp=stamp)
        with producer.loan() as frame:
            frame.data[:] = 0
            frame.stamp = 12
            frame.length = 3
        schema: Schema = producer.schema
        names: list[str] = [field.name for field in schema.fields]
        alive: list[bool] = [reader.alive for reader in producer.readers()]
        return seq + len(names) + len(alive)


def consume() -> float:
    explain_faults()
    with TensorStream("cam", max_age=0.2, start="oldest", backend="numpy", expect=np.zeros((4, 8))) as stream:
        if not wait_connected([stream], timeout=1.0):
            return 0.0
        ready: list[TensorStream] = wait_any([stream])
        units = [each.metadata for each in ready]
        frame, info = stream.get_new(timeout=1.0, return_info=True)
        if info is None:
            return 0.0
        known: SampleInfo = info
        history, infos = stream.get_history(5, pad="repeat", return_info=True)
        at = stream.get_at(info.stamp, "before", tolerance=0.5)
        dropped: int = stream.stats["dropped"]
        for each in stream:
            print(each, units, history, infos, at, frame)
        return known.age + dropped


def manage() -> list[str]:
    pools: list[PoolInfo] = list_pools()
    age: float | None = inspect_pool("cam").age
    remove_pool("cam", force=age is None)
    return [pool.name for pool in pools] + clean_pools()
