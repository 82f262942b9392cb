/* look.h: one look for samples, without waiting. Every get_* call begins with one. */
#ifndef PY_READ_LOOK_H
#define PY_READ_LOOK_H

#include "read/handle.h"

typedef enum py_look_kind {
    PY_LOOK_LAST,   /* the newest sample */
    PY_LOOK_NEW,    /* the newest sample above the cursor */
    PY_LOOK_NEXT,   /* the oldest sample above the cursor */
    PY_LOOK_UNSEEN, /* all samples above the cursor */
    PY_LOOK_WINDOW, /* the newest `min` to `max` samples */
    PY_LOOK_AT      /* the sample of a stamp */
} py_look_kind;

typedef struct py_query {
    py_look_kind kind;
    uint32_t min; /* of PY_LOOK_WINDOW */
    uint32_t max;
    pmipc_at_method method; /* of PY_LOOK_AT */
    int64_t stamp_ns;
    int64_t tolerance_ns;
} py_query;

static inline pmipc_status py_look_once(py_stream *self, const py_query *query, pmipc_view *view, uint64_t *cursor)
{
    pmipc_status status = PMIPC_CLOSED;
    py_turn_begin(&self->turn);
    if (self->handle != NULL) {
        if (cursor != NULL)
            *cursor = pmipc_stream_cursor(self->handle);
        switch (query->kind) {
        case PY_LOOK_LAST:
            status = pmipc_stream_get_last(self->handle, view);
            break;
        case PY_LOOK_NEW:
            status = pmipc_stream_get_new(self->handle, 0, view);
            break;
        case PY_LOOK_NEXT:
            status = pmipc_stream_get_next(self->handle, 0, view);
            break;
        case PY_LOOK_UNSEEN:
            status = pmipc_stream_get_unseen(self->handle, view);
            break;
        case PY_LOOK_WINDOW:
            status = pmipc_stream_get_window(self->handle, query->min, query->max, view);
            break;
        case PY_LOOK_AT:
            status = pmipc_stream_get_at(self->handle, query->stamp_ns, query->method, query->tolerance_ns, view);
            break;
        }
    }
    py_turn_end(&self->turn);
    return status;
}

/** Look once. `cursor` receives the cursor before the look; NULL: not needed. PMIPC_FORKED with an exception set: the
 *  stream was inherited over a fork and could not be reopened. */
static inline pmipc_status py_look(py_stream *self, const py_query *query, pmipc_view *view, uint64_t *cursor)
{
    pmipc_status status = py_look_once(self, query, view, cursor);
    /* A fork that called no handler (a raw clone) is noticed only here. */
    if (status == PMIPC_FORKED && py_stream_reopen(self) == 0)
        status = py_look_once(self, query, view, cursor);
    return status;
}

/** Whether a view is too old to be returned; negative `max_age_ns`: none is. */
static inline bool py_is_stale(const pmipc_view *view, int64_t max_age_ns)
{
    return max_age_ns >= 0 && pmipc_monotonic_ns() - view->published_ns > max_age_ns;
}

#endif
