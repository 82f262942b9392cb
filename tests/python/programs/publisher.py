"""A producer that is controlled by commands: one command per line, one answer per command.

open NAME [HISTORY_LEN [SPARE]]   with SPARE the pool never grows
publish N   collect   cleanup   end
run     publish at full speed until killed
fill    like run, but numpy's copyto fills a loan
"""

import gc
import sys

import numpy as np
from polymorph_ipc import TensorProducer

from support.child import receive, send

shape = tuple(int(size) for size in sys.argv[1].split("x")) if len(sys.argv) > 1 else (4, 8)
dtype = np.dtype(sys.argv[2] if len(sys.argv) > 2 else "int64")
send("ready")
producer = None
while True:
    command, *arguments = receive().split()
    if command == "open":
        name, history_len, spare = (*arguments, *("10", None)[len(arguments) - 1 :])
        producer = TensorProducer.from_sample(
            name,
            np.zeros(shape, dtype),
            history_len=int(history_len),
            spare=spare and int(spare),
            grow=spare is None,
        )
        send("opened", producer.seq)
    elif command == "publish":
        send("published", producer.publish(np.full(shape, int(arguments[0]), dtype)))
    elif command == "run":
        send("running")
        frame = np.empty(shape, dtype)
        while True:
            frame.fill(producer.seq + 1)
            producer.publish(frame)
    elif command == "fill":
        send("filling")
        source = np.empty(shape, dtype)
        while True:
            source.fill(producer.seq + 1)
            with producer.loan() as loan:
                np.copyto(loan.data, source)
    elif command == "collect":
        producer = None
        gc.collect()
        send("collected")
    elif command == "cleanup":
        producer.cleanup()
        send("cleaned up")
    elif command == "end":
        break
