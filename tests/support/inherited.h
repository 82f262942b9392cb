/* inherited.h: a process with a producer, a stream and a view, and the bodies of forked children that use them. */
#ifndef PMIPC_TEST_INHERITED_H
#define PMIPC_TEST_INHERITED_H

#include "helper.h"

#define INHERITED_BYTES 4000

/* The handles of the parent, which the children inherit. */
extern pmipc_producer *the_producer;
extern pmipc_stream *the_stream;
extern pmipc_view the_view;
extern pmipc_loan the_loan;

void set_up(void);

/** Check that the lock, the row, the handles and the view of the parent are unaffected. Close them. */
void check_parent_and_tear_down(void);

/* Bodies of children. */
void uses_inherited_handles(int channel, const char *argument);
void closes_inherited_handles(int channel, const char *argument);
void ends_at_once(int channel, const char *argument);

#endif
