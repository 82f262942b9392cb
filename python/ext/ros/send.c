/* send.c: from a sample to a message in the middleware. The fast path encodes into memory that is reused and passes it
 * to rcl, all without the GIL. The portable path makes bytes and calls rclpy. */
#include "ros/send.h"

#include "core/values.h"
#include "ros/rcl.h"

#include <stdlib.h>
#include <string.h>

void py_ros_output_clear(py_ros_output *output)
{
    Py_CLEAR(output->handle);
    Py_CLEAR(output->publish);
    Py_CLEAR(output->now);
    Py_CLEAR(output->failed);
    output->publisher = NULL;
}

/* ---- failures */

/* Turn the exception that is set into `error`: 1. Interrupts and other exceptions that are not Exceptions stay set: -1.
 */
static int take_exception(pmipc_status status, pmipc_error *error)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *reason = value == NULL ? NULL : PyObject_Str(value);
    const char *text = reason == NULL ? NULL : PyUnicode_AsUTF8(reason);
    PyErr_Clear();
    *error = (pmipc_error){.status = status};
    (void)PyOS_snprintf(error->text, sizeof error->text, "%.100s: %.1000s", ((PyTypeObject *)type)->tp_name,
                        text != NULL ? text : "");
    Py_XDECREF(reason);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return 1;
}

void py_ros_report(py_sink *sink, const pmipc_error *error)
{
    PyObject *failed = Py_XNewRef(((py_ros_encoder *)sink)->output.failed);
    if (failed == NULL)
        return;
    PyObject *reason = py_text(error->text);
    PyObject *result =
        reason == NULL ? NULL : PyObject_CallFunction(failed, "sO", pmipc_status_name(error->status), reason);
    if (result == NULL)
        PyErr_WriteUnraisable(failed);
    Py_XDECREF(result);
    Py_XDECREF(reason);
    Py_DECREF(failed);
}

/* ---- encoding */

static bool make_room(py_ros_encoder *self, size_t byte_count)
{
    /* A little more than needed: point clouds differ in size. */
    size_t capacity = byte_count + byte_count / 8 + 64;
    free(self->buffer); /* its content is not needed */
    self->buffer = malloc(capacity);
    self->capacity = self->buffer != NULL ? capacity : 0;
    return self->buffer != NULL;
}

pmipc_status py_ros_write(py_ros_encoder *self, const pmipc_source *sources, int64_t stamp_ns, size_t *byte_count,
                          pmipc_error *error)
{
    pmipc_status status =
        pmipc_ros_encoder_encode(self->encoder, sources, stamp_ns, self->buffer, self->capacity, byte_count, error);
    if (status != PMIPC_NO_SPACE)
        return status;
    if (!make_room(self, *byte_count)) {
        *error = (pmipc_error){.status = PMIPC_NO_MEMORY};
        (void)PyOS_snprintf(error->text, sizeof error->text, "no memory for a message of %zu bytes", *byte_count);
        return PMIPC_NO_MEMORY;
    }
    return pmipc_ros_encoder_encode(self->encoder, sources, stamp_ns, self->buffer, self->capacity, byte_count, error);
}

/* ---- the two paths: 0 published, 1 not published, -1 exception */

/* Publish the message in the encoder's memory. Needs no GIL. */
static pmipc_status publish_buffer(py_ros_encoder *self, void *publisher, size_t byte_count, pmipc_error *error)
{
    const rcutils_uint8_array message = {self->buffer, byte_count, self->capacity, py_rcl_allocator};
    int code = py_rcl.publish(publisher, &message, NULL);
    if (code == RCL_RET_OK)
        return PMIPC_OK;
    py_rcl_explain("rcl_publish_serialized_message", code, error);
    return error->status;
}

static int send_by_rcl(py_ros_encoder *self, const pmipc_source *sources, int64_t stamp_ns, size_t *byte_count,
                       pmipc_error *error)
{
    PyObject *handle = Py_NewRef(self->output.handle);
    PyObject *entered = PyObject_CallMethod(handle, "__enter__", NULL);
    if (entered == NULL) {
        Py_DECREF(handle);
        return take_exception(PMIPC_CLOSED, error);
    }
    void *publisher = self->output.publisher;
    pmipc_status status;
    Py_BEGIN_ALLOW_THREADS
    status = py_ros_write(self, sources, stamp_ns, byte_count, error);
    if (status == PMIPC_OK)
        status = publish_buffer(self, publisher, *byte_count, error);
    Py_END_ALLOW_THREADS
    PyObject *left = PyObject_CallMethod(handle, "__exit__", "OOO", Py_None, Py_None, Py_None);
    if (left == NULL)
        PyErr_WriteUnraisable(handle);
    Py_XDECREF(left);
    Py_DECREF(entered);
    Py_DECREF(handle);
    return status == PMIPC_OK ? 0 : 1;
}

static int send_by_rclpy(py_ros_encoder *self, const pmipc_source *sources, int64_t stamp_ns, size_t *byte_count,
                         pmipc_error *error)
{
    pmipc_status status;
    Py_BEGIN_ALLOW_THREADS
    status = py_ros_write(self, sources, stamp_ns, byte_count, error);
    Py_END_ALLOW_THREADS
    if (status != PMIPC_OK)
        return 1;
    PyObject *publish = Py_NewRef(self->output.publish);
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)self->buffer, (Py_ssize_t)*byte_count);
    PyObject *result = bytes == NULL ? NULL : PyObject_CallOneArg(publish, bytes);
    int outcome = result != NULL ? 0 : take_exception(PMIPC_CLOSED, error);
    Py_XDECREF(result);
    Py_XDECREF(bytes);
    Py_DECREF(publish);
    return outcome;
}

static int send_one(py_ros_encoder *self, const pmipc_source *sources, int64_t stamp_ns, int64_t published_ns,
                    pmipc_error *error)
{
    size_t byte_count = 0;
    int outcome = 1;
    if (self->output.handle != NULL)
        outcome = send_by_rcl(self, sources, stamp_ns, &byte_count, error);
    else if (self->output.publish != NULL)
        outcome = send_by_rclpy(self, sources, stamp_ns, &byte_count, error);
    else
        *error = (pmipc_error){.status = PMIPC_CLOSED, .text = "the publisher is closed"};
    if (outcome == 0) {
        self->published++;
        self->bytes += byte_count;
        self->latencies_ns[self->latency_count++ % PY_ROS_LATENCIES] = pmipc_monotonic_ns() - published_ns;
    } else if (outcome > 0 && error->status == PMIPC_SCHEMA_MISMATCH) {
        self->misfits++;
    } else {
        self->failures++;
    }
    return outcome;
}

int py_ros_send(py_ros_encoder *self, py_gate *outer, const pmipc_source *sources, int64_t stamp_ns,
                int64_t published_ns, pmipc_error *error)
{
    *error = (pmipc_error){0};
    if (outer != NULL)
        py_gate_hold(outer);
    int outcome = -1;
    if (py_gate_enter(&self->gate) == 0) {
        py_gate_hold(&self->gate);
        outcome = send_one(self, sources, stamp_ns, published_ns, error);
        py_gate_unhold(&self->gate);
        py_gate_leave(&self->gate);
    }
    if (outer != NULL)
        py_gate_unhold(outer);
    return outcome;
}

/* ---- the sink of a producer */

int py_ros_send_loan(py_sink *sink, py_gate *producer_gate, const pmipc_loan *loan, int64_t stamp_ns,
                     pmipc_error *error)
{
    pmipc_source sources[PMIPC_MAX_FIELDS];
    for (uint32_t i = 0; i < loan->field_count; i++)
        sources[i] = (pmipc_source){loan->fields[i].data, loan->fields[i].length};
    return py_ros_send((py_ros_encoder *)sink, producer_gate, sources, stamp_ns, pmipc_monotonic_ns(), error);
}

int py_ros_stamp(py_sink *sink, int64_t *stamp_ns)
{
    PyObject *now = Py_XNewRef(((py_ros_encoder *)sink)->output.now);
    PyObject *ns = now == NULL ? NULL : PyObject_CallNoArgs(now);
    int64_t value = ns == NULL ? 0 : PyLong_AsLongLong(ns);
    Py_XDECREF(now);
    Py_XDECREF(ns);
    if (PyErr_Occurred()) {
        pmipc_error ignored;
        if (take_exception(PMIPC_CLOSED, &ignored) < 0)
            return -1;
        value = 0;
    }
    /* 0: the node is destroyed, or simulated time has not started. The wall clock is used, as without ROS. */
    *stamp_ns = value > 0 ? value : pmipc_realtime_ns();
    return 0;
}
