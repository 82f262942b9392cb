"""The consumer of the quick start: it reads the newest image and waits for the next one.

An argument sets the timeout of that wait in seconds.
"""

import sys

from polymorph_ipc import TensorStream

timeout = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0

# 1. Create a stream to subscribe to the pool
# It will automatically find the pool registered by the producer, even if the producer starts later.
stream = TensorStream(pool_name="my_numpy_pool")

# 2. Get data
# Get the most recently published tensor (non-blocking)
latest_image = stream.get_last()
if latest_image is not None:
    print(f"Got last image with shape: {latest_image.shape}")

# Wait for the next new tensor to be published (blocking)
print("Waiting for new image...", flush=True)
new_image = stream.get_new(timeout=timeout)
if new_image is not None:
    print(f"Got new image with shape: {new_image.shape}")

# 3. Clean up resources
stream.cleanup()
