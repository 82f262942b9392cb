/* send.h: from a sample to a message in the middleware. */
#ifndef PY_ROS_SEND_H
#define PY_ROS_SEND_H

#include "write/sink.h"

#include <polymorph_ipc/ros.h>

#define PY_ROS_LATENCIES 256 /* how many are kept: a power of two */

/* Where an encoder's messages go. `handle` is rclpy's guard of an rcl publisher, which lives while it is entered. */
typedef struct py_ros_output {
    PyObject *handle;  /* NULL: the portable path */
    void *publisher;   /* rcl_publisher_t */
    PyObject *publish; /* called with bytes, on the portable path */
    PyObject *now;     /* gives ns since the epoch, for samples without a stamp; NULL: the wall clock does */
    PyObject *failed;  /* called with the name of a status and a text */
} py_ros_output;

typedef struct py_ros_encoder {
    py_sink sink; /* its schema is NULL until __init__ has succeeded */
    py_state *state;
    pmipc_ros_encoder *encoder; /* NULL: never opened; name and name_text are empty then */
    unsigned generation;
    PyObject *name; /* of the pool; for error texts */
    const char *name_text;
    uint8_t *buffer; /* of the fast path; grows to the largest message */
    size_t capacity;
    py_ros_output output;
    uint64_t published, misfits, failures, bytes;
    int64_t latencies_ns[PY_ROS_LATENCIES];
    uint32_t latency_count; /* since take_latencies() was called */
    uint64_t checked;       /* incarnation of a pool that has this encoder's schema */
    py_gate gate;           /* one thread at a time for all of it */
} py_ros_encoder;

void py_ros_output_clear(py_ros_output *output);
/** Encode one message into the encoder's memory, which may move. Needs the gate, not the GIL. */
pmipc_status py_ros_write(py_ros_encoder *self, const pmipc_source *sources, int64_t stamp_ns, size_t *byte_count,
                          pmipc_error *error);
/** Encode one message and publish it. `outer` (may be NULL) is a gate that the caller has entered; it is held
 * meanwhile. 0 published; 1 not published: it is counted, and `error` is for py_ros_report after all gates are left; -1
 * exception (an interrupt). */
int py_ros_send(py_ros_encoder *self, py_gate *outer, const pmipc_source *sources, int64_t stamp_ns,
                int64_t published_ns, pmipc_error *error);

/* The calls of py_sink, on an encoder. */
int py_ros_stamp(py_sink *sink, int64_t *stamp_ns);
int py_ros_send_loan(py_sink *sink, py_gate *producer_gate, const pmipc_loan *loan, int64_t stamp_ns,
                     pmipc_error *error);
void py_ros_report(py_sink *sink, const pmipc_error *error);

#endif
