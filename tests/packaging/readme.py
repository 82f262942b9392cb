"""Run the README's C quick start with command pools of the right and of wrong schemas: readme.py PROGRAM WITHOUT_EXPECT

PROGRAM is the unchanged quick start. WITHOUT_EXPECT has no `expect`, so that only its typed pointers check."""

import os
import subprocess
import sys
import tempfile

import numpy as np
from polymorph_ipc import TensorProducer

COMMANDS = {
    "absent": None,
    "right": np.full(7, 0.5),
    "float32": np.full(7, 0.5, np.float32),
    "smaller": np.full(6, 0.5),
    "fields": {"q": np.full(7, 0.5)},
}
EXPECTED = "expected float64 (7,), got "
REFUSALS = {
    "float32": EXPECTED + "float32 (7,)",
    "smaller": EXPECTED + "float64 (6,)",
    "fields": EXPECTED + "{q: float64 (7,)}",
}


def run(program: str, command: np.ndarray | dict[str, np.ndarray] | None) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory(prefix="pmipc-packaging-", dir="/dev/shm") as folder:
        os.environ["POLYMORPH_IPC_DIR"] = folder
        if command is None:
            return subprocess.run([program], capture_output=True, text=True, check=False)
        with TensorProducer.from_sample("arm/cmd", command) as producer:
            producer.publish(command)
            return subprocess.run([program], capture_output=True, text=True, check=False)


def check(program: str, expects: bool) -> None:
    for name, command in COMMANDS.items():
        ended = run(program, command)
        if expects and name in REFUSALS:
            assert ended.returncode == 1, (name, ended)
            assert REFUSALS[name] in ended.stderr, (name, ended)
            assert ended.stdout == "", (name, ended)
        else:
            assert ended.returncode == 0, (name, ended)
            assert ended.stdout == ("1 0.5\n" if name == "right" else "1 0\n"), (name, ended)


if __name__ == "__main__":
    check(sys.argv[1], expects=True)
    check(sys.argv[2], expects=False)
    print(f"the README's C quick start: {len(COMMANDS)} command pools, with and without expect")
