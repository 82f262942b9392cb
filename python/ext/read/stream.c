/* stream.c: the Stream class: its life and its properties. sample.c, history.c, at.c and wait.c have its reads. */
#include "read/stream.h"

#include "arrays/torch.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "core/values.h"
#include "read/handle.h"

/* ---- properties */

static PyObject *stream_schema(PyObject *object, void *unused)
{
    (void)unused;
    py_schema *schema = py_stream_current_schema((py_stream *)object);
    if (schema == NULL && PyErr_Occurred())
        return NULL;
    return schema == NULL ? Py_NewRef(Py_None) : (PyObject *)schema;
}

static PyObject *stream_backend(PyObject *object, void *unused)
{
    (void)unused;
    py_stream *self = (py_stream *)object;
    py_schema *schema = py_stream_current_schema(self);
    if (schema == NULL && PyErr_Occurred())
        return NULL;
    Py_XDECREF((PyObject *)schema);
    if (self->backend == PY_BACKEND_UNSETTLED)
        Py_RETURN_NONE;
    return PyUnicode_FromString(self->backend == PY_BACKEND_TORCH ? "torch" : "numpy");
}

/* 1 connected, 0 not, -1 exception. A pool whose schema does not fit counts as not connected: the reads raise for it.
 */
static int connected_or_mismatched(py_stream *self)
{
    int connected = py_stream_connect(self);
    if (connected >= 0 || !PyErr_ExceptionMatches(self->state->errors[PMIPC_SCHEMA_MISMATCH]))
        return connected;
    PyErr_Clear();
    return 0;
}

static PyObject *stream_connected(PyObject *object, void *unused)
{
    (void)unused;
    py_stream *self = (py_stream *)object;
    if (self->handle == NULL)
        Py_RETURN_FALSE;
    int connected = connected_or_mismatched(self);
    return connected < 0 ? NULL : PyBool_FromLong(connected);
}

static PyObject *stream_ended(PyObject *object, void *unused)
{
    (void)unused;
    py_stream *self = (py_stream *)object;
    if (py_stream_usable(self) < 0)
        return NULL;
    py_turn_begin(&self->turn);
    bool ended = self->handle != NULL && pmipc_stream_ended(self->handle);
    py_turn_end(&self->turn);
    return PyBool_FromLong(ended);
}

static PyObject *stream_producer_alive(PyObject *object, void *unused)
{
    (void)unused;
    py_stream *self = (py_stream *)object;
    if (self->handle == NULL)
        Py_RETURN_FALSE;
    int connected = connected_or_mismatched(self);
    if (connected < 0)
        return NULL;
    py_turn_begin(&self->turn);
    bool alive = connected && self->handle != NULL && pmipc_stream_producer_alive(self->handle);
    py_turn_end(&self->turn);
    return PyBool_FromLong(alive);
}

static PyObject *stream_stats(PyObject *object, void *unused)
{
    (void)unused;
    py_stream *self = (py_stream *)object;
    if (py_stream_usable(self) < 0)
        return NULL;
    pmipc_stream_info info;
    py_turn_begin(&self->turn);
    pmipc_stream_get_info(self->handle, &info);
    uint64_t cursor = pmipc_stream_cursor(self->handle);
    uint64_t received = info.received - self->undelivered, copies = info.copies - self->undelivered_copies;
    py_turn_end(&self->turn);
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:I,s:K,s:K,s:I,s:I}", "received", received, "dropped", info.dropped,
                         "copies", copies, "reconnects", info.reconnects, "views_held", info.views_held, "cursor",
                         cursor, "head", info.head_seq, "history_len", info.history_len, "slot_count", info.slot_count);
}

/* The metadata as JSON text, or None. TensorStream.metadata parses it. */
static PyObject *stream_read_metadata(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_stream *self = (py_stream *)object;
    if (py_stream_usable(self) < 0 || py_stream_connect(self) < 0)
        return NULL;
    pmipc_stream_info info = {0};
    PyObject *text = NULL;
    py_turn_begin(&self->turn);
    if (self->handle != NULL)
        pmipc_stream_get_info(self->handle, &info);
    if (info.schema != NULL)
        text = py_text(info.metadata);
    py_turn_end(&self->turn);
    return info.schema != NULL ? text : Py_NewRef(Py_None);
}

static PyObject *stream_pool_name(PyObject *object, void *unused)
{
    (void)unused;
    py_stream *self = (py_stream *)object;
    if (!self->opened) {
        (void)py_refuse_unopened(self->state, object);
        return NULL;
    }
    return Py_NewRef(self->name);
}

static PyObject *stream_closed(PyObject *object, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((py_stream *)object)->handle == NULL);
}

static PyObject *stream_get_before_wait(PyObject *object, void *unused)
{
    (void)unused;
    PyObject *hook = ((py_stream *)object)->before_wait;
    return Py_NewRef(hook != NULL ? hook : Py_None);
}

static int stream_set_before_wait(PyObject *object, PyObject *hook, void *unused)
{
    (void)unused;
    py_stream *self = (py_stream *)object;
    PyObject *old = self->before_wait;
    self->before_wait = hook == NULL || hook == Py_None ? NULL : Py_NewRef(hook);
    Py_XDECREF(old);
    return 0;
}

/* ---- opening and closing */

static int parse_backend(py_state *state, PyObject *backend, py_backend *asked)
{
    *asked = PY_BACKEND_UNSETTLED;
    if (backend == Py_None)
        return 0;
    if (PyUnicode_Check(backend) && PyUnicode_CompareWithASCIIString(backend, "numpy") == 0) {
        *asked = PY_BACKEND_NUMPY;
        return 0;
    }
    if (!PyUnicode_Check(backend) || PyUnicode_CompareWithASCIIString(backend, "torch") != 0) {
        PyErr_Format(PyExc_ValueError, "backend must be \"numpy\", \"torch\" or None, not %R", backend);
        return -1;
    }
    *asked = PY_BACKEND_TORCH;
    return py_torch_import(state, "backend is \"torch\"");
}

static PyObject *stream_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    py_state *state = py_state_of(type);
    py_stream *self = state == NULL ? NULL : (py_stream *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->state = state;
    self->name_text = "";
    self->name = PyUnicode_FromString("");
    if (self->name == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* The arguments of __init__. Borrowed references: the caller of __init__ keeps the objects. */
typedef struct opening {
    PyObject *name, *folder, *expect;
    const char *name_text, *folder_text;
    int64_t max_age_ns;
    py_backend asked;
    int follow_schema, start_oldest, copy;
} opening;

static int parse_opening(py_state *state, PyObject *args, PyObject *kwargs, opening *given)
{
    static char *keywords[] = {"pool_name", "backend", "expect", "follow_schema", "start_oldest", "max_age",
                               "copy",      "folder",  NULL};
    PyObject *backend, *max_age;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "UOOppOpO", keywords, &given->name, &backend, &given->expect,
                                     &given->follow_schema, &given->start_oldest, &max_age, &given->copy,
                                     &given->folder))
        return -1;
    if (given->expect != Py_None && !Py_IS_TYPE(given->expect, state->schema_type)) {
        PyErr_Format(PyExc_TypeError, "expect must be a Schema, not %.100s", Py_TYPE(given->expect)->tp_name);
        return -1;
    }
    if (py_optional_text(given->folder, "folder", &given->folder_text) < 0)
        return -1;
    given->name_text = py_pool_name(state, given->name);
    if (given->name_text == NULL || py_seconds(max_age, "max_age", given->name_text, -1, &given->max_age_ns) < 0)
        return -1;
    return parse_backend(state, backend, &given->asked);
}

/* Open the stream with this handle. -1 when another thread has opened it in between. */
static int take_handle(py_stream *self, pmipc_stream *handle, const opening *given)
{
    py_turn_begin(&self->turn);
    bool first = !self->opened;
    if (first) {
        self->asked = given->asked;
        self->max_age_ns = given->max_age_ns;
        self->follow_schema = given->follow_schema;
        self->start_oldest = given->start_oldest;
        self->copy = given->copy;
        self->folder = Py_NewRef(given->folder);
        self->expect = given->expect == Py_None ? NULL : (py_schema *)Py_NewRef(given->expect);
        self->name_text = given->name_text;
        Py_SETREF(self->name, Py_NewRef(given->name)); /* frees the empty string, which runs no code */
        self->generation = py_generation();
        self->handle = handle;
        self->opened = true;
    }
    py_turn_end(&self->turn);
    if (first)
        return 0;
    pmipc_stream_close(handle);
    return py_refuse_second_init(self->state, (PyObject *)self);
}

/* The stream does not change before everything has succeeded. */
static int stream_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    py_stream *self = (py_stream *)object;
    opening given;
    if (self->opened)
        return py_refuse_second_init(self->state, object);
    if (parse_opening(self->state, args, kwargs, &given) < 0)
        return -1;
    const pmipc_stream_options options = {
        .expect = given.expect == Py_None ? NULL : &((py_schema *)given.expect)->schema,
        .folder = given.folder_text,
        .follow_schema = given.follow_schema,
        .start_oldest = given.start_oldest,
    };
    pmipc_stream *handle = py_stream_open(self->state, given.name_text, &options);
    return handle == NULL ? -1 : take_handle(self, handle, &given);
}

/* Python's __init__ calls it before it changes anything. */
static PyObject *stream_check_unopened(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_stream *self = (py_stream *)object;
    if (self->opened) {
        (void)py_refuse_second_init(self->state, object);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *stream_cleanup(PyObject *object, PyObject *unused)
{
    (void)unused;
    py_stream_close((py_stream *)object);
    Py_RETURN_NONE;
}

static int stream_traverse(PyObject *object, visitproc visit, void *arg)
{
    py_stream *self = (py_stream *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->schema);
    Py_VISIT(self->expect);
    Py_VISIT(self->before_wait);
    return 0;
}

static void stream_dealloc(PyObject *object)
{
    py_stream *self = (py_stream *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    py_stream_close(self);
    Py_XDECREF((PyObject *)self->schema);
    Py_XDECREF((PyObject *)self->expect);
    Py_XDECREF(self->before_wait);
    Py_XDECREF(self->name);
    Py_XDECREF(self->folder);
    type->tp_free(object);
    Py_DECREF(type);
}

#include "docs.h"

#define FAST(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL | METH_KEYWORDS

static PyMethodDef stream_methods[] = {
    {"get_last", FAST(py_stream_get_last), DOC_Stream_get_last},
    {"get_new", FAST(py_stream_get_new), DOC_Stream_get_new},
    {"get_next", FAST(py_stream_get_next), DOC_Stream_get_next},
    {"get_all_new", FAST(py_stream_get_all_new), DOC_Stream_get_all_new},
    {"get_history", FAST(py_stream_get_history), DOC_Stream_get_history},
    {"get_at", FAST(py_stream_get_at), DOC_Stream_get_at},
    {"wait_connected", FAST(py_stream_wait_connected), DOC_Stream_wait_connected},
    {"cleanup", stream_cleanup, METH_NOARGS, DOC_Stream_cleanup},
    {"_read_metadata", stream_read_metadata, METH_NOARGS, DOC_Stream__read_metadata},
    {"_check_unopened", stream_check_unopened, METH_NOARGS, DOC_Stream__check_unopened},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef stream_getset[] = {
    {"pool_name", stream_pool_name, NULL, DOC_Stream_pool_name, NULL},
    {"connected", stream_connected, NULL, DOC_Stream_connected, NULL},
    {"ended", stream_ended, NULL, DOC_Stream_ended, NULL},
    {"producer_alive", stream_producer_alive, NULL, DOC_Stream_producer_alive, NULL},
    {"schema", stream_schema, NULL, DOC_Stream_schema, NULL},
    {"backend", stream_backend, NULL, DOC_Stream_backend, NULL},
    {"stats", stream_stats, NULL, DOC_Stream_stats, NULL},
    {"closed", stream_closed, NULL, DOC_Stream_closed, NULL},
    {"_before_wait", stream_get_before_wait, stream_set_before_wait, DOC_Stream__before_wait, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot stream_slots[] = {
    {Py_tp_doc, DOC_Stream},
    {Py_tp_new, stream_new},
    {Py_tp_init, stream_init},
    {Py_tp_dealloc, stream_dealloc},
    {Py_tp_traverse, stream_traverse},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, py_stream_iternext},
    {Py_tp_methods, stream_methods},
    {Py_tp_getset, stream_getset},
    {0, NULL},
};

PyType_Spec py_stream_spec = {
    .name = "polymorph_ipc._core.Stream",
    .basicsize = sizeof(py_stream),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = stream_slots,
};
