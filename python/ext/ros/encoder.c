/* encoder.c: the RosEncoder class: samples of a pool become serialized messages. send.c publishes them. */
#include "core/arguments.h"
#include "core/errors.h"
#include "core/values.h"
#include "read/handle.h"
#include "ros/rcl.h"
#include "ros/ros.h"
#include "ros/send.h"
#include "ros/texts.h"
#include "write/source.h"

#include <stdlib.h>
#include <string.h>

/* ---- constants from Python */

static void free_constants(pmipc_ros_constant *constants, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        PyMem_Free((void *)(uintptr_t)constants[i].texts);
    PyMem_Free(constants);
}

static int read_constant(PyObject *key, PyObject *value, pmipc_ros_constant *constant)
{
    *constant = (pmipc_ros_constant){.key = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL};
    if (constant->key == NULL) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "the keys of constants must be str");
        return -1;
    }
    if (PyList_Check(value))
        return py_ros_read_texts(value, constant->key, (const char ***)&constant->texts, &constant->text_count);
    if (!PyUnicode_Check(value)) {
        constant->number = PyFloat_AsDouble(value);
        return constant->number == -1.0 && PyErr_Occurred() ? -1 : 0;
    }
    const char **texts = PyMem_Calloc(1, sizeof *texts);
    if (texts == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    constant->texts = texts;
    constant->text_count = 1;
    texts[0] = PyUnicode_AsUTF8(value);
    return texts[0] == NULL ? -1 : 0;
}

/* {key: str, list of str, or number}, borrowed. */
static int read_constants(PyObject *dict, pmipc_ros_constant **constants, uint32_t *count)
{
    PyObject *key, *value;
    Py_ssize_t position = 0;
    *count = 0;
    *constants = PyMem_Calloc((size_t)PyDict_GET_SIZE(dict) + 1, sizeof **constants);
    if (*constants == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    while (PyDict_Next(dict, &position, &key, &value)) {
        pmipc_ros_constant *constant = &(*constants)[(*count)++];
        if (read_constant(key, value, constant) < 0)
            return -1;
    }
    return 0;
}

/* ---- opening and closing */

static pmipc_ros_encoder *make_encoder(py_state *state, const py_schema *schema, PyObject *texts, const char *message,
                                       PyObject *fields, PyObject *constants)
{
    pmipc_ros_encoder *made = NULL;
    pmipc_ros_field list[PMIPC_MAX_FIELDS];
    pmipc_ros_constant *values = NULL;
    uint32_t field_count = 0, value_count = 0;
    pmipc_cdr_types *types = NULL;
    pmipc_error error = {0};
    if ((fields != Py_None && py_ros_decoded_fields(fields, list, &field_count) < 0) ||
        read_constants(constants, &values, &value_count) < 0 || (types = py_ros_read_types(state, texts)) == NULL)
        goto done;
    if (pmipc_ros_encoder_create(&made, types, message, &schema->schema, fields == Py_None ? NULL : list, field_count,
                                 values, value_count, &error) != PMIPC_OK) {
        made = NULL;
        py_raise_error(state, &error);
    }
done:
    pmipc_cdr_types_destroy(types);
    free_constants(values, value_count);
    return made;
}

static int usable(py_ros_encoder *self)
{
    if (self->encoder == NULL)
        return py_refuse_unopened(self->state, (PyObject *)self);
    return self->generation == py_generation() ? 0 : py_refuse_forked(self->state, (PyObject *)self);
}

static int sink_usable(py_sink *sink)
{
    return usable((py_ros_encoder *)sink);
}

static const py_sink_calls sink_calls = {.usable = sink_usable,
                                         .stamp = py_ros_stamp,
                                         .send = py_ros_send_loan,
                                         .report = py_ros_report};

static PyObject *encoder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    py_state *state = py_state_of(type);
    py_ros_encoder *self = state == NULL ? NULL : (py_ros_encoder *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->sink.calls = &sink_calls;
    self->state = state;
    self->generation = py_generation();
    self->name_text = "";
    self->name = PyUnicode_FromString("");
    if (self->name == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int encoder_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    py_ros_encoder *self = (py_ros_encoder *)object;
    static char *keywords[] = {"pool_name", "types", "message", "schema", "fields", "constants", NULL};
    PyObject *name, *texts, *schema, *fields, *constants;
    const char *message;
    if (self->generation != py_generation())
        return py_refuse_forked(self->state, object);
    if (self->encoder != NULL)
        return py_refuse_second_init(self->state, object);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "UO!sO!OO!", keywords, &name, &PyDict_Type, &texts, &message,
                                     self->state->schema_type, &schema, &fields, &PyDict_Type, &constants))
        return -1;
    if (fields != Py_None && !PyDict_Check(fields)) {
        PyErr_SetString(PyExc_TypeError, "fields must be a dict of str to str or None");
        return -1;
    }
    const char *name_text = PyUnicode_AsUTF8(name);
    pmipc_ros_encoder *made =
        name_text == NULL ? NULL : make_encoder(self->state, (py_schema *)schema, texts, message, fields, constants);
    if (made == NULL)
        return -1;
    if (py_gate_enter(&self->gate) == 0) {
        bool first = self->encoder == NULL; /* reading the constants may have run code */
        if (first) {
            self->name_text = name_text;
            Py_SETREF(self->name, Py_NewRef(name));
            self->sink.schema = (py_schema *)Py_NewRef(schema);
            self->encoder = made;
        }
        py_gate_leave(&self->gate);
        if (first)
            return 0;
        (void)py_refuse_second_init(self->state, object);
    }
    pmipc_ros_encoder_destroy(made);
    return -1;
}

static int encoder_traverse(PyObject *object, visitproc visit, void *arg)
{
    py_ros_encoder *self = (py_ros_encoder *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->sink.schema);
    Py_VISIT(self->output.handle);
    Py_VISIT(self->output.publish);
    Py_VISIT(self->output.now);
    Py_VISIT(self->output.failed);
    return 0;
}

static int encoder_clear(PyObject *object)
{
    py_ros_output_clear(&((py_ros_encoder *)object)->output);
    return 0;
}

static void encoder_dealloc(PyObject *object)
{
    py_ros_encoder *self = (py_ros_encoder *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    py_ros_output_clear(&self->output);
    /* Not freed in a forked child: a thread of the parent may have been changing them at the fork. */
    if (self->generation == py_generation()) {
        pmipc_ros_encoder_destroy(self->encoder);
        free(self->buffer);
    }
    Py_XDECREF((PyObject *)self->sink.schema);
    Py_XDECREF(self->name);
    type->tp_free(object);
    Py_DECREF(type);
}

/* ---- samples from Python */

/* The fields of one sample. `memory` holds contiguous copies of arrays that are not contiguous. */
typedef struct gathered {
    py_source found[PMIPC_MAX_FIELDS];
    PyObject *memory[PMIPC_MAX_FIELDS];
    uint32_t count;
    pmipc_source sources[PMIPC_MAX_FIELDS];
} gathered;

static void release_gathered(gathered *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        py_source_release(&all->found[i]);
        Py_XDECREF(all->memory[i]);
    }
}

static int gather_field(py_ros_encoder *self, gathered *all, uint32_t index, PyObject *value)
{
    py_source *found = &all->found[index];
    all->memory[index] = NULL;
    all->count = index + 1;
    if (py_source_find(self->sink.schema, index, value, self->name_text, found) < 0)
        return -1;
    all->sources[index] = (pmipc_source){found->data, found->length};
    if (!found->strided)
        return 0;
    PyObject *memory = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)self->sink.schema->fields[index].nbytes);
    all->memory[index] = memory;
    if (memory == NULL)
        return -1;
    all->sources[index].data = PyByteArray_AS_STRING(memory);
    return py_source_copy(self->sink.schema, index, found, PyByteArray_AS_STRING(memory), memory);
}

static int gather(py_ros_encoder *self, PyObject *data, gathered *all)
{
    py_schema *schema = self->sink.schema;
    all->count = 0;
    if (!schema->is_dict)
        return gather_field(self, all, 0, data);
    if (!PyDict_Check(data)) {
        PyErr_Format(PyExc_TypeError, "pool '%s' carries %S: expected a dict of arrays, not %.100s", self->name_text,
                     (PyObject *)schema, Py_TYPE(data)->tp_name);
        return -1;
    }
    for (uint32_t i = 0; i < schema->field_count; i++) {
        PyObject *value;
        int has = PyDict_GetItemRef(data, schema->fields[i].name, &value);
        if (has == 0)
            py_raise_format(self->state, PMIPC_SCHEMA_MISMATCH, "pool '%s' carries %S, got a dict without '%U'",
                            self->name_text, (PyObject *)schema, schema->fields[i].name);
        if (has <= 0)
            return -1;
        int result = gather_field(self, all, i, value);
        Py_DECREF(value);
        if (result < 0)
            return -1;
    }
    return 0;
}

static PyObject *encoder_encode(PyObject *object, PyObject *args)
{
    py_ros_encoder *self = (py_ros_encoder *)object;
    PyObject *data, *stamp;
    gathered all;
    int64_t stamp_ns;
    PyObject *bytes = NULL;
    pmipc_error error = {0};
    if (usable(self) < 0 || !PyArg_ParseTuple(args, "OO", &data, &stamp) ||
        py_stamp(stamp, "stamp", self->name_text, &stamp_ns) < 0)
        return NULL;
    if (gather(self, data, &all) == 0 && py_gate_enter(&self->gate) == 0) {
        size_t byte_count = 0;
        if (py_ros_write(self, all.sources, stamp_ns, &byte_count, &error) == PMIPC_OK)
            bytes = PyBytes_FromStringAndSize((const char *)self->buffer, (Py_ssize_t)byte_count);
        else
            py_raise_error(self->state, &error);
        py_gate_leave(&self->gate);
    }
    release_gathered(&all);
    return bytes;
}

static PyObject *encoder_publish(PyObject *object, PyObject *args)
{
    py_ros_encoder *self = (py_ros_encoder *)object;
    PyObject *data, *stamp;
    gathered all;
    int64_t stamp_ns;
    int outcome = -1;
    pmipc_error error = {0};
    if (usable(self) < 0 || !PyArg_ParseTuple(args, "OO", &data, &stamp) ||
        (stamp == Py_None ? py_ros_stamp(&self->sink, &stamp_ns)
                          : py_stamp(stamp, "stamp", self->name_text, &stamp_ns)) < 0)
        return NULL;
    if (gather(self, data, &all) == 0)
        outcome = py_ros_send(self, NULL, all.sources, stamp_ns, pmipc_monotonic_ns(), &error);
    release_gathered(&all);
    if (outcome > 0)
        py_ros_report(&self->sink, &error);
    return outcome < 0 ? NULL : PyBool_FromLong(outcome == 0);
}

/* ---- samples from a stream */

/* The next sample, without waiting. Its fields may be read only if the pool's incarnation is `checked`: the pool has
 * the encoder's schema then. */
static pmipc_status next_view(py_ros_encoder *self, py_stream *stream, pmipc_view *view, pmipc_stream_info *info)
{
    pmipc_status status = PMIPC_CLOSED;
    py_turn_begin(&stream->turn);
    if (stream->handle != NULL) {
        status = pmipc_stream_get_next(stream->handle, 0, view);
        pmipc_stream_get_info(stream->handle, info);
    }
    if (status == PMIPC_OK && info->incarnation != self->checked) {
        if (pmipc_schema_compare(&self->sink.schema->schema, view->schema, NULL) == PMIPC_OK)
            self->checked = info->incarnation;
    }
    py_turn_end(&stream->turn);
    return status;
}

static int send_view(py_ros_encoder *self, pmipc_view *view)
{
    pmipc_source sources[PMIPC_MAX_FIELDS];
    pmipc_error error;
    for (uint32_t i = 0; i < view->field_count; i++)
        sources[i] = (pmipc_source){view->fields[i].data, view->fields[i].length};
    int outcome = py_ros_send(self, NULL, sources, view->stamp_ns, view->published_ns, &error);
    pmipc_view_release(view);
    if (outcome > 0)
        py_ros_report(&self->sink, &error);
    return outcome;
}

static PyObject *encoder_forward(PyObject *object, PyObject *args)
{
    py_ros_encoder *self = (py_ros_encoder *)object;
    PyObject *source;
    unsigned long long incarnation, dropped = 0;
    unsigned int limit, taken = 0;
    if (usable(self) < 0 || !PyArg_ParseTuple(args, "O!KI", self->state->stream_type, &source, &incarnation, &limit))
        return NULL;
    py_stream *stream = (py_stream *)source;
    while (taken < limit) {
        pmipc_view view;
        pmipc_stream_info info = {0};
        if (py_stream_usable(stream) < 0)
            return NULL;
        pmipc_status status = next_view(self, stream, &view, &info);
        if (status >= PMIPC_INVALID_ARGUMENT) {
            py_stream_raise(stream, status);
            return NULL;
        }
        if (status != PMIPC_OK)
            break;
        dropped += view.lost;
        if (info.incarnation != incarnation || info.incarnation != self->checked) {
            /* Another pool: move the cursor back, so that an encoder for this pool gets the sample. */
            incarnation = info.incarnation != incarnation ? info.incarnation : 0;
            uint64_t before = view.seq - 1;
            pmipc_view_release(&view);
            py_turn_begin(&stream->turn);
            stream->undelivered++;
            stream->undelivered_copies += view.copied;
            if (stream->handle != NULL)
                pmipc_stream_seek(stream->handle, before);
            py_turn_end(&stream->turn);
            break;
        }
        taken++;
        if (send_view(self, &view) < 0)
            return NULL;
    }
    return Py_BuildValue("(IKK)", taken, dropped, incarnation);
}

/* ---- where messages go */

static PyObject *encoder_connect(PyObject *object, PyObject *args, PyObject *kwargs)
{
    py_ros_encoder *self = (py_ros_encoder *)object;
    static char *keywords[] = {"handle", "pointer", "publish", "now", "failed", NULL};
    PyObject *handle, *pointer, *publish, *now, *failed;
    if (usable(self) < 0 ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "OOOOO", keywords, &handle, &pointer, &publish, &now, &failed))
        return NULL;
    py_ros_output output = {.publish = publish, .now = now == Py_None ? NULL : now, .failed = failed};
    if (handle != Py_None) {
        output.handle = handle;
        output.publisher = PyLong_AsVoidPtr(pointer);
        if (output.publisher == NULL) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "the pointer of a publisher must not be 0");
            return NULL;
        }
        if (!py_rcl_find()) {
            py_raise_format(self->state, PMIPC_UNSUPPORTED,
                            "rcl_publish_serialized_message was not found in this process");
            return NULL;
        }
    }
    if (py_gate_enter(&self->gate) < 0)
        return NULL;
    py_ros_output old = self->output;
    Py_XINCREF(output.handle);
    Py_INCREF(publish);
    Py_XINCREF(output.now);
    Py_INCREF(failed);
    self->output = output;
    py_gate_leave(&self->gate);
    py_ros_output_clear(&old);
    Py_RETURN_NONE;
}

static PyObject *encoder_disconnect(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_ros_encoder *self = (py_ros_encoder *)object;
    if (usable(self) < 0 || py_gate_enter(&self->gate) < 0)
        return NULL;
    py_ros_output old = self->output;
    self->output = (py_ros_output){0};
    py_gate_leave(&self->gate);
    py_ros_output_clear(&old);
    Py_RETURN_NONE;
}

/* ---- statistics */

static PyObject *encoder_counters(PyObject *object, void *unused)
{
    (void)unused;
    py_ros_encoder *self = (py_ros_encoder *)object;
    return Py_BuildValue("{s:K,s:K,s:K,s:K}", "published", self->published, "misfits", self->misfits, "failures",
                         self->failures, "bytes", self->bytes);
}

static PyObject *encoder_take_latencies(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_ros_encoder *self = (py_ros_encoder *)object;
    if (usable(self) < 0 || py_gate_enter(&self->gate) < 0)
        return NULL;
    int64_t copy[PY_ROS_LATENCIES];
    uint32_t count = self->latency_count < PY_ROS_LATENCIES ? self->latency_count : PY_ROS_LATENCIES;
    memcpy(copy, self->latencies_ns, sizeof copy);
    self->latency_count = 0;
    py_gate_leave(&self->gate);
    return py_int_list(copy, count);
}

#include "docs.h"

static PyMethodDef encoder_methods[] = {
    {"encode", encoder_encode, METH_VARARGS, DOC_RosEncoder_encode},
    {"publish", encoder_publish, METH_VARARGS, DOC_RosEncoder_publish},
    {"forward", encoder_forward, METH_VARARGS, DOC_RosEncoder_forward},
    {"connect", (PyCFunction)(void (*)(void))encoder_connect, METH_VARARGS | METH_KEYWORDS, DOC_RosEncoder_connect},
    {"disconnect", encoder_disconnect, METH_NOARGS, DOC_RosEncoder_disconnect},
    {"take_latencies", encoder_take_latencies, METH_NOARGS, DOC_RosEncoder_take_latencies},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef encoder_getset[] = {
    {"counters", encoder_counters, NULL, DOC_RosEncoder_counters, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot encoder_slots[] = {
    {Py_tp_doc, DOC_RosEncoder},      {Py_tp_new, encoder_new},           {Py_tp_init, encoder_init},
    {Py_tp_dealloc, encoder_dealloc}, {Py_tp_traverse, encoder_traverse}, {Py_tp_clear, encoder_clear},
    {Py_tp_methods, encoder_methods}, {Py_tp_getset, encoder_getset},     {0, NULL},
};

PyType_Spec py_ros_encoder_spec = {
    .name = "polymorph_ipc._core.RosEncoder",
    .basicsize = sizeof(py_ros_encoder),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = encoder_slots,
};
