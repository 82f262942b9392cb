/* schema.c: the Schema class: what a pool carries, in the terms of the library, numpy and DLPack. */
#include "arrays/schema.h"

#include "core/errors.h"
#include "core/infos.h"
#include "core/values.h"

#include <string.h>

/* ---- numpy's dtypes */

static int numpy_type(pmipc_dtype dtype)
{
    switch (dtype) {
    case PMIPC_BOOL:
        return NPY_BOOL;
    case PMIPC_INT8:
        return NPY_INT8;
    case PMIPC_INT16:
        return NPY_INT16;
    case PMIPC_INT32:
        return NPY_INT32;
    case PMIPC_INT64:
        return NPY_INT64;
    case PMIPC_UINT8:
        return NPY_UINT8;
    case PMIPC_UINT16:
        return NPY_UINT16;
    case PMIPC_UINT32:
        return NPY_UINT32;
    case PMIPC_UINT64:
        return NPY_UINT64;
    case PMIPC_FLOAT16:
        return NPY_FLOAT16;
    case PMIPC_FLOAT32:
        return NPY_FLOAT32;
    case PMIPC_FLOAT64:
        return NPY_FLOAT64;
    case PMIPC_LONGDOUBLE:
        return sizeof(npy_longdouble) == 16 ? NPY_LONGDOUBLE : NPY_NOTYPE;
    case PMIPC_COMPLEX64:
        return NPY_COMPLEX64;
    case PMIPC_COMPLEX128:
        return NPY_COMPLEX128;
    default:
        return NPY_NOTYPE;
    }
}

/* Opaque dtypes and those of ml_dtypes. Python code finds them when the first array of them is made. */
static PyArray_Descr *find_descr(py_schema *schema, uint32_t index)
{
    const pmipc_field *field = &schema->schema.fields[index];
    PyObject *module = PyImport_ImportModule("polymorph_ipc._dtypes");
    if (module == NULL)
        return NULL;
    PyObject *found;
    if (field->dtype == PMIPC_OPAQUE)
        found = PyObject_CallMethod(module, "from_description", "s#I", schema->schema.text + field->descr_offset,
                                    (Py_ssize_t)field->descr_bytes, field->itemsize);
    else
        found = PyObject_CallMethod(module, "from_ml_dtypes", "s", pmipc_dtype_name(field->dtype));
    Py_DECREF(module);
    if (found != NULL && !PyArray_DescrCheck(found)) {
        PyErr_Format(PyExc_TypeError, "expected a numpy.dtype, got %R", found);
        Py_CLEAR(found);
    }
    if (found != NULL && (uint64_t)PyDataType_ELSIZE((PyArray_Descr *)found) != field->itemsize) {
        py_raise_format(schema->state, PMIPC_CORRUPT, "the pool describes the dtype %R with %u bytes per element",
                        found, field->itemsize);
        Py_CLEAR(found);
    }
    return (PyArray_Descr *)found;
}

PyArray_Descr *py_field_descr(py_schema *schema, uint32_t index)
{
    py_field *field = &schema->fields[index];
    if (field->descr == NULL) {
        PyArray_Descr *found = find_descr(schema, index);
        if (found == NULL)
            return NULL;
        if (field->descr == NULL)
            field->descr = found;
        else
            Py_DECREF(found); /* another thread stored it first */
    }
    return field->descr;
}

/* ---- making one */

static int field_init(py_field *field, const pmipc_field *from)
{
    field->name = py_text_of(from->name, sizeof from->name);
    if (field->name == NULL)
        return -1;
    PyUnicode_InternInPlace(&field->name);
    int type = numpy_type(from->dtype);
    if (type != NPY_NOTYPE) {
        field->descr = PyArray_DescrFromType(type);
        if (field->descr == NULL)
            return -1;
    }
    uint32_t code = PMIPC_DTYPE_CODE(from->dtype);
    if (code != PMIPC_CODE_OPAQUE && PMIPC_DTYPE_BITS(from->dtype) < 256)
        field->dlpack = (dlpack_dtype){(uint8_t)code, (uint8_t)PMIPC_DTYPE_BITS(from->dtype), 1};
    field->ndim = (int)from->ndim;
    field->variable = (from->flags & PMIPC_FIELD_VARIABLE) != 0;
    field->itemsize = from->itemsize;
    field->nbytes = pmipc_field_bytes(from);
    int64_t stride = 1;
    for (int i = field->ndim - 1; i >= 0; i--) {
        field->shape[i] = (npy_intp)from->shape[i];
        field->strides[i] = stride;
        stride *= from->shape[i] > 0 ? from->shape[i] : 1;
    }
    return 0;
}

static int make_template(py_schema *schema)
{
    schema->template = PyDict_New();
    if (schema->template == NULL)
        return -1;
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (PyDict_SetItem(schema->template, schema->fields[i].name, Py_None) < 0)
            return -1;
    return 0;
}

py_schema *py_schema_wrap(py_state *state, const pmipc_schema *from)
{
    pmipc_error error;
    if (pmipc_schema_check(from, &error) != PMIPC_OK) {
        py_raise_error(state, &error);
        return NULL;
    }
    py_schema *schema = (py_schema *)state->schema_type->tp_alloc(state->schema_type, 0);
    if (schema == NULL)
        return NULL;
    schema->state = state;
    schema->schema = *from;
    schema->fields = PyMem_Calloc(from->field_count, sizeof *schema->fields);
    if (schema->fields == NULL) {
        PyErr_NoMemory();
        goto fail;
    }
    schema->field_count = from->field_count;
    for (uint32_t i = 0; i < from->field_count; i++) {
        if (field_init(&schema->fields[i], &from->fields[i]) < 0)
            goto fail;
        schema->nbytes += schema->fields[i].nbytes;
        schema->has_variable |= schema->fields[i].variable;
    }
    schema->is_dict = from->field_count > 1 || from->fields[0].name[0] != '\0';
    schema->is_plain = from->field_count == 1 && !schema->is_dict && !schema->has_variable;
    if (schema->is_dict && make_template(schema) < 0)
        goto fail;
    return schema;
fail:
    Py_DECREF(schema);
    return NULL;
}

/* Append a field that Python describes as (name, dtype code, bits, description or None, itemsize, shape, variable). */
static int add_field(py_state *state, pmipc_schema *schema, PyObject *row)
{
    const char *name, *descr;
    Py_ssize_t name_bytes, descr_bytes;
    unsigned code, bits, itemsize;
    PyObject *shape;
    int variable;
    if (!PyTuple_Check(row)) {
        PyErr_Format(PyExc_TypeError, "a field cannot be made of %R: create a schema with Schema.from_sample(sample)",
                     row);
        return -1;
    }
    if (!PyArg_ParseTuple(row, "s#IIz#IO!p", &name, &name_bytes, &code, &bits, &descr, &descr_bytes, &itemsize,
                          &PyTuple_Type, &shape, &variable))
        return -1;
    if (strlen(name) != (size_t)name_bytes) {
        py_raise_format(state, PMIPC_INVALID_ARGUMENT, "the field name '%s...' contains a zero byte", name);
        return -1;
    }
    int64_t dims[PMIPC_MAX_NDIM] = {0};
    Py_ssize_t ndim = PyTuple_GET_SIZE(shape);
    if (ndim > PMIPC_MAX_NDIM) {
        py_raise_format(state, PMIPC_INVALID_ARGUMENT, "%s%s%s has %zd dimensions; the maximum is %d",
                        *name ? "field '" : "the sample", name, *name ? "'" : "", ndim, PMIPC_MAX_NDIM);
        return -1;
    }
    for (Py_ssize_t i = 0; i < ndim; i++) {
        dims[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, i));
        if (dims[i] == -1 && PyErr_Occurred())
            return -1;
    }
    pmipc_error error;
    uint32_t flags = variable ? PMIPC_FIELD_VARIABLE : 0u;
    pmipc_status status =
        descr != NULL ? pmipc_schema_add_opaque(schema, name, itemsize, descr, (size_t)descr_bytes, (uint32_t)ndim,
                                                dims, flags, &error)
                      : pmipc_schema_add(schema, name, PMIPC_DTYPE(code, bits), (uint32_t)ndim, dims, flags, &error);
    if (status != PMIPC_OK) {
        py_raise_error(state, &error);
        return -1;
    }
    return 0;
}

static PyObject *schema_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"fields", NULL};
    py_state *state = py_state_of(type);
    PyObject *rows;
    if (state == NULL || !PyArg_ParseTupleAndKeywords(args, kwargs, "O:Schema", keywords, &rows))
        return NULL;
    PyObject *own_rows = PySequence_Tuple(rows); /* a copy: numbers in the rows may run code that changes a list */
    if (own_rows == NULL)
        return NULL;
    pmipc_schema *schema = PyMem_Malloc(sizeof *schema);
    PyObject *result = NULL;
    if (schema == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    pmipc_schema_init(schema);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(own_rows); i++)
        if (add_field(state, schema, PyTuple_GET_ITEM(own_rows, i)) < 0)
            goto done;
    result = (PyObject *)py_schema_wrap(state, schema);
done:
    PyMem_Free(schema);
    Py_DECREF(own_rows);
    return result;
}

static void schema_dealloc(PyObject *object)
{
    py_schema *schema = (py_schema *)object;
    PyTypeObject *type = Py_TYPE(object);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        Py_XDECREF(schema->fields[i].name);
        Py_XDECREF((PyObject *)schema->fields[i].descr);
    }
    PyMem_Free(schema->fields);
    Py_XDECREF(schema->template);
    type->tp_free(object);
    Py_DECREF(type);
}

/* ---- what Python sees */

PyObject *py_field_context(const py_schema *schema, uint32_t index, const char *pool_name)
{
    if (schema->is_dict)
        return PyUnicode_FromFormat("pool '%s', field '%U'", pool_name, schema->fields[index].name);
    return PyUnicode_FromFormat("pool '%s'", pool_name);
}

PyObject *py_field_dtype_name(py_schema *schema, uint32_t index)
{
    const pmipc_field *field = &schema->schema.fields[index];
    if (field->dtype != PMIPC_OPAQUE)
        return PyUnicode_FromString(pmipc_dtype_name(field->dtype));
    PyArray_Descr *descr = py_field_descr(schema, index);
    return descr == NULL ? NULL : PyObject_Str((PyObject *)descr);
}

static PyObject *schema_fields(PyObject *object, void *unused)
{
    (void)unused;
    py_schema *schema = (py_schema *)object;
    py_state *state = schema->state;
    if (py_infos_find(state) < 0)
        return NULL;
    PyObject *result = PyTuple_New((Py_ssize_t)schema->field_count);
    for (uint32_t i = 0; result != NULL && i < schema->field_count; i++) {
        const py_field *field = &schema->fields[i];
        PyObject *name = py_field_dtype_name(schema, i);
        PyObject *shape = PyArray_IntTupleFromIntp(field->ndim, field->shape);
        PyObject *row = NULL;
        if (name != NULL && shape != NULL)
            row = PyObject_CallFunction(state->field_info, "OOOO", field->name, name, shape,
                                        field->variable ? Py_True : Py_False);
        Py_XDECREF(name);
        Py_XDECREF(shape);
        if (row == NULL)
            Py_CLEAR(result);
        else
            PyTuple_SET_ITEM(result, (Py_ssize_t)i, row);
    }
    return result;
}

static PyObject *schema_numpy_dtype(PyObject *object, PyObject *index)
{
    py_schema *schema = (py_schema *)object;
    Py_ssize_t number = PyNumber_AsSsize_t(index, PyExc_IndexError);
    if (number == -1 && PyErr_Occurred())
        return NULL;
    if (number < 0 || number >= (Py_ssize_t)schema->field_count) {
        PyErr_Format(PyExc_IndexError, "the schema has no field %zd", number);
        return NULL;
    }
    return Py_XNewRef((PyObject *)py_field_descr(schema, (uint32_t)number));
}

static PyObject *schema_is_dict(PyObject *object, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((py_schema *)object)->is_dict);
}

static PyObject *schema_nbytes(PyObject *object, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((py_schema *)object)->nbytes);
}

static PyObject *schema_str(PyObject *object)
{
    const pmipc_schema *schema = &((py_schema *)object)->schema;
    size_t length = pmipc_schema_format(schema, NULL, 0);
    char *text = PyMem_Malloc(length + 1);
    if (text == NULL)
        return PyErr_NoMemory();
    pmipc_schema_format(schema, text, length + 1);
    PyObject *result = PyUnicode_DecodeUTF8(text, (Py_ssize_t)length, "replace");
    PyMem_Free(text);
    return result;
}

static PyObject *schema_repr(PyObject *object)
{
    PyObject *text = schema_str(object);
    if (text == NULL)
        return NULL;
    PyObject *result = PyUnicode_FromFormat("<Schema %U>", text);
    Py_DECREF(text);
    return result;
}

static PyObject *schema_compare(PyObject *left, PyObject *right, int operation)
{
    if ((operation != Py_EQ && operation != Py_NE) || !Py_IS_TYPE(right, Py_TYPE(left)))
        Py_RETURN_NOTIMPLEMENTED;
    bool same = pmipc_schema_compare(&((py_schema *)left)->schema, &((py_schema *)right)->schema, NULL) == PMIPC_OK;
    return PyBool_FromLong(same == (operation == Py_EQ));
}

static Py_hash_t schema_hash(PyObject *object)
{
    PyObject *text = schema_str(object);
    if (text == NULL)
        return -1;
    Py_hash_t hash = PyObject_Hash(text);
    Py_DECREF(text);
    return hash;
}

/* (name, dtype code, bits, description, itemsize, shape, variable) of each field: what schema_new takes. */
static PyObject *schema_reduce(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_schema *schema = (py_schema *)object;
    PyObject *rows = PyTuple_New((Py_ssize_t)schema->field_count);
    for (uint32_t i = 0; rows != NULL && i < schema->field_count; i++) {
        const pmipc_field *from = &schema->schema.fields[i];
        const char *descr = from->dtype == PMIPC_OPAQUE ? schema->schema.text + from->descr_offset : NULL;
        PyObject *shape = PyArray_IntTupleFromIntp(schema->fields[i].ndim, schema->fields[i].shape);
        PyObject *row = NULL;
        if (shape != NULL)
            row = Py_BuildValue("sIIz#INO", from->name, PMIPC_DTYPE_CODE(from->dtype), PMIPC_DTYPE_BITS(from->dtype),
                                descr, (Py_ssize_t)from->descr_bytes, from->itemsize, shape,
                                schema->fields[i].variable ? Py_True : Py_False);
        if (row == NULL)
            Py_CLEAR(rows);
        else
            PyTuple_SET_ITEM(rows, (Py_ssize_t)i, row);
    }
    return rows == NULL ? NULL : Py_BuildValue("O(N)", Py_TYPE(object), rows);
}

static PyObject *schema_from_sample(PyObject *type, PyObject *args, PyObject *kwargs)
{
    (void)type;
    PyObject *module = PyImport_ImportModule("polymorph_ipc._samples");
    PyObject *function = module ? PyObject_GetAttrString(module, "schema_of") : NULL;
    Py_XDECREF(module);
    PyObject *result = function ? PyObject_Call(function, args, kwargs) : NULL;
    Py_XDECREF(function);
    return result;
}

#include "docs.h"

static PyMethodDef schema_methods[] = {
    {"from_sample", (PyCFunction)(void (*)(void))schema_from_sample, METH_VARARGS | METH_KEYWORDS | METH_CLASS,
     DOC_Schema_from_sample},
    {"numpy_dtype", schema_numpy_dtype, METH_O, DOC_Schema_numpy_dtype},
    {"__reduce__", schema_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef schema_getset[] = {
    {"fields", schema_fields, NULL, DOC_Schema_fields, NULL},
    {"is_dict", schema_is_dict, NULL, DOC_Schema_is_dict, NULL},
    {"nbytes", schema_nbytes, NULL, DOC_Schema_nbytes, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot schema_slots[] = {
    {Py_tp_doc, DOC_Schema},         {Py_tp_new, schema_new},
    {Py_tp_dealloc, schema_dealloc}, {Py_tp_str, schema_str},
    {Py_tp_repr, schema_repr},       {Py_tp_richcompare, schema_compare},
    {Py_tp_hash, schema_hash},       {Py_tp_methods, schema_methods},
    {Py_tp_getset, schema_getset},   {0, NULL},
};

PyType_Spec py_schema_spec = {
    .name = "polymorph_ipc.Schema",
    .basicsize = sizeof(py_schema),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = schema_slots,
};
