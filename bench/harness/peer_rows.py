"""The rows of the other libraries: each is compared with the same work by hand in C, measured alternately."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import peers
from peers.adapter import Peer

from harness.probe import Probe
from harness.rows import SIZES, AnyProbe, Group, Plan, Row, Source

PEER_SIZES = (56, 65536, 921_600, 6_220_800)
CALL_SIZES = (56, 921_600)
SHARED_MEMORY = Path("/dev/shm")


def peer_groups(plan: Plan, peer: Peer, python: str) -> list[Group]:
    """One-way latency and the cost of the calls."""
    groups = [_latency(plan, peer, size, python) for size in PEER_SIZES]
    if peer.has_calls:
        groups += [_calls(plan, peer, size, python) for size in CALL_SIZES]
    return groups


def is_installed(peer: Peer, python: str) -> bool:
    """Whether the interpreter ``python`` has the library."""
    if python == sys.executable:
        return peer.installed
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({peer.module!r}) is None)"
    return subprocess.run([python, "-c", code], check=False, capture_output=True, timeout=60).returncode == 0


def remove_leftovers(before: set[str]) -> int:
    """Remove files of the benchmark's topics in shared memory. Returns the number of all new files there."""
    left = {entry.name for entry in SHARED_MEMORY.iterdir()} - before
    for name in left:
        if "bench_" in name and (SHARED_MEMORY / name).is_file():
            (SHARED_MEMORY / name).unlink(missing_ok=True)
    return len(left)


def shared_memory_files() -> set[str]:
    """The names of all files in shared memory."""
    return {entry.name for entry in SHARED_MEMORY.iterdir()}


def _probe(plan: Plan, case: str, peer: Peer, size: int, python: str) -> Callable[[], AnyProbe]:
    arguments = [f"adapter={peer.key}", f"bytes={size}", f"core={plan.core}", f"partner={plan.partner_core}"]
    # The folder of console scripts comes first: tensor-ipc calls a tool that is installed with it.
    environment: Mapping[str, str] = {"PATH": f"{Path(python).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    return lambda: Probe([python, "-m", "harness.serve", case, *arguments], environment)


def _latency(plan: Plan, peer: Peer, size: int, python: str) -> Group:
    row = Row(
        f"{peer.title}, {peer.waits}, {SIZES[size]}",
        Source("peer", "message"),
        Source("c", "hand"),
        f"the same by hand, {peer.waits}, in C",
    )
    probes = {
        "c": plan.c("spin" if peer.waits == "spins" else "sleep", bytes=size),
        "peer": _probe(plan, "pair", peer, size, python),
    }
    title = f"{peer.title}, {peer.waits}, one-way {SIZES[size]}"
    return Group(f"{peer.key}-latency-{size}", title, probes, [row], sample_seconds=0.1, rounds=7, max_count=4000)


def _calls(plan: Plan, peer: Peer, size: int, python: str) -> Group:
    rows = [
        Row(f"{peer.title}, {call}, {SIZES[size]}", Source("peer", operation), Source("large", "clock_memcpy"), limit)
        for call, operation, limit in (
            ("publish", "send", "clock_gettime + memcpy, in C"),
            ("newest as an array", "newest", "clock_gettime + memcpy, in C"),
        )
    ]
    probes = {"large": plan.c("publish", bytes=size), "peer": _probe(plan, "peer-calls", peer, size, python)}
    title = f"{peer.title}, calls, {SIZES[size]}"
    return Group(f"{peer.key}-calls-{size}", title, probes, rows, sample_seconds=0.02, rounds=7, max_count=20_000)


def all_peers() -> list[Peer]:
    """All libraries in the order of the report."""
    return list(peers.ALL.values())
