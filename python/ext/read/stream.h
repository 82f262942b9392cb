/* stream.h: the Stream class and its reads. */
#ifndef PY_READ_STREAM_H
#define PY_READ_STREAM_H

#include "core/state.h"

extern PyType_Spec py_stream_spec;

/* The methods of sample.c, history.c, at.c and wait.c. */
PyObject *py_stream_get_last(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_new(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_next(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_iternext(PyObject *object);
PyObject *py_stream_get_all_new(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_history(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_at(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_wait_connected(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

#endif
