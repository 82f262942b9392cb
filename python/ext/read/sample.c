/* read.c: get_last, get_new, get_next and iteration: one sample at a time. */
#include "reading.h"

/* The last four arguments of every get_* call. */
int py_read_options_parse(py_stream *self, PyObject *const *values, py_read_options *options)
{
    options->copy = self->copy;
    options->max_age_ns = self->max_age_ns;
    options->return_info = false;
    options->out = values[1] == Py_None ? NULL : values[1];
    if (values[0] != NULL && values[0] != Py_None) {
        int copy = PyObject_IsTrue(values[0]);
        if (copy < 0)
            return -1;
        options->copy = copy;
    }
    if (values[2] != NULL && values[2] != Py_None &&
        py_seconds(values[2], "max_age", self->name_text, -1, &options->max_age_ns) < 0)
        return -1;
    if (values[3] != NULL) {
        int wanted = PyObject_IsTrue(values[3]);
        if (wanted < 0)
            return -1;
        options->return_info = wanted;
    }
    return 0;
}

static inline void default_options(const py_stream *self, py_read_options *options)
{
    *options = (py_read_options){.copy = self->copy, .max_age_ns = self->max_age_ns};
}

static inline bool is_stale(const pmipc_view *view, int64_t max_age_ns)
{
    return max_age_ns >= 0 && pmipc_monotonic_ns() - view->published_ns > max_age_ns;
}

typedef enum read_kind { READ_LAST, READ_NEW, READ_NEXT } read_kind;

/* One look, without waiting. `cursor`: where it was; NULL when nobody wants to know. */
static pmipc_status look(py_stream *self, read_kind kind, pmipc_view *view, uint64_t *cursor)
{
    pmipc_status status;
    py_turn_begin(&self->turn);
    if (cursor != NULL && self->handle != NULL)
        *cursor = pmipc_stream_cursor(self->handle);
    if (self->handle == NULL)
        status = PMIPC_CLOSED;
    else if (kind == READ_LAST)
        status = pmipc_stream_get_last(self->handle, view);
    else if (kind == READ_NEW)
        status = pmipc_stream_get_new(self->handle, 0, view);
    else
        status = pmipc_stream_get_next(self->handle, 0, view);
    py_turn_end(&self->turn);
    return status;
}

/* A stream inherited over a fork that no handler saw (a raw clone) is opened anew, like the others. */
static pmipc_status look_after_fork(py_stream *self, read_kind kind, py_lease *lease, uint64_t *cursor)
{
    pmipc_status status = look(self, kind, lease->view, cursor);
    if (status != PMIPC_FORKED)
        return status;
    if (py_stream_reopen(self) < 0)
        return PMIPC_FORKED;
    status = look(self, kind, lease->view, cursor);
    if (status == PMIPC_FORKED)
        py_stream_raise(self, status);
    return status;
}

/* What to return for a look that gave nothing, or nothing fresh enough. Ends the lease. */
static PyObject *nothing_or_raise(py_stream *self, pmipc_status status, py_lease *lease, const py_read_options *options)
{
    if (status == PMIPC_OK)
        py_stream_drop(self, lease);
    else
        py_lease_end(lease);
    if (status < PMIPC_INVALID_ARGUMENT) /* an outcome: nothing new, not connected, too old */
        return py_nothing(options);
    if (!PyErr_Occurred())
        py_stream_raise(self, status);
    return NULL;
}

static PyObject *get_last(py_stream *self, const py_read_options *options)
{
    py_lease lease;
    if (py_lease_begin(self->state, py_stream_gives_torch(self), &lease) < 0)
        return NULL;
    pmipc_status status = look_after_fork(self, READ_LAST, &lease, NULL);
    if (status == PMIPC_OK && !is_stale(lease.view, options->max_age_ns))
        return py_deliver(self, &lease, NULL, options);
    return nothing_or_raise(self, status, &lease, options);
}

/* The same into out=, which may not fit. Apart, so that the commonest read does not look after its cursor. */
static PyObject *get_last_into(py_stream *self, const py_read_options *options)
{
    py_lease lease;
    uint64_t cursor = 0;
    if (py_lease_begin(self->state, py_stream_gives_torch(self), &lease) < 0)
        return NULL;
    pmipc_status status = look_after_fork(self, READ_LAST, &lease, &cursor);
    if (status == PMIPC_OK && !is_stale(lease.view, options->max_age_ns)) {
        if (cursor == lease.view->seq) /* seen before: nothing to give back */
            return py_deliver(self, &lease, NULL, options);
        return py_deliver_or_give_back(self, &lease, NULL, options, cursor);
    }
    return nothing_or_raise(self, status, &lease, options);
}

/* get_new and get_next: look, and sleep while there is nothing. */
static PyObject *get_waiting(py_stream *self, read_kind kind, int64_t timeout_ns, const py_read_options *options)
{
    int64_t deadline_ns = -1;
    bool has_deadline = false;
    uint64_t passed_over = 0;
    for (;;) {
        py_lease lease;
        uint64_t cursor = 0;
        if (py_stream_usable(self) < 0 || py_lease_begin(self->state, py_stream_gives_torch(self), &lease) < 0)
            return NULL;
        pmipc_status status = look_after_fork(self, kind, &lease, &cursor);
        if (status == PMIPC_OK && !is_stale(lease.view, options->max_age_ns)) {
            lease.view->lost += passed_over;
            return py_deliver_or_give_back(self, &lease, NULL, options, cursor);
        }
        if (!has_deadline && (status == PMIPC_OK || timeout_ns != 0)) {
            deadline_ns = py_deadline(timeout_ns);
            has_deadline = true;
        }
        /* What was too old counts as seen, and more of what was there in time is looked at. A producer that is faster
         * than max_age would go on forever. */
        bool late = status == PMIPC_OK && deadline_ns >= 0 && lease.view->published_ns > deadline_ns;
        if (status == PMIPC_OK)
            passed_over += lease.view->lost + (kind == READ_NEXT ? 1 : 0);
        if (late || status >= PMIPC_INVALID_ARGUMENT || (status != PMIPC_OK && timeout_ns == 0))
            return nothing_or_raise(self, status, &lease, options);
        if (status == PMIPC_OK)
            py_stream_drop(self, &lease);
        else
            py_lease_end(&lease);
        int more = status == PMIPC_OK ? PyErr_CheckSignals() < 0 ? -1 : 1 : py_wait(&self, 1, deadline_ns);
        if (more < 0)
            return NULL;
        if (more == 0)
            timeout_ns = 0; /* one last look */
    }
}

/* ---- methods */

PyObject *py_stream_get_last(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const py_signature signature = {"get_last", 0, 0, 4, {NAME_copy, NAME_out, NAME_max_age, NAME_return_info}};
    py_stream *self = (py_stream *)object;
    py_read_options options;
    if (py_stream_usable(self) < 0)
        return NULL;
    if (nargs == 0 && kwnames == NULL) {
        default_options(self, &options);
    } else {
        PyObject *values[4];
        if (py_parse(self->state, &signature, args, nargs, kwnames, values) < 0 ||
            py_read_options_parse(self, values, &options) < 0)
            return NULL;
    }
    return options.out == NULL ? get_last(self, &options) : get_last_into(self, &options);
}

static PyObject *parse_and_wait(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                                const py_signature *signature, read_kind kind)
{
    py_stream *self = (py_stream *)object;
    py_read_options options;
    int64_t timeout_ns = PMIPC_FOREVER;
    PyObject *values[5];
    if (py_stream_usable(self) < 0 || py_parse(self->state, signature, args, nargs, kwnames, values) < 0 ||
        py_read_options_parse(self, values + 1, &options) < 0 ||
        py_seconds(values[0], "timeout", self->name_text, PMIPC_FOREVER, &timeout_ns) < 0)
        return NULL;
    return get_waiting(self, kind, timeout_ns, &options);
}

PyObject *py_stream_get_new(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const py_signature signature = {
        "get_new", 1, 0, 5, {NAME_timeout, NAME_copy, NAME_out, NAME_max_age, NAME_return_info}};
    return parse_and_wait(object, args, nargs, kwnames, &signature, READ_NEW);
}

PyObject *py_stream_get_next(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const py_signature signature = {
        "get_next", 1, 0, 5, {NAME_timeout, NAME_copy, NAME_out, NAME_max_age, NAME_return_info}};
    return parse_and_wait(object, args, nargs, kwnames, &signature, READ_NEXT);
}

PyObject *py_stream_iternext(PyObject *object)
{
    py_stream *self = (py_stream *)object;
    if (self->handle == NULL && self->opened)
        return NULL; /* StopIteration */
    if (py_stream_usable(self) < 0)
        return NULL;
    py_read_options options;
    default_options(self, &options);
    PyObject *sample = get_waiting(self, READ_NEXT, PMIPC_FOREVER, &options);
    /* Closed by another thread meanwhile: the iteration is over. */
    if (sample == NULL && self->handle == NULL && PyErr_ExceptionMatches(self->state->errors[PMIPC_CLOSED]))
        PyErr_Clear();
    return sample;
}
