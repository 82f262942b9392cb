#!/usr/bin/env python3
"""Pack and unpack fuzz corpora: one file per target instead of one per input.

    fuzz/pack.py unpack PACK FOLDER            write every input of PACK to FOLDER, named by its SHA-256
    fuzz/pack.py add PACK FILE_OR_FOLDER...    add inputs that PACK does not have; PACK is created if it does not exist

A pack is a sequence of inputs, sorted by SHA-256: the length in bytes (32 bits, little endian), then the bytes.
"""

import hashlib
import struct
import sys
from pathlib import Path


def read_pack(path: Path) -> list[bytes]:
    data = path.read_bytes()
    inputs, at = [], 0
    while at < len(data):
        if len(data) - at < 4:
            sys.exit(f"{path}: truncated in a length at byte {at}")
        (length,) = struct.unpack_from("<I", data, at)
        at += 4
        if len(data) - at < length:
            sys.exit(f"{path}: truncated in an input of {length} bytes at byte {at}")
        inputs.append(data[at : at + length])
        at += length
    return inputs


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def unpack(pack: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for data in read_pack(pack):
        (folder / digest(data)[:40]).write_bytes(data)


def add(pack: Path, sources: list[Path]) -> None:
    inputs = set(read_pack(pack)) if pack.exists() else set()
    before = len(inputs)
    for source in sources:
        files = sorted(source.iterdir()) if source.is_dir() else [source]
        inputs.update(file.read_bytes() for file in files)
    pack.write_bytes(b"".join(struct.pack("<I", len(data)) + data for data in sorted(inputs, key=digest)))
    print(f"{pack}: {len(inputs)} inputs, {len(inputs) - before} new")


def main(arguments: list[str]) -> None:
    if len(arguments) == 3 and arguments[0] == "unpack":
        unpack(Path(arguments[1]), Path(arguments[2]))
    elif len(arguments) >= 3 and arguments[0] == "add":
        add(Path(arguments[1]), [Path(argument) for argument in arguments[2:]])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
