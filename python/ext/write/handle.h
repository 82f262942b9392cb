/* handle.h: the handle of a producer: whether it can be used, its errors, the pool as it is now. */
#ifndef PY_WRITE_HANDLE_H
#define PY_WRITE_HANDLE_H

#include "arrays/schema.h"
#include "core/lock.h"
#include "write/sink.h"

/* The library's producer. Arrays over a loaned slot count as references: closing the producer would unmap them. */
typedef struct py_handle {
    atomic_int references;
    pmipc_producer *producer;
} py_handle;

typedef struct py_producer {
    PyObject_HEAD py_state *state;
    py_handle *handle;       /* NULL: closed or never opened */
    py_schema *schema;       /* of the pool as it is now */
    PyObject *older_schemas; /* list of those before: another thread may be using one; NULL: none */
    PyObject *name;
    PyObject *folder; /* str or None */
    const char *name_text;
    PyObject *metadata; /* JSON text or None; NULL: never opened */
    uint32_t history_len;
    uint32_t origin;
    uint64_t incarnation;
    uint64_t owner_epoch;
    bool opened; /* __init__ has succeeded: until then name and name_text are empty, and schema is NULL */
    bool adopted;
    bool keep;
    bool warned_of_unit;
    unsigned generation;
    py_sink *sink; /* where samples go after the pool; NULL: nowhere */
    py_gate gate;
} py_producer;

/** Open the library's producer. NULL with an exception. */
py_handle *py_handle_open(py_state *state, const char *name, const pmipc_schema *schema,
                          const pmipc_producer_options *options);
/** Release one reference. The last one abandons the pool, unless it was retired. */
void py_handle_release(py_handle *handle);
/** The base of arrays over a loaned slot: a reference to the handle, new. */
PyObject *py_handle_capsule(py_handle *handle);

/** Raise why calls may not go on. Always -1. */
int py_producer_refuse(py_producer *self);
/** Whether calls may go on: every method asks this first. -1 with WrongStateError (never opened), ClosedError or
 *  ForkedError. */
static inline int py_producer_usable(py_producer *self)
{
    return self->handle != NULL && self->generation == py_generation() ? 0 : py_producer_refuse(self);
}
/** Raise the exception of `status`, with the text of the handle's last error when that is of this status. */
void py_producer_raise(py_producer *self, pmipc_status status);

/** Look up what numpy knows of the fields, so that publish finds it ready. -1 with an exception. */
int py_producer_look_up_dtypes(py_state *state, py_schema *schema);
void py_producer_refresh_slow_path(py_producer *self);
/** After a sample was published: take over what changed when another pool took the place of the one before. In the
 * gate. Keeps an exception that is set. */
static inline void py_producer_refresh(py_producer *self)
{
    if (self->handle != NULL && pmipc_producer_incarnation(self->handle->producer) != self->incarnation)
        py_producer_refresh_slow_path(self);
}

#endif
