"""One process that waits for several pools: it sleeps until any of them has a new sample.

    python wait_for_any.py arm/q camera/rgb --seconds 10

The pools may be created while it runs, in any order.
"""

import argparse
import time
from collections import Counter

from polymorph_ipc import TensorStream, wait_any


def follow(pools: list[str], seconds: float) -> Counter[str]:
    """Count the samples of each pool."""
    received: Counter[str] = Counter()
    streams = [TensorStream(pool) for pool in pools]
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for stream in wait_any(streams, timeout=left):
            samples = stream.get_all_new()
            received[stream.pool_name] += 0 if samples is None else len(samples)
    for stream in streams:
        stream.cleanup()
    return received


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pools", nargs="+")
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    counts = follow(arguments.pools, arguments.seconds)
    for pool in arguments.pools:
        print(f"{pool}: {counts[pool]} samples")
