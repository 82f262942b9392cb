/* producer.c: the Producer class: its life and its properties. publish.c and loan.c have its writes. */
#include "write/producer.h"

#include "arrays/torch.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "core/infos.h"
#include "write/handle.h"
#include "write/opening.h"

/* Take the handle out of the producer, which is closed then. In a forked child nothing shared changes. */
static void close_producer(py_producer *self, bool retire)
{
    py_handle *handle = self->handle;
    self->handle = NULL;
    if (handle == NULL)
        return;
    if (retire)
        pmipc_producer_retire(handle->producer);
    py_handle_release(handle);
}

/* ---- notes of abandoned pools */

/* A producer that is garbage collected leaves its pool for the next producer to adopt. At orderly exit the package
 * removes such pools, unless a producer has adopted them. It finds them in these notes, one for each name. */
static void note_abandoned(py_producer *self)
{
    PyObject *key = PyTuple_Pack(2, self->name, self->folder);
    PyObject *note = Py_BuildValue("(KKI)", self->incarnation, self->owner_epoch, self->generation);
    if (key == NULL || note == NULL || PyDict_SetItem(self->state->abandoned, key, note) < 0)
        PyErr_WriteUnraisable((PyObject *)Py_TYPE(self));
    Py_XDECREF(key);
    Py_XDECREF(note);
}

/* A producer of this process has the pool of this name now: delete the note of an earlier one. */
static int forget_abandoned(py_state *state, PyObject *name, PyObject *folder)
{
    PyObject *key = PyTuple_Pack(2, name, folder);
    int noted = key == NULL ? -1 : PyDict_Contains(state->abandoned, key);
    if (noted == 1)
        noted = PyDict_DelItem(state->abandoned, key);
    Py_XDECREF(key);
    return noted < 0 ? -1 : 0;
}

/* ---- opening */

static PyObject *producer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    py_state *state = py_state_of(type);
    py_producer *self = state == NULL ? NULL : (py_producer *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->state = state;
    self->name_text = "";
    self->name = PyUnicode_FromString("");
    if (self->name == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* The schema of the pool, new. An adopted pool may have more room than was asked for. NULL with an exception. */
static py_schema *schema_of_pool(py_state *state, const pmipc_producer *producer, py_schema *asked)
{
    if (!pmipc_producer_adopted(producer) || !asked->has_variable)
        return (py_schema *)Py_NewRef((PyObject *)asked);
    py_schema *schema = py_schema_wrap(state, pmipc_producer_schema(producer));
    if (schema != NULL && py_producer_look_up_dtypes(state, schema) < 0)
        Py_CLEAR(schema);
    return schema;
}

/* Open the producer with this handle. -1 when another thread has opened it in between. */
static int take_handle(py_producer *self, py_handle *handle, const py_opening *given)
{
    const pmipc_producer *producer = handle->producer;
    py_schema *schema = schema_of_pool(self->state, producer, given->schema);
    if (schema == NULL || py_gate_enter(&self->gate) < 0) {
        Py_XDECREF((PyObject *)schema);
        return -1;
    }
    if (self->opened) {
        py_gate_leave(&self->gate);
        Py_DECREF((PyObject *)schema);
        return py_refuse_second_init(self->state, (PyObject *)self);
    }
    self->schema = schema;
    self->folder = Py_NewRef(given->folder);
    self->metadata = Py_NewRef(given->metadata);
    self->name_text = given->name_text;
    Py_SETREF(self->name, Py_NewRef(given->name));
    self->history_len = given->options.history_len;
    self->origin = given->options.origin;
    self->keep = given->options.keep;
    self->incarnation = pmipc_producer_incarnation(producer);
    self->owner_epoch = pmipc_producer_epoch(producer);
    self->adopted = pmipc_producer_adopted(producer);
    self->generation = py_generation();
    self->handle = handle;
    self->opened = true;
    py_gate_leave(&self->gate);
    return 0;
}

/* The producer does not change before everything has succeeded. */
static int producer_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    py_producer *self = (py_producer *)object;
    py_opening given;
    if (self->opened)
        return py_refuse_second_init(self->state, object);
    if (py_opening_parse(self->state, args, kwargs, &given) < 0 ||
        py_producer_look_up_dtypes(self->state, given.schema) < 0)
        return -1;
    /* Not in the first loan, which may be in a control loop. */
    if (given.options.origin == PMIPC_ORIGIN_TORCH && py_torch_import(self->state, "origin is \"torch\"") < 0)
        return -1;
    py_handle *handle = py_handle_open(self->state, given.name_text, &given.schema->schema, &given.options);
    if (handle == NULL)
        return -1;
    if (forget_abandoned(self->state, given.name, given.folder) == 0 && take_handle(self, handle, &given) == 0)
        return 0;
    pmipc_producer_retire(handle->producer);
    py_handle_release(handle);
    return -1;
}

/* Python's __init__ calls it before it changes anything. */
static PyObject *producer_check_unopened(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_producer *self = (py_producer *)object;
    if (self->opened) {
        (void)py_refuse_second_init(self->state, object);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- closing */

static PyObject *producer_cleanup(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_producer *self = (py_producer *)object;
    if (self->handle == NULL)
        Py_RETURN_NONE;
    if (self->generation != py_generation()) {
        close_producer(self, true); /* a copy in a child, whose gate a thread of the parent may hold */
        Py_RETURN_NONE;
    }
    if (py_gate_enter(&self->gate) < 0)
        return NULL;
    close_producer(self, true);
    py_gate_leave(&self->gate);
    Py_RETURN_NONE;
}

static PyObject *producer_abandon(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_producer *self = (py_producer *)object;
    if (self->handle == NULL || self->generation != py_generation())
        return producer_cleanup(object, NULL);
    if (py_gate_enter(&self->gate) < 0)
        return NULL;
    if (!self->keep)
        note_abandoned(self);
    close_producer(self, false);
    py_gate_leave(&self->gate);
    Py_RETURN_NONE;
}

/* The next sample creates another pool, which takes the place of this one. */
static PyObject *producer_replace(PyObject *object, PyObject *args)
{
    py_producer *self = (py_producer *)object;
    PyObject *schema, *metadata;
    const char *text;
    if (py_producer_usable(self) < 0 || !PyArg_ParseTuple(args, "O!O", self->state->schema_type, &schema, &metadata) ||
        py_optional_text(metadata, "metadata", &text) < 0 || py_gate_enter(&self->gate) < 0)
        return NULL;
    pmipc_status status = PMIPC_CLOSED;
    if (self->handle != NULL)
        status = pmipc_producer_replace(self->handle->producer, &((py_schema *)schema)->schema, text);
    if (status == PMIPC_OK)
        Py_SETREF(self->metadata, Py_NewRef(metadata));
    py_gate_leave(&self->gate);
    if (status != PMIPC_OK) {
        py_producer_raise(self, status);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *producer_reader_rows(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_producer *self = (py_producer *)object;
    if (py_producer_usable(self) < 0)
        return NULL;
    pmipc_reader_info *readers = PyMem_Calloc(PMIPC_MAX_READERS, sizeof *readers);
    if (readers == NULL)
        return PyErr_NoMemory();
    uint32_t count = 0;
    if (py_gate_enter(&self->gate) == 0) {
        if (self->handle != NULL)
            count = pmipc_producer_readers(self->handle->producer, readers, PMIPC_MAX_READERS);
        py_gate_leave(&self->gate);
    }
    PyObject *list = PyErr_Occurred() ? NULL : PyList_New((Py_ssize_t)count);
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        PyObject *reader = py_reader_row(&readers[i]);
        if (reader == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, reader);
    }
    PyMem_Free(readers);
    return list;
}

static PyObject *producer_sweep(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_producer *self = (py_producer *)object;
    uint32_t cleared = 0;
    if (py_producer_usable(self) < 0 || py_gate_enter(&self->gate) < 0)
        return NULL;
    bool open = self->handle != NULL;
    if (open)
        cleared = pmipc_producer_sweep(self->handle->producer);
    py_gate_leave(&self->gate);
    if (!open) {
        (void)py_producer_refuse(self);
        return NULL;
    }
    return PyLong_FromUnsignedLong(cleared);
}

static void producer_dealloc(PyObject *object)
{
    py_producer *self = (py_producer *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->handle != NULL) {
        PyObject *error_type, *error_value, *error_traceback;
        PyErr_Fetch(&error_type, &error_value, &error_traceback);
        if (self->generation == py_generation() && !self->keep && self->state->abandoned != NULL)
            note_abandoned(self);
        close_producer(self, false);
        PyErr_Restore(error_type, error_value, error_traceback);
    }
    Py_XDECREF((PyObject *)self->schema);
    Py_XDECREF(self->older_schemas);
    Py_XDECREF((PyObject *)self->sink);
    Py_XDECREF(self->name);
    Py_XDECREF(self->folder);
    Py_XDECREF(self->metadata);
    type->tp_free(object);
    Py_DECREF(type);
}

static int producer_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((py_producer *)object)->schema);
    Py_VISIT(((py_producer *)object)->older_schemas);
    Py_VISIT(((py_producer *)object)->sink);
    return 0;
}

/* ---- ROS */

/* Called once, before the first sample. */
static PyObject *producer_send_to(PyObject *object, PyObject *encoder)
{
    py_producer *self = (py_producer *)object;
    if (py_producer_usable(self) < 0)
        return NULL;
    if (!Py_IS_TYPE(encoder, self->state->ros_encoder_type)) {
        PyErr_Format(PyExc_TypeError, "expected a RosEncoder, not %.100s", Py_TYPE(encoder)->tp_name);
        return NULL;
    }
    py_sink *sink = (py_sink *)encoder;
    pmipc_error error = {0};
    if (sink->calls->usable(sink) < 0)
        return NULL;
    if (self->sink != NULL) {
        py_raise_format(self->state, PMIPC_WRONG_STATE, "the producer of pool '%s' sends its samples to ROS already",
                        self->name_text);
        return NULL;
    }
    if (pmipc_schema_compare(&self->schema->schema, &sink->schema->schema, &error) != PMIPC_OK) {
        py_raise_error(self->state, &error);
        return NULL;
    }
    self->sink = (py_sink *)Py_NewRef(encoder);
    Py_RETURN_NONE;
}

/* ---- properties: those that stay valid after closing only require that the producer was opened */

static py_producer *opened(PyObject *object)
{
    py_producer *self = (py_producer *)object;
    if (self->opened)
        return self;
    (void)py_refuse_unopened(self->state, object);
    return NULL;
}

static PyObject *producer_get_pool_name(PyObject *object, void *unused)
{
    (void)unused;
    const py_producer *self = opened(object);
    return self == NULL ? NULL : Py_NewRef(self->name);
}

static PyObject *producer_get_schema(PyObject *object, void *unused)
{
    (void)unused;
    const py_producer *self = opened(object);
    return self == NULL ? NULL : Py_NewRef((PyObject *)self->schema);
}

static PyObject *producer_get_metadata_json(PyObject *object, void *unused)
{
    (void)unused;
    const py_producer *self = opened(object);
    return self == NULL ? NULL : Py_NewRef(self->metadata);
}

static PyObject *producer_get_origin(PyObject *object, void *unused)
{
    (void)unused;
    const py_producer *self = opened(object);
    return self == NULL ? NULL : PyUnicode_FromString(py_origin_name(self->origin));
}

static PyObject *producer_get_history_len(PyObject *object, void *unused)
{
    (void)unused;
    const py_producer *self = opened(object);
    return self == NULL ? NULL : PyLong_FromUnsignedLong(self->history_len);
}

static PyObject *producer_get_seq(PyObject *object, void *unused)
{
    (void)unused;
    py_producer *self = (py_producer *)object;
    if (py_producer_usable(self) < 0)
        return NULL;
    return PyLong_FromUnsignedLongLong(pmipc_producer_seq(self->handle->producer));
}

static PyObject *producer_get_slot_count(PyObject *object, void *unused)
{
    (void)unused;
    py_producer *self = (py_producer *)object;
    if (py_producer_usable(self) < 0)
        return NULL;
    return PyLong_FromUnsignedLong(pmipc_producer_slot_count(self->handle->producer));
}

static PyObject *producer_get_adopted(PyObject *object, void *unused)
{
    (void)unused;
    const py_producer *self = opened(object);
    return self == NULL ? NULL : PyBool_FromLong(self->adopted);
}

static PyObject *producer_get_incarnation(PyObject *object, void *unused)
{
    (void)unused;
    const py_producer *self = opened(object);
    return self == NULL ? NULL : PyLong_FromUnsignedLongLong(self->incarnation);
}

static PyObject *producer_get_closed(PyObject *object, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((py_producer *)object)->handle == NULL);
}

#include "docs.h"

static PyMethodDef producer_methods[] = {
    {"publish", (PyCFunction)(void (*)(void))py_producer_publish, METH_FASTCALL | METH_KEYWORDS, DOC_Producer_publish},
    {"loan", (PyCFunction)(void (*)(void))py_producer_loan, METH_FASTCALL | METH_KEYWORDS, DOC_Producer_loan},
    {"cleanup", producer_cleanup, METH_NOARGS, DOC_Producer_cleanup},
    {"abandon", producer_abandon, METH_NOARGS, DOC_Producer_abandon},
    {"_replace", producer_replace, METH_VARARGS, DOC_Producer__replace},
    {"_send_to", producer_send_to, METH_O, DOC_Producer__send_to},
    {"sweep", producer_sweep, METH_NOARGS, DOC_Producer_sweep},
    {"_reader_rows", producer_reader_rows, METH_NOARGS, DOC_Producer__reader_rows},
    {"_check_unopened", producer_check_unopened, METH_NOARGS, DOC_Producer__check_unopened},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef producer_getset[] = {
    {"pool_name", producer_get_pool_name, NULL, DOC_Producer_pool_name, NULL},
    {"schema", producer_get_schema, NULL, DOC_Producer_schema, NULL},
    {"history_len", producer_get_history_len, NULL, DOC_Producer_history_len, NULL},
    {"origin", producer_get_origin, NULL, DOC_Producer_origin, NULL},
    {"seq", producer_get_seq, NULL, DOC_Producer_seq, NULL},
    {"slot_count", producer_get_slot_count, NULL, DOC_Producer_slot_count, NULL},
    {"adopted", producer_get_adopted, NULL, DOC_Producer_adopted, NULL},
    {"incarnation", producer_get_incarnation, NULL, DOC_Producer_incarnation, NULL},
    {"closed", producer_get_closed, NULL, DOC_Producer_closed, NULL},
    {"_metadata_json", producer_get_metadata_json, NULL, DOC_Producer__metadata_json, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot producer_slots[] = {
    {Py_tp_doc, DOC_Producer},           {Py_tp_new, producer_new},
    {Py_tp_init, producer_init},         {Py_tp_dealloc, producer_dealloc},
    {Py_tp_traverse, producer_traverse}, {Py_tp_methods, producer_methods},
    {Py_tp_getset, producer_getset},     {0, NULL},
};

PyType_Spec py_producer_spec = {
    .name = "polymorph_ipc._core.Producer",
    .basicsize = sizeof(py_producer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = producer_slots,
};
