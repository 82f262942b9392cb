"""The quick start of the seed document, unchanged, in separate processes."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from support.observe import pool_files
from support.processes import TESTS, Child, Spawner

SEED_PRODUCER = TESTS / "programs" / "seed_producer.py"
SEED_CONSUMER = TESTS / "programs" / "seed_consumer.py"
README = TESTS.parents[1] / "README.md"

# An interpreter starts more slowly than the consumer waits, so each process imports everything first and starts on
# command. The consumer's timeout of one second becomes 30 s, for busy machines.
WARMED_UP = """
    import sys
    import numpy
    import polymorph_ipc
    real = polymorph_ipc.TensorStream.get_new
    polymorph_ipc.TensorStream.get_new = lambda stream, timeout: real(stream, timeout=30 * timeout)
    path = sys.argv[1]
    source = open(path, encoding="utf-8").read()
    send("ready")
    receive()
    exec(compile(source, path, "exec"), {"__name__": "__main__"})
"""

GOT_LAST = "Got last image with shape: (480, 640, 3)"
WAITING = "Waiting for new image..."
GOT_NEW = "Got new image with shape: (480, 640, 3)"


def warmed_up(spawn: Spawner, path: Path) -> Child:
    child = spawn(WARMED_UP, path)
    child.expect("ready")
    return child


@pytest.mark.parametrize("snippet", [SEED_PRODUCER, SEED_CONSUMER], ids=lambda path: path.stem)
def test_readme_shows_the_seed_snippets_unchanged(snippet: Path) -> None:
    assert f"```python\n{snippet.read_text()}```" in README.read_text()


def test_seed_producer_serves_early_and_late_consumers_and_leaves_nothing(spawn: Spawner, pool_folder: Path) -> None:
    early = warmed_up(spawn, SEED_CONSUMER)
    late = [warmed_up(spawn, SEED_CONSUMER) for _ in range(10)]
    producer = warmed_up(spawn, SEED_PRODUCER)

    early.send("go")
    early.expect(WAITING)  # not "Got last image": the pool does not exist yet
    producer.send("go")
    producer.expect("Published frame 0")
    early.expect(GOT_NEW)
    assert early.succeed()[-1] == GOT_NEW

    for consumer in late:
        consumer.send("go")
    for consumer in late:
        assert consumer.succeed() == ["ready", GOT_LAST, WAITING, GOT_NEW]

    lines = producer.succeed()
    assert lines == ["ready", *(f"Published frame {i}" for i in range(100))]
    assert pool_files(pool_folder) == []


def test_seed_consumer_without_a_pool_only_waits(spawn: Spawner) -> None:
    assert spawn(SEED_CONSUMER).succeed() == [WAITING]


def test_seed_producer_interrupted_by_ctrl_c_leaves_no_pool(spawn: Spawner, pool_folder: Path) -> None:
    producer = warmed_up(spawn, SEED_PRODUCER)
    producer.send("go")
    producer.expect("Published frame 0")
    assert len(pool_files(pool_folder)) == 1
    producer.signal(signal.SIGINT)
    producer.fail_with(-signal.SIGINT)
    assert pool_files(pool_folder) == []


def test_seed_consumer_reads_a_killed_producers_frame_and_its_successor(spawn: Spawner) -> None:
    first = warmed_up(spawn, SEED_PRODUCER)
    second = warmed_up(spawn, SEED_PRODUCER)
    consumer = warmed_up(spawn, SEED_CONSUMER)
    first.send("go")
    first.expect("Published frame 0")
    first.kill()
    consumer.send("go")
    consumer.expect(GOT_LAST)
    consumer.expect(WAITING)
    second.send("go")
    consumer.expect(GOT_NEW)
    consumer.succeed()
    second.signal(signal.SIGINT)
    second.fail_with(-signal.SIGINT)
