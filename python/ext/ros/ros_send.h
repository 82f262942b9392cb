/* ros_send.h: messages on their way out. */
#ifndef PY_ROS_SEND_H
#define PY_ROS_SEND_H

#include "ros.h"

#define PY_ROS_LATENCIES 256 /* kept for whoever asks: a power of two */

/* Where an encoder's messages go. `handle` is rclpy's guard of an rcl publisher: entering it keeps that alive. */
typedef struct py_ros_exit {
    PyObject *handle;  /* NULL: the portable way */
    void *publisher;   /* rcl_publisher_t */
    PyObject *publish; /* called with bytes, the portable way */
    PyObject *now;     /* gives ns since the epoch, for samples that nobody stamps; NULL: the wall clock does */
    PyObject *failed;  /* called with a status's name and words */
} py_ros_exit;

struct py_ros_encoder {
    PyObject_HEAD py_state *state;
    pmipc_ros_encoder *encoder; /* NULL: not initialised: name and name_text are empty, and schema is NULL */
    unsigned generation;
    py_schema *schema;
    PyObject *name; /* of the pool; for words */
    const char *name_text;
    uint8_t *buffer; /* of the fast way; grows to the largest message */
    size_t capacity;
    py_ros_exit exit;
    uint64_t published, misfits, failures, bytes;
    int64_t latencies_ns[PY_ROS_LATENCIES];
    uint32_t latency_count; /* since it was asked for last */
    uint64_t checked;       /* incarnation of a pool whose schema is this encoder's */
    py_gate gate;           /* one thread at a time for all of it */
};

void py_ros_exit_clear(py_ros_exit *to);
/** Write one message into memory of the encoder's, which may be moved for it. Needs no GIL, but the gate. */
pmipc_status py_ros_write(py_ros_encoder *self, const pmipc_source *sources, int64_t stamp_ns, size_t *byte_count,
                          pmipc_error *error);
/** Write one message and publish it. `outer` (may be NULL) is a gate that the caller has entered; it is held
 *  meanwhile. 0 published; 1 not, `error` says why and it is counted: report it when no gate is held; -1 exception (an
 *  interrupt). */
int py_ros_send(py_ros_encoder *self, py_gate *outer, const pmipc_source *sources, int64_t stamp_ns,
                int64_t published_ns, pmipc_error *error);

#endif
