"""Every slot of every class works or raises in every state of its object: never opened, half opened, opened twice,
closed, inherited over fork."""

from __future__ import annotations

import pytest

from support.processes import TESTS, Spawner

PROGRAM = TESTS / "programs" / "every_slot.py"
DEBUG = {"PYTHONDEVMODE": "1", "PYTHONMALLOC": "debug", "PYTHONWARNINGS": "ignore"}


@pytest.mark.leaves_pools  # pools of loans and of forked processes
@pytest.mark.parametrize("environment", [{}, DEBUG], ids=["", "debug allocator"])
def test_no_slot_crashes_and_none_works_on_an_unopened_object(spawn: Spawner, environment: dict[str, str]) -> None:
    lines = spawn(PROGRAM, environment=environment).succeed(timeout=90)
    assert [line for line in lines if line.startswith("fault")] == []
    tried = {line.split(":")[0] for line in lines if line.startswith("tried")}
    for kind in ("TensorStream", "TensorProducer", "Stream", "Producer", "RosDecoder", "RosEncoder"):
        for state in ("never", "half", "twice", "closed", "inherited"):
            assert f"tried {kind}, {state}" in tried
