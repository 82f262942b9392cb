/* values.c: C values as Python values. */
#include "core/values.h"

PyObject *py_text(const char *text)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

PyObject *py_text_of(const char *text, size_t capacity)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strnlen(text, capacity), "replace");
}

PyObject *py_int_list(const int64_t *values, uint32_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        PyObject *value = PyLong_FromLongLong(values[i]);
        if (value == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, value);
    }
    return list;
}
