/* errors.h: raising the exceptions of the C library's statuses. */
#ifndef PY_ERRORS_H
#define PY_ERRORS_H

#include "core/state.h"

/** Create the exception classes and add them to the module. -1 with an exception. */
int py_errors_init(PyObject *module, py_state *state);
/** Raise the exception of `status` with exactly this text; `os_error` becomes errno of those that are OSErrors. */
void py_raise(py_state *state, pmipc_status status, const char *text, int os_error);
void py_raise_error(py_state *state, const pmipc_error *error);
void py_raise_format(py_state *state, pmipc_status status, const char *format, ...);

/* Every handle (producer, stream, decoder, encoder) goes through these steps: tp_new gives every field a defined value,
 * __init__ opens the handle once, cleanup() closes it, and a fork may copy it into a child. Code of a subclass may run
 * between any two steps, so each method and property first checks the handle's state. These refuse the wrong ones. */

/** Raise WrongStateError: __init__ of `object` has not run, or it raised. Always -1. */
int py_refuse_unopened(py_state *state, PyObject *object);
/** Raise WrongStateError: __init__ of `object` has succeeded before. Always -1. */
int py_refuse_second_init(py_state *state, PyObject *object);
/** Raise ForkedError: `object` was made in the parent of this process and works only there. Always -1. */
int py_refuse_forked(py_state *state, PyObject *object);

#endif
