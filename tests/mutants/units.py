"""Mutants for the unit tests (tests/unit): `caught_by` is an area and the name of the test that must fail."""

from __future__ import annotations

from mutant import Change, Mutant

PROTOCOL = "pool/protocol.c"
CONNECTION = "pool/connection.c"
ROWS = "pool/rows.c"
VIEW = "pool/view.c"
WRITER_PUBLISH = "pool/writer_publish.c"
WRITER_SLOTS = "pool/writer_slots.c"
ACCESS = "api/access.c"
CLAIM = "registry/claim.c"
STREAM = "api/stream.c"

MUTANTS = (
    Mutant(
        "history_of_one_uses_all_slots",
        "loan large_samples_with_history_of_one_alternate_between_two_slots",
        "Large samples are written to slots that have left the cache.",
        (Change(PROTOCOL, "        if (producer->reuses_last)\n", "        if (false)\n"),),
    ),
    Mutant(
        "slot_header_precedes_payload",
        "loan payload_of_large_sample_begins_at_page",
        "The payload begins behind the start of a page, which makes copies slower.",
        (
            Change(
                WRITER_SLOTS,
                "{\n    return slot_address(writer, slot);\n",
                "{\n    return slot_address(writer, slot) + CACHE_LINE_BYTES;\n",
            ),
        ),
    ),
    Mutant(
        "retired_pool_is_left_with_unread_samples",
        "drain get_next_drains_retired_pool",
        "A stream leaves a retired pool before it has returned what is unread.",
        (Change(STREAM, "connection_head_seq(connection) > stream->cursor && protocol_row", "false && protocol_row"),),
    ),
    Mutant(
        "stream_that_reads_history_stays_in_retired_pool",
        "drain stream_that_only_reads_history_leaves_retired_pool_at_once",
        "A stream that takes no sample stays in a retired pool.",
        (
            Change(
                STREAM,
                "(stream->takes_new || stream->cursor != stream->first_cursor || stream->received == 0) &&",
                "",
            ),
        ),
    ),
    Mutant(
        "reconnect_leaves_retired_pool_with_unread_samples",
        "drain manual_stream_drains_before_retired_is_reported",
        "pmipc_stream_reconnect leaves a retired pool before the stream has returned what is unread.",
        (Change(STREAM, "stream->connection && !stream_drains(stream, READ_EVERY) &&", "stream->connection &&"),),
    ),
    Mutant(
        "dead_producer_is_adopted_against_no_adopt",
        "producer_open no_adopt_replaces_pool_of_dead_producer",
        "A producer with no_adopt hands on the history of a dead producer.",
        (Change(CLAIM, "    if (options->no_adopt)\n        return PMIPC_NOTHING_NEW;\n", ""),),
    ),
    Mutant(
        "whole_words_of_pinned_slots_are_not_marked",
        "large_history held_window_of_whole_bitmap_words_is_never_overwritten",
        "A held window that covers 64 slots from a multiple of 64 on is overwritten.",
        (Change(PROTOCOL, "bits == 64 ? ~UINT64_C(0)", "bits == 64 ? UINT64_C(0)"),),
    ),
    Mutant(
        "only_first_word_of_pinned_slots_is_cleared",
        "large_history slots_of_released_window_are_reused_in_every_bitmap_word",
        "Slots from 64 on that were pinned once are never reused: the pool grows without limit.",
        (Change(PROTOCOL, "word <= (producer->slot_count - 1) / 64;", "word < 1;"),),
    ),
    Mutant(
        "adopter_starts_at_first_slot",
        "large_history windows_are_zero_copy_right_after_adoption",
        "The slots are not consecutive: windows are copied for one round.",
        (Change(PROTOCOL, "        producer->cursor = next_index(slot, slot_count);\n", ""),),
    ),
    Mutant(
        "discarded_slot_is_skipped",
        "large_history windows_are_zero_copy_after_discarded_loan",
        "The slots are not consecutive: windows are copied for one round.",
        (Change(PROTOCOL, "    producer->cursor = slot;\n", ""),),
    ),
    Mutant(
        "refused_head_releases_slots_of_ring",
        "forged_control producer_with_forged_head_keeps_slots_of_history",
        "The producer writes a slot that streams reach through the ring.",
        (
            Change(
                PROTOCOL,
                "producer->slot_states[producer->ring_slots[seq % producer->history_len]] = SLOT_IN_RING;\n"
                "        return false;\n",
                "producer->slot_states[producer->ring_slots[seq % producer->history_len]] = SLOT_UNCLEAN;\n"
                "        return false;\n",
            ),
        ),
    ),
    Mutant(
        "sample_that_left_history_stays_pinned",
        "protocol_rechecks pin_seq_of_sample_that_leaves_history_leaves_no_pin",
        "pin_seq finds that its sample is gone, and its cell keeps the slot from being used.",
        (
            Change(
                PROTOCOL,
                "    if (load_acquire(place) != found) {\n        protocol_unpin(reader, cell);\n",
                "    if (load_acquire(place) != found) {\n",
            ),
        ),
    ),
    Mutant(
        "window_that_left_history_stays_pinned",
        "protocol_rechecks pin_window_whose_oldest_leaves_history_leaves_no_pin",
        "pin_window finds that its oldest sample is gone, and its cell keeps the slots from being used.",
        (
            Change(
                PROTOCOL,
                "!= entries[0]) {\n        protocol_unpin(reader, cell);\n",
                "!= entries[0]) {\n",
            ),
        ),
    ),
    Mutant(
        "entries_in_wrong_place_are_adopted",
        "forged_pool inconsistent_ring_is_not_adopted",
        "Streams look for a sample at the ring index of its sequence number and do not find it.",
        (Change(PROTOCOL, "seq % history_len != i || ", ""),),
    ),
    Mutant(
        "growth_does_not_check_the_owner",
        "growth_lost slot_count_of_lost_producer_is_not_stored",
        "A producer that lost the pool overwrites the slot count and the epoch of the new producer.",
        (
            Change(
                PROTOCOL,
                "    if (!compare_exchange_relaxed(&producer->control->ownership, &own, "
                "ownership_make(producer->epoch, slot_count)))\n        return false; /* [GROW] */\n",
                "    store_relaxed(&producer->control->ownership, ownership_make(ownership_epoch(own), slot_count));\n",
            ),
        ),
    ),
    Mutant(
        "adopter_stores_stale_slot_count",
        "growth_lost adopter_sees_slot_count_stored_after_it_was_read",
        "The newest sample is in a slot that the adopter does not know.",
        (
            Change(
                PROTOCOL,
                "    if (ownership_slots(found) != slot_count)\n        return false;\n    uint32_t epoch",
                "    uint32_t epoch",
            ),
        ),
    ),
    Mutant(
        "lost_producer_gives_up_history",
        "growth_lost slot_count_of_lost_producer_is_not_stored",
        "It clears ring entries of the new producer.",
        (
            Change(
                WRITER_PUBLISH,
                "        if (writer_is_lost(writer)) /* the system calls",
                "        if (false) /* the system calls",
            ),
        ),
    ),
    Mutant(
        "growth_truncates_the_file",
        "growth_lost growth_of_lost_producer_never_shrinks_file",
        "The file loses slots that the new producer has added: SIGBUS.",
        (
            Change(
                WRITER_SLOTS,
                "    int failure = file_extend(writer->fd, end);\n",
                "    bool short_file = file_bytes(writer->fd) < (int64_t)end;\n"
                "    int failure = short_file && ftruncate(writer->fd, (off_t)end) != 0 ? errno : 0;\n",
            ),
        ),
    ),
    Mutant(
        "foreign_slot_count_is_kept",
        "forged_pins views_pinned_with_foreign_slot_count_are_protected",
        "Streams see more slots than the producer has, until it grows.",
        (Change(WRITER_PUBLISH, "    protocol_keep_slot_count(&writer->protocol);\n", ""),),
    ),
    Mutant(
        "pins_of_larger_slot_count_are_malformed",
        "forged_pins views_pinned_with_foreign_slot_count_are_protected",
        "The views of streams that saw another slot count are overwritten.",
        (
            Change(
                PROTOCOL,
                " ||\n           (cell_is_sound(cell, MAX_SLOTS) && cell_count(cell) <= producer->history_len);",
                ";",
            ),
        ),
    ),
    Mutant(
        "pins_of_larger_slot_count_are_unlimited",
        "forged_pins pin_of_more_slots_than_history_is_malformed",
        "One store into a cell pins every slot, also future ones.",
        (Change(PROTOCOL, " && cell_count(cell) <= producer->history_len", ""),),
    ),
    Mutant(
        "row_is_cleared_without_its_lock",
        "row_taken close_with_reused_fd_of_pool_does_not_clear_row",
        "A stream without its lock clears the pins of the one that has just claimed its row.",
        (
            Change(
                CONNECTION,
                " &&\n           lock_try(connection->lock_fd, LOCK_BYTE_ROW(connection->protocol.row)) == 0;",
                ";",
            ),
        ),
    ),
    Mutant(
        "row_is_cleared_under_lock_of_other_file",
        "row_taken close_with_reused_fd_of_other_file_does_not_clear_row",
        "A stream without its lock locks that byte of another file, and clears the pins of another stream.",
        (Change(CONNECTION, " && file_is_own(connection->lock_fd, connection->lock_identity)", ""),),
    ),
    Mutant(
        "sequence_numbers_wrap_around",
        "sequence_end publish_beyond_last_sequence_number_is_full_and_keeps_history",
        "The sample after the last one has the sequence number 0, which means no sample.",
        (Change(WRITER_PUBLISH, "writer->protocol.seq >= writer->protocol.seq_limit", "false"),),
    ),
    Mutant(
        "pools_of_dead_producers_fix_schema",
        "stream_schema unread_pool_of_dead_producer_does_not_fix_schema",
        "A stream that connected to the pool of a dead producer refuses the next pool.",
        (
            Change(
                STREAM, "stream->met_producer || stream->received > stream->disregarded;", "stream->connections > 0;"
            ),
        ),
    ),
    Mutant(
        "pools_of_live_producers_do_not_fix_schema",
        "stream_schema pool_of_live_producer_fixes_schema_unread",
        "A stream goes over to another schema without an error.",
        (Change(STREAM, "stream->expects || stream->met_producer || ", "stream->expects || "),),
    ),
    Mutant(
        "disregarded_samples_fix_schema",
        "stream_schema read_sample_fixes_schema_unless_disregarded",
        "A stream that disregarded old samples of a pool refuses the next pool.",
        (Change(STREAM, "        stream->disregarded++;\n", "        (void)0;\n"),),
    ),
    Mutant(
        "typed_pointers_of_any_dtype",
        "access view_of_other_dtype_is_mismatch_with_expected_and_got",
        "float32 is read as float64.",
        (Change(ACCESS, "return field->dtype == dtype && ", "(void)dtype;\n    return "),),
    ),
    Mutant(
        "typed_pointers_of_any_count",
        "access view_with_other_element_count_is_mismatch",
        "A shorter sample is read out of bounds.",
        (Change(ACCESS, " && count_elements(field, length) == count;", ";"),),
    ),
    Mutant(
        "typed_pointers_to_released_views",
        "access released_view_and_committed_loan_give_no_pointer",
        "A released view's data may change while it is read.",
        (Change(ACCESS, "if (!view || !view->owner) {", "if (!view) {"),),
    ),
    Mutant(
        "typed_pointers_to_committed_loans",
        "access released_view_and_committed_loan_give_no_pointer",
        "A committed loan is written while streams read it.",
        (Change(ACCESS, " || producer->loaned_slot == NO_LOAN || producer->loaned_slot != loan->slot) {", ") {"),),
    ),
    Mutant(
        "loan_lengths_are_not_bounded",
        "access variable_field_is_counted_by_length_of_sample",
        "A pointer is returned for more elements than the loan has.",
        (Change(ACCESS, "return given <= field->shape[0] ? given : -1;", "return given;"),),
    ),
    Mutant(
        "producer_with_same_pid_is_this_process",
        "containers producer_with_same_pid_is_not_reported_as_this_process",
        "Two containers both have pid 1: the error names the wrong process.",
        (
            Change(
                CLAIM, "if (owner_lock_is_kept_here(fd))", "if (load_relaxed(&control.owner_pid) == (uint32_t)getpid())"
            ),
        ),
    ),
    Mutant(
        "streams_with_same_pid_are_one_process",
        "containers streams_of_processes_with_same_pid_are_counted_separately",
        "The streams of two containers are counted as one process.",
        (Change(ROWS, "a->process == b->process && ", ""),),
    ),
    Mutant(
        "lost_producer_stores_its_slot_count",
        "protocol_rechecks adopt_changes_epoch_and_old_owner_stores_no_slot_count",
        "A producer that lost the pool overwrites the slot count and the epoch of the new producer.",
        (
            Change(
                PROTOCOL,
                "    if (ownership_epoch(found) == producer->epoch)\n        (void)compare",
                "    if (ownership_slots(found) != producer->slot_count)\n        (void)compare",
            ),
        ),
    ),
    Mutant(
        "readers_pin_with_any_slot_count",
        "forged_pins impossible_slot_count_is_corrupt_until_next_publish",
        "The producer ignores the pin as malformed: the view is overwritten without an error.",
        (
            Change(
                PROTOCOL,
                "return entry_seq(entry) != 0 && slots <= MAX_SLOTS && entry_slot(entry) < slots;",
                "return entry_seq(entry) != 0 && entry_slot(entry) < slots;",
            ),
        ),
    ),
    Mutant(
        "gaps_across_the_end_are_pinned",
        "protocol_rechecks pin_window_with_skipped_slot_pins_shortest_run",
        "While a broken window is copied, more slots than needed are pinned.",
        (Change(PROTOCOL, "for (uint32_t i = 0; i < 2 * slots; i++) {", "for (uint32_t i = 0; i < slots; i++) {"),),
    ),
    Mutant(
        "window_entries_with_any_slot",
        "forged_control ring_entry_with_slot_beyond_pool_is_corrupt",
        "A forged entry makes a window's copy read beyond the mapping.",
        (Change(PROTOCOL, "        if (entry_slot(entries[i]) >= slots)\n            return PIN_CORRUPT;\n", ""),),
    ),
    Mutant(
        "released_windows_count_as_held_views",
        "views windows_are_zero_copy_again_after_held_windows_are_released",
        "A stream that once held several windows gets copies forever.",
        (
            Change(
                VIEW,
                "slots += load_relaxed(&connection->busy[i]) ? connection->cell_span[i] : 0;",
                "slots += connection->cell_span[i];",
            ),
        ),
    ),
    Mutant(
        "headers_of_older_frames_are_not_checked",
        "forged_control damaged_slot_header_is_corrupt_and_leaves_no_pin",
        "A window has a frame that is another sample.",
        (
            Change(
                VIEW, "if (load_relaxed(&header_of(connection->description, frame)->seq) != oldest + i)", "if (false)"
            ),
        ),
    ),
    Mutant(
        "failed_copy_stays_pinned",
        "forged_control damaged_slot_header_is_corrupt_and_leaves_no_pin",
        "The producer cannot use the slot until the stream reads again.",
        (
            Change(
                VIEW,
                "    protocol_unpin(&connection->protocol, SPARE_CELL);\n    if (status) {\n",
                "    if (!status)\n        protocol_unpin(&connection->protocol, SPARE_CELL);\n    if (status) {\n",
            ),
        ),
    ),
    Mutant(
        "reading_a_stamp_leaves_a_pin",
        "read_by_stamp get_at_pins_only_the_returned_view",
        "The producer cannot use the slot until the stream reads again.",
        (
            Change(
                VIEW,
                "    protocol_unpin(&connection->protocol, SPARE_CELL);\n    return status;\n",
                "    return status;\n",
            ),
        ),
    ),
    Mutant(
        "samples_above_seq_beyond_head",
        "connection window_above_seq_beyond_head_is_too_few",
        "When head goes back, samples that were already read are returned as unseen.",
        (Change(VIEW, "uint64_t limit = newest > floor ? newest - floor : 0;", "uint64_t limit = newest - floor;"),),
    ),
    Mutant(
        "row_of_child_is_below_row_of_parent",
        "fork inherited_view_is_pinned_in_row_above_that_of_parent",
        "A scan during a fork may miss the pins of both rows: the view of the child is overwritten.",
        (
            Change(
                ROWS,
                "uint64_t allowed = above == NO_ROW ? ~UINT64_C(0) : ~((UINT64_C(2) << above) - 1);",
                "uint64_t allowed = ~UINT64_C(0);\n    (void)above;",
            ),
        ),
    ),
    Mutant(
        "read_lock_hides_free_row",
        "connection free_row_takes_precedence_over_read_locked_row",
        "A stream is refused although a row has become free.",
        (Change(ROWS, "        else if (holder == ROWS_STREAMS)\n", "        else\n"),),
    ),
    Mutant(
        "unreleased_row_lock_is_forgotten",
        "intercepted row_lock_that_a_sweep_could_not_release_is_released_by_next",
        "No stream can claim a row that the producer has cleared.",
        (Change(ROWS, "            *stuck |= UINT64_C(1) << row;", "            ;"),),
    ),
    Mutant(
        "used_row_keeps_its_dropped_count",
        "stream_info new_stream_in_used_row_starts_with_counts_of_zero",
        "A new stream has the dropped count of the previous stream of its row.",
        (Change(ROWS, "    store_relaxed(&facts->dropped, 0);\n", ""),),
    ),
    Mutant(
        "forged_pins_are_described",
        "forged_pins malformed_pins_are_left_out_of_reader_info",
        "Describing a pool reads the header of a slot that does not exist.",
        (
            Change(
                ROWS,
                "        if (cell == 0 || !cell_is_sound(cell, lookup->slot_count))",
                "        if (cell == 0 || lookup->slot_count == 0)",
            ),
        ),
    ),
    Mutant(
        "only_front_of_file_is_checked",
        "prefault prefault_of_truncated_pool_is_corrupt_on_any_kernel",
        "With prefault, pages beyond the end of the file are touched: SIGBUS on kernels before 5.14.",
        (
            Change(
                CONNECTION,
                "if (bytes < (int64_t)description_file_bytes(connection->description, geometry->initial_slots))",
                "if (bytes < (int64_t)geometry->readers_offset)",
            ),
        ),
    ),
    Mutant(
        "fork_without_row_leaks_descriptor",
        "fork fork_without_free_row_leaks_no_descriptor",
        "A program that forks while all rows are taken runs out of descriptors.",
        (
            Change(
                CONNECTION,
                "&row) != 0) {\n        file_close(lock_fd);\n        return;",
                "&row) != 0) {\n        return;",
            ),
        ),
    ),
    Mutant(
        "headroom_before_first_slot_of_mapping",
        "loan headroom_of_loan_belongs_to_its_slot_also_after_growth",
        "Writes to the headroom reach the rows of readers or unmapped memory.",
        (
            Change(
                WRITER_SLOTS,
                "    else if (slot_address(writer, slot - 1) + geometry->stride == slot_address(writer, slot))",
                "    else",
            ),
        ),
    ),
    Mutant(
        "lengths_of_older_frames_are_not_checked",
        "forged_control length_beyond_field_is_corrupt_in_reads_and_views",
        "A window has a frame with a length larger than its slot.",
        (
            Change(
                VIEW,
                "        if (variable && !fill_fields(connection->description, frame, fields))\n",
                "        if (false)\n",
            ),
        ),
    ),
    Mutant(
        "failed_window_stays_pinned",
        "forged_control length_beyond_field_is_corrupt_in_reads_and_views",
        "The producer cannot use the slots until the stream reads again.",
        (
            Change(
                VIEW,
                "        protocol_unpin(&connection->protocol, cell);\n"
                "        view->owner = NULL;\n        return status;\n    }\n"
                "    connection->cell_mapping[cell] = connection->mapping;\n"
                "    connection->cell_span[cell] = window->span;\n",
                "        view->owner = NULL;\n        return status;\n    }\n"
                "    connection->cell_mapping[cell] = connection->mapping;\n"
                "    connection->cell_span[cell] = window->span;\n",
            ),
        ),
    ),
    Mutant(
        "frames_of_any_length",
        "forged_control length_beyond_field_is_corrupt_in_reads_and_views",
        "A frame of a held window is returned with a length that another process has written.",
        (
            Change(
                VIEW,
                "return fill_fields(description, slot, frame->fields) ?",
                "return fill_fields(description, slot, frame->fields) || true ?",
            ),
        ),
    ),
)
