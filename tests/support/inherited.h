/* inherited.h: a process with a producer, a stream and a view, and what its children do with them. */
#ifndef PMIPC_TEST_INHERITED_H
#define PMIPC_TEST_INHERITED_H

#include "helper.h"

#define INHERITED_BYTES 4000

/* What the parent holds when it forks, for the children to get at. */
extern pmipc_producer *the_producer;
extern pmipc_stream *the_stream;
extern pmipc_view the_view;
extern pmipc_loan the_loan;

void set_up(void);

/** The parent is untouched: its lock, its row, its handles, its view. */
void check_parent_and_tear_down(void);

pmipc_view newest(pmipc_stream *stream);

/* Bodies of children. */
void uses_inherited_handles(int channel, const char *argument);
void closes_inherited_handles(int channel, const char *argument);
void ends_at_once(int channel, const char *argument);

#endif
