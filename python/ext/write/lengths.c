/* lengths.c: the leading lengths of variable fields in a loan, from and to Python. */
#include "write/lengths.h"

#include "core/errors.h"

PyObject *py_lengths_preset(const py_schema *schema)
{
    if (!schema->is_dict)
        return PyLong_FromSsize_t(schema->fields[0].shape[0]);
    PyObject *lengths = PyDict_New();
    for (uint32_t i = 0; lengths != NULL && i < schema->field_count; i++) {
        if (!schema->fields[i].variable)
            continue;
        PyObject *length = PyLong_FromSsize_t(schema->fields[i].shape[0]);
        if (length == NULL || PyDict_SetItem(lengths, schema->fields[i].name, length) < 0)
            Py_CLEAR(lengths);
        Py_XDECREF(length);
    }
    return lengths;
}

static int read_length(py_schema *schema, uint32_t index, const char *pool_name, PyObject *value, pmipc_loan *loan)
{
    int64_t length = value == NULL ? -1 : PyLong_AsLongLong(value);
    if (length == -1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyObject *context = py_field_context(schema, index, pool_name);
            if (context != NULL)
                PyErr_Format(PyExc_TypeError, "%U: length must be an int, not %.100s", context,
                             Py_TYPE(value)->tp_name);
            Py_XDECREF(context);
        }
        return -1;
    }
    loan->fields[index].length = length;
    return 0;
}

int py_lengths_check_variable(const py_schema *schema, const char *pool_name)
{
    if (schema->has_variable)
        return 0;
    py_raise_format(schema->state, PMIPC_SCHEMA_MISMATCH, "pool '%s' carries %S: its length is not variable", pool_name,
                    (PyObject *)schema);
    return -1;
}

int py_lengths_read(py_schema *schema, const char *pool_name, PyObject *lengths, pmipc_loan *loan)
{
    if (!schema->is_dict)
        return read_length(schema, 0, pool_name, lengths, loan);
    if (lengths == Py_None)
        return 0;
    if (!PyDict_Check(lengths)) {
        PyErr_Format(PyExc_TypeError, "pool '%s': length must be a dict of the variable fields' lengths, not %.100s",
                     pool_name, Py_TYPE(lengths)->tp_name);
        return -1;
    }
    Py_ssize_t known = 0;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (!schema->fields[i].variable)
            continue;
        PyObject *length;
        int has = PyDict_GetItemRef(lengths, schema->fields[i].name, &length);
        if (has < 0)
            return -1;
        int result = has ? read_length(schema, i, pool_name, length, loan) : 0;
        Py_XDECREF(length);
        if (result < 0)
            return -1;
        known += has;
    }
    if (known != PyDict_GET_SIZE(lengths)) {
        py_raise_format(schema->state, PMIPC_SCHEMA_MISMATCH,
                        "pool '%s' carries %S: length has names of fields that are not variable: %R", pool_name,
                        (PyObject *)schema, lengths);
        return -1;
    }
    return 0;
}
