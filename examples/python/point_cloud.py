"""A lidar whose scans differ in their number of points: a pool with a variable leading length.

In two shells, in either order:

    python point_cloud.py produce --seconds 10
    python point_cloud.py consume --seconds 10
"""

import argparse
import time

import numpy as np
from polymorph_ipc import SchemaMismatchError, TensorProducer, TensorStream

POOL = "lidar/points"
MAX_POINTS = 20_000
RATE_HZ = 20.0


def scan(generator: np.random.Generator) -> np.ndarray:
    """The (n, 4) points of one turn: x, y, z in meters, and n as the intensity, which the consumer checks."""
    count = int(generator.integers(1_000, MAX_POINTS + 1))
    points = generator.normal(scale=10.0, size=(count, 4)).astype(np.float32)
    points[:, 3] = count
    return points


def produce(seconds: float) -> None:
    generator = np.random.default_rng(0)
    first_scan = np.zeros((1_000, 4), np.float32)
    end = time.monotonic() + seconds
    with TensorProducer.from_sample(POOL, first_scan, variable=True) as producer:
        producer.publish(np.full((MAX_POINTS, 4), MAX_POINTS, np.float32))
        print(f"a longer scan made the pool larger: its capacity is {producer.shape[0]} points")
        try:
            producer.publish(np.zeros((1_000, 3), np.float32))
        except SchemaMismatchError as error:
            print(f"points without an intensity are refused: {error}")
        scans = 0
        while time.monotonic() < end:
            producer.publish(scan(generator))
            scans += 1
            time.sleep(1 / RATE_HZ)
        print(f"published {scans} scans")


def consume(seconds: float) -> None:
    end = time.monotonic() + seconds
    scans = wrong = 0
    with TensorStream(POOL) as stream:
        while time.monotonic() < end:
            points = stream.get_new(timeout=0.2)
            if points is None:
                continue
            scans += 1
            wrong += not (points[:, 3] == len(points)).all()
        # Scans differ in length, so a history is a list of views.
        history = stream.get_history(3)
        if history is not None:
            print(f"points in the last three scans: {[len(points) for points in history]}")
    print(f"received {scans} scans, {wrong} of them with a wrong length")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=["produce", "consume"])
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    (produce if arguments.role == "produce" else consume)(arguments.seconds)
