"""Mutants for the unit tests (tests/unit): `caught_by` is an area and a part of the name of the test that must fail."""

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
        "whole_words_of_pins_are_not_marked",
        "large_history held_window_of_whole_bitmap_words_is_never_overwritten",
        "A window that covers 64 slots from a multiple of 64 on is overwritten while it is held.",
        (Change(PROTOCOL, "bits == 64 ? ~UINT64_C(0)", "bits == 64 ? UINT64_C(0)"),),
    ),
    Mutant(
        "only_the_first_word_of_pins_is_cleared",
        "large_history slots_of_released_window_are_reused_in_every_bitmap_word",
        "Slots from 64 on that were pinned once are never used again: the pool grows without end.",
        (Change(PROTOCOL, "word <= (producer->slot_count - 1) / 64;", "word < 1;"),),
    ),
    Mutant(
        "adoption_begins_at_the_first_slot",
        "large_history windows_are_zero_copy_right_after_adoption",
        "The run of slots is broken: windows are copied for a round.",
        (Change(PROTOCOL, "        producer->cursor = next_index(slot, slot_count);\n", ""),),
    ),
    Mutant(
        "a_returned_slot_is_skipped",
        "large_history windows_are_zero_copy_after_discarded_loan",
        "The run of slots is broken: windows are copied for a round.",
        (Change(PROTOCOL, "    producer->cursor = slot;\n", ""),),
    ),
    Mutant(
        "a_refused_adoption_forgets_the_ring",
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
        "a_sample_that_left_history_stays_pinned",
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
        "a_window_that_left_history_stays_pinned",
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
        "entries_in_the_wrong_place_are_adopted",
        "forged_pool inconsistent_ring_is_not_adopted",
        "Streams look for a sample at its number's place in the ring, and do not find it.",
        (Change(PROTOCOL, "seq % history_len != i || ", ""),),
    ),
    Mutant(
        "growth_does_not_ask_who_owns_the_pool",
        "growth_lost slot_count_of_lost_producer_is_not_stored",
        "A producer that lost the pool stores its slot count, and its epoch, over its successor's.",
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
        "an_adopter_stores_the_slot_count_that_it_read_before",
        "growth_lost adopter_sees_slot_count_stored_after_it_was_read",
        "The pool's newest sample lies in a slot that its new producer does not know of.",
        (
            Change(
                PROTOCOL,
                "    if (ownership_slots(found) != slot_count)\n        return false;\n    uint32_t epoch",
                "    uint32_t epoch",
            ),
        ),
    ),
    Mutant(
        "history_is_given_up_by_a_producer_that_lost_the_pool",
        "growth_lost slot_count_of_lost_producer_is_not_stored",
        "It empties entries of its successor's ring.",
        (
            Change(
                WRITER_PUBLISH,
                "        if (writer_is_lost(writer)) /* these system calls",
                "        if (false) /* these system calls",
            ),
        ),
    ),
    Mutant(
        "growth_sets_the_size_of_the_file",
        "growth_lost growth_of_lost_producer_never_shrinks_file",
        "The file loses slots that its new owner has added: SIGBUS.",
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
        "a_slot_count_from_elsewhere_stands",
        "forged_pins views_pinned_with_foreign_slot_count_are_protected",
        "Streams see more slots than the producer has for as long as it does not grow.",
        (Change(WRITER_PUBLISH, "    protocol_keep_slot_count(&writer->protocol);\n", ""),),
    ),
    Mutant(
        "pins_of_a_larger_pool_are_malformed",
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
        "pins_of_a_larger_pool_are_as_long_as_they_like",
        "forged_pins pin_of_more_slots_than_history_is_malformed",
        "One store into a cell pins every slot that there will ever be.",
        (Change(PROTOCOL, " && cell_count(cell) <= producer->history_len", ""),),
    ),
    Mutant(
        "a_row_is_cleared_when_somebody_holds_its_lock",
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
        "a_row_is_cleared_under_a_lock_on_any_file",
        "row_taken close_with_reused_fd_of_other_file_does_not_clear_row",
        "A stream without its lock takes that byte of a stranger's file, and clears another stream's pins.",
        (Change(CONNECTION, " && file_is_own(connection->lock_fd, connection->lock_identity)", ""),),
    ),
    Mutant(
        "sequence_numbers_go_round",
        "sequence_end publish_beyond_last_sequence_number_is_full_and_keeps_history",
        "The sample after the last has the number 0, which stands for none.",
        (Change(WRITER_PUBLISH, "writer->protocol.seq == SEQ_MAX", "false"),),
    ),
    Mutant(
        "dead_pools_fix_the_schema",
        "stream_schema unread_pool_of_dead_producer_does_not_fix_schema",
        "A stream that connected to yesterday's pool refuses today's.",
        (
            Change(
                STREAM, "stream->met_producer || stream->received > stream->disregarded;", "stream->connections > 0;"
            ),
        ),
    ),
    Mutant(
        "living_pools_do_not_fix_the_schema",
        "stream_schema pool_of_live_producer_fixes_schema_unread",
        "A stream goes over to another schema without an error.",
        (Change(STREAM, "stream->expects || stream->met_producer || ", "stream->expects || "),),
    ),
    Mutant(
        "disregarded_samples_fix_the_schema",
        "stream_schema read_sample_fixes_schema_unless_disregarded",
        "A stream that found samples of a dead pool too old refuses the next pool.",
        (Change(STREAM, "        stream->disregarded++;\n", "        (void)0;\n"),),
    ),
    Mutant(
        "typed_pointers_of_any_dtype",
        "access view_of_other_dtype_is_mismatch_with_expected_and_got",
        "float32 is read as float64.",
        (Change(ACCESS, "return field->dtype == dtype && ", "(void)dtype;\n    return "),),
    ),
    Mutant(
        "typed_pointers_to_any_number_of_elements",
        "access view_with_other_element_count_is_mismatch",
        "A smaller shape is read out of bounds.",
        (Change(ACCESS, " && count_elements(field, length) == count;", ";"),),
    ),
    Mutant(
        "typed_pointers_to_released_views",
        "access released_view_and_committed_loan_give_no_pointer",
        "A released view's data may change while it is read.",
        (Change(ACCESS, "if (!view || !view->owner) {", "if (!view) {"),),
    ),
    Mutant(
        "typed_pointers_to_loans_that_are_not_out",
        "access released_view_and_committed_loan_give_no_pointer",
        "A committed loan is written while streams read it.",
        (Change(ACCESS, " || producer->loaned_slot == NO_LOAN || producer->loaned_slot != loan->slot) {", ") {"),),
    ),
    Mutant(
        "loan_lengths_are_not_bounded",
        "access variable_field_is_counted_by_length_of_sample",
        "A pointer is given for more elements than the loan has room for.",
        (Change(ACCESS, "return given <= field->shape[0] ? given : -1;", "return given;"),),
    ),
    Mutant(
        "a_producer_of_the_same_pid_is_this_process",
        "containers producer_with_same_pid_is_not_reported_as_this_process",
        "Two containers are both process 1: the error names the wrong process.",
        (
            Change(
                CLAIM, "if (owner_lock_is_kept_here(fd))", "if (load_relaxed(&control.owner_pid) == (uint32_t)getpid())"
            ),
        ),
    ),
    Mutant(
        "streams_of_the_same_pid_are_one_process",
        "containers streams_of_processes_with_same_pid_are_counted_separately",
        "The streams of two containers are counted as one process's.",
        (Change(ROWS, "a->process == b->process && ", ""),),
    ),
    Mutant(
        "a_robbed_producer_stores_its_slot_count",
        "protocol_rechecks adopt_changes_epoch_and_old_owner_stores_no_slot_count",
        "A producer that lost the pool stores its slot count, and its epoch, over its successor's.",
        (
            Change(
                PROTOCOL,
                "    if (ownership_epoch(found) == producer->epoch)\n        (void)compare",
                "    if (ownership_slots(found) != producer->slot_count)\n        (void)compare",
            ),
        ),
    ),
    Mutant(
        "readers_pin_by_any_slot_count",
        "forged_pins impossible_slot_count_is_corrupt_until_next_publish",
        "The producer takes the pin for malformed: the view is overwritten, without an error.",
        (
            Change(
                PROTOCOL,
                "return entry_seq(entry) != 0 && slots <= MAX_SLOTS && entry_slot(entry) < slots;",
                "return entry_seq(entry) != 0 && entry_slot(entry) < slots;",
            ),
        ),
    ),
    Mutant(
        "gaps_over_the_end_are_pinned",
        "protocol_rechecks pin_window_with_skipped_slot_pins_shortest_run",
        "While a broken window is copied, more slots than needed are pinned.",
        (Change(PROTOCOL, "for (uint32_t i = 0; i < 2 * slots; i++) {", "for (uint32_t i = 0; i < slots; i++) {"),),
    ),
    Mutant(
        "window_entries_of_any_slot",
        "forged_control ring_entry_with_slot_beyond_pool_is_corrupt",
        "A forged entry makes a window's copy read beyond the mapping.",
        (Change(PROTOCOL, "        if (entry_slot(entries[i]) >= slots)\n            return PIN_CORRUPT;\n", ""),),
    ),
    Mutant(
        "released_windows_count_as_held",
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
        "A window shows a frame that is not the sample it is taken for.",
        (Change(VIEW, "if (load_relaxed(&header_of(frame)->seq) != oldest + i)", "if (false)"),),
    ),
    Mutant(
        "a_copy_that_fails_stays_pinned",
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
        "samples_above_a_number_beyond_head",
        "connection window_above_seq_beyond_head_is_too_few",
        "Samples that were read already are given as unseen when head goes back.",
        (Change(VIEW, "uint64_t limit = newest > floor ? newest - floor : 0;", "uint64_t limit = newest - floor;"),),
    ),
    Mutant(
        "a_childs_row_may_be_below_its_parents",
        "fork inherited_view_is_pinned_in_row_above_that_of_parent",
        "A scan under way during a fork may miss both rows' pins: the child's view is overwritten.",
        (
            Change(
                ROWS,
                "uint64_t allowed = above == NO_ROW ? ~UINT64_C(0) : ~((UINT64_C(2) << above) - 1);",
                "uint64_t allowed = ~UINT64_C(0);\n    (void)above;",
            ),
        ),
    ),
    Mutant(
        "a_read_lock_hides_a_free_row",
        "connection free_row_takes_precedence_over_read_locked_row",
        "A stream is refused although a row is free by now.",
        (Change(ROWS, "        else if (holder == ROWS_STREAMS)\n", "        else\n"),),
    ),
    Mutant(
        "a_row_lock_that_was_not_given_back_is_forgotten",
        "intercepted row_lock_that_a_sweep_could_not_release_is_released_by_next",
        "The producer keeps streams from a row that it has cleared.",
        (Change(ROWS, "            *stuck |= UINT64_C(1) << row;", "            ;"),),
    ),
    Mutant(
        "a_used_row_keeps_its_dropped_count",
        "stream_info new_stream_in_used_row_starts_with_counts_of_zero",
        "A new stream appears to have lost samples of the one before it.",
        (Change(ROWS, "    store_relaxed(&facts->dropped, 0);\n", ""),),
    ),
    Mutant(
        "forged_pins_are_described",
        "forged_pins malformed_pins_are_left_out_of_reader_info",
        "Describing a pool reads the header of a slot that is not there.",
        (
            Change(
                ROWS,
                "        if (cell == 0 || !cell_is_sound(cell, lookup->slot_count))",
                "        if (cell == 0 || lookup->slot_count == 0)",
            ),
        ),
    ),
    Mutant(
        "only_the_front_of_a_file_is_measured",
        "prefault prefault_of_truncated_pool_is_corrupt_on_any_kernel",
        "With prefault, pages that the file does not have are touched: SIGBUS on kernels before 5.14.",
        (
            Change(
                CONNECTION,
                "if (bytes < (int64_t)description_file_bytes(connection->description, geometry->initial_slots))",
                "if (bytes < (int64_t)geometry->readers_offset)",
            ),
        ),
    ),
    Mutant(
        "a_fork_without_a_row_leaks_a_descriptor",
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
        "headroom_in_front_of_a_mapping",
        "loan headroom_of_loan_belongs_to_its_slot_also_after_growth",
        "What a program writes into the headroom lands in the readers' rows or outside every mapping.",
        (
            Change(
                WRITER_SLOTS,
                "    if (slot > 0 && slot_address(writer, slot - 1) + stride == slot_address(writer, slot))",
                "    if (slot > 0)",
            ),
        ),
    ),
    Mutant(
        "lengths_of_older_frames_are_not_checked",
        "forged_control length_beyond_field_is_corrupt_in_reads_and_views",
        "A window shows a frame whose length is larger than its slot.",
        (
            Change(
                VIEW,
                "        if (variable && !fill_fields(connection->description, frame, fields))\n",
                "        if (false)\n",
            ),
        ),
    ),
    Mutant(
        "a_window_that_fails_stays_pinned",
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
        "A frame of a held window is given with a length that somebody has written since.",
        (
            Change(
                VIEW,
                "return fill_fields(description, slot, frame->fields) ?",
                "return fill_fields(description, slot, frame->fields) || true ?",
            ),
        ),
    ),
)
