"""Mutants for the stepper (tests/fault/steps): `caught_by` is the operation at which a kill must show the fault."""

from __future__ import annotations

from mutant import Change, Mutant

PROTOCOL = "pool/protocol.c"
CONNECTION = "pool/connection.c"
ROWS = "pool/rows.c"
WRITER = "pool/writer.c"
WRITER_SLOTS = "pool/writer_slots.c"
CLAIM = "registry/claim.c"
STREAM = "api/stream.c"

MUTANTS = (
    Mutant(
        "adopter_does_not_ring",
        "publish",
        "The producer was killed before it incremented the bell; a stream sleeps on although its sample was adopted.",
        (
            Change(
                PROTOCOL,
                "    protocol_ring(control); /* the dead producer may have been killed before it rang */\n",
                "",
            ),
            Change(
                WRITER,
                "    futex_wake_all(&writer->control->bell);\n    (void)writer_sweep(",
                "    (void)writer_sweep(",
            ),
        ),
    ),
    Mutant(
        "adopter_keeps_the_old_head",
        "adopt_torn",
        "The producer was killed between the stores of the entry and head; streams get the wrong sequence number.",
        (
            Change(
                PROTOCOL,
                "        store_release(&control->head, producer->head); /* [PUB] */\n",
                "        producer->head = head;\n",
            ),
        ),
    ),
    Mutant(
        "adopter_treats_every_slot_as_clean",
        "grow",
        "The adopter writes a slot that a stream has pinned: a torn frame.",
        (
            Change(
                PROTOCOL,
                "    protocol_ring(control); /* the dead producer may have been killed before it rang */\n",
                "    for (uint32_t slot = 0; slot < slot_count; slot++)\n"
                "        if (producer->slot_states[slot] == SLOT_UNCLEAN)\n"
                "            producer->slot_states[slot] = SLOT_CLEAN;\n"
                "    protocol_ring(control);\n",
            ),
        ),
    ),
    Mutant(
        "cleared_rows_stay_in_use",
        "get_last",
        "A cleared row keeps its bit: 64 readers are counted although there are three.",
        (Change(PROTOCOL, "    fetch_and_release(&readers->rows_in_use, ~(UINT64_C(1) << row)); /* [ROW] */\n", ""),),
    ),
    Mutant(
        "closed_stream_stays_mapped",
        "publish",
        "Each closed stream leaves a mapping.",
        (
            Change(
                CONNECTION,
                "    memory_unmap(connection->readers, connection->readers_bytes);\n    file_close_own",
                "    file_close_own",
            ),
        ),
    ),
    Mutant(
        "growth_appends_to_any_file_size",
        "grow",
        "A killed growth left a larger file; the next one adds to it, and the file exceeds its slots.",
        (
            Change(
                WRITER_SLOTS,
                "    int failure = file_extend(writer->fd, end);\n",
                "    int failure = file_extend(writer->fd, (uint64_t)file_bytes(writer->fd) + end - offset);\n",
            ),
        ),
    ),
    Mutant(
        "head_is_stored_before_its_entry",
        "publish",
        "head names an entry that the ring does not have: the pool of the killed producer cannot be adopted.",
        (
            Change(
                PROTOCOL,
                "    store_release(&producer->ring[index], entry); /* [PUB] */\n"
                "    store_release(&control->head, entry);         /* [PUB] */\n",
                "    store_release(&control->head, entry);\n    store_release(&producer->ring[index], entry);\n",
            ),
        ),
    ),
    Mutant(
        "new_pool_has_a_temporary_name",
        "create",
        "A kill between the two names leaves two files in the folder.",
        (
            Change(
                CLAIM,
                "    int failure = -file_link(writer->fd, folder, place->entry);\n",
                '    (void)file_unlink(folder, "new");\n'
                '    int failure = -file_link(writer->fd, folder, "new");\n'
                "    if (failure == 0) {\n"
                "        failure = -file_link(writer->fd, folder, place->entry);\n"
                '        (void)file_unlink(folder, "new");\n'
                "    }\n",
            ),
        ),
    ),
    Mutant(
        "orphaned_pools_are_detected_late",
        "remove_forced",
        "A stream keeps reading a removed pool; a sample of the new one does not reach it.",
        (Change(STREAM, "#define READS_PER_ORPHAN_CHECK 64\n", "#define READS_PER_ORPHAN_CHECK 6400\n"),),
    ),
    Mutant(
        "pool_is_named_before_it_is_built",
        "create",
        "A stream opens a file that is not complete and reports CORRUPT.",
        (
            Change(
                WRITER,
                "    failure = ftruncate(writer->fd, (off_t)needed) == 0 ? 0 : errno;\n",
                "    (void)file_link(writer->fd, folder, name);\n"
                "    failure = ftruncate(writer->fd, (off_t)needed) == 0 ? 0 : errno;\n",
            ),
            Change(
                CLAIM,
                "    int failure = -file_link(writer->fd, folder, place->entry);\n",
                "    int failure = file_is_entry(writer->fd, folder, place->entry) ? 0 : EEXIST;\n",
            ),
        ),
    ),
    Mutant(
        "retired_pool_is_adopted",
        "close_producer",
        "The next producer adopts a pool that its streams have left: they get no samples.",
        (Change(WRITER, "    bool sound = !load_relaxed(&control.retired) && ", "    bool sound = "),),
    ),
    Mutant(
        "retiring_unlinks_before_it_rings",
        "close_producer",
        "A kill between the two leaves a stream sleeping on a pool without a name.",
        (
            Change(
                CLAIM,
                "writer_retire(writer, RETIRED_ENDED) && "
                "file_is_identical(file_identify_path(place->path), writer->identity))\n"
                "        (void)file_unlink(AT_FDCWD, place->path);\n",
                "file_is_identical(file_identify_path(place->path), writer->identity))\n"
                "        (void)file_unlink(AT_FDCWD, place->path);\n"
                "    (void)writer_retire(writer, RETIRED_ENDED);\n",
            ),
        ),
    ),
    Mutant(
        "rows_of_dead_readers_are_not_claimed",
        "get_last",
        "Rows of dead readers are never reused: FULL, although few readers are alive.",
        (
            Change(
                ROWS,
                "return failure == EAGAIN ? claim_among(readers, lock_fd, allowed & used, *token, row) : failure;\n",
                "return failure;\n",
            ),
        ),
    ),
    Mutant(
        "rows_of_dead_readers_are_not_cleared",
        "get_last",
        "A sweep clears no row: a dead reader stays listed.",
        (
            Change(
                ROWS,
                "        if (protocol_row_clear(readers, row))\n",
                "        if (false)\n",
            ),
        ),
    ),
    Mutant(
        "slots_are_counted_before_they_exist",
        "grow",
        "slot_count exceeds the file: the pool of the killed producer cannot be adopted.",
        (
            Change(
                WRITER_SLOTS,
                "    writer->growth_failure = map_step(writer, offset, end);\n",
                "    store_relaxed(&writer->control->ownership, ownership_make(writer->protocol.epoch, slots));\n"
                "    writer->growth_failure = map_step(writer, offset, end);\n"
                "    store_relaxed(&writer->control->ownership,\n"
                "                  ownership_make(writer->protocol.epoch, writer->protocol.slot_count));\n",
            ),
        ),
    ),
)
