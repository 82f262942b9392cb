/* handle.c: the handle of a stream: whether it can be used, its fork, its errors, the schema of what it reads. */
#include "read/handle.h"

#include "arrays/torch.h"
#include "core/errors.h"

/* ---- opening */

pmipc_stream *py_stream_open(py_state *state, const char *name, const pmipc_stream_options *options)
{
    pmipc_stream *handle = NULL;
    pmipc_error error = {0};
    pmipc_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pmipc_stream_open(&handle, name, options, &error);
    Py_END_ALLOW_THREADS
    if (status != PMIPC_OK) {
        py_raise_error(state, &error);
        return NULL;
    }
    return handle;
}

int py_stream_reopen(py_stream *self)
{
    uint64_t cursor = pmipc_stream_cursor(self->handle);
    pmipc_stream_info before, after;
    pmipc_stream_get_info(self->handle, &before);
    const pmipc_stream_options options = {
        .expect = self->expect != NULL ? &self->expect->schema : NULL,
        .folder = self->folder == Py_None ? NULL : PyUnicode_AsUTF8(self->folder),
        .follow_schema = self->follow_schema,
        .start_oldest = self->start_oldest,
    };
    pmipc_stream *handle = py_stream_open(self->state, self->name_text, &options);
    if (handle == NULL)
        return -1;
    pmipc_stream_get_info(handle, &after);
    if (before.schema != NULL && before.incarnation == after.incarnation)
        pmipc_stream_seek(handle, cursor);
    pmipc_stream_close(self->handle);
    self->handle = handle;
    self->schema_inherited = self->schema_inherited || self->schema_kept;
    self->schema_kept = false;
    self->undelivered = self->undelivered_copies = 0;
    self->generation = py_generation();
    return 0;
}

void py_stream_close(py_stream *self)
{
    py_turn_begin(&self->turn);
    pmipc_stream *handle = self->handle;
    self->handle = NULL;
    py_turn_end(&self->turn);
    if (handle != NULL)
        pmipc_stream_close(handle);
}

/* Raise why a stream without a handle cannot be used. Always -1. */
static int refuse_closed(py_stream *self)
{
    if (!self->opened)
        return py_refuse_unopened(self->state, (PyObject *)self);
    py_raise_format(self->state, PMIPC_CLOSED, "the stream of pool '%s' is closed", self->name_text);
    return -1;
}

int py_stream_usable_slow_path(py_stream *self)
{
    if (self->handle == NULL)
        return refuse_closed(self);
    self->turn = (py_turn){0}; /* a thread of the parent may have been inside */
    return py_stream_reopen(self);
}

void py_stream_drop(py_stream *self, py_lease *lease)
{
    py_turn_begin(&self->turn);
    self->undelivered++;
    if (!self->schema_kept && self->handle != NULL)
        pmipc_stream_disregard(self->handle);
    self->undelivered_copies += lease->view->copied;
    py_turn_end(&self->turn);
    py_lease_end(lease);
}

void py_stream_raise(py_stream *self, pmipc_status status)
{
    if (self->handle == NULL) {
        (void)refuse_closed(self);
        return;
    }
    pmipc_error error = {0};
    py_turn_begin(&self->turn);
    pmipc_stream_last_error(self->handle, &error);
    py_turn_end(&self->turn);
    if (error.status == status && error.text[0] != '\0')
        py_raise(self->state, status, error.text, error.os_error);
    else
        py_raise_format(self->state, status, "pool '%s': %s", self->name_text, pmipc_status_text(status));
}

int py_stream_connect(py_stream *self)
{
    if (py_stream_usable(self) < 0)
        return -1;
    pmipc_error error = {0};
    pmipc_status status = PMIPC_CLOSED;
    py_turn_begin(&self->turn);
    if (self->handle != NULL)
        status = pmipc_stream_connected(self->handle) ? PMIPC_OK : pmipc_stream_reconnect(self->handle, &error);
    py_turn_end(&self->turn);
    if (status == PMIPC_OK)
        return 1;
    if (status < PMIPC_INVALID_ARGUMENT)
        return 0;
    if (error.text[0] != '\0')
        py_raise_error(self->state, &error);
    else
        py_stream_raise(self, status);
    return -1;
}

/* ---- the schema of what is read */

static py_backend settled_backend(py_stream *self, uint32_t origin)
{
    if (self->asked != PY_BACKEND_UNSETTLED)
        return self->asked;
    if (origin != PMIPC_ORIGIN_TORCH)
        return PY_BACKEND_NUMPY;
    int found = py_torch_find(self->state); /* a read must not import torch, which takes seconds */
    if (found < 0)
        return PY_BACKEND_UNSETTLED;
    return found ? PY_BACKEND_TORCH : PY_BACKEND_NUMPY;
}

/* backend="torch" was passed: torch must have the dtype of every field. */
static int check_torch_fields(py_stream *self, const py_schema *schema)
{
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const char *dtype = pmipc_dtype_name(schema->schema.fields[i].dtype);
        if (schema->fields[i].dlpack.lanes != 0 && PyObject_HasAttrString(self->state->torch.module, dtype))
            continue;
        PyObject *context = py_field_context(schema, i, self->name_text);
        if (context != NULL)
            py_raise_format(self->state, PMIPC_UNSUPPORTED, "%U: torch has no dtype for %s; use backend=\"numpy\"",
                            context, schema->fields[i].dlpack.lanes != 0 ? dtype : "a dtype that only numpy describes");
        Py_XDECREF(context);
        return -1;
    }
    return 0;
}

static py_schema *settle(py_stream *self, const pmipc_schema *from, const pmipc_stream_info *info, bool is_read)
{
    pmipc_error reason;
    if (self->schema_inherited && pmipc_schema_compatible(&self->schema->schema, from, &reason) != PMIPC_OK) {
        py_raise_format(self->state, PMIPC_SCHEMA_MISMATCH, "pool '%s' has another schema than before the fork: %s",
                        self->name_text, reason.text);
        return NULL;
    }
    py_schema *schema = py_schema_wrap(self->state, from);
    if (schema == NULL)
        return NULL;
    py_backend backend = settled_backend(self, info->origin);
    if (backend == PY_BACKEND_UNSETTLED || (self->asked == PY_BACKEND_TORCH && check_torch_fields(self, schema) < 0)) {
        Py_DECREF(schema);
        return NULL;
    }
    py_turn_begin(&self->turn);
    PyObject *old = (PyObject *)schema;
    if (!self->schema_kept || self->schema->has_variable) { /* another thread may have read a sample in between */
        old = (PyObject *)self->schema;
        self->schema = schema;
        self->backend = backend;
        self->incarnation = info->incarnation;
        self->schema_kept = self->schema_kept || (is_read && !self->follow_schema);
    }
    schema = (py_schema *)Py_NewRef((PyObject *)self->schema);
    py_turn_end(&self->turn);
    Py_XDECREF(old);
    return schema;
}

py_schema *py_stream_schema_slow_path(py_stream *self, const pmipc_schema *from, bool is_read)
{
    pmipc_stream_info info = {0};
    py_turn_begin(&self->turn);
    bool known = self->schema != NULL;
    if ((!known || !self->schema_kept || self->schema->has_variable) && self->handle != NULL) {
        pmipc_stream_get_info(self->handle, &info);
        known = known && info.incarnation == self->incarnation;
    }
    if (known && is_read && !self->follow_schema)
        self->schema_kept = true;
    py_schema *schema = known ? (py_schema *)Py_NewRef((PyObject *)self->schema) : NULL;
    py_turn_end(&self->turn);
    return known ? schema : settle(self, from, &info, is_read);
}

py_schema *py_stream_current_schema(py_stream *self)
{
    if (self->handle == NULL)
        return (py_schema *)Py_XNewRef((PyObject *)self->schema);
    if (py_stream_connect(self) < 0)
        return NULL;
    pmipc_stream_info info;
    py_turn_begin(&self->turn);
    pmipc_stream_get_info(self->handle, &info);
    py_turn_end(&self->turn);
    return info.schema == NULL ? NULL : py_stream_schema_slow_path(self, info.schema, false);
}
