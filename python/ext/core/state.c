/* state.c: the module's state, found from its classes, and numpy's C API. */
#define PY_IMPORTS_NUMPY
#include "core/state.h"

static PyModuleDef *module_definition;

int py_numpy_import(void)
{
    import_array1(-1);
    return 0;
}

void py_state_set_definition(PyModuleDef *definition)
{
    module_definition = definition;
}

/* PyType_GetModuleByDef, which Python 3.10 does not have. */
py_state *py_state_of(PyTypeObject *type)
{
    PyObject *ancestry = type->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(ancestry); i++) {
        PyTypeObject *ancestor = (PyTypeObject *)PyTuple_GET_ITEM(ancestry, i);
        if (!PyType_HasFeature(ancestor, Py_TPFLAGS_HEAPTYPE))
            continue;
        PyObject *module = PyType_GetModule(ancestor);
        if (module != NULL && PyModule_GetDef(module) == module_definition)
            return PyModule_GetState(module);
        PyErr_Clear();
    }
    PyErr_Format(PyExc_TypeError, "%.100s is not a class of polymorph_ipc", type->tp_name);
    return NULL;
}
