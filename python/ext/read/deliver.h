/* deliver.h: from a view to what the caller asked for. */
#ifndef PY_READ_DELIVER_H
#define PY_READ_DELIVER_H

#include "read/options.h"

/** What the caller gets for a view: an array or a dict of arrays, with an info when asked for. `rows` NULL: one sample,
 *  else a history. Ends the lease in any case. */
PyObject *py_deliver(py_stream *stream, py_lease *lease, const py_rows *rows, const py_read_options *options);
/** The same for a read that moved the cursor from `cursor` on. When it fails, the cursor moves back, and the samples
 * can be read again. */
PyObject *py_deliver_or_give_back(py_stream *stream, py_lease *lease, const py_rows *rows,
                                  const py_read_options *options, uint64_t cursor);
/** A pair of an array and its info, both stolen; the array alone when `info` is NULL. */
PyObject *py_with_info(PyObject *result, PyObject *info);

#endif
