"""Mutants for failing system calls (tests/fault/syscalls).

`caught_by` is the operation that must fail, `words` a part of its report."""

from __future__ import annotations

from mutant import Change, Mutant

MUTANTS = (
    Mutant(
        "adoption_abandoned",
        "adopt",
        "Any error while the file is examined counts as a corrupt pool, and the history is lost.",
        (
            Change(
                "pool/writer.c",
                "        return status == PMIPC_CORRUPT ? PMIPC_NOTHING_NEW : status;\n",
                "        return PMIPC_NOTHING_NEW;\n",
            ),
        ),
        words="pread",
    ),
    Mutant(
        "descriptor_leaked",
        "remove",
        "A file that is refused stays open.",
        (
            Change(
                "os/file.c",
                "    if (failure) {\n        close(fd);\n        return failure;\n    }\n    return fd;\n",
                "    if (failure)\n        return failure;\n    return fd;\n",
            ),
        ),
        words="additional descriptor",
    ),
    Mutant(
        "getdents_error_ignored",
        "list",
        "A folder that cannot be read to its end appears complete.",
        (
            Change(
                "registry/list.c",
                "        if (!entry)\n            return errno;\n",
                "        if (!entry)\n            return 0;\n",
            ),
        ),
        words="getdents",
    ),
    Mutant(
        "full_for_any_error",
        "open a stream",
        "A row whose lock call fails counts as taken: FULL instead of the real error.",
        (
            Change(
                "pool/rows.c",
                "        if (failure == EAGAIN)\n            continue;\n"
                "        if (failure)\n            return failure;\n"
                "        if (protocol_row_claim",
                "        if (failure)\n            continue;\n        if (protocol_row_claim",
            ),
        ),
        words="take a lock",
    ),
    Mutant(
        "lock_leaked",
        "remove",
        "An error return skips the release of the producer lock.",
        (
            Change(
                "registry/remove.c",
                '        status = error_of_call(error, -is_entry, name, "examine its file");\n',
                '        return error_of_call(error, -is_entry, name, "examine its file");\n',
            ),
        ),
        words="additional lock",
    ),
    Mutant(
        "mapping_leaked",
        "must grow",
        "A growth that fails leaves its mapping.",
        (
            Change(
                "pool/writer_slots.c",
                "        memory_unmap(address, bytes);\n        return failure; /* the file keeps its size",
                "        return failure; /* the file keeps its size",
            ),
        ),
        words="additional mapping",
    ),
    Mutant(
        "memory_leaked",
        "open a stream",
        "A description that cannot be read is not released.",
        (
            Change(
                "pool/description.c",
                "    if (status) {\n        description_release(read);\n        return status;\n    }\n"
                "    *description = read;\n",
                "    if (status)\n        return status;\n    *description = read;\n",
            ),
        ),
        words="memory in",
    ),
    Mutant(
        "memory_leaked_in_a_wait",
        "wait for any",
        "A wait that fails does not free its targets.",
        (
            Change(
                "api/wait.c",
                "    free(wait.targets);\n",
                "    if (!status || status == PMIPC_TIMEOUT)\n        free(wait.targets);\n",
            ),
        ),
        words="memory in",
    ),
    Mutant(
        "missing_proc_is_missing_pool",
        "reconnect",
        "A missing /proc counts as a missing pool.",
        (
            Change(
                "os/error.c",
                "        return PMIPC_NO_MEMORY;\n",
                "        return PMIPC_NO_MEMORY;\n    case ENOENT:\n        return PMIPC_NOT_FOUND;\n",
            ),
        ),
        words="returns NOT_CONNECTED",
    ),
    Mutant(
        "error_without_pool_name",
        "open a stream",
        "The error of a failed call does not name the pool.",
        (
            Change(
                "os/error.c",
                "\"pool '%s': cannot %s: %s\", pool, what,\n",
                '"%scannot %s: %s", pool[0] ? "" : "?", what,\n',
            ),
        ),
        words="does not name the pool",
    ),
    Mutant(
        "ftruncate_error_ignored",
        "create: awaited",
        "A failed ftruncate counts as success.",
        (
            Change(
                "pool/writer.c",
                "    failure = ftruncate(writer->fd, (off_t)needed) == 0 ? 0 : errno;\n",
                "    failure = ftruncate(writer->fd, (off_t)needed) == 0 ? 0 : 0;\n",
            ),
        ),
        words="ftruncate",
    ),
    Mutant(
        "sleep_spins",
        "wait for any",
        "A sleep that fails for another reason than ENOSYS returns at once, and the wait spins.",
        (
            Change(
                "api/target.c",
                "    if (result != 0 && result != ETIMEDOUT && result != EINTR)",
                "    if (result == ENOSYS)",
            ),
        ),
        words="without limit",
    ),
    Mutant(
        "unreadable_file_is_not_a_pool",
        "remove: in use",
        "A file that cannot be examined counts as something that is not a pool.",
        (
            Change(
                "os/file.c",
                "fstat(fd, &status) != 0 ? -errno : S_ISREG",
                "fstat(fd, &status) != 0 ? -EMEDIUMTYPE : S_ISREG",
            ),
        ),
        words="fstat",
    ),
    Mutant(
        "unnamed_file_leaked",
        "create: awaited",
        "A new pool that cannot be given its name stays open and mapped.",
        (
            Change(
                "registry/claim.c",
                "    if (status) {\n        writer_close(*writer);\n        *writer = NULL;\n    }\n"
                "    return status;\n",
                "    if (status)\n        *writer = NULL;\n    return status;\n",
            ),
        ),
        words="additional mapping rw-s of /dev/shm/",
    ),
    Mutant(
        "optional_command_line_is_required",
        "open a stream",
        "The command line is only for messages, and the process ends because it cannot be read.",
        (
            Change(
                "os/process.c",
                "    ssize_t length = fd < 0 ? -1 : read(fd, text, text_bytes - 1);\n",
                "    ssize_t length = read(fd < 0 ? 100000 : fd, text, text_bytes - 1);\n"
                "    if (length < 0)\n        abort();\n",
            ),
        ),
        words="ended by signal",
    ),
)
