/* texts.c: types, fields and names, from Python objects to what the library takes. */
#include "ros/texts.h"

#include "core/errors.h"

int py_ros_read_texts(PyObject *list, const char *what, const char ***texts, uint32_t *count)
{
    *texts = NULL;
    *count = 0;
    if (list == Py_None)
        return 0;
    if (!PyList_Check(list)) {
        PyErr_Format(PyExc_TypeError, "%s must be a list of str or None", what);
        return -1;
    }
    Py_ssize_t length = PyList_GET_SIZE(list);
    const char **found = PyMem_Calloc((size_t)length + 1, sizeof *found);
    if (found == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < length; i++) {
        PyObject *text = PyList_GET_ITEM(list, i);
        found[i] = PyUnicode_Check(text) ? PyUnicode_AsUTF8(text) : NULL;
        if (found[i] == NULL) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_TypeError, "%s must be a list of str, not of %.100s", what, Py_TYPE(text)->tp_name);
            PyMem_Free(found);
            return -1;
        }
    }
    *texts = found;
    *count = (uint32_t)length;
    return 0;
}

pmipc_cdr_types *py_ros_read_types(py_state *state, PyObject *texts)
{
    pmipc_cdr_types *types = NULL;
    pmipc_error error = {0};
    if (pmipc_cdr_types_create(&types, &error) != PMIPC_OK) {
        py_raise_error(state, &error);
        return NULL;
    }
    PyObject *name, *text;
    Py_ssize_t position = 0;
    while (PyDict_Next(texts, &position, &name, &text)) {
        Py_ssize_t length;
        const char *name_text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
        const char *body = PyUnicode_Check(text) ? PyUnicode_AsUTF8AndSize(text, &length) : NULL;
        if (name_text == NULL || body == NULL) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "types must be a dict of str to str");
            goto fail;
        }
        if (pmipc_cdr_types_add(types, name_text, body, (size_t)length, &error) != PMIPC_OK) {
            py_raise_error(state, &error);
            goto fail;
        }
    }
    return types;
fail:
    pmipc_cdr_types_destroy(types);
    return NULL;
}

int py_ros_decoded_fields(PyObject *dict, pmipc_ros_field *fields, uint32_t *count)
{
    Py_ssize_t position = 0;
    PyObject *name, *path;
    *count = 0;
    if (PyDict_GET_SIZE(dict) < 1 || PyDict_GET_SIZE(dict) > PMIPC_MAX_FIELDS) {
        PyErr_Format(PyExc_ValueError, "a sample has 1 to %d fields, not %zd", PMIPC_MAX_FIELDS, PyDict_GET_SIZE(dict));
        return -1;
    }
    while (PyDict_Next(dict, &position, &name, &path)) {
        pmipc_ros_field *field = &fields[(*count)++];
        field->name = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
        field->path = PyUnicode_Check(path) ? PyUnicode_AsUTF8(path) : NULL;
        if (field->name == NULL || field->path == NULL) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "fields must be a dict of str to str");
            return -1;
        }
    }
    return 0;
}
