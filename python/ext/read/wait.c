/* wait.c: waiting without the GIL and without locking the streams, so that other threads can use and close them. */
#include "read/wait.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "read/stream.h"

/* A signal may arrive after Python has checked for signals and before the sleep. It is noticed this much later. */
#define SLICE_NS 100000000

/* Call the hooks of the streams before a wait sleeps; they may raise. */
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

/* What a wait sleeps on: streams, and a waiter for each. */
typedef struct sleep_set {
    py_stream **streams;
    pmipc_waiter *waiters;
    uint32_t count;
    uint32_t taken; /* how many, from the first on, have their waiter */
} sleep_set;

static void release_waiters(sleep_set *sleep)
{
    for (; sleep->taken > 0; sleep->taken--)
        pmipc_waiter_release(&sleep->waiters[sleep->taken - 1]);
}

static int take_waiters(sleep_set *sleep)
{
    for (; sleep->taken < sleep->count; sleep->taken++) {
        py_stream *stream = sleep->streams[sleep->taken];
        pmipc_status status = PMIPC_CLOSED;
        py_turn_begin(&stream->turn);
        if (stream->handle != NULL)
            status = pmipc_waiter_init(&sleep->waiters[sleep->taken], stream->handle);
        py_turn_end(&stream->turn);
        if (status != PMIPC_OK) {
            py_stream_raise(stream, status);
            return -1;
        }
    }
    return 0;
}

pmipc_wait py_wait_begin(int64_t timeout_ns)
{
    return pmipc_wait_begin(timeout_ns, SLICE_NS);
}

/* As py_wait. Releases the waiters. */
static int sleep_once(sleep_set *sleep, pmipc_wait *wait)
{
    if (announce_wait(sleep->streams, sleep->count) < 0 || take_waiters(sleep) < 0) {
        release_waiters(sleep);
        return -1;
    }
    pmipc_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pmipc_wait_sleep(wait, sleep->waiters, sleep->count, NULL);
    Py_END_ALLOW_THREADS
    release_waiters(sleep);
    if (PyErr_CheckSignals() < 0)
        return -1;
    if (status >= PMIPC_INVALID_ARGUMENT) {
        py_raise(sleep->streams[0]->state, status, pmipc_status_text(status), 0);
        return -1;
    }
    return status != PMIPC_TIMEOUT;
}

int py_wait(py_stream *stream, pmipc_wait *wait)
{
    pmipc_waiter waiter;
    sleep_set sleep = {.streams = &stream, .waiters = &waiter, .count = 1};
    return sleep_once(&sleep, wait);
}

/* A wait that looks, and sleeps while there is nothing. `look` returns 1: done; 0: nothing yet, and it has set the
 * streams to sleep on; -1: exception. */
typedef struct wait_loop {
    int (*look)(struct wait_loop *loop);
    sleep_set sleep;
} wait_loop;

/* Returns what the last look returned. */
static int wait_until(wait_loop *loop, int64_t timeout_ns)
{
    pmipc_wait wait = py_wait_begin(timeout_ns);
    for (int more = timeout_ns != 0;;) {
        int result = loop->look(loop);
        if (result == 0 && more != 0) {
            more = sleep_once(&loop->sleep, &wait);
            if (more >= 0)
                continue;
            result = -1;
        }
        release_waiters(&loop->sleep);
        return result;
    }
}

/* ---- one stream, a sample by its stamp */

typedef struct stamp_wait {
    wait_loop loop; /* first, so that `look` can cast it */
    py_stream *stream;
    pmipc_waiter waiter;
    int64_t stamp_ns;
} stamp_wait;

/* Take a waiter that wakes for what is published from now on, then look. */
static pmipc_status poll_stamp(stamp_wait *self)
{
    pmipc_status status = PMIPC_CLOSED;
    release_waiters(&self->loop.sleep);
    py_turn_begin(&self->stream->turn);
    if (self->stream->handle != NULL) {
        status = pmipc_waiter_init_newest(&self->waiter, self->stream->handle);
        self->loop.sleep.taken = status == PMIPC_OK;
        if (status == PMIPC_OK)
            status = pmipc_stream_wait_at(self->stream->handle, self->stamp_ns, 0);
    }
    py_turn_end(&self->stream->turn);
    return status;
}

static int look_for_stamp(wait_loop *loop)
{
    stamp_wait *self = (stamp_wait *)loop;
    if (py_stream_usable(self->stream) < 0)
        return -1;
    pmipc_status status = poll_stamp(self);
    if (status == PMIPC_FORKED && py_stream_reopen(self->stream) == 0)
        status = poll_stamp(self);
    if (status < PMIPC_INVALID_ARGUMENT)
        return status == PMIPC_OK;
    if (!PyErr_Occurred())
        py_stream_raise(self->stream, status);
    return -1;
}

int py_wait_at(py_stream *self, int64_t stamp_ns, int64_t timeout_ns)
{
    stamp_wait wait = {.loop.look = look_for_stamp, .stream = self, .stamp_ns = stamp_ns};
    wait.loop.sleep = (sleep_set){.streams = &wait.stream, .waiters = &wait.waiter, .count = 1};
    return wait_until(&wait.loop, timeout_ns);
}

/* ---- several streams */

/* 1 when the pool has a sample above the cursor, 0 when not, -1 exception. Connects when it can. */
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

/* The streams as a tuple, which no other code can change during the wait. NULL with an exception. */
static PyObject *parse_streams(PyObject *module, PyObject *args, int64_t *timeout_ns)
{
    py_state *state = PyModule_GetState(module);
    PyObject *list;
    PyObject *timeout = Py_None;
    if (!PyArg_ParseTuple(args, "O!|O", &PyList_Type, &list, &timeout) ||
        py_seconds(timeout, "timeout", NULL, PMIPC_FOREVER, timeout_ns) < 0)
        return NULL;
    PyObject *streams = PyList_AsTuple(list);
    if (streams == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(streams); i++) {
        PyObject *item = PyTuple_GET_ITEM(streams, i);
        if (!PyObject_TypeCheck(item, state->stream_type)) {
            PyErr_Format(PyExc_TypeError, "expected TensorStreams, got %.100s", Py_TYPE(item)->tp_name);
            Py_DECREF(streams);
            return NULL;
        }
    }
    if (PyTuple_GET_SIZE(streams) == 0) {
        PyErr_SetString(PyExc_ValueError, "the list of streams is empty");
        Py_CLEAR(streams);
    }
    return streams;
}

typedef struct list_wait {
    wait_loop loop;              /* first, so that `look` can cast it */
    PyObject *streams;           /* a tuple */
    int (*is_done)(py_stream *); /* 1, 0, -1: exception */
    PyObject *done; /* a list that collects the ones that are done, of which one is enough; NULL: all must be */
} list_wait;

/* Check which streams are done; the wait sleeps on the others. */
static int look_at_all(wait_loop *loop)
{
    list_wait *self = (list_wait *)loop;
    sleep_set *sleep = &loop->sleep;
    sleep->count = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->streams); i++) {
        PyObject *stream = PyTuple_GET_ITEM(self->streams, i);
        int is_done = self->is_done((py_stream *)stream);
        if (is_done < 0 || (is_done && self->done != NULL && PyList_Append(self->done, stream) < 0))
            return -1;
        if (!is_done)
            sleep->streams[sleep->count++] = (py_stream *)stream;
    }
    if (PyErr_CheckSignals() < 0)
        return -1;
    return self->done != NULL ? PyList_GET_SIZE(self->done) > 0 : sleep->count == 0;
}

static int wait_for_list(list_wait *self, int64_t timeout_ns)
{
    size_t count = (size_t)PyTuple_GET_SIZE(self->streams);
    sleep_set *sleep = &self->loop.sleep;
    int result = -1;
    self->loop.look = look_at_all;
    sleep->streams = PyMem_Calloc(count, sizeof *sleep->streams);
    sleep->waiters = PyMem_Calloc(count, sizeof *sleep->waiters);
    if (sleep->streams == NULL || sleep->waiters == NULL)
        PyErr_NoMemory();
    else
        result = wait_until(&self->loop, timeout_ns);
    PyMem_Free(sleep->streams);
    PyMem_Free(sleep->waiters);
    return result;
}

PyObject *py_wait_any(PyObject *module, PyObject *args)
{
    int64_t timeout_ns;
    list_wait wait = {.streams = parse_streams(module, args, &timeout_ns), .is_done = has_new};
    if (wait.streams == NULL)
        return NULL;
    wait.done = PyList_New(0);
    if (wait.done != NULL && wait_for_list(&wait, timeout_ns) < 0)
        Py_CLEAR(wait.done);
    Py_DECREF(wait.streams);
    return wait.done;
}

/* Consumes a reference to `streams`; NULL: an exception is set. */
static PyObject *wait_connected(PyObject *streams, int64_t timeout_ns)
{
    list_wait wait = {.streams = streams, .is_done = py_stream_connect};
    if (streams == NULL)
        return NULL;
    int result = wait_for_list(&wait, timeout_ns);
    Py_DECREF(streams);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

PyObject *py_wait_connected(PyObject *module, PyObject *args)
{
    int64_t timeout_ns;
    PyObject *streams = parse_streams(module, args, &timeout_ns);
    return wait_connected(streams, timeout_ns);
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
    return wait_connected(PyTuple_Pack(1, object), timeout_ns);
}
