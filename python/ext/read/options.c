/* options.c: what every get_* call takes, and what it returns without a sample. */
#include "read/options.h"

#include "core/arguments.h"

int py_read_options_parse(py_stream *self, PyObject *const *values, py_read_options *options)
{
    options->copy = self->copy;
    options->max_age_ns = self->max_age_ns;
    options->return_info = false;
    options->out = values[1] == Py_None ? NULL : values[1];
    if (values[0] != NULL && values[0] != Py_None) {
        int copy = PyObject_IsTrue(values[0]);
        if (copy < 0)
            return -1;
        options->copy = copy;
    }
    if (values[2] != NULL && values[2] != Py_None &&
        py_seconds(values[2], "max_age", self->name_text, -1, &options->max_age_ns) < 0)
        return -1;
    if (values[3] != NULL) {
        int wanted = PyObject_IsTrue(values[3]);
        if (wanted < 0)
            return -1;
        options->return_info = wanted;
    }
    return 0;
}

PyObject *py_nothing(const py_read_options *options)
{
    if (options->return_info)
        return PyTuple_Pack(2, Py_None, Py_None);
    Py_RETURN_NONE;
}

int py_read_failed(py_stream *self, pmipc_status status, py_lease *lease)
{
    if (status == PMIPC_OK)
        py_stream_drop(self, lease);
    else
        py_lease_end(lease);
    if (status < PMIPC_INVALID_ARGUMENT) /* an outcome: nothing new, not connected, too old */
        return 0;
    if (!PyErr_Occurred())
        py_stream_raise(self, status);
    return -1;
}

PyObject *py_read_nothing(py_stream *self, pmipc_status status, py_lease *lease, const py_read_options *options)
{
    return py_read_failed(self, status, lease) < 0 ? NULL : py_nothing(options);
}
