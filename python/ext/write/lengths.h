/* lengths.h: the leading lengths of variable fields in a loan, from and to Python. */
#ifndef PY_WRITE_LENGTHS_H
#define PY_WRITE_LENGTHS_H

#include "arrays/schema.h"

/** The largest lengths of a schema with variable fields: an int, or for a dict pool a dict of int. New. */
PyObject *py_lengths_preset(const py_schema *schema);
/** Whether the pool has variable fields; -1 with SchemaMismatchError when it does not. */
int py_lengths_check_variable(const py_schema *schema, const char *pool_name);
/** Read an int, or for a dict pool a dict (None: no change), into the lengths of `loan`. -1 with an exception. */
int py_lengths_read(py_schema *schema, const char *pool_name, PyObject *lengths, pmipc_loan *loan);

#endif
