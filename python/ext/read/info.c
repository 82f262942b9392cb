/* info.c: SampleInfo and HistoryInfo, the named tuples of _infos.py, filled without a call into Python. */
#include "read/info.h"

#include "core/errors.h"
#include "core/infos.h"

#include <math.h>

enum { INFO_SEQ, INFO_STAMP, INFO_AGE, INFO_PUBLISHED, INFO_DROPPED, INFO_COPIED, INFO_COUNT };

/* An empty tuple of this class, which the caller fills. */
static PyObject *new_tuple(PyObject *class)
{
    PyTypeObject *type = (PyTypeObject *)class;
    return type->tp_alloc(type, INFO_COUNT);
}

static PyObject *finish_tuple(PyObject *info)
{
    for (Py_ssize_t i = 0; i < INFO_COUNT; i++) {
        if (PyTuple_GET_ITEM(info, i) == NULL) {
            Py_DECREF(info);
            return NULL;
        }
    }
    return info;
}

PyObject *py_sample_info(py_state *state, const pmipc_view *view, uint64_t dropped, bool copied)
{
    if (py_infos_find(state) < 0)
        return NULL;
    PyObject *info = new_tuple(state->sample_info);
    if (info == NULL)
        return NULL;
    PyTuple_SET_ITEM(info, INFO_SEQ, PyLong_FromUnsignedLongLong(view->seq));
    PyTuple_SET_ITEM(info, INFO_STAMP, PyLong_FromLongLong(view->stamp_ns));
    PyTuple_SET_ITEM(info, INFO_AGE, PyFloat_FromDouble((double)(pmipc_monotonic_ns() - view->published_ns) / 1e9));
    PyTuple_SET_ITEM(info, INFO_PUBLISHED, PyLong_FromLongLong(view->published_ns));
    PyTuple_SET_ITEM(info, INFO_DROPPED, PyLong_FromUnsignedLongLong(dropped));
    PyTuple_SET_ITEM(info, INFO_COPIED, PyBool_FromLong(copied));
    return finish_tuple(info);
}

PyObject *py_history_info_begin(py_state *state, Py_ssize_t count, uint64_t dropped, bool copied)
{
    if (py_infos_find(state) < 0)
        return NULL;
    PyObject *info = new_tuple(state->history_info);
    if (info == NULL)
        return NULL;
    npy_intp shape[1] = {(npy_intp)count};
    PyTuple_SET_ITEM(info, INFO_SEQ, PyArray_SimpleNew(1, shape, NPY_INT64));
    PyTuple_SET_ITEM(info, INFO_STAMP, PyArray_SimpleNew(1, shape, NPY_INT64));
    PyTuple_SET_ITEM(info, INFO_AGE, PyArray_SimpleNew(1, shape, NPY_FLOAT64));
    PyTuple_SET_ITEM(info, INFO_PUBLISHED, PyArray_SimpleNew(1, shape, NPY_INT64));
    PyTuple_SET_ITEM(info, INFO_DROPPED, PyLong_FromUnsignedLongLong(dropped));
    PyTuple_SET_ITEM(info, INFO_COPIED, PyBool_FromLong(copied));
    return finish_tuple(info);
}

static void *column(PyObject *info, Py_ssize_t item)
{
    return PyArray_DATA((PyArrayObject *)PyTuple_GET_ITEM(info, item));
}

void py_history_info_row(PyObject *info, Py_ssize_t row, uint64_t seq, int64_t stamp_ns, int64_t published_ns,
                         int64_t now_ns)
{
    ((int64_t *)column(info, INFO_SEQ))[row] = (int64_t)seq;
    ((int64_t *)column(info, INFO_STAMP))[row] = stamp_ns;
    ((int64_t *)column(info, INFO_PUBLISHED))[row] = published_ns;
    ((double *)column(info, INFO_AGE))[row] = seq == 0 ? INFINITY : (double)(now_ns - published_ns) / 1e9;
}

PyObject *py_history_info(py_state *state, const pmipc_view *view, const py_rows *rows, uint64_t dropped, bool copied)
{
    PyObject *info = py_history_info_begin(state, (Py_ssize_t)rows->count, dropped, copied);
    if (info == NULL)
        return NULL;
    int64_t now_ns = pmipc_monotonic_ns();
    for (uint32_t i = 0; i < rows->count; i++) {
        pmipc_frame frame = {0}; /* for padding with zeros */
        bool padding = i < rows->padding;
        if (!padding || rows->repeat) {
            uint32_t index = rows->first + (padding ? 0 : i - rows->padding);
            pmipc_status status = pmipc_view_frame(view, index, &frame);
            if (status != PMIPC_OK) {
                py_raise(state, status, pmipc_status_text(status), 0);
                Py_DECREF(info);
                return NULL;
            }
        }
        py_history_info_row(info, (Py_ssize_t)i, frame.seq, frame.stamp_ns, frame.published_ns, now_ns);
    }
    return info;
}
