/* wait.h: sleeping until there is something to look at. */
#ifndef PY_READ_WAIT_H
#define PY_READ_WAIT_H

#include "read/handle.h"

/** Begin a wait of `timeout_ns`, or PMIPC_FOREVER, for py_wait. */
pmipc_wait py_wait_begin(int64_t timeout_ns);
/** Sleep until the stream has something to look at, at most a slice of time. 1: look again; 0: the wait has ended, look
 * once more; -1: exception (a signal handler raised, the stream was closed). */
int py_wait(py_stream *stream, pmipc_wait *wait);
/** Sleep until the stream's history holds a sample stamped at or after `stamp_ns`. 1: it does; 0: timeout; -1:
 * exception.
 */
int py_wait_at(py_stream *self, int64_t stamp_ns, int64_t timeout_ns);
/** The functions wait_any and wait_connected of the module. */
PyObject *py_wait_any(PyObject *module, PyObject *args);
PyObject *py_wait_connected(PyObject *module, PyObject *args);

#endif
