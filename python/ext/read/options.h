/* options.h: what every get_* call takes, and what it returns without a sample. */
#ifndef PY_READ_OPTIONS_H
#define PY_READ_OPTIONS_H

#include "read/handle.h"

typedef struct py_read_options {
    bool copy;
    bool return_info;
    int64_t max_age_ns; /* negative: any age */
    PyObject *out;      /* borrowed; NULL: none */
} py_read_options;

/* The rows of a history. */
typedef struct py_rows {
    uint32_t count;   /* rows of the result */
    uint32_t padding; /* how many of them, at the front, are not from the view */
    bool repeat;      /* padding repeats the oldest frame; else it is zeros */
    uint32_t first;   /* frame of the view that is the first row after the padding */
    bool out_may_be_longer;
} py_rows;

/** Read the arguments copy, out, max_age and return_info; NULL: not passed. -1 with an exception. */
int py_read_options_parse(py_stream *self, PyObject *const *values, py_read_options *options);
/** What a read without a sample returns: None, or (None, None). */
PyObject *py_nothing(const py_read_options *options);
/** End the lease of a look that gave nothing, or (PMIPC_OK) nothing the caller wants. 0 for outcomes; for failures -1
 * with the exception of `status`, or with the one that is set. */
int py_read_failed(py_stream *self, pmipc_status status, py_lease *lease);
/** The same; returns what the read returns: py_nothing, or NULL with an exception. */
PyObject *py_read_nothing(py_stream *self, pmipc_status status, py_lease *lease, const py_read_options *options);

#endif
