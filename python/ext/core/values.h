/* values.h: C values as Python values. */
#ifndef PY_VALUES_H
#define PY_VALUES_H

#include "core/state.h"

/** A str of a C text, or of at most `capacity` bytes of it; invalid UTF-8 is replaced. */
PyObject *py_text(const char *text);
PyObject *py_text_of(const char *text, size_t capacity);
/** A list of int. */
PyObject *py_int_list(const int64_t *values, uint32_t count);

#endif
