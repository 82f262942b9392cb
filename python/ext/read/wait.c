/* wait.c: sleeping until there is something to look at, without the GIL and without the streams. */
#include "reading.h"

#include <time.h>

/* A signal may come between Python's look for it and the sleep; it is then noticed this much later. */
#define SLICE_NS 100000000

/* Timeouts do not go on while the machine is suspended; ages do (pmipc_monotonic_ns). */
static int64_t timeout_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t py_deadline(int64_t timeout_ns)
{
    if (timeout_ns < 0)
        return -1;
    int64_t now_ns = timeout_clock_ns();
    return timeout_ns > INT64_MAX - now_ns ? -1 : now_ns + timeout_ns;
}

static pmipc_status take_waiter(py_stream *stream, pmipc_waiter *waiter)
{
    py_turn_begin(&stream->turn);
    pmipc_status status = stream->handle == NULL ? PMIPC_CLOSED : pmipc_waiter_init(waiter, stream->handle);
    py_turn_end(&stream->turn);
    return status;
}

/* Tell those who want to know that a wait is about to sleep; they may raise. */
static int announce_wait(py_stream *const *streams, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        PyObject *hook = Py_XNewRef(streams[i]->before_wait);
        if (hook == NULL)
            continue;
        PyObject *result = PyObject_CallOneArg(hook, count == 1 ? Py_True : Py_False);
        Py_DECREF(hook);
        if (result == NULL)
            return -1;
        Py_DECREF(result);
    }
    return 0;
}

/* Sleep for a slice of time at most. As py_wait. */
static int sleep_with(py_state *state, const pmipc_waiter *waiters, uint32_t count, int64_t deadline_ns)
{
    int64_t slice_ns = SLICE_NS;
    if (deadline_ns >= 0) {
        int64_t left_ns = deadline_ns - timeout_clock_ns();
        slice_ns = left_ns < 0 ? 0 : left_ns < SLICE_NS ? left_ns : SLICE_NS;
    }
    pmipc_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pmipc_waiter_wait(waiters, count, slice_ns, NULL);
    Py_END_ALLOW_THREADS
    if (PyErr_CheckSignals() < 0)
        return -1;
    if (status >= PMIPC_INVALID_ARGUMENT) {
        py_raise(state, status, pmipc_status_text(status), 0);
        return -1;
    }
    /* Tested whatever woke us: what there is may never be what the caller waits for (others take it, it is damaged). */
    return deadline_ns < 0 || timeout_clock_ns() < deadline_ns;
}

int py_wait(py_stream *const *streams, uint32_t count, int64_t deadline_ns)
{
    if (announce_wait(streams, count) < 0)
        return -1;
    pmipc_waiter few[4];
    pmipc_waiter *waiters = few;
    if (count > sizeof few / sizeof few[0] && (waiters = PyMem_Calloc(count, sizeof *waiters)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    int result = -1;
    uint32_t taken = 0;
    for (; taken < count; taken++) {
        pmipc_status status = take_waiter(streams[taken], &waiters[taken]);
        if (status != PMIPC_OK) {
            py_stream_raise(streams[taken], status);
            goto done;
        }
    }
    result = sleep_with(streams[0]->state, waiters, count, deadline_ns);
done:
    for (uint32_t i = 0; i < taken; i++)
        pmipc_waiter_release(&waiters[i]);
    if (waiters != few)
        PyMem_Free(waiters);
    return result;
}

/* ---- one stream, a sample by its stamp */

/* Look, with a waiter that wakes for what is published from before the look on. */
static pmipc_status look_for_stamp(py_stream *self, int64_t stamp_ns, pmipc_waiter *waiter)
{
    pmipc_status status = PMIPC_CLOSED;
    *waiter = (pmipc_waiter){0};
    py_turn_begin(&self->turn);
    if (self->handle != NULL) {
        status = pmipc_waiter_init_newest(waiter, self->handle);
        if (status == PMIPC_OK)
            status = pmipc_stream_wait_at(self->handle, stamp_ns, 0);
    }
    py_turn_end(&self->turn);
    return status;
}

int py_wait_at(py_stream *self, int64_t stamp_ns, int64_t timeout_ns)
{
    const int64_t deadline_ns = py_deadline(timeout_ns);
    for (int more = timeout_ns != 0;;) {
        pmipc_waiter waiter;
        if (py_stream_usable(self) < 0)
            return -1;
        pmipc_status status = look_for_stamp(self, stamp_ns, &waiter);
        if (status == PMIPC_FORKED && py_stream_reopen(self) == 0)
            status = look_for_stamp(self, stamp_ns, &waiter);
        int result = status == PMIPC_OK ? 1 : more == 0 ? 0 : -1;
        if (status >= PMIPC_INVALID_ARGUMENT) {
            if (!PyErr_Occurred())
                py_stream_raise(self, status);
            result = -1;
        } else if (status != PMIPC_OK && more != 0) {
            more = announce_wait(&self, 1) < 0 ? -1 : sleep_with(self->state, &waiter, 1, deadline_ns);
            result = more < 0 ? -1 : 2;
        }
        pmipc_waiter_release(&waiter);
        if (result != 2)
            return result;
    }
}

/* ---- one stream, connected */

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

/* 1 when there is a sample above the cursor, 0 when not, -1 exception. Connects when it can. */
static int has_new(py_stream *self)
{
    if (py_stream_usable(self) < 0)
        return -1;
    pmipc_status status = PMIPC_CLOSED;
    py_turn_begin(&self->turn);
    if (self->handle != NULL) {
        pmipc_stream *const handles[] = {self->handle};
        status = pmipc_stream_wait_any(handles, 1, 0, NULL);
    }
    py_turn_end(&self->turn);
    if (status == PMIPC_OK)
        return 1;
    if (status < PMIPC_INVALID_ARGUMENT)
        return 0;
    py_stream_raise(self, status);
    return -1;
}

/* ---- several streams */

static int parse_streams(PyObject *module, PyObject *args, PyObject **list, int64_t *timeout_ns)
{
    py_state *state = PyModule_GetState(module);
    PyObject *timeout = Py_None;
    if (!PyArg_ParseTuple(args, "O!|O", &PyList_Type, list, &timeout) ||
        py_seconds(timeout, "timeout", NULL, PMIPC_FOREVER, timeout_ns) < 0)
        return -1;
    if (PyList_GET_SIZE(*list) == 0) {
        PyErr_SetString(PyExc_ValueError, "no streams to wait for");
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(*list); i++) {
        if (!PyObject_TypeCheck(PyList_GET_ITEM(*list, i), state->stream_type)) {
            PyErr_Format(PyExc_TypeError, "expected TensorStreams, got %.100s",
                         Py_TYPE(PyList_GET_ITEM(*list, i))->tp_name);
            return -1;
        }
    }
    return 0;
}

/* Sort out which streams are done. `done` NULL: only count. Returns those that are left in `rest`. */
static int look_at_all(PyObject *list, int (*is_done)(py_stream *), PyObject *done, py_stream **rest,
                       uint32_t *rest_count)
{
    *rest_count = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *stream = PyList_GET_ITEM(list, i);
        int yes = is_done((py_stream *)stream);
        if (yes < 0 || (yes && done != NULL && PyList_Append(done, stream) < 0))
            return -1;
        if (!yes)
            rest[(*rest_count)++] = (py_stream *)stream;
    }
    return 0;
}

PyObject *py_wait_any(PyObject *module, PyObject *args)
{
    PyObject *list;
    int64_t timeout_ns;
    if (parse_streams(module, args, &list, &timeout_ns) < 0)
        return NULL;
    int64_t deadline_ns = py_deadline(timeout_ns);
    py_stream **rest = PyMem_Calloc((size_t)PyList_GET_SIZE(list), sizeof *rest);
    if (rest == NULL)
        return PyErr_NoMemory();
    PyObject *ready = PyList_New(0);
    for (int more = timeout_ns != 0; ready != NULL;) {
        uint32_t count;
        if (look_at_all(list, has_new, ready, rest, &count) < 0 || PyErr_CheckSignals() < 0) {
            Py_CLEAR(ready);
            break;
        }
        if (PyList_GET_SIZE(ready) > 0 || more == 0)
            break;
        more = py_wait(rest, count, deadline_ns);
        if (more < 0)
            Py_CLEAR(ready);
    }
    PyMem_Free(rest);
    return ready;
}

/* 1 all connected, 0 timeout, -1 exception. */
static int wait_connected(PyObject *list, int64_t timeout_ns)
{
    int64_t deadline_ns = py_deadline(timeout_ns);
    py_stream **rest = PyMem_Calloc((size_t)PyList_GET_SIZE(list), sizeof *rest);
    if (rest == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    int result;
    for (int more = timeout_ns != 0;;) {
        uint32_t count;
        result =
            look_at_all(list, py_stream_connect, NULL, rest, &count) < 0 || PyErr_CheckSignals() < 0 ? -1 : count == 0;
        if (result != 0 || more == 0)
            break;
        more = py_wait(rest, count, deadline_ns);
        if (more < 0) {
            result = -1;
            break;
        }
    }
    PyMem_Free(rest);
    return result;
}

PyObject *py_wait_connected(PyObject *module, PyObject *args)
{
    PyObject *list;
    int64_t timeout_ns;
    if (parse_streams(module, args, &list, &timeout_ns) < 0)
        return NULL;
    int result = wait_connected(list, timeout_ns);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

PyObject *py_stream_wait_connected(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const py_signature signature = {"wait_connected", 1, 0, 1, {NAME_timeout}};
    py_stream *self = (py_stream *)object;
    PyObject *values[1];
    int64_t timeout_ns;
    if (py_stream_usable(self) < 0 || py_parse(self->state, &signature, args, nargs, kwnames, values) < 0 ||
        py_seconds(values[0], "timeout", self->name_text, PMIPC_FOREVER, &timeout_ns) < 0)
        return NULL;
    PyObject *list = PyList_New(1);
    if (list == NULL)
        return NULL;
    PyList_SET_ITEM(list, 0, Py_NewRef(object));
    int result = wait_connected(list, timeout_ns);
    Py_DECREF(list);
    return result < 0 ? NULL : PyBool_FromLong(result);
}
