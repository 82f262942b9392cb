/* arguments.h: what callers pass: keyword arguments of fast calls, texts, seconds, stamps. */
#ifndef PY_ARGUMENTS_H
#define PY_ARGUMENTS_H

#include "core/state.h"

/* The argument names of a method. The first `positional` may be passed by position, the first `required` must be
 * passed. */
typedef struct py_signature {
    const char *function;
    int positional;
    int required;
    int count;
    py_name names[8];
} py_signature;

/** Sort the arguments of a fast call into `values`, in the order of the signature; NULL for those not passed. -1 with
 *  TypeError. */
int py_parse(const py_state *state, const py_signature *signature, PyObject *const *args, Py_ssize_t nargs,
             PyObject *kwnames, PyObject **values);
/** The UTF-8 of a pool's name, valid as long as `name`; NULL with InvalidNameError when it contains a zero byte or
 *  cannot be encoded. */
const char *py_pool_name(py_state *state, PyObject *name);
/** str or None as UTF-8 or NULL, valid as long as `value`. -1 with TypeError or ValueError that begins with `what`. */
int py_optional_text(PyObject *value, const char *what, const char **text);
/** Seconds (int, float, None) as ns, rounded; None and infinity give `absent`. ValueError when negative or NaN. Error
 *  texts begin with the pool's name; `pool_name` NULL: the number is for several pools. */
int py_seconds(PyObject *value, const char *what, const char *pool_name, int64_t absent, int64_t *ns);
/** A stamp or a span: int ns or float seconds. */
int py_stamp(PyObject *value, const char *what, const char *pool_name, int64_t *ns);
/** The stamp of a sample that will be published. An int that is the time of day in s, ms or µs causes a warning, unless
 *  `*warned`. */
int py_sample_stamp(PyObject *value, const char *pool_name, bool *warned, int64_t *ns);

#endif
