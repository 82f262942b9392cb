/* loan.c: the Loan class: a slot that the caller fills in place. */
#include "arrays/torch.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "write/handle.h"
#include "write/lengths.h"
#include "write/producer.h"

typedef struct py_loan {
    PyObject_HEAD py_producer *producer;
    py_schema *schema; /* of the slot */
    bool out;
    PyObject *data;   /* arrays over the slot; NULL before they are used */
    PyObject *arrays; /* for a dict: a list of those arrays, to notice when the dict gets other ones; NULL */
    PyObject *length; /* int, dict or None */
    PyObject *stamp;
    pmipc_loan loan;
} py_loan;

static int check_out(const py_loan *self)
{
    if (self->out)
        return 0;
    py_raise_format(self->producer->state, PMIPC_WRONG_STATE, "pool '%s': this loan has ended",
                    self->producer->name_text);
    return -1;
}

/* ---- making a loan */

/* Reserve room for the lengths, which are in `self->loan`. In the gate. */
static pmipc_status reserve(py_loan *self)
{
    int64_t lengths[PMIPC_MAX_FIELDS];
    for (uint32_t i = 0; i < self->schema->field_count; i++)
        lengths[i] = self->loan.fields[i].length;
    return pmipc_producer_reserve(self->producer->handle->producer, lengths, self->schema->field_count);
}

/* Update the schema: the slot may be in a larger pool. In the gate. */
static int find_schema(py_loan *self)
{
    pmipc_producer *producer = self->producer->handle->producer;
    if (pmipc_producer_incarnation(producer) == self->producer->incarnation)
        return 0;
    py_schema *schema = py_schema_wrap(self->producer->state, pmipc_producer_schema(producer));
    if (schema == NULL)
        return -1;
    Py_SETREF(self->schema, schema);
    return 0;
}

static pmipc_status take(py_loan *self, bool reserves)
{
    py_producer *producer = self->producer;
    if (producer->handle == NULL)
        return PMIPC_CLOSED;
    pmipc_status status = reserves ? reserve(self) : PMIPC_OK;
    if (status == PMIPC_OK)
        status = pmipc_producer_loan(producer->handle->producer, &self->loan);
    self->out = status == PMIPC_OK;
    return status;
}

PyObject *py_producer_loan(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const py_signature signature = {"loan", 1, 0, 1, {NAME_length}};
    py_producer *producer = (py_producer *)object;
    PyObject *length = NULL;
    if (py_producer_usable(producer) < 0)
        return NULL;
    if ((nargs > 0 || kwnames != NULL) && py_parse(producer->state, &signature, args, nargs, kwnames, &length) < 0)
        return NULL;
    const bool reserves = length != NULL && length != Py_None;
    PyTypeObject *type = producer->state->loan_type;
    py_loan *self = (py_loan *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->producer = (py_producer *)Py_NewRef(object);
    self->schema = (py_schema *)Py_NewRef((PyObject *)producer->schema);
    self->stamp = Py_NewRef(Py_None);
    self->length =
        Py_NewRef(Py_None); /* reading the lengths may run code, which finds this loan with gc.get_objects() */
    if (reserves && (py_lengths_check_variable(self->schema, producer->name_text) < 0 ||
                     py_lengths_read(self->schema, producer->name_text, length, &self->loan) < 0))
        goto fail;
    if (py_gate_enter(&producer->gate) < 0)
        goto fail;
    pmipc_status status = take(self, reserves);
    int found = self->out ? find_schema(self) : 0;
    py_gate_leave(&producer->gate);
    if (status != PMIPC_OK)
        py_producer_raise(producer, status);
    if (status != PMIPC_OK || found < 0)
        goto fail;
    if (self->schema->has_variable) {
        PyObject *preset = reserves && !self->schema->is_dict ? Py_NewRef(length) : py_lengths_preset(self->schema);
        if (preset == NULL)
            goto fail;
        Py_SETREF(self->length, preset);
        if (reserves && self->schema->is_dict && PyDict_Update(self->length, length) < 0)
            goto fail;
    }
    return (PyObject *)self;

fail:
    Py_DECREF(self);
    return NULL;
}

/* ---- arrays over the slot */

static PyObject *slot_array(py_loan *self, uint32_t index, PyObject *owner)
{
    py_producer *producer = self->producer;
    py_field *field = &self->schema->fields[index];
    void *data = self->loan.fields[index].data;
    if (producer->origin == PMIPC_ORIGIN_TORCH && field->dlpack.lanes != 0) {
        int found = py_torch_find(producer->state);
        if (found < 0)
            return NULL;
        if (found)
            return py_torch_over(producer->state, owner, field->dlpack, data, field->ndim, field->shape,
                                 field->strides);
    }
    PyArray_Descr *descr = py_field_descr(self->schema, index);
    if (descr == NULL)
        return NULL;
    Py_INCREF(descr);
    PyObject *array =
        PyArray_NewFromDescr(&PyArray_Type, descr, field->ndim, field->shape, NULL, data, NPY_ARRAY_WRITEABLE, NULL);
    if (array != NULL && PyArray_SetBaseObject((PyArrayObject *)array, Py_NewRef(owner)) < 0)
        Py_CLEAR(array);
    return array;
}

static PyObject *slot_arrays(py_loan *self)
{
    py_schema *schema = self->schema;
    PyObject *owner = py_handle_capsule(self->producer->handle);
    PyObject *result = NULL;
    if (owner == NULL)
        return NULL;
    pmipc_producer_keep_memory(self->producer->handle->producer);
    if (!schema->is_dict) {
        result = slot_array(self, 0, owner);
    } else {
        result = PyDict_Copy(schema->template);
        for (uint32_t i = 0; result != NULL && i < schema->field_count; i++) {
            PyObject *array = slot_array(self, i, owner);
            if (array == NULL || PyDict_SetItem(result, schema->fields[i].name, array) < 0)
                Py_CLEAR(result);
            Py_XDECREF(array);
        }
    }
    Py_DECREF(owner);
    return result;
}

static void make_read_only(PyObject *array)
{
    if (array != NULL && PyArray_Check(array))
        PyArray_CLEARFLAGS((PyArrayObject *)array, NPY_ARRAY_WRITEABLE);
}

/* End the loan. Streams may be reading the slot, so the arrays over it become read-only. */
static void end_loan(py_loan *self)
{
    self->out = false;
    PyObject *data = self->data;
    PyObject *arrays = self->arrays;
    self->data = NULL;
    self->arrays = NULL;
    if (arrays == NULL)
        make_read_only(data);
    else
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(arrays); i++)
            make_read_only(PyList_GET_ITEM(arrays, i));
    Py_XDECREF(data);
    Py_XDECREF(arrays);
}

/* ---- ending a loan */

/* Read the attributes stamp and length. Reading a number may run its __index__, which may set these attributes again.
 */
static int read_attributes(py_loan *self, int64_t *stamp_ns)
{
    PyObject *lengths = Py_NewRef(self->length);
    PyObject *stamp = Py_NewRef(self->stamp);
    int result = 0;
    if (self->schema->has_variable)
        result = py_lengths_read(self->schema, self->producer->name_text, lengths, &self->loan);
    if (result == 0 && stamp != Py_None)
        result = py_sample_stamp(stamp, self->producer->name_text, &self->producer->warned_of_unit, stamp_ns);
    Py_DECREF(lengths);
    Py_DECREF(stamp);
    return result;
}

/* Refuse a dict whose arrays were replaced: the slot still holds an older frame then. */
static int check_data(py_loan *self)
{
    const py_schema *schema = self->schema;
    PyObject *data = self->data;
    if (self->arrays == NULL || data == NULL)
        return 0;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        PyObject *value;
        if (PyDict_GetItemRef(data, schema->fields[i].name, &value) < 0)
            return -1;
        bool is_ours = value == PyList_GET_ITEM(self->arrays, i);
        Py_XDECREF(value);
        if (is_ours)
            continue;
        PyErr_Format(
            PyExc_TypeError,
            "pool '%s', field %R: its array in the loan was replaced, which does not change the pool: write into "
            "the array, frame.data[%R][:] = ...",
            self->producer->name_text, schema->fields[i].name, schema->fields[i].name);
        return -1;
    }
    if ((uint32_t)PyDict_GET_SIZE(data) == schema->field_count)
        return 0;
    py_raise_format(self->producer->state, PMIPC_SCHEMA_MISMATCH,
                    "pool '%s' carries %S, but the data of the loan also has other fields", self->producer->name_text,
                    (PyObject *)schema);
    return -1;
}

static PyObject *loan_commit(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_loan *self = (py_loan *)object;
    py_producer *producer = self->producer;
    py_sink *sink = producer->sink;
    int64_t stamp_ns = PMIPC_STAMP_NOW;
    if (py_producer_usable(producer) < 0 || check_out(self) < 0 || check_data(self) < 0 ||
        read_attributes(self, &stamp_ns) < 0 ||
        (sink != NULL && stamp_ns == PMIPC_STAMP_NOW && sink->calls->stamp(sink, &stamp_ns) < 0) ||
        py_gate_enter(&producer->gate) < 0)
        return NULL;
    pmipc_status status = PMIPC_CLOSED;
    if (producer->handle != NULL)
        status = pmipc_producer_commit(producer->handle->producer, &self->loan, stamp_ns);
    pmipc_error error;
    int outcome = 0;
    if (status == PMIPC_OK && sink != NULL)
        outcome = sink->calls->send(sink, &producer->gate, &self->loan, stamp_ns, &error);
    py_producer_refresh(producer);
    py_gate_leave(&producer->gate);
    if (status != PMIPC_SCHEMA_MISMATCH)
        end_loan(self);
    if (status != PMIPC_OK) {
        py_producer_raise(producer, status);
        return NULL;
    }
    if (outcome > 0)
        sink->calls->report(sink, &error);
    return outcome < 0 ? NULL : PyLong_FromUnsignedLongLong(self->loan.seq);
}

static void discard(py_loan *self)
{
    py_producer *producer = self->producer;
    if (!self->out)
        return;
    end_loan(self);
    if (producer->generation != py_generation() || py_gate_enter(&producer->gate) < 0)
        return;
    if (producer->handle != NULL)
        pmipc_producer_discard(producer->handle->producer, &self->loan);
    py_gate_leave(&producer->gate);
}

static PyObject *loan_discard(PyObject *object, PyObject *unused)
{
    (void)unused;
    discard((py_loan *)object);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *loan_enter(PyObject *object, PyObject *unused)
{
    (void)unused;
    if (check_out((py_loan *)object) < 0)
        return NULL;
    return Py_NewRef(object);
}

static PyObject *loan_exit(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    py_loan *self = (py_loan *)object;
    if (nargs > 0 && args[0] != Py_None) {
        discard(self);
        if (PyErr_Occurred())
            return NULL;
    } else if (self->out) {
        PyObject *seq = loan_commit(object, NULL);
        if (seq == NULL) {
            PyObject *type, *value, *traceback;
            PyErr_Fetch(&type, &value, &traceback);
            discard(self);
            PyErr_Restore(type, value, traceback);
            return NULL;
        }
        Py_DECREF(seq);
    }
    Py_RETURN_NONE;
}

/* ---- attributes */

static PyObject *loan_get_data(PyObject *object, void *unused)
{
    (void)unused;
    py_loan *self = (py_loan *)object;
    if (py_producer_usable(self->producer) < 0 || check_out(self) < 0)
        return NULL;
    if (self->data == NULL) {
        PyObject *data = slot_arrays(self);
        if (data == NULL || (PyDict_Check(data) && (self->arrays = PyDict_Values(data)) == NULL)) {
            Py_XDECREF(data);
            return NULL;
        }
        self->data = data;
    }
    return Py_NewRef(self->data);
}

static PyObject *loan_get_seq(PyObject *object, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((py_loan *)object)->loan.seq);
}

static PyObject *loan_get_stamp(PyObject *object, void *unused)
{
    (void)unused;
    return Py_NewRef(((py_loan *)object)->stamp);
}

static int loan_set_stamp(PyObject *object, PyObject *value, void *unused)
{
    (void)unused;
    const char *pool_name = ((py_loan *)object)->producer->name_text;
    int64_t stamp_ns;
    if (value == NULL)
        value = Py_None;
    if (value != Py_None && py_stamp(value, "stamp", pool_name, &stamp_ns) < 0)
        return -1;
    Py_SETREF(((py_loan *)object)->stamp, Py_NewRef(value));
    return 0;
}

static PyObject *loan_get_length(PyObject *object, void *unused)
{
    (void)unused;
    return Py_NewRef(((py_loan *)object)->length);
}

static int loan_set_length(PyObject *object, PyObject *value, void *unused)
{
    (void)unused;
    py_loan *self = (py_loan *)object;
    if (py_lengths_check_variable(self->schema, self->producer->name_text) < 0)
        return -1;
    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "length cannot be deleted");
        return -1;
    }
    Py_SETREF(self->length, Py_NewRef(value));
    return 0;
}

/* ---- the class */

static int loan_traverse(PyObject *object, visitproc visit, void *arg)
{
    py_loan *self = (py_loan *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->producer);
    Py_VISIT((PyObject *)self->schema);
    Py_VISIT(self->data);
    Py_VISIT(self->arrays);
    Py_VISIT(self->length);
    return 0;
}

static void loan_dealloc(PyObject *object)
{
    py_loan *self = (py_loan *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->out) {
        PyObject *error_type, *error_value, *error_traceback;
        PyErr_Fetch(&error_type, &error_value, &error_traceback);
        discard(self);
        PyErr_Restore(error_type, error_value, error_traceback);
    }
    Py_XDECREF(self->data);
    Py_XDECREF(self->arrays);
    Py_XDECREF(self->length);
    Py_XDECREF(self->stamp);
    Py_XDECREF((PyObject *)self->schema);
    Py_XDECREF((PyObject *)self->producer);
    type->tp_free(object);
    Py_DECREF(type);
}

#include "docs.h"

static PyMethodDef loan_methods[] = {
    {"commit", loan_commit, METH_NOARGS, DOC_Loan_commit},
    {"discard", loan_discard, METH_NOARGS, DOC_Loan_discard},
    {"__enter__", loan_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))loan_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef loan_getset[] = {
    {"data", loan_get_data, NULL, DOC_Loan_data, NULL},
    {"seq", loan_get_seq, NULL, DOC_Loan_seq, NULL},
    {"stamp", loan_get_stamp, loan_set_stamp, DOC_Loan_stamp, NULL},
    {"length", loan_get_length, loan_set_length, DOC_Loan_length, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot loan_slots[] = {
    {Py_tp_doc, DOC_Loan},         {Py_tp_dealloc, loan_dealloc}, {Py_tp_traverse, loan_traverse},
    {Py_tp_methods, loan_methods}, {Py_tp_getset, loan_getset},   {0, NULL},
};

PyType_Spec py_loan_spec = {
    .name = "polymorph_ipc.Loan",
    .basicsize = sizeof(py_loan),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = loan_slots,
};
