"""A robot's observation as one pool: a dict of tensors that is published and read as one sample.

In two shells, in either order:

    python dict_of_tensors.py produce --seconds 10
    python dict_of_tensors.py consume --seconds 10
"""

import argparse
import time

import numpy as np
from polymorph_ipc import TensorProducer, TensorStream

POOL = "robot/observation"
RATE_HZ = 50.0


def produce(seconds: float) -> None:
    sample = {
        "rgb": np.zeros((120, 160, 3), np.uint8),
        "depth": np.zeros((120, 160), np.float32),
        "q": np.zeros(7, np.float64),
    }
    end = time.monotonic() + seconds
    with TensorProducer.from_sample(POOL, sample, metadata={"frame_id": "wrist_camera"}) as producer:
        step = 0
        while time.monotonic() < end:
            step += 1
            # Fill the fields in place. They are published together when the block ends.
            with producer.loan() as observation:
                observation.data["rgb"][:] = step % 256
                observation.data["depth"][:] = step
                observation.data["q"][:] = step
            time.sleep(1 / RATE_HZ)
        print(f"published {step} observations")


def consume(seconds: float) -> None:
    end = time.monotonic() + seconds
    received = mixed = 0
    with TensorStream(POOL) as stream:
        while time.monotonic() < end:
            observation = stream.get_new(timeout=0.2)
            if observation is None:
                continue
            received += 1
            step = int(observation["q"][0])
            same = observation["depth"][-1, -1] == step and observation["rgb"][-1, -1, -1] == step % 256
            mixed += not same
            if received == 1:
                shapes = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in observation.items())
                print(f"from {stream.metadata['frame_id']}: {shapes}", flush=True)
        # The last five observations as a dict of (5, ...) arrays, without a copy.
        history = stream.get_history(5)
        if history is not None:
            print(f"history of q: {history['q'][:, 0].tolist()}")
    print(f"received {received} observations, {mixed} of them mixed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=["produce", "consume"])
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    (produce if arguments.role == "produce" else consume)(arguments.seconds)
