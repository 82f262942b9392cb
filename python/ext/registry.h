/* registry.h: the module's functions on the registry of pools. */
#ifndef PY_REGISTRY_H
#define PY_REGISTRY_H

#include "core/state.h"

PyObject *py_registry_list(PyObject *module, PyObject *folder);
PyObject *py_registry_inspect(PyObject *module, PyObject *args);
PyObject *py_registry_remove(PyObject *module, PyObject *args);
PyObject *py_registry_clean(PyObject *module, PyObject *folder);
PyObject *py_registry_folder(PyObject *module, PyObject *unused);

#endif
