"""Mutants of src/pool/protocol.c and protocol.h. Each weakens one order, removes one fence or breaks one rule.

The orders are read from the source. An order that is not in ORDERS is an error, and so is an entry of ORDERS that the
source does not have. A rule is an exact piece of the source, which must occur exactly once."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests/mutants"))
from mutant import replace_each as replace_each  # noqa: E402

SOURCES = ROOT / "src"
PROTOCOL = "pool/protocol.c"
HEADER = "pool/protocol.h"

# The weaker operation of src/os/atomic.h. A fence is removed.
WEAKER = {
    "load_acquire": "load_relaxed",
    "store_release": "store_relaxed",
    "fetch_add_release": "fetch_add_relaxed",
    "fetch_and_release": "fetch_and_relaxed",
    "fence_seq_cst": "(void)",
}


@dataclass(frozen=True)
class Mutant:
    """Changed files, and the runs of which one must find an error. `why_kept`: no run does; why the code has it."""

    name: str
    files: dict[str, str]
    runs: tuple[str, ...]
    why_kept: str = ""


@dataclass(frozen=True)
class Kept:
    """Why the code has an order that no model needs."""

    why: str
    runs: tuple[str, ...]


ONLY_COMPARED = "the loaded value is only compared"

ORDERS: dict[str, tuple[str, ...] | Kept] = {
    "ring_is_sound: load_acquire 1": ("foreign",),
    "protocol_take_over: fence_seq_cst 1": Kept(
        "it limits the stores of a former owner, but does not prevent them", ("lost-growth", "lost-growth.window")
    ),
    "protocol_adopt: load_acquire 1": ("foreign",),
    "protocol_adopt: store_release 1": ("foreign",),
    "protocol_adopt: fence_seq_cst 1": ("adopt.crash1", "adopt.crash2"),
    "scan: load_acquire 1": ("rows.swept",),
    "scan: load_acquire 2": ("newest",),
    "scan: load_acquire 3": ("rows.swept-above",),
    "protocol_publish: store_release 1": ("seq",),
    "protocol_publish: store_release 2": ("newest",),
    "protocol_publish: fence_seq_cst 1": ("newest", "wait"),
    "protocol_drop_oldest: store_release 1": Kept(
        "an empty entry names no slot", ("window.given-up", "grow.moved", "newest.history")
    ),
    "protocol_drop_oldest: fence_seq_cst 1": ("window.given-up",),
    "protocol_ring: fetch_add_release 1": ("wait",),
    "protocol_retirement: load_acquire 1": ("drain",),
    "protocol_retire: store_release 1": Kept(
        "the fence that ends the last publish precedes it", ("drain", "wait.retired")
    ),
    "disown_row: store_release 1": ("rows.claimed",),
    "protocol_row_clear: fetch_and_release 1": ("rows.swept",),
    "protocol_row_copy: store_release 1": Kept("the claim of the row has just stored there with release", ("fork",)),
    "protocol_row_copy: fence_seq_cst 1": Kept("the release that empties the parent's cell follows it", ("fork",)),
    "protocol_unpin: store_release 1": ("newest",),
    "protocol_pin_newest: load_acquire 1": ("grow.newest",),
    "protocol_pin_newest: store_release 1": ("other-thread.newest",),
    "protocol_pin_newest: fence_seq_cst 1": ("newest",),
    "protocol_pin_newest: load_acquire 2": ("grow.moved",),
    "protocol_pin_newest: load_acquire 3": Kept(
        ONLY_COMPARED, ("newest", "newest.history", "grow.newest", "grow.moved")
    ),
    "protocol_pin_seq: load_acquire 1": ("grow.seq",),
    "protocol_pin_seq: store_release 1": ("other-thread.seq",),
    "protocol_pin_seq: fence_seq_cst 1": ("seq",),
    "protocol_pin_seq: load_acquire 2": Kept(ONLY_COMPARED, ("seq", "grow.seq", "other-thread.seq")),
    "protocol_pin_window: load_acquire 1": ("grow.window",),
    "protocol_pin_window: store_release 1": ("other-thread.window",),
    "protocol_pin_window: fence_seq_cst 1": ("window",),
    "protocol_pin_window: load_acquire 2": Kept(
        ONLY_COMPARED, ("window", "window.broken", "window.given-up", "grow.window", "wrap", "other-thread.window")
    ),
    "protocol_wait_begin: load_acquire 1": ("wait",),
    "protocol_wait_begin: fence_seq_cst 1": ("wait",),
    "protocol_wait_begin: load_acquire 2": Kept(ONLY_COMPARED, ("wait", "wait.retired")),
    "protocol_wait_begin: load_acquire 3": Kept(ONLY_COMPARED, ("wait", "wait.retired")),
}

# Each: name, the run that must find an error, file, then pairs of a text that occurs once and its replacement.
RULES: tuple[tuple[str, ...], ...] = (
    (
        "take_slot: unclean slots are taken without a scan",
        "newest",
        PROTOCOL,
        "            scan(producer);\n            scanned = true;",
        "            producer->slot_states[candidate] = SLOT_CLEAN;",
    ),
    (
        "scan: the bitmap is read once",
        "fork",
        PROTOCOL,
        "rows = load_acquire(&readers->rows_in_use) & ~((UINT64_C(2) << row) - 1);",
        "rows &= rows - 1;",
    ),
    (
        "scan: a run wraps around at the current slot count, not at its cell's",
        "wrap",
        PROTOCOL,
        "slots = cell_slots(cell);",
        "slots = producer->slot_count;",
    ),
    (
        "grow: the slot count is stored without checking the epoch",
        "lost-growth",
        PROTOCOL,
        "    if (!compare_exchange_relaxed(&producer->control->ownership, &own, "
        "ownership_make(producer->epoch, slot_count)))\n"
        "        return false; /* [GROW] */\n",
        "    store_relaxed(&producer->control->ownership, ownership_make(ownership_epoch(own), slot_count));\n",
    ),
    (
        "take_over: the epoch is raised without checking the slot count",
        "lost-growth",
        PROTOCOL,
        "    if (!compare_exchange_relaxed(&producer->control->ownership, &found, ownership_make(epoch, slot_count)))\n"
        "        return false; /* [GROW] the producer before has just grown the pool */\n",
        "    store_relaxed(&producer->control->ownership, ownership_make(epoch, ownership_slots(found)));\n",
    ),
    (
        "scan: a cell with more slots than the producer's pins nothing",
        "lost-growth.stray",
        PROTOCOL,
        "    return cell_is_sound(cell, producer->slot_count) ||\n"
        "           (cell_is_sound(cell, MAX_SLOTS) && cell_count(cell) <= producer->history_len);\n",
        "    return cell_is_sound(cell, producer->slot_count);\n",
    ),
    (
        "publish: head before the entry",
        "adopt.crash1",
        PROTOCOL,
        "    store_release(&producer->ring[index], entry); /* [PUB] */\n"
        "    store_release(&control->head, entry);         /* [PUB] */",
        "    store_release(&control->head, entry);\n    store_release(&producer->ring[index], entry);",
    ),
    (
        "publish: the bump before the flag is cleared",
        "wait",
        PROTOCOL,
        "    store_relaxed(&producer->readers->waiting, 0); /* ordered before the bump by its release */\n"
        "    protocol_ring(control);",
        "    protocol_ring(control);\n    store_relaxed(&producer->readers->waiting, 0);",
    ),
    (
        "drop_oldest: not the oldest",
        "window.given-up",
        PROTOCOL,
        "index = (uint32_t)(producer->oldest % producer->history_len);",
        "index = (uint32_t)((producer->oldest + 1) % producer->history_len);",
    ),
    (
        "adopt: scans before it stores head",
        "adopt.crash1",
        PROTOCOL,
        "    producer->head = ENTRY_EMPTY;\n    if (newest > 0) {",
        "    producer->head = ENTRY_EMPTY;\n    fence_seq_cst();\n    scan(producer);\n    if (newest > 0) {",
        "bool protocol_adopt(",
        "static void scan(struct protocol_producer *producer);\nbool protocol_adopt(",
    ),
    (
        "adopt: head is not stored",
        "adopt.crash1",
        PROTOCOL,
        "        store_release(&control->head, producer->head); /* [PUB] */",
        "",
    ),
    (
        "adopt: does not ring",
        "adopt-wait.crash2",
        PROTOCOL,
        "    protocol_ring(control); /* the dead producer may have been killed before it rang */",
        "",
    ),
    (
        "retire: does not ring",
        "wait.retired",
        PROTOCOL,
        "    store_release(&control->retired, why); /* [RETIRE] after the last head */\n    protocol_ring(control);",
        "    store_release(&control->retired, why); /* [RETIRE] after the last head */",
    ),
    (
        "row_claim: the bit is not set",
        "newest",
        PROTOCOL,
        "    fetch_or_relaxed(&readers->rows_in_use, UINT64_C(1) << row);",
        "",
    ),
    (
        "row_clear: the cells keep their pins",
        "token",
        PROTOCOL,
        "    const bool rang = disown_row(readers, row);\n    fetch_and_release",
        "    const bool rang = false;\n    store_relaxed(&readers->facts[row].owner, 0);\n    fetch_and_release",
    ),
    (
        "row_clear, row_claim: the token stays until it is replaced",
        "token",
        PROTOCOL,
        "    store_relaxed(&readers->facts[row].owner, 0);\n",
        "",
    ),
    (
        "unpin: the token is not checked",
        "token",
        PROTOCOL,
        "    if (__builtin_expect(protocol_row_is_own(reader), 1))\n",
        "",
    ),
    (
        "pins: the token is not checked",
        "token",
        HEADER,
        "return load_relaxed(reader->owner) == reader->token;",
        "return true;",
    ),
    (
        "pin_newest: no recheck",
        "newest",
        PROTOCOL,
        "if (again == head || load_acquire(&reader->ring[entry_seq(head) % reader->history_len]) == head) {",
        "if (again || true) {",
    ),
    (
        "pin_newest: any entry in the place passes the recheck",
        "newest.history",
        PROTOCOL,
        "load_acquire(&reader->ring[entry_seq(head) % reader->history_len]) == head)",
        "load_acquire(&reader->ring[entry_seq(head) % reader->history_len]) != 0)",
    ),
    ("pin_seq: no recheck", "seq", PROTOCOL, "if (load_acquire(place) != found) {", "if (false) {"),
    (
        "pin_window: no recheck",
        "window",
        PROTOCOL,
        "if (load_acquire(&reader->ring[oldest % reader->history_len]) != entries[0]) {",
        "if (false) {",
    ),
    (
        "pin_window: the newest is rechecked, not the oldest",
        "window",
        PROTOCOL,
        "if (load_acquire(&reader->ring[oldest % reader->history_len]) != entries[0]) {",
        "if (load_acquire(&reader->ring[newest % reader->history_len]) != entries[count - 1]) {",
    ),
    (
        "pin_window: the slot count is read before the entries",
        "grow.window",
        PROTOCOL,
        "    uint64_t oldest = newest - count + 1;\n",
        "    uint64_t oldest = newest - count + 1;\n"
        "    uint32_t slots = ownership_slots(load_relaxed(&reader->control->ownership));\n",
        "    uint32_t slots = ownership_slots(load_relaxed(&reader->control->ownership));\n    uint32_t first",
        "    uint32_t first",
    ),
    (
        "pin_window: a broken run has as many slots as samples",
        "window.broken",
        PROTOCOL,
        "        smallest_arc(entries, count, slots, &first, &span);",
        "        span = count;",
    ),
    (
        "wait_begin: retired is read before bell",
        "wait.retired",
        PROTOCOL,
        "    *bell = load_acquire(&control->bell);",
        "    bool retired = load_acquire(&control->retired);\n    *bell = load_acquire(&control->bell);",
        "load_acquire(&control->retired) == 0; /* [PUB] */",
        "!retired;",
    ),
    (
        "wait_begin: head is not read again",
        "wait",
        PROTOCOL,
        "entry_seq(load_acquire(&control->head)) <= seen_seq &&",
        "seen_seq < SEQ_MAX &&",
    ),
    ("wait_begin: the flag is not set", "wait", PROTOCOL, "    store_relaxed(&readers->waiting, 1);\n", ""),
)

# Errors of calling code, made by a macro of the harness: name, run, macro.
CALLERS: tuple[tuple[str, str, str], ...] = (
    ("the sweeper clears a row without its lock", "rows.contended", "WITHOUT_LOCK"),
    ("the producer publishes into new slots before it stores the slot count", "grow.newest", "GROWS_LATE"),
    ("a forked child's row is the lower one", "fork", "CHILD_IS_LOWER"),
    ("a forking parent releases its pin before it copies it", "fork", "UNPINS_FIRST"),
)


def find_orders(source: str) -> dict[str, tuple[int, str]]:
    """Each ordered operation of a C file: 'function: operation n' -> position, operation."""
    found: dict[str, tuple[int, str]] = {}
    comment, function_begins = r"/\*.*?\*/", r"^\w[^\n;{}]*?(\w+)\([^;{}]*\)\n\{"
    operation_begins = rf"\b({'|'.join(WEAKER)})\("
    pattern = re.compile(f"{comment}|{function_begins}|{operation_begins}", re.DOTALL | re.MULTILINE)
    function, counts = "", dict.fromkeys(WEAKER, 0)
    for match in pattern.finditer(source):
        if match[1]:
            function, counts = match[1], dict.fromkeys(WEAKER, 0)
        elif match[2]:
            counts[match[2]] += 1
            found[f"{function}: {match[2]} {counts[match[2]]}"] = (match.start(), match[2])
    return found


def weakened() -> list[Mutant]:
    """One mutant per order."""
    source = (SOURCES / PROTOCOL).read_text()
    places = find_orders(source)
    if places.keys() != ORDERS.keys():
        unknown, gone = places.keys() - ORDERS.keys(), ORDERS.keys() - places.keys()
        raise SystemExit(f"rc11_mutants.py: not in ORDERS: {sorted(unknown)}; not in the source: {sorted(gone)}")
    mutants = []
    for name, (position, operation) in places.items():
        text = source[:position] + WEAKER[operation] + source[position + len(operation) :]
        text = text.replace("(void)()", "(void)0")
        change = "removed" if operation == "fence_seq_cst" else "relaxed"
        expected = ORDERS[name]
        if isinstance(expected, Kept):
            mutants.append(Mutant(f"{name} {change}", {PROTOCOL: text}, expected.runs, expected.why))
        else:
            mutants.append(Mutant(f"{name} {change}", {PROTOCOL: text}, expected))
    return mutants


def broken_rules() -> list[Mutant]:
    """One mutant per rule."""
    mutants = []
    for name, run, file, *pairs in RULES:
        text = replace_each((SOURCES / file).read_text(), name, list(zip(pairs[::2], pairs[1::2], strict=True)))
        mutants.append(Mutant(name, {file: text}, (run,)))
    return mutants
