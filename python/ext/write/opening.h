/* opening.h: the arguments of Producer.__init__. */
#ifndef PY_WRITE_OPENING_H
#define PY_WRITE_OPENING_H

#include "arrays/schema.h"

/* Borrowed references: the caller of __init__ keeps the objects. */
typedef struct py_opening {
    PyObject *name, *folder, *metadata;
    py_schema *schema;
    const char *name_text;
    pmipc_producer_options options;
} py_opening;

/** Parse and check the arguments. -1 with an exception. */
int py_opening_parse(py_state *state, PyObject *args, PyObject *kwargs, py_opening *given);

#endif
