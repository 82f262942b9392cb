/* producer.h: the Producer and Loan classes. */
#ifndef PY_WRITE_PRODUCER_H
#define PY_WRITE_PRODUCER_H

#include "core/state.h"

extern PyType_Spec py_producer_spec;
extern PyType_Spec py_loan_spec;

/* The methods of publish.c and loan.c. */
PyObject *py_producer_publish(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_producer_loan(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

#endif
