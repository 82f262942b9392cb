/* history.c: get_history and get_all_new: several samples at a time. */
#include "core/arguments.h"
#include "core/errors.h"
#include "read/deliver.h"
#include "read/look.h"
#include "read/stream.h"

/* History length of the pool; 0 while the stream is not connected. */
static uint32_t history_len(py_stream *self)
{
    pmipc_stream_info info = {0};
    py_turn_begin(&self->turn);
    if (self->handle != NULL)
        pmipc_stream_get_info(self->handle, &info);
    py_turn_end(&self->turn);
    return info.schema == NULL ? 0 : info.history_len;
}

/* The number of frames at the front that are older than max_age; -1 with an exception. */
static int64_t count_stale(py_state *state, const pmipc_view *view, int64_t max_age_ns)
{
    if (max_age_ns < 0)
        return 0;
    int64_t oldest_ns = pmipc_monotonic_ns() - max_age_ns;
    uint32_t stale = 0;
    for (; stale < view->frame_count; stale++) {
        pmipc_frame frame;
        pmipc_status status = pmipc_view_frame(view, stale, &frame);
        if (status != PMIPC_OK) {
            py_raise(state, status, pmipc_status_text(status), 0);
            return -1;
        }
        if (frame.published_ns >= oldest_ns)
            break;
    }
    return stale;
}

/* ---- get_all_new */

static PyObject *get_all_new(py_stream *self, const py_read_options *options)
{
    py_lease lease;
    if (py_lease_begin(self->state, py_stream_gives_torch(self), &lease) < 0)
        return NULL;
    const py_query unseen = {.kind = PY_LOOK_UNSEEN};
    uint64_t cursor = 0;
    pmipc_status status = py_look(self, &unseen, lease.view, &cursor);
    if (status != PMIPC_OK)
        return py_read_nothing(self, status, &lease, options);
    pmipc_view *view = lease.view;
    int64_t stale = count_stale(self->state, view, options->max_age_ns);
    if (stale < 0) {
        py_stream_drop(self, &lease);
        return NULL;
    }
    if (stale == view->frame_count)
        return py_read_nothing(self, PMIPC_OK, &lease, options);
    view->lost += (uint64_t)stale;
    py_rows rows = {.count = view->frame_count - (uint32_t)stale, .first = (uint32_t)stale, .out_may_be_longer = true};
    return py_deliver_or_give_back(self, &lease, &rows, options, cursor);
}

PyObject *py_stream_get_all_new(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const py_signature signature = {
        "get_all_new", 0, 0, 4, {NAME_copy, NAME_out, NAME_max_age, NAME_return_info}};
    py_stream *self = (py_stream *)object;
    py_read_options options;
    PyObject *values[4];
    if (py_stream_usable(self) < 0 || py_parse(self->state, &signature, args, nargs, kwnames, values) < 0 ||
        py_read_options_parse(self, values, &options) < 0)
        return NULL;
    return get_all_new(self, &options);
}

/* ---- get_history */

typedef enum padding { PAD_NONE, PAD_REPEAT, PAD_ZEROS } padding;

static int parse_padding(py_stream *self, PyObject *value, padding *pad)
{
    *pad = PAD_NONE;
    if (value == NULL || value == Py_None)
        return 0;
    if (PyUnicode_Check(value) && PyUnicode_CompareWithASCIIString(value, "repeat") == 0) {
        *pad = PAD_REPEAT;
        return 0;
    }
    if (PyUnicode_Check(value) && PyUnicode_CompareWithASCIIString(value, "zeros") == 0) {
        *pad = PAD_ZEROS;
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "pool '%s': pad must be \"repeat\", \"zeros\" or None, not %R", self->name_text,
                 value);
    return -1;
}

/* Limited to uint32: refuse_count raises for counts above history_len. */
static int parse_count(py_stream *self, PyObject *value, uint32_t *count)
{
    Py_ssize_t number = PyNumber_AsSsize_t(value, NULL);
    if (number == -1 && PyErr_Occurred())
        return -1;
    if (number < 1) {
        py_raise_format(self->state, PMIPC_INVALID_ARGUMENT, "pool '%s': n must be 1 or more, not %zd", self->name_text,
                        number);
        return -1;
    }
    *count = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
    return 0;
}

static PyObject *refuse_count(py_stream *self, PyObject *n, uint32_t has)
{
    py_raise_format(self->state, PMIPC_INVALID_ARGUMENT,
                    "pool '%s' keeps %u samples, %R were requested: create its producer with history_len=%R or more",
                    self->name_text, has, n, n);
    return NULL;
}

static PyObject *get_history(py_stream *self, PyObject *n, uint32_t count, padding pad, const py_read_options *options)
{
    py_lease lease;
    if (py_lease_begin(self->state, py_stream_gives_torch(self), &lease) < 0)
        return NULL;
    const py_query window = {.kind = PY_LOOK_WINDOW, .min = pad == PAD_NONE ? count : 1, .max = count};
    pmipc_status status = py_look(self, &window, lease.view, NULL);
    if (status == PMIPC_INVALID_ARGUMENT) {
        uint32_t has = history_len(self);
        if (has > 0 && count > has) {
            py_lease_end(&lease);
            return refuse_count(self, n, has);
        }
    }
    if (status != PMIPC_OK || py_is_stale(lease.view, options->max_age_ns))
        return py_read_nothing(self, status, &lease, options);
    py_rows rows = {.count = count, .padding = count - lease.view->frame_count, .repeat = pad == PAD_REPEAT};
    return py_deliver(self, &lease, &rows, options);
}

PyObject *py_stream_get_history(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const py_signature signature = {
        "get_history", 2, 1, 6, {NAME_n, NAME_pad, NAME_copy, NAME_out, NAME_max_age, NAME_return_info}};
    py_stream *self = (py_stream *)object;
    py_read_options options;
    PyObject *values[6];
    padding pad;
    uint32_t count;
    if (py_stream_usable(self) < 0 || py_parse(self->state, &signature, args, nargs, kwnames, values) < 0 ||
        parse_padding(self, values[1], &pad) < 0 || parse_count(self, values[0], &count) < 0 ||
        py_read_options_parse(self, values + 2, &options) < 0)
        return NULL;
    return get_history(self, values[0], count, pad, &options);
}
