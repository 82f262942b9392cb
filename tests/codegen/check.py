#!/usr/bin/env python3
"""Check the memory orders of the protocol in code for 64-bit ARM: check.py COMPILER OBJDUMP LIBRARY

Each ordered operation of src/pool/protocol.c is one instruction. The table in models/rc11_mutants.py, whose orders the
model checkers found to be sufficient, determines how many instructions of each kind a function must have. protocol.c
compiled alone, with only accessors inlined, must have exactly these. In the library as it is shipped, each function,
with the functions that it calls, must have at least as many.

The check can fail: with any one order weakened, in protocol.c or in os/atomic.h, it must report a difference.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SOURCES = ROOT / "src"
ATOMIC = "os/atomic.h"
sys.path.insert(0, str(ROOT / "models"))
import rc11_mutants  # noqa: E402

Counts = dict[str, Counter[str]]  # by function


@dataclass
class Disassembly:
    """The ordered instructions of each function, by kind, and the functions that it calls."""

    kinds: Counts
    calls: Counts


UPDATE = "releasing update"
KIND_OF = {
    "load_acquire": "ldar",
    "store_release": "stlr",
    "fetch_add_release": UPDATE,
    "fetch_and_release": UPDATE,
    "fence_seq_cst": "dmb ish",
}

# An update is one instruction, a call of libgcc that checks whether the machine has it, or a loop that ends with stlxr.
KINDS = (
    (r"ldap?r\b", "ldar"),
    (r"stlr\b", "stlr"),
    (r"(ldadd|ldclr)a?l\b|bl?\t0 <__aarch64_(ldadd|ldclr)\d_(rel|acq_rel)>|stlxr\b", UPDATE),
    (r"dmb\tish$", "dmb ish"),
    (r"dmb\tishst$", "dmb ishst"),
)

FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-fno-inline", "-Dinline=inline __attribute__((always_inline))"]
FOR_A_MUTANT = "-Dfetch_and_relaxed(p,v)=atomic_fetch_and_explicit((p),(v),memory_order_relaxed)"


def expected_counts() -> Counts:
    counts: Counts = {"protocol_publish": Counter({"dmb ishst": 1})}
    for place in rc11_mutants.ORDERS:
        function, operation = re.fullmatch(r"(\w+): (\w+) \d+", place).groups()  # type: ignore[union-attr]
        counts.setdefault(function, Counter())[KIND_OF[operation]] += 1
    return counts


def disassemble(objdump: str, file: Path) -> Disassembly:
    """The disassembly of a file. Parts that the compiler split off (name.part.0) count as parts of the function."""
    command = [objdump, "-dr", "--no-show-raw-insn", str(file)]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # Take the target of a call from its relocation, if it has one.
    listing = re.sub(r"\b(bl?)\t.*\n\s+[0-9a-f]+: R_AARCH64_(?:CALL|JUMP)26\s+(\S+)", r"\1\t0 <\2>", listing)
    code = Disassembly({}, {})
    function = ""
    for line in listing.splitlines():
        begins = re.match(r"[0-9a-f]+ <([^>.]+)[^>]*>:$", line)
        does = re.match(r"\s+[0-9a-f]+:\s+(.*)", line)
        if begins:
            function = begins[1]
        elif does:
            for pattern, kind in KINDS:
                if re.match(pattern, does[1]):
                    code.kinds.setdefault(function, Counter())[kind] += 1
            if calls := re.match(r"bl?\t[0-9a-f]+ <([^>.+]+)[^>+]*>$", does[1]):
                code.calls.setdefault(function, Counter())[calls[1]] += 1
    return code


def reach(code: Disassembly, function: str) -> Counter[str]:
    """The instructions of a function and of the functions that it calls, multiplied by the number of calls."""
    kinds = Counter(code.kinds.get(function, {}))
    for callee, times in code.calls.get(function, Counter()).items():
        if callee != function:
            for kind, count in reach(code, callee).items():
                kinds[kind] += times * count
    return kinds


def compile_alone(compiler: str, objdump: str, files: dict[str, str]) -> Disassembly:
    """Compile protocol.c alone, with some files of src/ changed."""
    with tempfile.TemporaryDirectory(prefix="polymorph-codegen-") as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text)
        source = (folder if rc11_mutants.PROTOCOL in files else SOURCES) / rc11_mutants.PROTOCOL
        includes = [f"-I{where}" for where in (folder, SOURCES, ROOT / "include")]
        command = [compiler, *FLAGS, FOR_A_MUTANT, *includes, "-c", str(source), "-o", str(folder / "protocol.o")]
        subprocess.run(command, check=True)
        return disassemble(objdump, folder / "protocol.o")


def differences(expected: Counts, found: Counts) -> list[str]:
    return [
        f"protocol.c alone: {function} has {dict(found.get(function, {}))}, expected {dict(expected.get(function, {}))}"
        for function in sorted(expected.keys() | found.keys())
        if found.get(function) != expected.get(function)
    ]


def shortfalls(expected: Disassembly, library: Disassembly) -> list[str]:
    texts = []
    for function in sorted(expected.kinds.keys() | expected.calls.keys()):
        wanted, there = reach(expected, function), reach(library, function)
        if function.startswith("protocol_") and wanted - there:
            texts.append(f"the library: {function} has {dict(there)}, expected at least {dict(wanted)}")
    return texts


def weakened_macros() -> Iterator[tuple[str, dict[str, str]]]:
    """os/atomic.h with one order weakened."""
    text = (SOURCES / ATOMIC).read_text()
    macros = [name for name in KIND_OF if name != "fence_seq_cst"]
    places = [(rf"(#define {name}\(.*memory_order_)\w+", "relaxed") for name in macros]
    places += [(r"(void fence_seq_cst.void.\n\{\n.*memory_order_)seq_cst", "acquire"), (r"(__asm__ .*)dmb ishst", "")]
    for pattern, weaker in places:
        changed, times = re.subn(pattern, rf"\g<1>{weaker}", text)
        if times != 1:
            raise SystemExit(f"check.py: {pattern} occurs {times} times in {ATOMIC}")
        yield f"{ATOMIC}: {pattern}", {ATOMIC: changed}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("compiler")
    parser.add_argument("objdump")
    parser.add_argument("library", type=Path)
    options = parser.parse_args()

    expected = expected_counts()
    alone = compile_alone(options.compiler, options.objdump, {})
    failures = differences(expected, alone.kinds)
    failures += shortfalls(Disassembly(expected, alone.calls), disassemble(options.objdump, options.library))

    mutants = [(mutant.name, mutant.files) for mutant in rc11_mutants.weakened()] + list(weakened_macros())

    def survives(mutant: tuple[str, dict[str, str]]) -> bool:
        return not differences(expected, compile_alone(options.compiler, options.objdump, mutant[1]).kinds)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        alive = pool.map(survives, mutants)
        failures += [f"not detected: {mutant[0]}" for mutant, lives in zip(mutants, alive, strict=True) if lives]
    for failure in failures:
        print(f"FAILED {failure}")
    total = sum(sum(counts.values()) for counts in expected.values())
    print(
        f"codegen: {total} instructions of {len(expected)} functions, {len(mutants)} mutants, {len(failures)} failures"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
