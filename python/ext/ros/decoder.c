/* decoder.c: the RosDecoder class: serialized messages become samples of a pool. */
#include "arrays/schema.h"
#include "core/errors.h"
#include "core/lock.h"
#include "core/values.h"
#include "ros/rcl.h"
#include "ros/ros.h"
#include "ros/take.h"
#include "ros/texts.h"
#include "write/handle.h"

#include <polymorph_ipc/ros.h>

#include <stdlib.h>
#include <string.h>

typedef struct py_ros_decoder {
    PyObject_HEAD py_state *state;
    pmipc_ros_decoder *decoder; /* NULL: never opened */
    unsigned generation;
    py_ros_buffer buffer;  /* of takes */
    size_t last_bytes;     /* of the last message taken */
    py_ros_losses losses;  /* between takes */
    uint64_t in_place;     /* messages that needed no copy */
    bool keeps_refused;    /* keep messages that do not fit the pool, for take_refused() */
    py_ros_buffer refused; /* the last such message */
    size_t refused_bytes;  /* 0: none */
    py_gate gate;          /* one thread at a time for all of these */
} py_ros_decoder;

/* ---- opening and closing */

static PyObject *decoder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    py_state *state = py_state_of(type);
    py_ros_decoder *self = state == NULL ? NULL : (py_ros_decoder *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->state = state;
    self->generation = py_generation();
    return (PyObject *)self;
}

/* Open the decoder with `made`. -1 when another thread has opened it in between. */
static int take_decoder(py_ros_decoder *self, pmipc_ros_decoder *made)
{
    if (py_gate_enter(&self->gate) == 0) {
        bool first = self->decoder == NULL;
        if (first)
            self->decoder = made;
        py_gate_leave(&self->gate);
        if (first)
            return 0;
        (void)py_refuse_second_init(self->state, (PyObject *)self);
    }
    pmipc_ros_decoder_destroy(made);
    return -1;
}

static int decoder_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    py_ros_decoder *self = (py_ros_decoder *)object;
    static char *keywords[] = {"types",    "message",   "fields",    "joints", "point_fields",
                               "variable", "organized", "any_frame", NULL};
    PyObject *texts, *fields, *joints = Py_None, *points = Py_None;
    int variable = 1, organized = 0;
    const char *message;
    int any_frame = 0;
    if (self->generation != py_generation())
        return py_refuse_forked(self->state, object);
    if (self->decoder != NULL)
        return py_refuse_second_init(self->state, object);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!sO!|OOppp", keywords, &PyDict_Type, &texts, &message,
                                     &PyDict_Type, &fields, &joints, &points, &variable, &organized, &any_frame))
        return -1;
    pmipc_ros_field list[PMIPC_MAX_FIELDS];
    uint32_t field_count, joint_count, point_count;
    const char **joint_names = NULL, **point_names = NULL;
    pmipc_cdr_types *types = NULL;
    int result = -1;
    if (py_ros_decoded_fields(fields, list, &field_count) < 0 ||
        py_ros_read_texts(joints, "joints", &joint_names, &joint_count) < 0 ||
        py_ros_read_texts(points, "point_fields", &point_names, &point_count) < 0 ||
        (types = py_ros_read_types(self->state, texts)) == NULL)
        goto done;
    pmipc_ros_decoder_options options = {
        .joints = joint_names,
        .joint_count = joint_count,
        .point_fields = point_names,
        .point_field_count = point_count,
        .fixed_lengths = !variable,
        .organized = organized,
        .any_frame = any_frame != 0,
    };
    pmipc_ros_decoder *made = NULL;
    pmipc_error error = {0};
    if (pmipc_ros_decoder_create(&made, types, message, list, field_count, &options, &error) == PMIPC_OK)
        result = take_decoder(self, made);
    else
        py_raise_error(self->state, &error);
done:
    pmipc_cdr_types_destroy(types);
    PyMem_Free(joint_names);
    PyMem_Free(point_names);
    return result;
}

static void decoder_dealloc(PyObject *object)
{
    py_ros_decoder *self = (py_ros_decoder *)object;
    PyTypeObject *type = Py_TYPE(object);
    /* Not freed in a forked child: a thread of the parent may have been changing them at the fork. */
    if (self->generation == py_generation()) {
        pmipc_ros_decoder_destroy(self->decoder);
        py_ros_buffer_free(&self->buffer);
        py_ros_buffer_free(&self->refused);
    }
    type->tp_free(object);
    Py_DECREF(type);
}

/* ---- before the first sample */

static int usable(py_ros_decoder *self)
{
    if (self->decoder == NULL)
        return py_refuse_unopened(self->state, (PyObject *)self);
    return self->generation == py_generation() ? 0 : py_refuse_forked(self->state, (PyObject *)self);
}

static PyObject *decoder_expect(PyObject *object, PyObject *sample)
{
    py_ros_decoder *self = (py_ros_decoder *)object;
    if (usable(self) < 0)
        return NULL;
    if (!Py_IS_TYPE(sample, self->state->schema_type)) {
        PyErr_Format(PyExc_TypeError, "expect() takes a Schema, not %.100s", Py_TYPE(sample)->tp_name);
        return NULL;
    }
    pmipc_schema *schema = PyMem_Calloc(1, sizeof *schema);
    PyObject *result = NULL;
    if (schema == NULL)
        return PyErr_NoMemory();
    pmipc_error error = {0};
    if (py_gate_enter(&self->gate) < 0)
        goto done;
    pmipc_status status = pmipc_ros_decoder_expect(self->decoder, &((py_schema *)sample)->schema, schema, &error);
    py_gate_leave(&self->gate);
    if (status == PMIPC_OK)
        result = (PyObject *)py_schema_wrap(self->state, schema);
    else
        py_raise_error(self->state, &error);
done:
    PyMem_Free(schema);
    return result;
}

static PyObject *decoder_learn(PyObject *object, PyObject *message)
{
    py_ros_decoder *self = (py_ros_decoder *)object;
    Py_buffer bytes;
    if (usable(self) < 0 || PyObject_GetBuffer(message, &bytes, PyBUF_SIMPLE) < 0)
        return NULL;
    pmipc_schema *schema = PyMem_Calloc(1, sizeof *schema);
    PyObject *result = NULL;
    pmipc_error error = {0};
    if (schema == NULL) {
        PyErr_NoMemory();
    } else if (py_gate_enter(&self->gate) == 0) {
        pmipc_status status = pmipc_ros_decoder_learn(self->decoder, bytes.buf, (size_t)bytes.len, schema, &error);
        if (status == PMIPC_OK) {
            py_schema *wrapped = py_schema_wrap(self->state, schema);
            if (wrapped != NULL)
                result = Py_BuildValue("(Ns)", wrapped, pmipc_ros_decoder_metadata(self->decoder));
        } else {
            py_raise_error(self->state, &error);
        }
        py_gate_leave(&self->gate);
    }
    PyMem_Free(schema);
    PyBuffer_Release(&bytes);
    return result;
}

/* ---- samples */

/* The result for one message. */
typedef struct outcome {
    py_ros_taken taken;
    pmipc_status status;
    uint64_t seq;
    pmipc_error error;
} outcome;

/* A transient-local publisher sends its messages to each new subscription, so a message may have been taken before. */
static py_ros_taken take(py_ros_decoder *self, void *subscription, const pmipc_ros_landing *landing,
                         py_ros_message *message, pmipc_error *error)
{
    py_ros_origin origin;
    py_ros_taken taken =
        py_ros_take(subscription, landing->bytes, landing->capacity, &self->buffer, message, &origin, error);
    if (taken != PY_ROS_TAKEN)
        return taken;
    self->last_bytes = message->length;
    return py_ros_losses_count(&self->losses, &origin) ? PY_ROS_TAKEN : PY_ROS_REPEATED;
}

/* Copy a refused message before the next take: it may be in a slot or in the buffer of takes. */
static void keep_refused(py_ros_decoder *self, pmipc_status status, const void *bytes, size_t length)
{
    if (status != PMIPC_SCHEMA_MISMATCH || !self->keeps_refused)
        return;
    if (length > self->refused.capacity) {
        py_ros_buffer_free(&self->refused);
        self->refused.bytes = malloc(length);
        self->refused.capacity = self->refused.bytes != NULL ? length : 0;
    }
    self->refused_bytes = self->refused.capacity >= length ? length : 0;
    if (self->refused_bytes)
        memcpy(self->refused.bytes, bytes, length);
}

/* Take a message, directly into a slot where possible, and publish it. Needs no GIL. */
static void take_and_publish(py_ros_decoder *self, pmipc_producer *producer, void *subscription,
                             int64_t fallback_stamp_ns, outcome *result)
{
    pmipc_ros_landing landing;
    py_ros_message message;
    bool in_place;
    pmipc_ros_decoder_land(self->decoder, producer, &landing);
    result->taken = take(self, subscription, &landing, &message, &result->error);
    if (result->taken != PY_ROS_TAKEN) {
        if (landing.bytes != NULL)
            pmipc_producer_discard(producer, &landing.loan);
        return;
    }
    result->status = pmipc_ros_decoder_publish_landed(self->decoder, producer, &landing, message.bytes, message.length,
                                                      fallback_stamp_ns, &result->seq, &in_place, &result->error);
    keep_refused(self, result->status, message.bytes, message.length);
    self->in_place += in_place;
}

/* Publish `bytes`, or a message that is taken from the subscription. Needs no GIL. */
static void process(py_ros_decoder *self, pmipc_producer *producer, void *subscription, const Py_buffer *bytes,
                    int64_t fallback_stamp_ns, outcome *result)
{
    const pmipc_ros_landing nowhere = {0};
    py_ros_message message;
    if (producer == NULL) {
        result->taken =
            subscription == NULL ? PY_ROS_TAKEN : take(self, subscription, &nowhere, &message, &result->error);
        result->status = result->error.status = PMIPC_CLOSED;
    } else if (subscription != NULL) {
        take_and_publish(self, producer, subscription, fallback_stamp_ns, result);
    } else {
        result->taken = PY_ROS_TAKEN;
        result->status = pmipc_ros_decoder_publish(self->decoder, producer, bytes->buf, (size_t)bytes->len,
                                                   fallback_stamp_ns, &result->seq, &result->error);
        keep_refused(self, result->status, bytes->buf, (size_t)bytes->len);
    }
}

/* The result for Python:
 * - int > 0: the sequence number of the sample
 * - 0: the message was taken before
 * - None: there was no message
 * - (status, text): the message could not become a sample
 * - an exception: rcl failed */
static PyObject *outcome_value(py_ros_decoder *self, const outcome *result)
{
    if (result->taken == PY_ROS_NOTHING)
        Py_RETURN_NONE;
    if (result->taken == PY_ROS_REPEATED)
        return PyLong_FromLong(0);
    if (result->taken == PY_ROS_FAILED) {
        py_raise_error(self->state, &result->error);
        return NULL;
    }
    if (result->status == PMIPC_OK)
        return PyLong_FromUnsignedLongLong(result->seq);
    const char *text = result->error.text[0] ? result->error.text : pmipc_status_text(result->status);
    PyObject *reason = py_text(text);
    return reason == NULL ? NULL : Py_BuildValue("(sN)", pmipc_status_name(result->status), reason);
}

/* In both gates. */
static void process_in_gates(py_ros_decoder *self, py_producer *producer, void *subscription, const Py_buffer *bytes,
                             int64_t fallback_stamp_ns, outcome *result)
{
    pmipc_producer *handle = producer->handle != NULL ? producer->handle->producer : NULL;
    size_t expected = subscription != NULL ? self->last_bytes : (size_t)bytes->len;
    if (subscription != NULL ? expected > 0 && expected <= PY_RELEASE_GIL_BYTES : expected <= PY_RELEASE_GIL_BYTES) {
        process(self, handle, subscription, bytes, fallback_stamp_ns, result);
        return;
    }
    py_gate_hold(&self->gate);
    py_gate_hold(&producer->gate);
    Py_BEGIN_ALLOW_THREADS
    process(self, handle, subscription, bytes, fallback_stamp_ns, result);
    Py_END_ALLOW_THREADS
    py_gate_unhold(&producer->gate);
    py_gate_unhold(&self->gate);
}

static PyObject *publish_in_gates(py_ros_decoder *self, PyObject *target, void *subscription, const Py_buffer *bytes,
                                  int64_t fallback_stamp_ns)
{
    if (!PyObject_TypeCheck(target, self->state->producer_type)) {
        PyErr_Format(PyExc_TypeError, "expected a TensorProducer, got %.100s", Py_TYPE(target)->tp_name);
        return NULL;
    }
    py_producer *producer = (py_producer *)target;
    outcome *result = PyMem_Calloc(1, sizeof *result);
    PyObject *value = NULL;
    if (result == NULL)
        return PyErr_NoMemory();
    if (!producer->opened || producer->generation != py_generation()) {
        (void)py_producer_refuse(producer); /* a closed producer is a result: see process */
    } else if (py_gate_enter(&self->gate) == 0) {
        if (py_gate_enter(&producer->gate) == 0) {
            process_in_gates(self, producer, subscription, bytes, fallback_stamp_ns, result);
            py_producer_refresh(producer);
            py_gate_leave(&producer->gate);
        }
        py_gate_leave(&self->gate);
        if (!PyErr_Occurred())
            value = outcome_value(self, result);
    }
    PyMem_Free(result);
    return value;
}

static PyObject *decoder_publish(PyObject *object, PyObject *args)
{
    py_ros_decoder *self = (py_ros_decoder *)object;
    PyObject *producer;
    Py_buffer bytes;
    long long stamp_ns;
    if (usable(self) < 0 || !PyArg_ParseTuple(args, "Oy*L", &producer, &bytes, &stamp_ns))
        return NULL;
    PyObject *value = publish_in_gates(self, producer, NULL, &bytes, stamp_ns);
    PyBuffer_Release(&bytes);
    return value;
}

static int read_pointer(py_ros_decoder *self, PyObject *number, void **pointer)
{
    *pointer = PyLong_AsVoidPtr(number);
    if (*pointer == NULL) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "the pointer of a subscription must not be 0");
        return -1;
    }
    if (py_rcl_find())
        return 0;
    py_raise_format(self->state, PMIPC_UNSUPPORTED, "rcl_take_serialized_message was not found in this process");
    return -1;
}

static PyObject *decoder_take_refused(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_ros_decoder *self = (py_ros_decoder *)object;
    if (usable(self) < 0 || py_gate_enter(&self->gate) < 0)
        return NULL;
    PyObject *bytes = self->refused_bytes ? PyBytes_FromStringAndSize((const char *)self->refused.bytes,
                                                                      (Py_ssize_t)self->refused_bytes)
                                          : Py_NewRef(Py_None);
    self->refused_bytes = 0;
    py_ros_buffer_free(&self->refused);
    py_gate_leave(&self->gate);
    return bytes;
}

static PyObject *decoder_get_keeps_refused(PyObject *object, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((py_ros_decoder *)object)->keeps_refused);
}

static int decoder_set_keeps_refused(PyObject *object, PyObject *value, void *unused)
{
    (void)unused;
    int keeps = value == NULL ? 0 : PyObject_IsTrue(value);
    if (keeps < 0)
        return -1;
    ((py_ros_decoder *)object)->keeps_refused = keeps;
    return 0;
}

static PyObject *decoder_get_lost(PyObject *object, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((py_ros_decoder *)object)->losses.lost);
}

static PyObject *decoder_get_in_place(PyObject *object, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((py_ros_decoder *)object)->in_place);
}

static PyObject *decoder_joint_stamps(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_ros_decoder *self = (py_ros_decoder *)object;
    uint32_t count;
    if (usable(self) < 0 || py_gate_enter(&self->gate) < 0)
        return NULL;
    const int64_t *stamps_ns = pmipc_ros_decoder_joint_stamps(self->decoder, &count);
    PyObject *list = py_int_list(stamps_ns, count);
    py_gate_leave(&self->gate);
    return list;
}

static PyObject *decoder_take(PyObject *object, PyObject *args)
{
    py_ros_decoder *self = (py_ros_decoder *)object;
    PyObject *producer, *number;
    long long stamp_ns;
    void *subscription;
    if (usable(self) < 0 || !PyArg_ParseTuple(args, "OOL", &producer, &number, &stamp_ns) ||
        read_pointer(self, number, &subscription) < 0)
        return NULL;
    return publish_in_gates(self, producer, subscription, NULL, stamp_ns);
}

static PyObject *decoder_take_bytes(PyObject *object, PyObject *number)
{
    py_ros_decoder *self = (py_ros_decoder *)object;
    void *subscription;
    pmipc_error error = {0};
    if (usable(self) < 0 || read_pointer(self, number, &subscription) < 0 || py_gate_enter(&self->gate) < 0)
        return NULL;
    const pmipc_ros_landing nowhere = {0};
    py_ros_taken taken;
    py_ros_message message;
    PyObject *bytes = NULL;
    py_gate_hold(&self->gate);
    Py_BEGIN_ALLOW_THREADS
    taken = take(self, subscription, &nowhere, &message, &error);
    Py_END_ALLOW_THREADS
    py_gate_unhold(&self->gate);
    if (taken == PY_ROS_TAKEN || taken == PY_ROS_REPEATED)
        bytes = PyBytes_FromStringAndSize(message.bytes, (Py_ssize_t)message.length);
    else if (taken == PY_ROS_NOTHING)
        bytes = Py_NewRef(Py_None);
    else
        py_raise_error(self->state, &error);
    py_gate_leave(&self->gate);
    return bytes;
}

#include "docs.h"

static PyMethodDef decoder_methods[] = {
    {"expect", decoder_expect, METH_O, DOC_RosDecoder_expect},
    {"learn", decoder_learn, METH_O, DOC_RosDecoder_learn},
    {"publish", decoder_publish, METH_VARARGS, DOC_RosDecoder_publish},
    {"take", decoder_take, METH_VARARGS, DOC_RosDecoder_take},
    {"joint_stamps", decoder_joint_stamps, METH_NOARGS, DOC_RosDecoder_joint_stamps},
    {"take_bytes", decoder_take_bytes, METH_O, DOC_RosDecoder_take_bytes},
    {"take_refused", decoder_take_refused, METH_NOARGS, DOC_RosDecoder_take_refused},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef decoder_getset[] = {
    {"lost", decoder_get_lost, NULL, DOC_RosDecoder_lost, NULL},
    {"in_place", decoder_get_in_place, NULL, DOC_RosDecoder_in_place, NULL},
    {"keeps_refused", decoder_get_keeps_refused, decoder_set_keeps_refused, DOC_RosDecoder_keeps_refused, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot decoder_slots[] = {
    {Py_tp_doc, DOC_RosDecoder},
    {Py_tp_new, decoder_new},
    {Py_tp_init, decoder_init},
    {Py_tp_dealloc, decoder_dealloc},
    {Py_tp_methods, decoder_methods},
    {Py_tp_getset, decoder_getset},
    {0, NULL},
};

PyType_Spec py_ros_decoder_spec = {
    .name = "polymorph_ipc._core.RosDecoder",
    .basicsize = sizeof(py_ros_decoder),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = decoder_slots,
};
