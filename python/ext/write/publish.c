/* publish.c: Producer.publish. The library copies a plain contiguous array. Other samples are checked field by field,
 * and numpy or torch copy arrays that are not contiguous into a loaned slot. */
#include "arrays/torch.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "write/handle.h"
#include "write/producer.h"
#include "write/source.h"

#include <string.h>

/* ---- plain */

static int check_schema_is(py_producer *self, const py_schema *schema);

static PyObject *publish_bytes(py_producer *self, const py_schema *schema, const void *data, int64_t stamp_ns)
{
    uint64_t seq = 0;
    pmipc_status status = PMIPC_CLOSED;
    if (py_gate_enter(&self->gate) < 0)
        return NULL;
    if (check_schema_is(self, schema) < 0) {
        py_gate_leave(&self->gate);
        return NULL;
    }
    if (self->handle == NULL) {
        /* another thread closed it while this one waited for its turn */
    } else if (self->schema->nbytes > PY_RELEASE_GIL_BYTES) {
        pmipc_producer *producer = self->handle->producer;
        py_gate_hold(&self->gate);
        Py_BEGIN_ALLOW_THREADS
        status = pmipc_producer_publish(producer, data, stamp_ns, &seq);
        Py_END_ALLOW_THREADS
        py_gate_unhold(&self->gate);
    } else {
        status = pmipc_producer_publish(self->handle->producer, data, stamp_ns, &seq);
    }
    py_producer_refresh(self); /* the pool may have been created again */
    py_gate_leave(&self->gate);
    if (status != PMIPC_OK) {
        py_producer_raise(self, status);
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(seq);
}

/* ---- a plain torch tensor */

/* Whether a tensor of class torch.Tensor has exactly the dtype and shape of the field, and contiguous elements that are
 * its values. Only then may its memory be copied. Never fails: anything uncertain takes the general path. */
static bool torch_is_exact(const py_state *state, const py_field *field, PyObject *object, const void **data)
{
    const dlpack_exchange *exchange = state->torch.exchange;
    dlpack_tensor tensor;
    if (exchange == NULL || !Py_IS_TYPE(object, state->torch.tensor_type))
        return false;
    if (exchange->tensor_from_object(object, &tensor) != 0) {
        PyErr_Clear();
        return false;
    }
    if (tensor.device.type != DLPACK_DEVICE_CPU || tensor.ndim != field->ndim || tensor.dtype.lanes != 1 ||
        tensor.dtype.code != field->dlpack.code || tensor.dtype.bits != field->dlpack.bits)
        return false;
    int64_t stride = 1;
    for (int i = tensor.ndim - 1; i >= 0; i--) {
        if (tensor.shape[i] != field->shape[i] || (tensor.shape[i] != 1 && tensor.strides[i] != stride))
            return false;
        stride *= tensor.shape[i];
    }
    /* DLPack does not report the conjugate and negative bits. A negated real tensor is the imaginary part of a complex
     * one: its stride is two elements, so only a tensor with a single element can look contiguous. */
    if (tensor.dtype.code == PMIPC_CODE_COMPLEX || stride <= 1)
        return false;
    *data = (const char *)tensor.data + tensor.byte_offset;
    return true;
}

/* ---- any sample */

/* The fields of one sample that is being published. */
typedef struct sample {
    const py_schema *schema; /* which they fit */
    py_source sources[PMIPC_MAX_FIELDS];
    uint32_t found; /* sources to release */
    bool strided;   /* at least one of them is */
    uint64_t nbytes;
} sample;

static void sample_release(sample *all)
{
    for (uint32_t i = 0; i < all->found; i++)
        py_source_release(&all->sources[i]);
}

/* Raise SchemaMismatchError with the fields that are missing and those that the pool does not have. Always -1. */
static int refuse_keys(py_producer *self, PyObject *data)
{
    const py_schema *schema = self->schema;
    PyObject *missing = PyList_New(0);
    PyObject *extra = PyList_New(0);
    PyObject *keys = PyDict_Keys(data); /* looking one up may run its __eq__, which may change the dict */
    if (missing == NULL || extra == NULL || keys == NULL)
        goto done;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        int has = PyDict_Contains(data, schema->fields[i].name);
        if (has < 0 || (!has && PyList_Append(missing, schema->fields[i].name) < 0))
            goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(keys); i++) {
        PyObject *key = PyList_GET_ITEM(keys, i);
        int known = PyDict_Contains(schema->template, key);
        if (known < 0 || (!known && PyList_Append(extra, key) < 0))
            goto done;
    }
    PyObject *empty = PyUnicode_FromString("");
    PyObject *without = empty;
    PyObject *with = empty;
    if (empty != NULL && PyList_GET_SIZE(missing) > 0)
        without = PyUnicode_FromFormat(" without %S", missing);
    if (empty != NULL && PyList_GET_SIZE(extra) > 0)
        with = PyUnicode_FromFormat(" with %S, which it does not have", extra);
    if (without != NULL && with != NULL)
        py_raise_format(self->state, PMIPC_SCHEMA_MISMATCH, "pool '%s' carries %S, got a dict%U%U", self->name_text,
                        (PyObject *)schema, without, with);
    if (without != empty)
        Py_XDECREF(without);
    if (with != empty)
        Py_XDECREF(with);
    Py_XDECREF(empty);
done:
    Py_XDECREF(missing);
    Py_XDECREF(extra);
    Py_XDECREF(keys);
    return -1;
}

/* A field does not fit. When the dict also lacks fields, raise about those instead. Always -1. */
static int refuse_field(py_producer *self, PyObject *data)
{
    for (uint32_t i = 0; i < self->schema->field_count; i++) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        int has = PyDict_Contains(data, self->schema->fields[i].name);
        if (has != 0) {
            PyErr_Restore(type, value, traceback);
            continue;
        }
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        return refuse_keys(self, data);
    }
    return -1;
}

static int find_dict(py_producer *self, PyObject *data, sample *all)
{
    py_schema *schema = self->schema;
    if ((uint32_t)PyDict_GET_SIZE(data) != schema->field_count)
        return refuse_keys(self, data);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        PyObject *value;
        int has = PyDict_GetItemRef(data, schema->fields[i].name, &value);
        if (has <= 0)
            return has < 0 ? -1 : refuse_keys(self, data);
        py_source *source = &all->sources[i];
        int found = 0;
        if (!schema->fields[i].variable && py_source_is_exact(&schema->fields[i], value)) {
            /* the common case: no other member to set */
            *source = (py_source){.data = PyArray_DATA((PyArrayObject *)value), .array = Py_NewRef(value)};
        } else {
            found = py_source_find(schema, i, value, self->name_text, source);
        }
        Py_DECREF(value);
        all->found = i + 1;
        if (found < 0)
            return refuse_field(self, data);
        all->strided |= source->strided;
    }
    return 0;
}

static int find_sample(py_producer *self, PyObject *data, sample *all)
{
    py_schema *schema = self->schema;
    all->schema = schema;
    all->found = 0;
    all->strided = false;
    all->nbytes = schema->nbytes;
    if (!schema->is_dict) {
        all->found = 1;
        int found = py_source_find(schema, 0, data, self->name_text, &all->sources[0]);
        all->strided = all->sources[0].strided;
        return found;
    }
    if (PyDict_Check(data))
        return find_dict(self, data, all);
    /* As dict() does, by `keys`: tensors can be subscripted too. */
    if (!PyMapping_Check(data) || !PyObject_HasAttrString(data, "keys")) {
        PyErr_Format(PyExc_TypeError, "pool '%s' carries %S: publish a dict of arrays, not %.100s", self->name_text,
                     (PyObject *)schema, Py_TYPE(data)->tp_name);
        return -1;
    }
    PyObject *dict = PyDict_New();
    int found = dict == NULL || PyDict_Update(dict, data) < 0 ? -1 : find_dict(self, dict, all);
    Py_XDECREF(dict);
    return found;
}

/* Another thread may have replaced the pool before this one entered the gate. -1 with an exception when the sample does
 * not fit the pool. */
static int check_schema_is(py_producer *self, const py_schema *schema)
{
    if (self->schema == schema || pmipc_schema_compatible(&schema->schema, &self->schema->schema, NULL) == PMIPC_OK)
        return 0;
    py_raise_format(self->state, PMIPC_SCHEMA_MISMATCH, "pool '%s' now carries %S, the sample is %S", self->name_text,
                    (PyObject *)self->schema, (const PyObject *)schema);
    return -1;
}

static pmipc_status publish_contiguous(py_producer *self, const sample *all, int64_t stamp_ns, uint64_t *seq)
{
    pmipc_producer *producer = self->handle->producer;
    pmipc_source sources[PMIPC_MAX_FIELDS];
    uint32_t count = self->schema->field_count;
    for (uint32_t i = 0; i < count; i++)
        sources[i] = (pmipc_source){all->sources[i].data, all->sources[i].length};
    if (all->nbytes <= PY_RELEASE_GIL_BYTES)
        return pmipc_producer_publish_fields(producer, sources, count, stamp_ns, seq);
    pmipc_status status;
    py_gate_hold(&self->gate);
    Py_BEGIN_ALLOW_THREADS
    status = pmipc_producer_publish_fields(producer, sources, count, stamp_ns, seq);
    Py_END_ALLOW_THREADS
    py_gate_unhold(&self->gate);
    return status;
}

/* Copy a contiguous source into a slot. */
static void copy_plain(const py_field *field, const py_source *source, void *data)
{
    uint64_t bytes = field->variable ? py_field_row_bytes(field) * (uint64_t)source->length : field->nbytes;
    if (bytes > 0)
        memcpy(data, source->data, bytes);
}

/* Copy field by field, in the producer's gate. -1 with an exception when a library's own copy fails. */
static int copy_fields(py_producer *self, const sample *all, pmipc_loan *loan, PyObject *owner)
{
    py_schema *schema = self->schema;
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].variable)
            loan->fields[i].length = all->sources[i].length;
    int result = 0;
    if (!all->strided && all->nbytes > PY_RELEASE_GIL_BYTES) {
        Py_BEGIN_ALLOW_THREADS
        for (uint32_t i = 0; i < schema->field_count; i++)
            copy_plain(&schema->fields[i], &all->sources[i], loan->fields[i].data);
        Py_END_ALLOW_THREADS
    } else {
        for (uint32_t i = 0; i < schema->field_count && result == 0; i++) {
            if (all->sources[i].strided)
                result = py_source_copy(schema, i, &all->sources[i], loan->fields[i].data, owner);
            else
                copy_plain(&schema->fields[i], &all->sources[i], loan->fields[i].data);
        }
    }
    return result;
}

/* Publish through a loaned slot. When a copy fails: PMIPC_OK, `*seq` 0 and an exception. */
static pmipc_status publish_by_loan(py_producer *self, const sample *all, int64_t stamp_ns, pmipc_loan *loan,
                                    uint64_t *seq)
{
    py_handle *handle = self->handle;
    int64_t lengths[PMIPC_MAX_FIELDS];
    for (uint32_t i = 0; i < self->schema->field_count; i++)
        lengths[i] = all->sources[i].length;
    pmipc_status status = PMIPC_OK;
    if (self->schema->has_variable)
        status = pmipc_producer_reserve(handle->producer, lengths, self->schema->field_count);
    if (status == PMIPC_OK)
        status = pmipc_producer_loan(handle->producer, loan);
    if (status != PMIPC_OK)
        return status;
    py_gate_hold(&self->gate);
    PyObject *owner = py_handle_capsule(handle);
    bool copied = owner != NULL && copy_fields(self, all, loan, owner) == 0;
    if (copied)
        status = pmipc_producer_commit(handle->producer, loan, stamp_ns);
    if (copied && status == PMIPC_OK)
        *seq = loan->seq;
    else
        pmipc_producer_discard(handle->producer, loan);
    Py_XDECREF(owner);
    py_gate_unhold(&self->gate);
    return status;
}

static PyObject *publish_sample(py_producer *self, PyObject *data, int64_t stamp_ns)
{
    sample all;
    pmipc_loan loan;
    PyObject *result = NULL;
    if (find_sample(self, data, &all) == 0 && py_gate_enter(&self->gate) == 0) {
        uint64_t seq = 0;
        pmipc_status status = PMIPC_CLOSED;
        /* Another thread may have closed it while this one waited for its turn. */
        if (check_schema_is(self, all.schema) < 0)
            status = PMIPC_OK;
        else if (self->handle != NULL)
            status = all.strided ? publish_by_loan(self, &all, stamp_ns, &loan, &seq)
                                 : publish_contiguous(self, &all, stamp_ns, &seq);
        py_producer_refresh(self);
        py_gate_leave(&self->gate);
        if (status != PMIPC_OK)
            py_producer_raise(self, status);
        else if (seq != 0)
            result = PyLong_FromUnsignedLongLong(seq);
    }
    sample_release(&all);
    return result;
}

/* The same, and then send the sample from its slot to the sink. A failure there does not change the pool. */
static PyObject *publish_and_send(py_producer *self, PyObject *data, int64_t stamp_ns)
{
    sample all;
    pmipc_loan loan;
    pmipc_error error = {0};
    uint64_t seq = 0;
    int outcome = 0;
    py_sink *sink = (py_sink *)Py_NewRef((PyObject *)self->sink);
    all.found = 0;
    if ((stamp_ns != PMIPC_STAMP_NOW || sink->calls->stamp(sink, &stamp_ns) == 0) &&
        find_sample(self, data, &all) == 0 && py_gate_enter(&self->gate) == 0) {
        pmipc_status status = PMIPC_CLOSED;
        if (check_schema_is(self, all.schema) < 0)
            status = PMIPC_OK;
        else if (self->handle != NULL)
            status = publish_by_loan(self, &all, stamp_ns, &loan, &seq);
        py_producer_refresh(self);
        if (seq != 0)
            outcome = sink->calls->send(sink, &self->gate, &loan, stamp_ns, &error);
        py_gate_leave(&self->gate);
        if (status != PMIPC_OK)
            py_producer_raise(self, status);
        if (outcome > 0)
            sink->calls->report(sink, &error);
    }
    sample_release(&all);
    Py_DECREF((PyObject *)sink);
    return seq != 0 && outcome >= 0 ? PyLong_FromUnsignedLongLong(seq) : NULL;
}

#ifndef Py_GIL_DISABLED
/* The field that a key names; -1: uncertain. Runs no Python code: only plain strings are compared. */
static int field_of_key(const py_schema *schema, PyObject *key, int likely)
{
    int count = (int)schema->field_count;
    for (int i = likely; i < likely + count; i++)
        if (schema->fields[i % count].name == key)
            return i % count;
    for (int i = likely; PyUnicode_CheckExact(key) && i < likely + count; i++)
        if (PyUnicode_Compare(schema->fields[i % count].name, key) == 0)
            return i % count;
    return -1;
}

/* Whether a dict has exactly the fields, each a plain contiguous array. The sources borrow from the dict until they are
 * published: nothing here may release the GIL or run Python code, which could remove the arrays from the dict or close
 * the producer. Never fails: anything uncertain takes the general path. */
static bool dict_is_exact(const py_schema *schema, PyObject *dict, pmipc_source *sources)
{
    if ((uint32_t)PyDict_GET_SIZE(dict) != schema->field_count)
        return false;
    PyObject *key, *value;
    Py_ssize_t position = 0;
    /* As many different keys as fields, and each names a field: all fields are present. */
    for (int i = 0; i < (int)schema->field_count && PyDict_Next(dict, &position, &key, &value); i++) {
        /* Nearly always the dict has the fields in this order, and the names are the same interned objects. */
        int index = key == schema->fields[i].name ? i : field_of_key(schema, key, i);
        if (index < 0 || !py_source_is_exact(&schema->fields[index], value))
            return false;
        sources[index] = (pmipc_source){PyArray_DATA((PyArrayObject *)value), 0};
    }
    return true;
}

/* Publish while the GIL is held all the time and no other thread is in the gate: no thread can change the sources. */
static PyObject *publish_sources(py_producer *self, const pmipc_source *sources, int64_t stamp_ns)
{
    uint64_t seq = 0;
    pmipc_status status =
        pmipc_producer_publish_fields(self->handle->producer, sources, self->schema->field_count, stamp_ns, &seq);
    if (status != PMIPC_OK) {
        py_producer_raise(self, status);
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(seq);
}
#endif

PyObject *py_producer_publish(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const py_signature signature = {"publish", 1, 1, 2, {NAME_data, NAME_stamp}};
    py_producer *self = (py_producer *)object;
    PyObject *data;
    int64_t stamp_ns = PMIPC_STAMP_NOW;
    if (py_producer_usable(self) < 0)
        return NULL;
    if (nargs == 1 && kwnames == NULL) {
        data = args[0];
    } else {
        PyObject *values[2];
        if (py_parse(self->state, &signature, args, nargs, kwnames, values) < 0)
            return NULL;
        data = values[0];
        if (values[1] != NULL && values[1] != Py_None &&
            (py_sample_stamp(values[1], self->name_text, &self->warned_of_unit, &stamp_ns) < 0 ||
             py_producer_usable(self) < 0)) /* reading the stamp may run code */
            return NULL;
    }
    if (self->sink != NULL)
        return publish_and_send(self, data, stamp_ns);
    py_schema *schema = self->schema;
    if (schema->is_plain && py_source_is_exact(&schema->fields[0], data))
        return publish_bytes(self, schema, PyArray_DATA((PyArrayObject *)data), stamp_ns);
    const void *elements;
    if (schema->is_plain && torch_is_exact(self->state, &schema->fields[0], data, &elements))
        return publish_bytes(self, schema, elements, stamp_ns);
#ifndef Py_GIL_DISABLED
    if (schema->is_dict && !schema->has_variable && schema->nbytes <= PY_RELEASE_GIL_BYTES && PyDict_CheckExact(data) &&
        !self->gate.busy) {
        pmipc_source sources[PMIPC_MAX_FIELDS];
        if (dict_is_exact(schema, data, sources))
            return publish_sources(self, sources, stamp_ns);
    }
#endif
    return publish_sample(self, data, stamp_ns);
}
