/* gather.h: samples copied out of the pool into new arrays or into out=. */
#ifndef PY_READ_GATHER_H
#define PY_READ_GATHER_H

#include "read/options.h"

/* Where the rows of one field go. */
typedef struct py_target {
    PyObject *result;    /* what the caller gets: an array; a list of arrays for the rows of a variable field */
    PyObject *temporary; /* filled in place of `result`, whose memory is not plain; NULL: none */
    PyObject *keeper;    /* keeps `data` in place */
    char *data;          /* contiguous rows; NULL for a list */
    uint64_t row_bytes;
} py_target;

/* Arrays that are being filled. */
typedef struct py_gather {
    py_stream *stream;
    py_schema *schema;
    Py_ssize_t count; /* rows; -1: one sample, without the leading dimension */
    PyObject *out;    /* borrowed; NULL: new arrays */
    py_target targets[PMIPC_MAX_FIELDS];
} py_gather;

/** Prepare `count` rows in new arrays or in `out`; `lengths` has the leading lengths of the fields for a single sample.
 *  NULL with an exception. */
py_gather *py_gather_begin(py_stream *stream, py_schema *schema, Py_ssize_t count, const pmipc_view_field *lengths,
                           PyObject *out, bool out_may_be_longer);
/** Copy `count` rows of the fixed fields, which are `stride` bytes apart, to row `row` and on; of variable fields one
 * row.
 */
int py_gather_rows(py_gather *gather, Py_ssize_t row, Py_ssize_t count, const pmipc_view_field *fields, int64_t stride);
/** The filled arrays; frees the gather. */
PyObject *py_gather_end(py_gather *gather);
void py_gather_free(py_gather *gather);
/** Copy the frames of a view that `rows` names (NULL: one sample). NULL with an exception. */
PyObject *py_gather_view(py_stream *stream, py_schema *schema, const pmipc_view *view, const py_rows *rows,
                         PyObject *out);

#endif
