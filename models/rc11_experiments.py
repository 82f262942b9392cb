"""Two known gaps of the protocol (docs/decisions/0002-liveness.md, "What remains"), and changes that would close them.

Both need a program that closes the library's descriptors in one thread while another thread is between two instructions
of a read or a publication. An experiment is a change to the protocol and a run that shows whether a gap is closed."""

from __future__ import annotations

from rc11_mutants import HEADER, PROTOCOL, SOURCES, Mutant, replace_each

# A cell is written by compare-and-exchange, which expects the value that this stream stored last. See replace_cell in
# rc11/stale.c.
SWAP = [
    (
        "    store_release(pin, wanted); /* [UNPIN] of what the cell pinned before */\n"
        "    fence_seq_cst();            /* [HAZARD] */\n    if",
        "    if (!replace_cell(pin, wanted))\n        return PIN_LOST;\n    fence_seq_cst();\n    if",
    ),
    ("        store_release(&reader->cells[cell], 0); /* [UNPIN] */", "        replace_cell(&reader->cells[cell], 0);"),
]

# In addition, the upper 16 bits of a cell are those of the token: empty cells of two streams differ.
TAG = [
    ("            if (cell)\n", "            if (cell_count(cell))\n"),
    (
        "    store_relaxed(&readers->facts[row].owner, token);",
        "    store_relaxed(&readers->facts[row].owner, token);\n    for (uint32_t i = 0; i < PIN_CELLS; i++)\n"
        "        store_release(&readers->cells[row][i], token << 48);",
    ),
]
TAG_HEADER = [("    return (uint32_t)(cell >> 32);", "    return (uint32_t)(cell >> 32 & 0xffff);")]


def experiments() -> list[tuple[str, str, bool, Mutant | None]]:
    """Name, run, whether the run is sound, changed files."""
    protocol, header = (SOURCES / PROTOCOL).read_text(), (SOURCES / HEADER).read_text()
    swap = Mutant("swap", {PROTOCOL: replace_each(protocol, "swap", SWAP)}, ())
    tag = Mutant(
        "tag",
        {PROTOCOL: replace_each(protocol, "tag", SWAP + TAG), HEADER: replace_each(header, "tag", TAG_HEADER)},
        (),
    )
    return [
        ("open: a former owner's store of head lands late", "foreign.late", False, None),
        ("open: an adopter takes a former owner's slot", "foreign.same-slot", False, None),
        ("open: a stale stream pins over another's pin", "stale.pin", False, None),
        ("open: a stale stream unpins another's pin", "stale.unpin", False, None),
        ("experiment, compare-and-exchange: a stale pin", "stale.pin", True, swap),
        ("experiment, compare-and-exchange: a stale unpin", "stale.unpin", False, swap),
        ("experiment, tagged cells: a stale pin", "stale.pin.tagged", True, tag),
        ("experiment, tagged cells: a stale unpin", "stale.unpin.tagged", True, tag),
    ]
