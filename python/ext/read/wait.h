/* wait.h: sleeping until there is something to look at. */
#ifndef PY_READ_WAIT_H
#define PY_READ_WAIT_H

#include "read/handle.h"

/** Sleep until the stream has something to look at, at most a slice of time. `deadline_ns` is of pmipc_deadline. 1:
 * look again; 0: the deadline has passed, look once more; -1: exception (a signal handler raised, the stream was
 * closed). */
int py_wait(py_stream *stream, int64_t deadline_ns);
/** Sleep until the stream's history holds a sample stamped at or after `stamp_ns`. 1: it does; 0: timeout; -1:
 * exception.
 */
int py_wait_at(py_stream *self, int64_t stamp_ns, int64_t timeout_ns);
/** The functions wait_any and wait_connected of the module. */
PyObject *py_wait_any(PyObject *module, PyObject *args);
PyObject *py_wait_connected(PyObject *module, PyObject *args);

#endif
