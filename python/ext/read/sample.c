/* sample.c: get_last, get_new, get_next and iteration: one sample at a time. */
#include "core/arguments.h"
#include "core/errors.h"
#include "read/deliver.h"
#include "read/look.h"
#include "read/stream.h"
#include "read/wait.h"

static inline void default_options(const py_stream *self, py_read_options *options)
{
    *options = (py_read_options){.copy = self->copy, .max_age_ns = self->max_age_ns};
}

static const py_query newest = {.kind = PY_LOOK_LAST};

static PyObject *get_last(py_stream *self, const py_read_options *options)
{
    py_lease lease;
    if (py_lease_begin(self->state, py_stream_gives_torch(self), &lease) < 0)
        return NULL;
    pmipc_status status = py_look(self, &newest, lease.view, NULL);
    if (status == PMIPC_OK && !py_is_stale(lease.view, options->max_age_ns))
        return py_deliver(self, &lease, NULL, options);
    return py_read_nothing(self, status, &lease, options);
}

/* get_last(out=...): the cursor moves back when `out` does not fit. A function of its own, so that the most common read
 * does not read the cursor. */
static PyObject *get_last_into(py_stream *self, const py_read_options *options)
{
    py_lease lease;
    uint64_t cursor = 0;
    if (py_lease_begin(self->state, py_stream_gives_torch(self), &lease) < 0)
        return NULL;
    pmipc_status status = py_look(self, &newest, lease.view, &cursor);
    if (status == PMIPC_OK && !py_is_stale(lease.view, options->max_age_ns)) {
        if (cursor == lease.view->seq) /* returned before: the cursor did not move */
            return py_deliver(self, &lease, NULL, options);
        return py_deliver_or_give_back(self, &lease, NULL, options, cursor);
    }
    return py_read_nothing(self, status, &lease, options);
}

/* When a wait that begins now ends, on the clock of published_ns, which continues while the machine is suspended. */
static int64_t latest_publication(int64_t timeout_ns)
{
    const int64_t now_ns = pmipc_monotonic_ns();
    return timeout_ns < 0 || timeout_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + timeout_ns;
}

/* get_new and get_next: look, and sleep while there is nothing new. */
static PyObject *get_waiting(py_stream *self, py_look_kind kind, int64_t timeout_ns, const py_read_options *options)
{
    const py_query query = {.kind = kind};
    pmipc_wait wait;
    int64_t latest_ns = INT64_MAX; /* the wait's end on the clock of published_ns */
    bool has_begun = false;
    uint64_t passed_over = 0;
    for (;;) {
        py_lease lease;
        uint64_t cursor = 0;
        if (py_stream_usable(self) < 0 || py_lease_begin(self->state, py_stream_gives_torch(self), &lease) < 0)
            return NULL;
        pmipc_status status = py_look(self, &query, lease.view, &cursor);
        if (status == PMIPC_OK && !py_is_stale(lease.view, options->max_age_ns)) {
            lease.view->lost += passed_over;
            return py_deliver_or_give_back(self, &lease, NULL, options, cursor);
        }
        if (!has_begun && (status == PMIPC_OK || timeout_ns != 0)) {
            wait = py_wait_begin(timeout_ns);
            latest_ns = latest_publication(timeout_ns);
            has_begun = true;
        }
        /* A sample that is too old counts as seen, and the next one is looked at, if it was published before the
         * wait ends. Without that limit a producer that is faster than max_age would keep the loop running forever. */
        bool late = status == PMIPC_OK && lease.view->published_ns > latest_ns;
        if (status == PMIPC_OK)
            passed_over += lease.view->lost + (kind == PY_LOOK_NEXT ? 1 : 0);
        if (late || status >= PMIPC_INVALID_ARGUMENT || (status != PMIPC_OK && timeout_ns == 0))
            return py_read_nothing(self, status, &lease, options);
        if (status == PMIPC_OK)
            py_stream_drop(self, &lease);
        else
            py_lease_end(&lease);
        int more = status == PMIPC_OK ? PyErr_CheckSignals() < 0 ? -1 : 1 : py_wait(self, &wait);
        if (more < 0)
            return NULL;
        if (more == 0)
            timeout_ns = 0; /* look once more */
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
                                const py_signature *signature, py_look_kind kind)
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
    return parse_and_wait(object, args, nargs, kwnames, &signature, PY_LOOK_NEW);
}

PyObject *py_stream_get_next(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const py_signature signature = {
        "get_next", 1, 0, 5, {NAME_timeout, NAME_copy, NAME_out, NAME_max_age, NAME_return_info}};
    return parse_and_wait(object, args, nargs, kwnames, &signature, PY_LOOK_NEXT);
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
    PyObject *sample = get_waiting(self, PY_LOOK_NEXT, PMIPC_FOREVER, &options);
    /* Another thread has closed the stream: the iteration ends. */
    if (sample == NULL && self->handle == NULL && PyErr_ExceptionMatches(self->state->errors[PMIPC_CLOSED]))
        PyErr_Clear();
    return sample;
}
