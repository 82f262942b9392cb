/* source.c: what can be published: from a Python object to bytes that fit a field. Nothing is cast. */
#include "write/source.h"

#include "arrays/torch.h"
#include "core/errors.h"

#include <math.h>

/* ---- refusals */

static PyObject *shape_of(int ndim, const int64_t *dims)
{
    npy_intp shape[NPY_MAXDIMS];
    for (int i = 0; i < ndim; i++)
        shape[i] = (npy_intp)dims[i];
    return PyArray_IntTupleFromIntp(ndim, shape);
}

/* "float32 (480, 640, 3)", or "float32 (up to 1000, 4)". */
static PyObject *describe_field(py_schema *schema, uint32_t index)
{
    const py_field *field = &schema->fields[index];
    PyObject *dtype = py_field_dtype_name(schema, index);
    PyObject *shape = PyArray_IntTupleFromIntp(field->ndim, field->shape);
    PyObject *result = NULL;
    if (dtype != NULL && shape != NULL) {
        PyObject *text = PyObject_Str(shape);
        PyObject *rest = text == NULL ? NULL : PyUnicode_Substring(text, 1, PyUnicode_GET_LENGTH(text));
        if (rest != NULL)
            result = PyUnicode_FromFormat(field->variable ? "%U (up to %U" : "%U (%U", dtype, rest);
        Py_XDECREF(text);
        Py_XDECREF(rest);
    }
    Py_XDECREF(dtype);
    Py_XDECREF(shape);
    return result;
}

/* Raise SchemaMismatchError. `got` is a str, stolen. Always -1. */
static int refuse(py_schema *schema, uint32_t index, const char *pool_name, PyObject *got)
{
    PyObject *context = py_field_context(schema, index, pool_name);
    PyObject *expected = describe_field(schema, index);
    if (context != NULL && expected != NULL && got != NULL)
        py_raise_format(schema->state, PMIPC_SCHEMA_MISMATCH, "%U: expected %U, got %U", context, expected, got);
    Py_XDECREF(context);
    Py_XDECREF(expected);
    Py_XDECREF(got);
    return -1;
}

static int refuse_array(py_schema *schema, uint32_t index, const char *pool_name, PyObject *dtype, int ndim,
                        const int64_t *dims)
{
    PyObject *shape = shape_of(ndim, dims);
    if (shape == NULL)
        return -1;
    const py_field *field = &schema->fields[index];
    PyObject *got;
    got = PyUnicode_FromFormat("%S %S", dtype, shape);
    Py_DECREF(shape);
    return refuse(schema, index, pool_name, got);
}

/* Ignores the length of a variable field: the library checks whether the pool has room for it or can grow. */
static bool shape_fits(const py_field *field, int ndim, const int64_t *dims)
{
    if (ndim != field->ndim)
        return false;
    for (int i = field->variable ? 1 : 0; i < ndim; i++)
        if (dims[i] != field->shape[i])
            return false;
    return true;
}

/* ---- numpy */

/* Refuse subclasses whose values are not their elements, such as masked arrays. */
static int refuse_special_arrays(py_schema *schema, PyObject *object, uint32_t index, const char *pool_name)
{
    PyObject *context = py_field_context(schema, index, pool_name);
    PyObject *module = PyImport_ImportModule("polymorph_ipc._samples");
    PyObject *checked = NULL;
    if (context != NULL && module != NULL)
        checked = PyObject_CallMethod(module, "refuse_special_array", "OO", object, context);
    Py_XDECREF(context);
    Py_XDECREF(module);
    Py_XDECREF(checked);
    return checked == NULL ? -1 : 0;
}

static int find_numpy(py_schema *schema, uint32_t index, PyObject *object, const char *pool_name, py_source *source)
{
    const py_field *field = &schema->fields[index];
    if (!PyArray_CheckExact(object) && refuse_special_arrays(schema, object, index, pool_name) < 0)
        return -1;
    PyArrayObject *array = (PyArrayObject *)object;
    PyArray_Descr *descr = field->descr;
    if (descr == NULL && (descr = py_field_descr(schema, index)) == NULL)
        return -1;
    int ndim = PyArray_NDIM(array);
    int64_t dims[NPY_MAXDIMS];
    for (int i = 0; i < ndim; i++)
        dims[i] = PyArray_DIM(array, i);
    if ((PyArray_DESCR(array) != descr && !PyArray_EquivTypes(PyArray_DESCR(array), descr)) ||
        !shape_fits(field, ndim, dims))
        return refuse_array(schema, index, pool_name, (PyObject *)PyArray_DESCR(array), ndim, dims);
    source->length = ndim > 0 ? dims[0] : 1;
    source->array = Py_NewRef(object);
    source->data = PyArray_IS_C_CONTIGUOUS(array) ? PyArray_DATA(array) : NULL;
    source->strided = source->data == NULL;
    return 0;
}

/* ---- torch */

static bool is_in_host_memory(const dlpack_tensor *tensor)
{
    int32_t type = tensor->device.type;
    return type == DLPACK_DEVICE_CPU || type == DLPACK_DEVICE_CUDA_HOST || type == DLPACK_DEVICE_ROCM_HOST;
}

/* Sparse, quantized and meta tensors: raise a TypeError that says what to do, with torch's exception as its cause. */
static int refuse_tensor(py_schema *schema, uint32_t index, const char *pool_name)
{
    PyObject *type, *cause, *traceback;
    PyErr_Fetch(&type, &cause, &traceback);
    PyErr_NormalizeException(&type, &cause, &traceback);
    PyObject *context = py_field_context(schema, index, pool_name);
    if (context != NULL)
        PyErr_Format(PyExc_TypeError,
                     "%U: this torch tensor has no elements in memory (sparse, quantized and meta tensors have none): "
                     "pass a dense tensor, from .to_dense() or .dequantize()",
                     context);
    Py_XDECREF(context);
    PyObject *new_type, *new_value, *new_traceback;
    PyErr_Fetch(&new_type, &new_value, &new_traceback);
    PyErr_NormalizeException(&new_type, &new_value, &new_traceback);
    if (new_value != NULL && cause != NULL)
        PyException_SetCause(new_value, Py_NewRef(cause));
    PyErr_Restore(new_type, new_value, new_traceback);
    Py_XDECREF(type);
    Py_XDECREF(cause);
    Py_XDECREF(traceback);
    return -1;
}

static int refuse_tensor_schema(py_schema *schema, uint32_t index, PyObject *tensor, const char *pool_name,
                                const dlpack_tensor *memory)
{
    PyObject *dtype = PyObject_GetAttrString(tensor, "dtype");
    if (dtype == NULL)
        return -1;
    (void)refuse_array(schema, index, pool_name, dtype, memory->ndim, memory->shape);
    Py_DECREF(dtype);
    return -1;
}

static int find_torch(py_schema *schema, uint32_t index, PyObject *object, const char *pool_name, py_source *source)
{
    py_state *state = schema->state;
    const py_field *field = &schema->fields[index];
    dlpack_tensor memory;
    /* The bits are checked below: the memory of a conjugated or negated tensor does not hold its values. */
    if (py_torch_read(state, object, &memory, &source->keeper) < 0)
        return refuse_tensor(schema, index, pool_name);
    if (memory.dtype.code != field->dlpack.code || memory.dtype.bits != field->dlpack.bits ||
        memory.dtype.lanes != field->dlpack.lanes || !shape_fits(field, memory.ndim, memory.shape))
        return refuse_tensor_schema(schema, index, object, pool_name, &memory);
    int lazy = py_torch_lazy_bits(state, object, memory.dtype);
    if (lazy < 0)
        return -1;
    source->length = memory.ndim > 0 ? memory.shape[0] : 1;
    source->array = Py_NewRef(object);
    source->strided = lazy || !is_in_host_memory(&memory) || !py_torch_is_contiguous(&memory);
    source->data = source->strided ? NULL : (const char *)memory.data + memory.byte_offset;
    return 0;
}

/* ---- scalars */

static bool integer_fits(PyObject *object, const py_field *field)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
    int bits = field->dlpack.bits;
    if (field->dlpack.code == PMIPC_CODE_UINT) {
        if (overflow > 0 && bits == 64) {
            (void)PyLong_AsUnsignedLongLong(object);
            bool fits = PyErr_Occurred() == NULL;
            PyErr_Clear();
            return fits;
        }
        return overflow == 0 && value >= 0 && (bits == 64 || value < (1LL << bits));
    }
    return overflow == 0 && (bits == 64 || (value >= -(1LL << (bits - 1)) && value < (1LL << (bits - 1))));
}

/* Whether a Python scalar has the kind of the field; integers must also be in range. */
static bool scalar_fits(PyObject *object, const py_field *field)
{
    switch (field->dlpack.lanes == 0 ? PMIPC_CODE_OPAQUE : field->dlpack.code) {
    case PMIPC_CODE_OPAQUE:
        return false;
    case PMIPC_CODE_BOOL:
        return PyBool_Check(object);
    case PMIPC_CODE_INT:
    case PMIPC_CODE_UINT:
        return PyLong_Check(object) && !PyBool_Check(object) && integer_fits(object, field);
    case PMIPC_CODE_COMPLEX:
        return PyComplex_Check(object);
    default:
        return PyFloat_Check(object);
    }
}

static int find_scalar(py_schema *schema, uint32_t index, PyObject *object, const char *pool_name, py_source *source)
{
    const py_field *field = &schema->fields[index];
    if (field->ndim != 0 || !scalar_fits(object, field))
        return refuse(schema, index, pool_name, PyUnicode_FromFormat("the %s %R", Py_TYPE(object)->tp_name, object));
    PyArray_Descr *descr = py_field_descr(schema, index);
    if (descr == NULL)
        return -1;
    Py_INCREF(descr);
    PyObject *array = PyArray_NewFromDescr(&PyArray_Type, descr, 0, NULL, NULL, NULL, 0, NULL);
    if (array == NULL || PyArray_SETITEM((PyArrayObject *)array, PyArray_DATA((PyArrayObject *)array), object) < 0) {
        Py_XDECREF(array);
        return -1;
    }
    source->length = 1;
    source->array = array;
    source->data = PyArray_DATA((PyArrayObject *)array);
    return 0;
}

/* ---- any object */

/* `object` as a numpy array or a torch tensor, new; NULL with a TypeError that begins with `context` and names the
 * conversion. */
static PyObject *as_array(PyObject *object, PyObject *context)
{
    PyObject *module = PyImport_ImportModule("polymorph_ipc._samples");
    if (module == NULL)
        return NULL;
    PyObject *array = PyObject_CallMethod(module, "as_array", "OO", object, context);
    Py_DECREF(module);
    return array;
}

static int find_other(py_schema *schema, uint32_t index, PyObject *object, const char *pool_name, py_source *source)
{
    PyObject *context = py_field_context(schema, index, pool_name);
    PyObject *array = context == NULL ? NULL : as_array(object, context);
    Py_XDECREF(context);
    if (array == NULL)
        return -1;
    int result = PyArray_Check(array) ? find_numpy(schema, index, array, pool_name, source)
                                      : find_torch(schema, index, array, pool_name, source);
    Py_DECREF(array); /* the source has a reference of its own */
    return result;
}

int py_source_find(py_schema *schema, uint32_t index, PyObject *object, const char *pool_name, py_source *source)
{
    py_state *state = schema->state;
    *source = (py_source){0};
    if (PyArray_Check(object))
        return find_numpy(schema, index, object, pool_name, source);
    if (PyArray_CheckScalar(object)) {
        PyObject *array = PyArray_FromScalar(object, NULL);
        int result = array == NULL ? -1 : find_numpy(schema, index, array, pool_name, source);
        Py_XDECREF(array);
        return result;
    }
    if (PyFloat_Check(object) || PyLong_Check(object) || PyComplex_Check(object))
        return find_scalar(schema, index, object, pool_name, source);
    if (state->torch.tensor_type == NULL && py_torch_find(state) < 0)
        return -1;
    if (py_torch_check(state, object))
        return find_torch(schema, index, object, pool_name, source);
    return find_other(schema, index, object, pool_name, source);
}

void py_source_release(py_source *source)
{
    Py_CLEAR(source->array);
    Py_CLEAR(source->keeper);
}

int py_source_copy(py_schema *schema, uint32_t index, const py_source *source, void *data, PyObject *owner)
{
    const py_field *field = &schema->fields[index];
    npy_intp shape[PMIPC_MAX_NDIM];
    for (int i = 0; i < field->ndim; i++)
        shape[i] = field->shape[i];
    if (field->variable)
        shape[0] = (npy_intp)source->length;
    int result = -1;
    PyObject *slot;
    if (PyArray_Check(source->array)) {
        PyArray_Descr *descr = py_field_descr(schema, index);
        if (descr == NULL)
            return -1;
        Py_INCREF(descr);
        slot = PyArray_NewFromDescr(&PyArray_Type, descr, field->ndim, shape, NULL, data, NPY_ARRAY_WRITEABLE, NULL);
        if (slot != NULL && PyArray_SetBaseObject((PyArrayObject *)slot, Py_NewRef(owner)) == 0)
            result = PyArray_CopyInto((PyArrayObject *)slot, (PyArrayObject *)source->array);
    } else {
        slot = py_torch_over(schema->state, owner, field->dlpack, data, field->ndim, shape, field->strides);
        if (slot != NULL)
            result = py_torch_copy(schema->state, slot, source->array);
    }
    Py_XDECREF(slot);
    return result;
}
