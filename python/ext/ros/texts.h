/* texts.h: types, fields and names, from Python objects to what the library takes. */
#ifndef PY_ROS_TEXTS_H
#define PY_ROS_TEXTS_H

#include "core/state.h"

#include <polymorph_ipc/ros.h>

/** The UTF-8 of a list of str, borrowed; 0 texts for None. Free the array with PyMem_Free. -1 with an exception. */
int py_ros_read_texts(PyObject *list, const char *what, const char ***texts, uint32_t *count);
/** {type name: .msg text}; NULL with an exception. */
pmipc_cdr_types *py_ros_read_types(py_state *state, PyObject *texts);
/** {field name: path}. -1 with an exception. */
int py_ros_decoded_fields(PyObject *dict, pmipc_ros_field *fields, uint32_t *count);

#endif
