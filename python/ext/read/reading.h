/* reading.h: streams, and the way from a view of the library to what a caller gets. */
#ifndef PY_READING_H
#define PY_READING_H

#include "fields.h"

/* ---- stream.c
 * ---------------------------------------------------------------------------------------------------------- */

typedef enum py_backend { PY_BACKEND_UNSETTLED, PY_BACKEND_NUMPY, PY_BACKEND_TORCH } py_backend;

struct py_stream {
    PyObject_HEAD py_state *state;
    pmipc_stream *handle; /* NULL: closed or never opened */
    py_schema *schema;    /* of the last sample; NULL until there was one */
    py_schema *expect;
    PyObject *name;
    PyObject *folder; /* str or None; NULL: never opened */
    const char *name_text;
    uint64_t incarnation; /* of the pool `schema` was read from; kept up to date when schemas may change */
    int64_t max_age_ns;
    py_backend asked;
    py_backend backend;
    bool opened; /* __init__ has succeeded: until then name and name_text are empty */
    bool copy;
    bool follow_schema;
    bool schema_kept;      /* a sample was read with `schema`: no other comes from this handle */
    bool schema_inherited; /* a sample was read with `schema` before a fork: the child's handle may find another */
    bool start_oldest;
    PyObject *before_wait; /* called when a wait is about to sleep; NULL: nobody wants to know */
    uint64_t fruitless;    /* of the handle's reads: those whose sample no caller got */
    uint64_t fruitless_copies;
    unsigned generation;
    py_turn turn;
};

extern PyType_Spec py_stream_spec;
/** End a lease whose sample comes to nothing: the read raises, or what it found is too old. Keeps an exception that is
 * set. */
void py_stream_drop(py_stream *self, py_lease *lease);
int py_stream_usable_slowly(py_stream *self);
/** Whether calls may go on: what every method asks before anything else. Reopens a stream that was inherited over fork.
 *  -1 with WrongStateError (never opened), ClosedError, or what reopening raises. */
static inline int py_stream_usable(py_stream *self)
{
    return self->handle != NULL && self->generation == py_generation() ? 0 : py_stream_usable_slowly(self);
}
int py_stream_reopen(py_stream *self);
void py_stream_raise(py_stream *self, pmipc_status status);
/** py_stream_schema until the schema is kept; `is_read`: `from` is the schema of a sample that was read. */
py_schema *py_stream_schema_slowly(py_stream *self, const pmipc_schema *from, bool is_read);
/** The schema of a sample that was read, new, the backend settled; `from` is the view's schema. */
static inline py_schema *py_stream_schema(py_stream *self, const pmipc_schema *from)
{
#ifndef Py_GIL_DISABLED
    if (self->schema_kept && !self->schema->has_variable) /* the room for variable fields may grow */
        return (py_schema *)Py_NewRef((PyObject *)self->schema);
#endif
    return py_stream_schema_slowly(self, from, true);
}
/** The schema of the pool it is or was last connected to, new; NULL without exception when there never was one. */
py_schema *py_stream_current_schema(py_stream *self);
static inline bool py_stream_gives_torch(const py_stream *self)
{
    return self->backend == PY_BACKEND_TORCH;
}

/* ---- deliver.c: from a view to what the caller asked for ----------------------------------------------------------
 */

typedef struct py_read_options {
    bool copy;
    bool return_info;
    int64_t max_age_ns; /* negative: any age */
    PyObject *out;      /* borrowed; NULL: none */
} py_read_options;

/* Which rows a history has. */
typedef struct py_rows {
    uint32_t count;   /* rows of the result */
    uint32_t padding; /* so many of them, in front, are not from the view */
    bool repeat;      /* padding repeats the oldest frame; else it is zeros */
    uint32_t first;   /* frame of the view that is the first real row */
    bool out_may_be_longer;
} py_rows;

/** What the caller gets for a view: an array or a dict of them, with info when asked for. `rows` NULL: one sample, else
 *  a history. Ends the lease in any case. */
PyObject *py_deliver(py_stream *stream, py_lease *lease, const py_rows *rows, const py_read_options *options);
/** The same for a read that moved the cursor from `cursor` on: one that fails gives its samples back, to be read again.
 */
PyObject *py_deliver_or_give_back(py_stream *stream, py_lease *lease, const py_rows *rows,
                                  const py_read_options *options, uint64_t cursor);

/* ---- gather.c: private arrays and out= -----------------------------------------------------------------------------
 */

/* Where the rows of one field go. */
typedef struct py_target {
    PyObject *result;    /* what the caller gets: an array, a list of arrays for a variable field's rows */
    PyObject *temporary; /* filled in the place of `result`, whose memory is not plain; NULL: none */
    PyObject *keeper;    /* keeps `data` in place */
    char *data;          /* contiguous rows; NULL for a list */
    uint64_t row_bytes;
} py_target;

/* Arrays on their way to be filled. */
typedef struct py_gather {
    py_stream *stream;
    py_schema *schema;
    Py_ssize_t count; /* rows; -1: one sample, without the leading dimension */
    PyObject *out;    /* borrowed; NULL: new arrays */
    py_target targets[PMIPC_MAX_FIELDS];
} py_gather;

/** Prepare `count` rows in new arrays or in `out`; `lengths` has the fields' leading lengths for a single sample. */
py_gather *py_gather_begin(py_stream *stream, py_schema *schema, Py_ssize_t count, const pmipc_view_field *lengths,
                           PyObject *out, bool out_may_be_longer);
/** Copy rows of fixed fields that lie `stride` apart, from row `row` on, and of variable fields one row. */
int py_gather_rows(py_gather *gather, Py_ssize_t row, Py_ssize_t count, const pmipc_view_field *fields, int64_t stride);
/** A row of zeros; variable fields get length 0. */
int py_gather_zeros(py_gather *gather, Py_ssize_t row);
/** The filled arrays; frees the gather. */
PyObject *py_gather_end(py_gather *gather);
void py_gather_free(py_gather *gather);
/** A gather of frames of a view, as rows say (NULL: one sample). */
PyObject *py_gather_view(py_stream *stream, py_schema *schema, const pmipc_view *view, const py_rows *rows,
                         PyObject *out);

/* ---- read.c, history.c, at.c
 * ---------------------------------------------------------------------------------------------- */

int py_read_options_parse(py_stream *self, PyObject *const *values, py_read_options *options);
PyObject *py_stream_get_last(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_new(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_next(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_iternext(PyObject *object);
PyObject *py_stream_get_all_new(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_history(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_at(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
/** What a read without result returns: None, or (None, None). */
PyObject *py_nothing(const py_read_options *options);
/** Pair an array (stolen) with its info (stolen) when asked for. */
PyObject *py_with_info(PyObject *result, PyObject *info);

/* ---- info.c
 * ------------------------------------------------------------------------------------------------------------------ */

PyObject *py_sample_info(py_state *state, const pmipc_view *view, uint64_t dropped, bool copied);
PyObject *py_history_info(py_state *state, const pmipc_view *view, const py_rows *rows, uint64_t dropped, bool copied);
/** A HistoryInfo to be filled row by row. */
PyObject *py_history_info_begin(py_state *state, Py_ssize_t count, uint64_t dropped, bool copied);
void py_history_info_row(PyObject *info, Py_ssize_t row, uint64_t seq, int64_t stamp_ns, int64_t published_ns,
                         int64_t now_ns);

/* ---- wait.c
 * --------------------------------------------------------------------------------------------------------------------
 */

/** Monotonic deadline of a timeout; negative: never. */
int64_t py_deadline(int64_t timeout_ns);
/** Sleep until one of the streams has something to look at, or a slice of time is over. 1: look again; 0: the deadline
 * is over, one last look; -1: exception (a signal handler raised, a stream was closed). */
int py_wait(py_stream *const *streams, uint32_t count, int64_t deadline_ns);
/** Sleep until the stream's history holds a sample stamped at or after. 1: it does; 0: the timeout is over; -1:
 * exception. */
int py_wait_at(py_stream *self, int64_t stamp_ns, int64_t timeout_ns);
PyObject *py_stream_wait_connected(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_wait_any(PyObject *module, PyObject *args);
PyObject *py_wait_connected(PyObject *module, PyObject *args);
/** Connect if that can be done now. 1 connected, 0 not, -1 exception. */
int py_stream_connect(py_stream *self);

#endif
