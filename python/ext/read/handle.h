/* handle.h: the handle of a stream: whether it can be used, its fork, its errors, the schema of what it reads. */
#ifndef PY_READ_HANDLE_H
#define PY_READ_HANDLE_H

#include "arrays/pin.h"
#include "arrays/schema.h"
#include "core/lock.h"

typedef enum py_backend { PY_BACKEND_UNSETTLED, PY_BACKEND_NUMPY, PY_BACKEND_TORCH } py_backend;

typedef struct py_stream {
    PyObject_HEAD py_state *state;
    pmipc_stream *handle; /* NULL: closed or never opened */
    py_schema *schema;    /* of the last sample; NULL before the first one */
    py_schema *expect;
    PyObject *name;
    PyObject *folder; /* str or None; NULL: never opened */
    const char *name_text;
    uint64_t incarnation; /* of the pool that `schema` was read from; kept up to date when schemas may change */
    int64_t max_age_ns;
    py_backend asked;
    py_backend backend;
    bool opened; /* __init__ has succeeded: until then name and name_text are empty */
    bool copy;
    bool follow_schema;
    bool schema_kept;      /* a sample was read with `schema`: this handle gives no other schema */
    bool schema_inherited; /* a sample was read with `schema` before a fork: the child's handle may find another one */
    bool start_oldest;
    PyObject *before_wait; /* called when a wait is about to sleep; NULL: none */
    uint64_t undelivered;  /* reads of the handle whose sample the caller did not get */
    uint64_t undelivered_copies;
    unsigned generation;
    py_turn turn;
} py_stream;

/** Open the library's stream; `name` and what `options` points to must outlive the call. NULL with an exception. */
pmipc_stream *py_stream_open(py_state *state, const char *name, const pmipc_stream_options *options);
/** In a forked child: open a new handle in place of the parent's and continue at its cursor. -1 with an exception. */
int py_stream_reopen(py_stream *self);
/** Close the handle, if it is open. */
void py_stream_close(py_stream *self);

int py_stream_usable_slow_path(py_stream *self);
/** Whether calls may go on: every method asks this first. Reopens a stream that was inherited over fork. -1 with
 *  WrongStateError (never opened), ClosedError, or what reopening raises. */
static inline int py_stream_usable(py_stream *self)
{
    return self->handle != NULL && self->generation == py_generation() ? 0 : py_stream_usable_slow_path(self);
}
/** Raise the exception of `status`, with the text of the handle's last error when that is of this status. */
void py_stream_raise(py_stream *self, pmipc_status status);
/** End a lease whose sample the caller does not get: the read raises, or the sample is too old. Keeps an exception that
 *  is set. */
void py_stream_drop(py_stream *self, py_lease *lease);
/** Connect if that can be done now. 1 connected, 0 not, -1 exception. */
int py_stream_connect(py_stream *self);

/** py_stream_schema until the schema is kept; `is_read`: `from` is the schema of a sample that was read. */
py_schema *py_stream_schema_slow_path(py_stream *self, const pmipc_schema *from, bool is_read);
/** The schema of a sample that was read, new, with the backend settled; `from` is the view's schema. */
static inline py_schema *py_stream_schema(py_stream *self, const pmipc_schema *from)
{
#ifndef Py_GIL_DISABLED
    if (self->schema_kept && !self->schema->has_variable) /* the room for variable fields may grow */
        return (py_schema *)Py_NewRef((PyObject *)self->schema);
#endif
    return py_stream_schema_slow_path(self, from, true);
}
/** The schema of the pool that it is or was last connected to, new; NULL without an exception when there was none. */
py_schema *py_stream_current_schema(py_stream *self);
static inline bool py_stream_gives_torch(const py_stream *self)
{
    return self->backend == PY_BACKEND_TORCH;
}

#endif
