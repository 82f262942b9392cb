"""Exchange samples with a C program that doubles each one, and check its answers: talk.py PROGRAM"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polymorph_ipc
from polymorph_ipc import TensorProducer, TensorStream, clean_pools, list_pools

COUNT = 100


def talk(program: str) -> str:
    """Exchange COUNT samples with the program and return the version it was linked with."""
    question = np.zeros(7)
    with (
        TensorProducer.from_sample("packaging/question", question) as producer,
        TensorStream("packaging/answer") as answers,
    ):
        command = [program, "packaging/question", "packaging/answer", str(COUNT)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for turn in range(COUNT):
            question[:] = np.arange(7) + 0.1 * turn
            producer.publish(question, stamp=1_000 + turn)
            answer, info = answers.get_next(timeout=20.0, return_info=True)
            assert answer is not None, f"no answer to question {turn}"
            np.testing.assert_array_equal(answer, 2 * question)
            assert (info.seq, info.stamp) == (turn + 1, 1_000 + turn), info
        version, _ = child.communicate(timeout=20)
    assert child.returncode == 0, f"{program} ended with {child.returncode}"
    return version.strip()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="pmipc-packaging-", dir="/dev/shm") as folder:
        os.environ["POLYMORPH_IPC_DIR"] = folder
        version = talk(sys.argv[1])
        assert version == polymorph_ipc.__version__, f"the C library is {version}, Python's {polymorph_ipc.__version__}"
        assert [pool.name for pool in list_pools()] == ["packaging/answer"], "only the kept pool is left"
        clean_pools()
        assert not list_pools()
    print(f"{Path(sys.argv[1]).name} {version}: {COUNT} questions from Python, {COUNT} answers from C")
