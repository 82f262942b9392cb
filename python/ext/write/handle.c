/* handle.c: the handle of a producer: whether it can be used, its errors, the pool as it is now. */
#include "write/handle.h"

#include "core/errors.h"

py_handle *py_handle_open(py_state *state, const char *name, const pmipc_schema *schema,
                          const pmipc_producer_options *options)
{
    pmipc_producer *producer = NULL;
    pmipc_error error = {0};
    pmipc_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pmipc_producer_open(&producer, name, schema, options, &error);
    Py_END_ALLOW_THREADS
    if (status != PMIPC_OK) {
        py_raise_error(state, &error);
        return NULL;
    }
    py_handle *handle = PyMem_RawCalloc(1, sizeof *handle);
    if (handle == NULL) {
        pmipc_producer_close(producer);
        PyErr_NoMemory();
        return NULL;
    }
    atomic_init(&handle->references, 1);
    handle->producer = producer;
    return handle;
}

void py_handle_release(py_handle *handle)
{
    /* release: this thread's writes to a slot come before the thread that unmaps it; acquire: after those of all other
     * threads */
    if (atomic_fetch_sub_explicit(&handle->references, 1, memory_order_acq_rel) != 1)
        return;
    pmipc_producer_abandon(handle->producer); /* only frees a producer that was retired */
    PyMem_RawFree(handle);
}

#define HANDLE_CAPSULE "polymorph_ipc.loaned_slot"

static void release_capsule(PyObject *capsule)
{
    py_handle_release(PyCapsule_GetPointer(capsule, HANDLE_CAPSULE));
}

PyObject *py_handle_capsule(py_handle *handle)
{
    PyObject *capsule = PyCapsule_New(handle, HANDLE_CAPSULE, release_capsule);
    if (capsule != NULL)
        /* relaxed: the caller has a reference */
        atomic_fetch_add_explicit(&handle->references, 1, memory_order_relaxed);
    return capsule;
}

/* ---- state */

int py_producer_refuse(py_producer *self)
{
    if (!self->opened)
        return py_refuse_unopened(self->state, (PyObject *)self);
    if (self->handle == NULL) {
        py_raise_format(self->state, PMIPC_CLOSED, "the producer of pool '%s' is closed", self->name_text);
        return -1;
    }
    py_raise_format(self->state, PMIPC_FORKED,
                    "the producer of pool '%s' belongs to the parent of this process, and a pool has one producer: "
                    "publish in the parent, or create the producer only in this process",
                    self->name_text);
    return -1;
}

void py_producer_raise(py_producer *self, pmipc_status status)
{
    if (self->handle == NULL) {
        (void)py_producer_refuse(self);
        return;
    }
    pmipc_error error = {0};
    pmipc_producer_last_error(self->handle->producer, &error);
    if (error.status == status && error.text[0] != '\0')
        py_raise(self->state, status, error.text, error.os_error);
    else
        py_raise_format(self->state, status, "pool '%s': %s", self->name_text, pmipc_status_text(status));
}

/* ---- the pool as it is now */

int py_producer_look_up_dtypes(py_state *state, py_schema *schema)
{
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (py_field_descr(schema, i) == NULL) {
            if (!PyErr_ExceptionMatches(state->errors[PMIPC_UNSUPPORTED]))
                return -1;
            PyErr_Clear(); /* only torch has this dtype */
        }
    }
    return 0;
}

/* Keep an object that another thread may be using. */
static int keep_older(py_producer *self, PyObject *older)
{
    if (self->older_schemas == NULL && (self->older_schemas = PyList_New(0)) == NULL)
        return -1;
    return older == NULL ? 0 : PyList_Append(self->older_schemas, older);
}

static int take_over_metadata(py_producer *self)
{
    const char *text = pmipc_producer_metadata(self->handle->producer);
    PyObject *metadata = text[0] ? PyUnicode_FromString(text) : Py_NewRef(Py_None);
    if (metadata == NULL)
        return -1;
    int differs = self->metadata == NULL ? 1 : PyObject_RichCompareBool(self->metadata, metadata, Py_NE);
    if (differs <= 0 || keep_older(self, self->metadata) < 0) {
        Py_DECREF(metadata);
        return differs == 0 ? 0 : -1;
    }
    Py_XSETREF(self->metadata, metadata);
    return 0;
}

/* Another pool has taken the place of the one before. */
static int take_over_schema(py_producer *self)
{
    py_schema *schema = py_schema_wrap(self->state, pmipc_producer_schema(self->handle->producer));
    if (schema == NULL || py_producer_look_up_dtypes(self->state, schema) < 0 ||
        keep_older(self, (PyObject *)self->schema) < 0) {
        Py_XDECREF((PyObject *)schema);
        return -1;
    }
    Py_SETREF(self->schema, schema);
    return 0;
}

void py_producer_refresh_slow_path(py_producer *self)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (take_over_schema(self) == 0 && take_over_metadata(self) == 0) {
        self->incarnation = pmipc_producer_incarnation(self->handle->producer);
        self->owner_epoch = pmipc_producer_epoch(self->handle->producer);
    } else {
        PyErr_Clear(); /* no memory: the next sample tries again. Only capacities have changed */
    }
    PyErr_Restore(type, value, traceback);
}
