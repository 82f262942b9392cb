"""A producer of numbered joint positions: every value of sample i is i, and its stamp is i ms.

arm.py POOL RATE COUNT JOINTS     COUNT 0: until killed; begins after one line on stdin
"""

import sys
import time

import numpy as np
from polymorph_ipc import TensorProducer

from support.child import receive, send

pool, rate, count, joints = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
names = [f"j{number}" for number in range(joints)]
producer = TensorProducer.from_sample(
    pool, np.zeros(joints), history_len=100, metadata={"names": names, "ros_type": "sensor_msgs/msg/JointState"}
)
send("ready")
receive()
number = 0
due = time.monotonic()
while count == 0 or number < count:
    number += 1
    producer.publish(np.full(joints, float(number)), stamp=number * 10**6)
    due += 1 / rate
    time.sleep(max(0.0, due - time.monotonic()))
send("published", number)
receive()
