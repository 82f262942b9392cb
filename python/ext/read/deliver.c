/* deliver.c: from a view of the library to the arrays and infos that the caller gets. Every read runs this code. */
#include "read/deliver.h"

#include "arrays/torch.h"
#include "core/errors.h"
#include "read/gather.h"
#include "read/info.h"

/* ---- one field */

/* The memory of a field's array. `rows` negative: one sample, without the leading dimension of a history. */
typedef struct span {
    const void *data;
    int64_t length; /* leading length, for a variable field */
    int64_t rows;
    int64_t row_stride; /* bytes */
} span;

/* Shape of the array. The shape of the field itself is not copied into `room`. */
static int span_shape(const py_field *field, const span *where, npy_intp *room, const npy_intp **shape)
{
    if (where->rows < 0 && !field->variable) {
        *shape = field->shape;
        return field->ndim;
    }
    int ndim = 0;
    if (where->rows >= 0)
        room[ndim++] = (npy_intp)where->rows;
    for (int i = 0; i < field->ndim; i++)
        room[ndim + i] = field->shape[i];
    if (field->variable)
        room[ndim] = (npy_intp)where->length;
    *shape = room;
    return ndim + field->ndim;
}

static PyObject *numpy_view(py_schema *schema, uint32_t index, PyObject *base, const span *where)
{
    py_field *field = &schema->fields[index];
    PyArray_Descr *descr = field->descr;
    if (descr == NULL && (descr = py_field_descr(schema, index)) == NULL)
        return NULL;
    npy_intp room[PY_MAX_DIMENSIONS];
    npy_intp strides[PY_MAX_DIMENSIONS];
    const npy_intp *shape;
    int ndim = span_shape(field, where, room, &shape);
    if (where->rows >= 0) {
        strides[0] = (npy_intp)where->row_stride;
        for (int i = 0; i < field->ndim; i++)
            strides[i + 1] = (npy_intp)(field->strides[i] * field->itemsize);
    }
    Py_INCREF(descr);
    PyObject *array = PyArray_NewFromDescr(&PyArray_Type, descr, ndim, (npy_intp *)(uintptr_t)shape,
                                           where->rows >= 0 ? strides : NULL, (void *)(uintptr_t)where->data, 0, NULL);
    if (array == NULL)
        return NULL;
    if (PyArray_SetBaseObject((PyArrayObject *)array, Py_NewRef(base)) < 0)
        Py_CLEAR(array);
    return array;
}

static PyObject *torch_view(py_schema *schema, uint32_t index, py_hold *hold, const span *where)
{
    const py_field *field = &schema->fields[index];
    void *data = (void *)(uintptr_t)where->data;
    npy_intp room[PY_MAX_DIMENSIONS];
    const npy_intp *shape;
    int ndim = span_shape(field, where, room, &shape);
    if (where->rows < 0)
        return py_torch_view(schema->state, hold, field->dlpack, data, ndim, shape, NULL);
    int64_t strides[PY_MAX_DIMENSIONS];
    strides[0] = where->row_stride / field->itemsize;
    for (int i = 0; i < field->ndim; i++)
        strides[i + 1] = field->strides[i];
    return py_torch_view(schema->state, hold, field->dlpack, data, ndim, shape, strides);
}

/* An array over memory that the lease keeps in place. `base` is made when the first numpy array needs it. */
static PyObject *field_view(py_schema *schema, uint32_t index, py_lease *lease, PyObject **base, const span *where)
{
    if (lease->hold != NULL && schema->fields[index].dlpack.lanes != 0)
        return torch_view(schema, index, lease->hold, where);
    if (*base == NULL && (*base = py_lease_base(schema->state, lease)) == NULL)
        return NULL;
    return numpy_view(schema, index, *base, where);
}

/* A list with one array per frame: the frames differ in length. */
static PyObject *variable_rows(py_schema *schema, uint32_t index, py_lease *lease, PyObject **base, const py_rows *rows)
{
    PyObject *list = PyList_New((Py_ssize_t)rows->count);
    for (uint32_t i = 0; list != NULL && i < rows->count; i++) {
        pmipc_frame frame;
        pmipc_status status = pmipc_view_frame(lease->view, rows->first + i, &frame);
        PyObject *array = NULL;
        if (status == PMIPC_OK) {
            const pmipc_view_field *from = &frame.fields[index];
            array = field_view(schema, index, lease, base, &(span){from->data, from->length, -1, 0});
        } else {
            py_raise(schema->state, status, pmipc_status_text(status), 0);
        }
        if (array == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, array);
    }
    return list;
}

/* The result of one field for a sample (`rows` NULL) or a history. */
static PyObject *field_result(py_schema *schema, uint32_t index, py_lease *lease, PyObject **base, const py_rows *rows)
{
    const pmipc_view *view = lease->view;
    const pmipc_view_field *from = &view->fields[index];
    if (rows == NULL)
        return field_view(schema, index, lease, base, &(span){from->data, from->length, -1, 0});
    if (schema->fields[index].variable)
        return variable_rows(schema, index, lease, base, rows);
    const char *data = (const char *)from->data + (int64_t)rows->first * view->frame_stride;
    return field_view(schema, index, lease, base, &(span){data, 0, rows->count, view->frame_stride});
}

/* ---- all fields */

static PyObject *make_views(py_schema *schema, py_lease *lease, const py_rows *rows)
{
    PyObject *base = lease->pin == NULL ? NULL : Py_NewRef((PyObject *)lease->pin);
    PyObject *result;
    if (!schema->is_dict) {
        result = field_result(schema, 0, lease, &base, rows);
    } else {
        result = PyDict_Copy(schema->template);
        for (uint32_t i = 0; result != NULL && i < schema->field_count; i++) {
            PyObject *array = field_result(schema, i, lease, &base, rows);
            if (array == NULL || PyDict_SetItem(result, schema->fields[i].name, array) < 0)
                Py_CLEAR(result);
            Py_XDECREF(array);
        }
    }
    Py_XDECREF(base);
    return result;
}

static bool is_private(const py_read_options *options, const py_rows *rows)
{
    return options->copy || options->out != NULL || (rows != NULL && rows->padding > 0);
}

/* The info has the ages at the time of the read, so it is made before a copy. */
static PyObject *make_info(py_state *state, const pmipc_view *view, const py_rows *rows, const py_read_options *options)
{
    bool copied = view->copied || is_private(options, rows);
    if (rows == NULL)
        return py_sample_info(state, view, view->lost, copied);
    return py_history_info(state, view, rows, view->lost, copied);
}

static PyObject *deliver(py_stream *stream, py_schema *schema, py_lease *lease, const py_rows *rows,
                         const py_read_options *options)
{
    PyObject *info = NULL;
    if (options->return_info && (info = make_info(stream->state, lease->view, rows, options)) == NULL)
        return NULL;
    PyObject *result;
    if (is_private(options, rows))
        result = py_gather_view(stream, schema, lease->view, rows, options->out);
    else
        result = make_views(schema, lease, rows);
    return py_with_info(result, info);
}

/* The most common result: a view of one plain sample. */
static PyObject *plain_view(py_schema *schema, py_lease *lease)
{
    const pmipc_view_field *from = &lease->view->fields[0];
    const span where = {from->data, from->length, -1, 0};
    if (lease->pin != NULL)
        return numpy_view(schema, 0, (PyObject *)lease->pin, &where);
    PyObject *base = NULL;
    PyObject *result = field_view(schema, 0, lease, &base, &where);
    Py_XDECREF(base);
    return result;
}

/* The second most common result: a dict of numpy views. */
static PyObject *dict_view(py_schema *schema, py_lease *lease)
{
    PyObject *result = PyDict_Copy(schema->template);
    for (uint32_t i = 0; result != NULL && i < schema->field_count; i++) {
        const pmipc_view_field *from = &lease->view->fields[i];
        const span where = {from->data, from->length, -1, 0};
        PyObject *array = numpy_view(schema, i, (PyObject *)lease->pin, &where);
        if (array == NULL || PyDict_SetItem(result, schema->fields[i].name, array) < 0)
            Py_CLEAR(result);
        Py_XDECREF(array);
    }
    return result;
}

PyObject *py_deliver(py_stream *stream, py_lease *lease, const py_rows *rows, const py_read_options *options)
{
    PyObject *result = NULL;
    py_schema *schema = py_stream_schema(stream, lease->view->schema);
    if (schema != NULL && py_lease_convert(stream->state, py_stream_gives_torch(stream), lease) == 0) {
        if (rows == NULL && schema->is_plain && !options->return_info && !is_private(options, rows))
            result = plain_view(schema, lease);
        else if (rows == NULL && schema->is_dict && lease->pin != NULL && !options->return_info &&
                 !is_private(options, rows))
            result = dict_view(schema, lease);
        else
            result = deliver(stream, schema, lease, rows, options);
    }
    Py_XDECREF(schema);
    if (result == NULL)
        py_stream_drop(stream, lease);
    else
        py_lease_end(lease);
    return result;
}

PyObject *py_deliver_or_give_back(py_stream *stream, py_lease *lease, const py_rows *rows,
                                  const py_read_options *options, uint64_t cursor)
{
    uint64_t newest = lease->view->seq;
    uint64_t before = newest - lease->view->frame_count;
    PyObject *result = py_deliver(stream, lease, rows, options);
    if (result != NULL)
        return result;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    py_turn_begin(&stream->turn);
    /* Not when another thread has read in between. If this read connected to a new pool, `cursor` is of the old one. */
    if (stream->handle != NULL && pmipc_stream_cursor(stream->handle) == newest)
        pmipc_stream_seek(stream->handle, cursor < before ? cursor : before);
    py_turn_end(&stream->turn);
    PyErr_Restore(type, value, traceback);
    return NULL;
}

PyObject *py_with_info(PyObject *result, PyObject *info)
{
    if (info == NULL)
        return result;
    PyObject *pair = result == NULL ? NULL : PyTuple_Pack(2, result, info);
    Py_XDECREF(result);
    Py_DECREF(info);
    return pair;
}
