"""Mistakes that a type checker must find, one on each marked line. The program is never run."""

import numpy as np
from polymorph_ipc import TensorProducer, TensorStream, inspect_pool, remove_pool, wait_any

producer = TensorProducer.from_sample("cam", np.zeros(3))
stream = TensorStream("cam")

TensorProducer.from_sample("cam")  # mistake
TensorProducer.from_sample("cam", np.zeros(3), history_length=5)  # mistake
TensorStream(7)  # mistake
TensorStream("cam", start="yesterday")  # mistake
producer.publish(np.zeros(3), stamp="now")  # mistake
producer.pool_name = "other"  # mistake
seq: str = producer.publish(np.zeros(3))  # mistake
stream.get_new(timeout="1")  # mistake
stream.get_last(1.0)  # mistake
stream.get_history(4, pad="mirror")  # mistake
stream.get_at(0, "closest")  # mistake
stream.stats["missing"]  # mistake
wait_any(stream.pool_name)  # mistake
inspect_pool("cam").sequence  # mistake
remove_pool("cam", True)  # mistake
