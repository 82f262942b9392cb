"""The producer of the quick start: a camera that publishes random images.

Run quickstart_consumer.py in another shell, before or after. An argument sets the number of frames.
"""

import sys
import time

import numpy as np
from polymorph_ipc import TensorProducer

frames = int(sys.argv[1]) if len(sys.argv) > 1 else 100

# 1. Create a producer for a pool named 'my_numpy_pool'
# The pool's shape, dtype, and history length are defined by the sample array.
producer = TensorProducer.from_sample(
    pool_name="my_numpy_pool",
    sample=np.zeros((480, 640, 3), dtype=np.uint8),
    history_len=10,
)

# 2. Publish data
for i in range(frames):
    # Create a new numpy array with updated data
    image_data = np.random.randint(0, 256, (480, 640, 3), dtype=np.uint8)
    producer.publish(image_data)
    print(f"Published frame {i}", flush=True)
    time.sleep(0.1)

# 3. Clean up resources
producer.cleanup()
