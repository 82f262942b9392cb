/* gather.c: samples copied out of the pool: for copy=True, out=, padding and several stamps. */
#include "read/gather.h"

#include "arrays/torch.h"
#include "core/errors.h"

#include <string.h>

/* ---- where rows go */

static int target_set_numpy(py_target *target, PyObject *array)
{
    if (PyArray_IS_C_CONTIGUOUS((PyArrayObject *)array)) {
        target->data = PyArray_DATA((PyArrayObject *)array);
        return 0;
    }
    target->temporary = PyArray_NewLikeArray((PyArrayObject *)array, NPY_CORDER, NULL, 0);
    if (target->temporary == NULL)
        return -1;
    target->data = PyArray_DATA((PyArrayObject *)target->temporary);
    return 0;
}

/* Fill the memory of the tensor itself; a temporary tensor of the same shape when that memory is strided, on another
 * device, or marked as negated or conjugate. */
static int target_set_torch(py_state *state, py_target *target, PyObject *tensor, const char *dtype_name)
{
    dlpack_tensor memory;
    if (py_torch_read(state, tensor, &memory, &target->keeper) < 0)
        return -1;
    int lazy = py_torch_lazy_bits(state, tensor, memory.dtype);
    if (lazy < 0)
        return -1;
    if (!lazy && memory.device.type == DLPACK_DEVICE_CPU && py_torch_is_contiguous(&memory)) {
        target->data = (char *)memory.data + memory.byte_offset;
        return 0;
    }
    npy_intp shape[PY_MAX_DIMENSIONS];
    for (int i = 0; i < memory.ndim; i++)
        shape[i] = (npy_intp)memory.shape[i];
    target->temporary = py_torch_empty(state, dtype_name, memory.ndim, shape);
    Py_CLEAR(target->keeper);
    if (target->temporary == NULL || py_torch_read(state, target->temporary, &memory, &target->keeper) < 0)
        return -1;
    target->data = (char *)memory.data + memory.byte_offset;
    return 0;
}

static const char *torch_name(const py_schema *schema, uint32_t index)
{
    return pmipc_dtype_name(schema->schema.fields[index].dtype);
}

static int target_new(py_gather *gather, uint32_t index, int ndim, const npy_intp *shape)
{
    py_schema *schema = gather->schema;
    py_target *target = &gather->targets[index];
    if (py_stream_gives_torch(gather->stream) && schema->fields[index].dlpack.lanes != 0) {
        target->result = py_torch_empty(schema->state, torch_name(schema, index), ndim, shape);
        return target->result == NULL
                   ? -1
                   : target_set_torch(schema->state, target, target->result, torch_name(schema, index));
    }
    PyArray_Descr *descr = py_field_descr(schema, index);
    if (descr == NULL)
        return -1;
    Py_INCREF(descr);
    target->result =
        PyArray_NewFromDescr(&PyArray_Type, descr, ndim, (npy_intp *)(uintptr_t)shape, NULL, NULL, 0, NULL);
    return target->result == NULL ? -1 : target_set_numpy(target, target->result);
}

/* ---- out= */

static void raise_out(const py_gather *gather, uint32_t index, int ndim, const npy_intp *shape, bool longer,
                      PyObject *got)
{
    py_schema *schema = gather->schema;
    PyObject *context = py_field_context(schema, index, gather->stream->name_text);
    PyObject *name = py_field_dtype_name(schema, index);
    PyObject *expected = PyArray_IntTupleFromIntp(ndim, shape);
    PyObject *dtype = PyObject_GetAttrString(got, "dtype");
    PyObject *got_shape = PyObject_GetAttrString(got, "shape");
    if (context != NULL && name != NULL && expected != NULL && dtype != NULL && got_shape != NULL) {
        PyObject *tuple = PySequence_Tuple(got_shape); /* torch.Size prints as torch.Size([...]) */
        if (tuple != NULL)
            py_raise_format(schema->state, PMIPC_SCHEMA_MISMATCH, "%U: out= must be %U %S%s, got %S %S", context, name,
                            expected, longer ? " or longer" : "", dtype, tuple);
        Py_XDECREF(tuple);
    }
    Py_XDECREF(context);
    Py_XDECREF(name);
    Py_XDECREF(expected);
    Py_XDECREF(dtype);
    Py_XDECREF(got_shape);
}

static bool shape_fits(int ndim, const npy_intp *shape, bool longer, int got_ndim, const int64_t *got)
{
    if (ndim != got_ndim)
        return false;
    for (int i = 0; i < ndim; i++)
        if (longer && i == 0 ? got[i] < shape[i] : got[i] != shape[i])
            return false;
    return true;
}

/* 1 fits, 0 does not, -1 exception. */
static int out_fits(const py_gather *gather, uint32_t index, PyObject *out, int ndim, const npy_intp *shape,
                    bool longer)
{
    py_schema *schema = gather->schema;
    int64_t got[NPY_MAXDIMS];
    if (PyArray_Check(out)) {
        PyArrayObject *array = (PyArrayObject *)out;
        PyArray_Descr *descr = py_field_descr(schema, index);
        if (descr == NULL)
            return -1;
        for (int i = 0; i < PyArray_NDIM(array); i++)
            got[i] = PyArray_DIM(array, i);
        return PyArray_EquivTypes(descr, PyArray_DESCR(array)) &&
               shape_fits(ndim, shape, longer, PyArray_NDIM(array), got);
    }
    dlpack_tensor tensor;
    PyObject *keeper;
    if (py_torch_read(schema->state, out, &tensor, &keeper) < 0)
        return -1;
    const dlpack_dtype *dtype = &schema->fields[index].dlpack;
    int fits = tensor.dtype.code == dtype->code && tensor.dtype.bits == dtype->bits &&
               tensor.dtype.lanes == dtype->lanes && shape_fits(ndim, shape, longer, tensor.ndim, tensor.shape);
    Py_XDECREF(keeper);
    return fits;
}

static int check_writeable(const py_gather *gather, uint32_t index, PyObject *out)
{
    if (PyArray_ISWRITEABLE((PyArrayObject *)out))
        return PyArray_FailUnlessWriteable((PyArrayObject *)out,
                                           "out="); /* warns of arrays that will become read-only */
    PyObject *context = py_field_context(gather->schema, index, gather->stream->name_text);
    if (context != NULL)
        PyErr_Format(PyExc_ValueError, "%U: out= is read-only", context);
    Py_XDECREF(context);
    return -1;
}

/* `filled`: how much of the first dimension is filled; the rest of `out` does not change. Negative: all of it. */
static int target_out(py_gather *gather, uint32_t index, PyObject *out, int ndim, const npy_intp *shape, bool longer,
                      Py_ssize_t filled)
{
    py_state *state = gather->schema->state;
    py_target *target = &gather->targets[index];
    if (!PyArray_Check(out) && !py_torch_check(state, out)) {
        int found = py_torch_find(state);
        if (found < 0)
            return -1;
        if (!py_torch_check(state, out)) {
            PyErr_Format(PyExc_TypeError, "pool '%s': out= must be a numpy array or a torch tensor%s, not %.100s",
                         gather->stream->name_text, gather->schema->is_dict ? " for each field" : "",
                         Py_TYPE(out)->tp_name);
            return -1;
        }
    }
    if (PyArray_Check(out) && check_writeable(gather, index, out) < 0)
        return -1;
    int fits = out_fits(gather, index, out, ndim, shape, longer);
    if (fits == 0)
        raise_out(gather, index, ndim, shape, longer, out);
    if (fits <= 0)
        return -1;
    Py_ssize_t has = filled < 0 ? filled : PyObject_Length(out);
    if (filled >= 0 && has < 0)
        return -1;
    target->result = has == filled ? Py_NewRef(out) : PySequence_GetSlice(out, 0, filled);
    if (target->result == NULL)
        return -1;
    if (PyArray_Check(target->result))
        return target_set_numpy(target, target->result);
    return target_set_torch(state, target, target->result, torch_name(gather->schema, index));
}

/* ---- the fields of a gather */

/* The out= of field `index`, new: looking up other fields may run code that removes it from the dict. */
static PyObject *out_of_field(py_gather *gather, uint32_t index)
{
    py_schema *schema = gather->schema;
    if (!schema->is_dict)
        return Py_NewRef(gather->out);
    PyObject *name = schema->fields[index].name;
    if (!PyDict_Check(gather->out)) {
        PyErr_Format(PyExc_TypeError, "pool '%s' carries a dict: out= must be a dict of arrays, not %.100s",
                     gather->stream->name_text, Py_TYPE(gather->out)->tp_name);
        return NULL;
    }
    PyObject *out;
    if (PyDict_GetItemRef(gather->out, name, &out) == 0)
        py_raise_format(schema->state, PMIPC_SCHEMA_MISMATCH, "pool '%s': out= has no field '%U'",
                        gather->stream->name_text, name);
    return out;
}

static int begin_field(py_gather *gather, uint32_t index, const pmipc_view_field *lengths, bool out_may_be_longer)
{
    const py_field *field = &gather->schema->fields[index];
    py_target *target = &gather->targets[index];
    if (field->variable && gather->count >= 0) {
        if (gather->out != NULL) {
            py_raise_format(gather->schema->state, PMIPC_INVALID_ARGUMENT,
                            "pool '%s' has variable fields: its history is a list of arrays, which out= cannot hold",
                            gather->stream->name_text);
            return -1;
        }
        target->result = PyList_New(gather->count);
        return target->result == NULL ? -1 : 0;
    }
    npy_intp shape[PY_MAX_DIMENSIONS];
    int ndim = 0;
    if (gather->count >= 0)
        shape[ndim++] = (npy_intp)gather->count;
    for (int i = 0; i < field->ndim; i++)
        shape[ndim++] = field->shape[i];
    target->row_bytes = field->nbytes;
    PyObject *out = NULL;
    if (gather->out != NULL && (out = out_of_field(gather, index)) == NULL)
        return -1;
    Py_ssize_t filled = out_may_be_longer ? gather->count : -1;
    if (field->variable) { /* `out` may be longer than the sample */
        filled = (Py_ssize_t)lengths[index].length;
        target->row_bytes = py_field_row_bytes(field) * (uint64_t)filled;
        shape[0] = (npy_intp)filled;
        out_may_be_longer = true;
    }
    if (out == NULL)
        return target_new(gather, index, ndim, shape);
    int result = target_out(gather, index, out, ndim, shape, out_may_be_longer, filled);
    Py_DECREF(out);
    return result;
}

py_gather *py_gather_begin(py_stream *stream, py_schema *schema, Py_ssize_t count, const pmipc_view_field *lengths,
                           PyObject *out, bool out_may_be_longer)
{
    py_gather *gather = PyMem_Calloc(1, sizeof *gather);
    if (gather == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    gather->stream = stream;
    gather->schema = schema;
    gather->count = count;
    gather->out = out;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (begin_field(gather, i, lengths, out_may_be_longer) < 0) {
            py_gather_free(gather);
            return NULL;
        }
    }
    return gather;
}

/* ---- filling */

static void copy_rows(char *to, uint64_t row_bytes, Py_ssize_t count, const char *from, int64_t stride)
{
    if (stride == (int64_t)row_bytes) {
        memcpy(to, from, row_bytes * (uint64_t)count);
        return;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        memcpy(to + (uint64_t)i * row_bytes, from + i * stride, row_bytes);
}

/* One row of the list of a variable field: a separate array. */
static int fill_list_row(py_gather *gather, uint32_t index, Py_ssize_t row, const pmipc_view_field *from)
{
    py_gather *one = PyMem_Calloc(1, sizeof *one);
    if (one == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *one = (py_gather){.stream = gather->stream, .schema = gather->schema, .count = -1};
    pmipc_view_field lengths[PMIPC_MAX_FIELDS];
    lengths[index] = *from;
    int result = begin_field(one, index, lengths, false);
    py_target *target = &one->targets[index];
    if (result == 0) {
        if (target->row_bytes > 0)
            memcpy(target->data, from->data, target->row_bytes);
        PyList_SET_ITEM(gather->targets[index].result, row, target->result);
        target->result = NULL;
    }
    py_gather_free(one);
    return result;
}

int py_gather_rows(py_gather *gather, Py_ssize_t row, Py_ssize_t count, const pmipc_view_field *fields, int64_t stride)
{
    py_schema *schema = gather->schema;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const py_target *target = &gather->targets[i];
        if (schema->fields[i].variable && gather->count >= 0) {
            if (fill_list_row(gather, i, row, &fields[i]) < 0)
                return -1;
            continue;
        }
        uint64_t row_bytes = target->row_bytes;
        char *to = target->data + (uint64_t)(row < 0 ? 0 : row) * row_bytes;
        if (row_bytes == 0)
            continue;
        if (row_bytes * (uint64_t)count > PY_RELEASE_GIL_BYTES) {
            Py_BEGIN_ALLOW_THREADS
            copy_rows(to, row_bytes, count, fields[i].data, stride);
            Py_END_ALLOW_THREADS
        } else {
            copy_rows(to, row_bytes, count, fields[i].data, stride);
        }
    }
    return 0;
}

static int gather_zeros(py_gather *gather, Py_ssize_t row)
{
    py_schema *schema = gather->schema;
    const pmipc_view_field nothing = {NULL, 0};
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const py_target *target = &gather->targets[i];
        if (schema->fields[i].variable) {
            if (fill_list_row(gather, i, row, &nothing) < 0)
                return -1;
        } else if (target->row_bytes > 0) {
            memset(target->data + (uint64_t)row * target->row_bytes, 0, target->row_bytes);
        }
    }
    return 0;
}

/* ---- the result */

static int finish_target(py_state *state, py_target *target)
{
    Py_CLEAR(target->keeper);
    if (target->temporary == NULL)
        return 0;
    if (PyArray_Check(target->result))
        return PyArray_CopyInto((PyArrayObject *)target->result, (PyArrayObject *)target->temporary);
    return py_torch_copy(state, target->result, target->temporary);
}

PyObject *py_gather_end(py_gather *gather)
{
    py_schema *schema = gather->schema;
    PyObject *result = schema->is_dict ? PyDict_Copy(schema->template) : NULL;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        py_target *target = &gather->targets[i];
        if (finish_target(schema->state, target) < 0) {
            Py_CLEAR(result);
            break;
        }
        if (!schema->is_dict) {
            result = target->result;
            target->result = NULL;
        } else if (result == NULL || PyDict_SetItem(result, schema->fields[i].name, target->result) < 0) {
            Py_CLEAR(result);
            break;
        }
    }
    py_gather_free(gather);
    return result;
}

void py_gather_free(py_gather *gather)
{
    for (uint32_t i = 0; i < gather->schema->field_count; i++) {
        Py_XDECREF(gather->targets[i].result);
        Py_XDECREF(gather->targets[i].temporary);
        Py_XDECREF(gather->targets[i].keeper);
    }
    PyMem_Free(gather);
}

static int fill_view(py_gather *gather, const pmipc_view *view, const py_rows *rows)
{
    if (rows == NULL)
        return py_gather_rows(gather, -1, 1, view->fields, 0);
    uint32_t real = rows->count - rows->padding;
    if (rows->padding == 0 && !gather->schema->has_variable) {
        pmipc_view_field fields[PMIPC_MAX_FIELDS];
        for (uint32_t i = 0; i < view->field_count; i++) {
            fields[i] = view->fields[i];
            fields[i].data = (const char *)fields[i].data + (int64_t)rows->first * view->frame_stride;
        }
        return py_gather_rows(gather, 0, (Py_ssize_t)real, fields, view->frame_stride);
    }
    for (uint32_t i = 0; i < rows->count; i++) {
        bool padding = i < rows->padding;
        if (padding && !rows->repeat) {
            if (gather_zeros(gather, (Py_ssize_t)i) < 0)
                return -1;
            continue;
        }
        pmipc_frame frame;
        pmipc_status status = pmipc_view_frame(view, rows->first + (padding ? 0 : i - rows->padding), &frame);
        if (status != PMIPC_OK) {
            py_raise(gather->schema->state, status, pmipc_status_text(status), 0);
            return -1;
        }
        if (py_gather_rows(gather, (Py_ssize_t)i, 1, frame.fields, 0) < 0)
            return -1;
    }
    return 0;
}

PyObject *py_gather_view(py_stream *stream, py_schema *schema, const pmipc_view *view, const py_rows *rows,
                         PyObject *out)
{
    bool longer = rows != NULL && rows->out_may_be_longer;
    py_gather *gather =
        py_gather_begin(stream, schema, rows != NULL ? (Py_ssize_t)rows->count : -1, view->fields, out, longer);
    if (gather == NULL)
        return NULL;
    if (fill_view(gather, view, rows) < 0) {
        py_gather_free(gather);
        return NULL;
    }
    return py_gather_end(gather);
}
